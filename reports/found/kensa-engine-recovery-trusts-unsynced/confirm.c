/* A rollback is killed behind an unlink; the recovery finds the file gone, syncs nothing there, and clears the entry. */
#include "../power.h"

#define DROP_IN "sysctl.d/99-kensa.conf"
#define ENTRY "store/0000000001.prepared"

static void put_applied(void)
{
	MUST(mkdir("sysctl.d", 0755) == 0 && mkdir("store", 0700) == 0);
	put(DROP_IN, "log_martians = 1");
	put(ENTRY, "no drop-in");
}

static void roll_back(void)
{
	MUST(unlink(DROP_IN) == 0);
	die_here();
}

int main(void)
{
	begin_on("btrfs", "128M", "commit=300", put_applied);
	killed_in(roll_back);
	MUST(unlink(DROP_IN) < 0 && errno == ENOENT); /* ErrNotExist is done */
	MUST(unlink(ENTRY) == 0);
	int store = open("store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(store >= 0 && fsync(store) == 0 && close(store) == 0);
	printf("recovered\n");
	show(DROP_IN);
	power_goes();
	show(DROP_IN);
	show(ENTRY);
	return 0;
}
