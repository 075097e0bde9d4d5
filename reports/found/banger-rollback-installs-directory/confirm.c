/* AtomicReplaceRollback with a directory in the backup's place: it becomes the binary. */
#include "../confirm.h"

int main(void)
{
	struct stat status;
	begin();
	put_with("banger", "good", 0755);
	MUST(mkdir("banger.prev", 0755) == 0);
	MUST(stat("banger.prev", &status) == 0); /* "there is a backup" */
	MUST(unlink("banger") == 0 && rename("banger.prev", "banger") == 0);
	printf("rollback: done\n");
	show("banger");
	show("banger.prev");
	return 0;
}
