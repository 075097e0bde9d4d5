/*
 * power.h: what the disk has when the power goes, for the programs beside the pages.
 *
 * The steps run on a file system in a file, a loop device. At the cut that file is
 * copied, and the copy is mounted: what was only in the cache above the loop device
 * is not in it, as it would not be on a disk. ext4's timed commit is put off, so that
 * there is what somebody asked for, and no more. The mounts are in a namespace
 * of their own, and their loop devices go with them (-o loop). Needs root: 77 without.
 */
#ifndef POWER_H
#define POWER_H

#include "confirm.h"

#include <sched.h>
#include <sys/mount.h>

static inline void skip(const char *why)
{
	printf("SKIPPED: %s\n", why);
	exit(77);
}

/* Before confirm_end(), which removes no mount point. */
static inline void power_end(void)
{
	char path[PATH_MAX];
	if (getpid() != confirm_owner || chdir("/") < 0)
		return;
	snprintf(path, sizeof path, "%s/disk", confirm_folder);
	umount2(path, MNT_DETACH);
	snprintf(path, sizeof path, "%s/after", confirm_folder);
	umount2(path, MNT_DETACH);
}

/* Work on a new file system; `put_files` is called there, and what it makes is on the disk. */
static inline void begin_on(const char *type, const char *size, const char *options,
			    void (*put_files)(void))
{
	char command[256];
	begin();
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip("no mounts without root");
	atexit(power_end);
	MUST(mkdir("disk", 0755) == 0 && mkdir("after", 0755) == 0);
	snprintf(command, sizeof command,
		 "truncate -s %s disk.img && mkfs.%s -q disk.img >mkfs.log 2>&1 && "
		 "mount -o loop,%s disk.img disk 2>mount.log", size, type, options);
	if (system(command) != 0)
		skip("no such file system on a loop device here");
	MUST(chdir("disk") == 0);
	put_files();
	MUST(system("sync -f .") == 0);
}

static inline void begin_on_ext4(void (*put_files)(void))
{
	begin_on("ext4", "16M", "commit=300", put_files);
}

/* Another program wants its own file on the disk: the journal takes along what came before. */
static inline void another_program_syncs(void)
{
	int file = open("another", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	MUST(file >= 0 && write(file, "x", 1) == 1 && fsync(file) == 0 && close(file) == 0);
}

/* From here on the program is where the machine is after a boot. */
static inline void power_goes(void)
{
	MUST(chdir("..") == 0 && system("cp disk.img after.img") == 0);
	MUST(system("mount -o loop,nouuid after.img after 2>mount.log || "
		    "mount -o loop after.img after") == 0); /* nouuid: XFS, whose first copy is mounted */
	MUST(chdir("after") == 0);
	printf("the power goes\n");
}

#endif
