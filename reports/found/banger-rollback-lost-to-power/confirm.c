/* An update whose check fails: AtomicReplace, AtomicReplaceRollback, and no fsync in either. */
#include "../power.h"

static void put_old(void)
{
	put_with("banger", "old", 0755);
	put_with("banger.new", "bad", 0755);
}

int main(void)
{
	begin_on_ext4(put_old);
	MUST(rename("banger", "banger.prev") == 0 && rename("banger.new", "banger") == 0);
	another_program_syncs(); /* while the new binary is checked */
	MUST(unlink("banger") == 0 && rename("banger.prev", "banger") == 0);
	printf("rolled back\n");
	show("banger");
	power_goes();
	show("banger");
	show("banger.prev");
	return 0;
}
