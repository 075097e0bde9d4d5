/* A committed transaction is rolled back on request; what was edited since goes with it. */
#include "../kensa_runtime.h"

int main(void)
{
	begin();
	begin_runtime();
	MUST(mkdir("sysctl.d", 0755) == 0);
	set_value("1");
	put(DROP_IN, "log_martians = 1"); /* committed; captured before: 0, no drop-in */
	put(DROP_IN, "log_martians = 1, kernel.panic = 10");
	printf("edited by somebody\n");
	show(DROP_IN);
	MUST(unlink(DROP_IN) == 0); /* rollback: there was none, so RemoveFile */
	set_value("0");
	printf("rolled_back\n");
	show(DROP_IN);
	return 0;
}
