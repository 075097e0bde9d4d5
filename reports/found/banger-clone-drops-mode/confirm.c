/* CopyFilePreferClone returns after a clone without the fchmod of the other way. */
#include "../confirm.h"

#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

/* XFS in a loop device, in a mount namespace of its own, which ends with this process. */
static void mount_xfs(void)
{
	put("image", "");
	if (truncate("image", 400 << 20) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mkdir("mnt", 0755) < 0 ||
	    system("mkfs.xfs -q image >/dev/null 2>&1 && mount -o loop image mnt 2>/dev/null") != 0) {
		printf("SKIPPED: no XFS on a loop device here\n");
		exit(77);
	}
}

static int open_copy(const char *name)
{
	return open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0775);
}

int main(void)
{
	begin();
	mount_xfs();
	put("mnt/source", "a program");
	MUST(chmod("mnt/source", 0775) == 0);
	show("mnt/source");
	int source = open("mnt/source", O_RDONLY | O_CLOEXEC), copy = open_copy("mnt/cloned");
	const int cloned = ioctl(copy, FICLONE, source);
	printf("FICLONE: %s\n", cloned < 0 ? strerror(errno) : "done");
	MUST(cloned == 0 && close(copy) == 0);
	show("mnt/cloned");
	copy = open_copy("mnt/copied");
	MUST(write(copy, "a program", 9) == 9 && fchmod(copy, 0775) == 0 && close(copy) == 0);
	show("mnt/copied");
	MUST(close(source) == 0 && umount("mnt") == 0); /* which frees the loop device: -o loop */
	return 0;
}
