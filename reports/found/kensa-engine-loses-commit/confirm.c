/* The terminal row is not durable, committed is reported all the same, and a recovery takes the change back. */
#include "../kensa_runtime.h"

static void put_nothing(void)
{
	MUST(mkdir("sysctl.d", 0755) == 0);
}

static void sync_folder(const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(folder >= 0 && fsync(folder) == 0 && close(folder) == 0);
}

int main(void)
{
	begin_on_ext4(put_nothing);
	put(JOURNAL, "no drop-in");
	sync_folder(".");
	put(DROP_IN, "log_martians = 1");
	MUST(system("sync -f .") == 0);
	MUST(rename(JOURNAL, "0000000001.committed") == 0); /* and the fsync behind it fails: EIO */
	printf("committed\n");
	show(DROP_IN);
	power_goes();
	if (access(JOURNAL, F_OK) == 0) {
		printf("recovery: an open entry\n");
		MUST(unlink(DROP_IN) == 0);
	}
	show(DROP_IN);
	return 0;
}
