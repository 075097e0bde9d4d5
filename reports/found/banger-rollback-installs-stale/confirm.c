/*
 * A replace that fails at its first step, and the rollback that is called
 * unconditionally: it installs what it takes for its backup.
 */
#include "../confirm.h"

int main(void)
{
	begin();
	put_with("banger", "version 2", 0755);
	/* version 1, kept by hand in a folder of its own */
	MUST(mkdir("banger.prev", 0755) == 0);
	put_with("banger.prev/banger", "version 1", 0755);
	const int removed = remove("banger.prev");
	printf("replace to version 3: remove(banger.prev): %s\n", removed < 0 ? strerror(errno) : "done");
	MUST(removed < 0); /* "clear": the replace ends here, nothing was changed */
	MUST(unlink("banger") == 0 && rename("banger.prev", "banger") == 0); /* the rollback */
	printf("rollback: done\n");
	show("banger");
	show("banger/banger");
	show("banger.prev");
	return 0;
}
