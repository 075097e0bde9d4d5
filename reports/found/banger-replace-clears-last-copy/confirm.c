/* After a replace that was killed, the next one begins by removing the only copy. */
#include "../confirm.h"

static void replace_and_die_between_the_renames(void)
{
	unlink("banger.prev");
	if (rename("banger", "banger.prev") == 0)
		die_here();
}

static void replace_and_die_at_once(void)
{
	if (unlink("banger.prev") == 0)
		die_here();
}

int main(void)
{
	begin();
	put_with("banger", "old", 0755);
	killed_in(replace_and_die_between_the_renames);
	show("banger.prev"); /* the last good copy */
	killed_in(replace_and_die_at_once);
	show("banger.prev");
	show("banger");
	return 0;
}
