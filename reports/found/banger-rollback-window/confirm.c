/* AtomicReplaceRollback: remove the bad binary, then rename the backup in. */
#include "../confirm.h"

static void roll_back_and_die(void)
{
	if (unlink("banger") == 0)
		die_here();
}

int main(void)
{
	begin();
	put_with("banger", "bad", 0755);
	put_with("banger.prev", "good", 0755);
	killed_in(roll_back_and_die);
	show("banger");
	show("banger.prev");
	/* One call does both, and there is always a banger. */
	put_with("banger", "bad", 0755);
	MUST(rename("banger.prev", "banger") == 0);
	show("banger");
	return 0;
}
