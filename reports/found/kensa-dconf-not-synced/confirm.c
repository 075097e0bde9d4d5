/* `dconf update` renames the database into place, and nobody syncs the directory. */
#include "../power.h"

static void put_old(void)
{
	put("local", "old");
}

int main(void)
{
	begin_on_ext4(put_old);
	int file = open("local.temp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	MUST(file >= 0 && write(file, "new", 3) == 3 && fsync(file) == 0 && close(file) == 0);
	MUST(rename("local.temp", "local") == 0);
	printf("committed\n");
	show("local");
	power_goes();
	show("local");
	return 0;
}
