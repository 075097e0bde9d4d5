/* AtomicReplace sets the mode behind the fsync of the temp: what ext4 makes of that today. */
#include "../power.h"

static void put_old(void)
{
	put("99-kensa.conf", "old");
}

int main(void)
{
	begin_on_ext4(put_old);
	umask(022);
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = open(".temp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0664);
	MUST(dir >= 0 && file >= 0 && write(file, "new", 3) == 3 && fsync(file) == 0);
	show(".temp");
	MUST(fchmod(file, 0664) == 0 && close(file) == 0);
	MUST(rename(".temp", "99-kensa.conf") == 0 && fsync(dir) == 0 && close(dir) == 0);
	printf("replaced\n");
	power_goes();
	show("99-kensa.conf");
	return 0;
}
