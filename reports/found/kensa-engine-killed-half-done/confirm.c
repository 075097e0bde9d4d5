/* Without a journal: killed between two changes, by apply or by a rollback that somebody asked for. */
#include "../kensa_runtime.h"

static void apply(void)
{
	set_value("1");
	die_here();
	put(DROP_IN, "log_martians = 1");
}

static void roll_back(void)
{
	MUST(unlink(DROP_IN) == 0);
	die_here();
	set_value("0");
}

int main(void)
{
	begin();
	begin_runtime();
	MUST(mkdir("sysctl.d", 0755) == 0);
	killed_in(apply);
	show(DROP_IN);
	show_value();
	put(DROP_IN, "log_martians = 1"); /* applied whole, and now rolled back */
	killed_in(roll_back);
	show(DROP_IN);
	show_value();
	return 0;
}
