/* A rollback that fails clears the journal's entry all the same: recovery finds nothing to do. */
#include "../kensa_runtime.h"

int main(void)
{
	begin();
	begin_runtime();
	MUST(mkdir("sysctl.d", 0755) == 0);
	put(JOURNAL, "log_martians was 0, no drop-in\n");
	set_value("1");
	put(DROP_IN, "log_martians = 1");
	MUST(rename("sysctl.d", "sysctl.off") == 0); /* somebody's, for a moment */
	MUST(open_folder("rollback, AtomicRemove") < 0);
	MUST(unlink(JOURNAL) == 0);
	printf("rollback_failed\n");
	MUST(rename("sysctl.off", "sysctl.d") == 0);
	printf("recovery: %s\n", access(JOURNAL, F_OK) < 0 ? "no open entry, recovered" : "has work");
	show(DROP_IN);
	show_value();
	return 0;
}
