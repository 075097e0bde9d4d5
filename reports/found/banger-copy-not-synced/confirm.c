/* CopyFilePreferClone: a clone is never synced, and the mode of a copy comes after its fsync. */
#include "../power.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

static void put_source(void)
{
	put("source", "an image");
	MUST(chmod("source", 0775) == 0);
}

static int open_copy(const char *name)
{
	return open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0775);
}

int main(void)
{
	begin_on("xfs", "400M", "defaults", put_source);
	int source = open("source", O_RDONLY | O_CLOEXEC);
	int clone = open_copy("cloned"), copy = open_copy("copied");
	MUST(write(copy, "an image", 8) == 8 && fsync(copy) == 0);
	MUST(ioctl(clone, FICLONE, source) == 0 && fchmod(copy, 0775) == 0);
	MUST(close(clone) == 0 && close(copy) == 0 && close(source) == 0);
	show("cloned");
	show("copied");
	power_goes();
	show("cloned");
	show("copied");
	return 0;
}
