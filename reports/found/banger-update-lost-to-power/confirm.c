/* AtomicReplace: two renames, and no fsync. Between them another program's fsync commits the first. */
#include "../power.h"

static void put_old(void)
{
	put_with("banger", "old", 0755);
	put_with("banger.new", "new", 0755);
}

int main(void)
{
	begin_on_ext4(put_old);
	MUST(rename("banger", "banger.prev") == 0);
	another_program_syncs();
	MUST(rename("banger.new", "banger") == 0);
	printf("updated\n");
	show("banger");
	power_goes();
	show("banger");
	show("banger.prev");
	show("banger.new");
	return 0;
}
