/* The status behind a rollback is a constant, whatever became of it. */
#include "../kensa_runtime.h"

int main(void)
{
	begin();
	begin_runtime();
	MUST(mkdir("sysctl.d", 0755) == 0);
	set_value("1");
	put(DROP_IN, "log_martians = 1");
	MUST(rename("sysctl.d", "sysctl.off") == 0); /* somebody's, for a moment */
	MUST(open_folder("rollback, AtomicRemove") < 0);
	printf("status: rolled_back\n");
	MUST(rename("sysctl.off", "sysctl.d") == 0);
	show(DROP_IN);
	show_value();
	return 0;
}
