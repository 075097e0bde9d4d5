/* A transaction commits while an older entry is open; the recovery of that one takes the new change back. */
#include "../kensa_runtime.h"

int main(void)
{
	begin();
	begin_runtime();
	MUST(mkdir("sysctl.d", 0755) == 0);
	put(JOURNAL, "log_martians was 0, no drop-in\n"); /* and its process died */
	set_value("1");
	put(DROP_IN, "log_martians = 1");
	put("0000000002.committed", "log_martians was 0, no drop-in\n");
	printf("committed\n");
	show(DROP_IN);
	show_value();
	MUST(access(JOURNAL, F_OK) == 0);
	printf("recovery of the open entry\n");
	MUST(unlink(DROP_IN) == 0);
	set_value("0");
	MUST(unlink(JOURNAL) == 0);
	show(DROP_IN);
	show_value();
	return 0;
}
