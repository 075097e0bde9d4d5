/* A directory at the destination: rename(2) refuses it, AtomicReplace moves it out of the way. */
#include "../confirm.h"

int main(void)
{
	begin();
	MUST(mkdir("banger", 0755) == 0);
	put("banger/config", "precious");
	put("banger.new", "new");
	const int moved = rename("banger.new", "banger");
	printf("rename(banger.new, banger): %s\n", moved < 0 ? strerror(errno) : "done");
	MUST(moved < 0 && errno == EISDIR);
	MUST(rename("banger", "banger.prev") == 0 && rename("banger.new", "banger") == 0);
	printf("AtomicReplace: done\n");
	show("banger");
	show("banger.prev");
	show("banger.prev/config");
	return 0;
}
