/*
 * A replace that fails at its first step, and the rollback that is called
 * unconditionally: it installs a backup of long ago.
 */
#include "../confirm.h"

int main(void)
{
	begin();
	put_with("banger", "version 2", 0755);
	/* What a replace of long ago left: version 1, in a folder of its own (say, with its libraries). */
	MUST(mkdir("banger.prev", 0755) == 0);
	put_with("banger.prev/banger", "version 1", 0755);
	const int removed = remove("banger.prev");
	printf("replace to version 3: remove(banger.prev): %s\n", removed < 0 ? strerror(errno) : "done");
	MUST(removed < 0); /* "clear": the replace ends here, nothing was changed */
	MUST(unlink("banger") == 0 && rename("banger.prev", "banger") == 0); /* the rollback */
	printf("rollback: done\n");
	show("banger");
	show("banger.prev");
	return 0;
}
