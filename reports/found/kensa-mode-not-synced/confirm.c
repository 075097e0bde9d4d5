/* AtomicReplace sets the mode behind the fsync of the temp: btrfs, with a commit in between and without. */
#include "../power.h"

#include <linux/fs.h>

static void put_old(void)
{
	put("99-kensa.conf", "old");
	put("98-kensa.conf", "old");
}

/* `commits`: the file system's timed commit (30 s by default) comes between. */
static void replace(const char *name, int commits)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = open(".temp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0664);
	MUST(dir >= 0 && file >= 0 && write(file, "new", 3) == 3 && fsync(file) == 0);
	MUST(!commits || syncfs(dir) == 0);
	MUST(fchmod(file, 0664) == 0 && close(file) == 0);
	MUST(renameat2(dir, ".temp", dir, name, RENAME_EXCHANGE) == 0);
	MUST(unlinkat(dir, ".temp", 0) == 0 && fsync(dir) == 0 && close(dir) == 0);
	show(name);
}

int main(void)
{
	begin_on("btrfs", "160M", "commit=300", put_old);
	umask(022);
	printf("replaced, with a commit between fsync and fchmod:\n");
	replace("99-kensa.conf", 1);
	printf("replaced, without one:\n");
	replace("98-kensa.conf", 0);
	power_goes();
	show("99-kensa.conf");
	show("98-kensa.conf");
	return 0;
}
