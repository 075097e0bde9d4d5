/* banger's AtomicReplace: rename the old binary away, then rename the new one in. */
#include "../confirm.h"

static void replace_and_die(void)
{
	unlink("banger.prev");
	if (rename("banger", "banger.prev") == 0)
		die_here();
}

/* The new binary is on another file system, as a download often is: the second rename fails. */
static void replace_from_elsewhere(const char *source)
{
	struct stat here, there;
	unlink("banger.prev");
	MUST(stat("banger", &here) == 0 && stat(source, &there) == 0);
	MUST(rename("banger", "banger.prev") == 0);
	const int moved = rename(source, "banger");
	printf("rename from %s file system: %s\n", here.st_dev == there.st_dev ? "the same" : "another",
	       moved < 0 ? strerror(errno) : "done");
	show("banger"); /* until the way back is gone, and for ever if that fails too */
	MUST(moved == 0 || rename("banger.prev", "banger") == 0);
}

int main(void)
{
	char elsewhere[] = "/dev/shm/torn-confirm-XXXXXX";
	begin();
	put_with("banger", "old", 0755);
	put_with("banger.new", "new", 0755);
	killed_in(replace_and_die);
	show("banger");
	show("banger.prev");
	show("banger.new");
	MUST(rename("banger.prev", "banger") == 0);
	int file = mkstemp(elsewhere);
	MUST(file >= 0 && write(file, "new", 3) == 3 && close(file) == 0);
	replace_from_elsewhere(elsewhere);
	MUST(unlink(elsewhere) == 0);
	return 0;
}
