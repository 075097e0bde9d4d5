/* Rollback of sysctl_set: the file first, and where that fails an early return. */
#include "../kensa_runtime.h"

static int roll_back(void)
{
	if (open_folder("rollback, AtomicRemove") < 0)
		return -1;
	MUST(unlink(DROP_IN) == 0);
	set_value("0");
	return 0;
}

int main(void)
{
	begin();
	begin_runtime();
	MUST(mkdir("sysctl.d", 0755) == 0);
	set_value("1");
	put(DROP_IN, "log_martians = 1");
	MUST(rename("sysctl.d", "sysctl.off") == 0); /* somebody's, for a moment */
	MUST(roll_back() < 0);
	show_value();
	set_value("0");
	printf("it could have been set\n");
	show_value();
	return 0;
}
