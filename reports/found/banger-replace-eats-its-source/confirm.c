/* AtomicReplace of a binary by its own backup: the first step removes the source. */
#include "../confirm.h"

int main(void)
{
	begin();
	put_with("banger", "version 2", 0755);
	put_with("banger.prev", "version 1", 0755);
	const char *const source = "banger.prev";
	MUST(unlink("banger.prev") == 0);		/* "clear": it is the source */
	MUST(rename("banger", "banger.prev") == 0);	/* "backup": now this is */
	const int moved = rename(source, "banger");
	printf("AtomicReplace(banger.prev, banger): %s\n", moved < 0 ? strerror(errno) : "done");
	MUST(moved == 0);
	show("banger");
	show("banger.prev");
	return 0;
}
