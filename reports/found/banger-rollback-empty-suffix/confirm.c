/* AtomicReplaceRollback with an empty suffix: the file is its own backup. */
#include "../confirm.h"

int main(void)
{
	struct stat status;
	begin();
	put_with("banger", "good", 0755);
	const char *const backup = "banger" ""; /* dst + suffix */
	MUST(stat(backup, &status) == 0); /* "there is a backup" */
	MUST(unlink("banger") == 0);
	const int moved = rename(backup, "banger");
	printf("rename(banger, banger): %s\n", moved < 0 ? strerror(errno) : "done");
	show("banger");
	return moved == 0;
}
