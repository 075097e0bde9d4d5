/* banger's AtomicReplace: rename the old binary away, then rename the new one in. */
#include "../confirm.h"

static void replace_and_die(void)
{
	unlink("banger.prev");
	if (rename("banger", "banger.prev") == 0)
		die_here();
}

static int told_rename(const char *what, const char *from, const char *to)
{
	const int moved = rename(from, to);
	printf("%s: %s\n", what, moved < 0 ? strerror(errno) : "done");
	return moved;
}

/*
 * The new binary is on another file system, as a download often is: the second rename fails.
 * And there is no lock: another update begins just then, by clearing the backup, its first
 * step, and the way back fails too.
 */
static void replace_from_elsewhere(const char *source)
{
	struct stat here, there;
	MUST(stat("banger", &here) == 0 && stat(source, &there) == 0);
	if (here.st_dev == there.st_dev) {
		printf("needs another file system at /dev/shm\n");
		MUST(unlink(source) == 0);
		exit(77);
	}
	unlink("banger.prev");
	MUST(rename("banger", "banger.prev") == 0);
	MUST(told_rename("rename from another file system", source, "banger") < 0);
	show("banger");
	MUST(unlink("banger.prev") == 0); /* the other update */
	MUST(told_rename("the way back", "banger.prev", "banger") < 0);
	show("banger");
	show("banger.prev");
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
