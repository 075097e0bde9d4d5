/* PR 600: the temp is written O_SYNC, fsynced and renamed; nobody syncs the directory. */
#include "../power.h"

static void put_old(void)
{
	put("state.json", "created");
}

int main(void)
{
	begin_on_ext4(put_old);
	int file = open(".state.json.tmp", O_RDWR | O_CREAT | O_TRUNC | O_SYNC | O_CLOEXEC, 0644);
	MUST(file >= 0 && write(file, "running", 7) == 7 && fsync(file) == 0 && close(file) == 0);
	MUST(rename(".state.json.tmp", "state.json") == 0);
	printf("saved\n");
	show("state.json");
	power_goes();
	show("state.json");
	show(".state.json.tmp");
	return 0;
}
