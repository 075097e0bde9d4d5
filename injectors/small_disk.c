/* small_disk.c: see small_disk.h. */
#include "small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "device_loop.h"
#include "device_names.h"

#define BASE "/tmp/" /* a tmpfs of its own: torn_device_enter() */
#define MOUNTED BASE "small"
#define TMPFS_OPTIONS "size=8m,nr_inodes=1024,mode=0755"

/* So many inodes are free between runs at least: a trial's old state is put back with them. */
#define INODES_FREE 256u
/* A block more of ballast may take one of metadata: a few rounds until the number is right. */
#define ROUNDS 8
#define TRIES 16

/* ---------------------------------------------------------------- mounting */

static int mount_tmpfs(char *ret_message, size_t size)
{
	if (mount("none", MOUNTED, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, TMPFS_OPTIONS) == 0)
		return 0;
	const int r = -errno;
	snprintf(ret_message, size, "a small tmpfs cannot be mounted: %s", strerror(-r));
	return r;
}

/* Who closes the device leaves it to the mount: it clears itself when that is gone (LO_FLAGS_AUTOCLEAR). */
static int mount_image(const struct torn_device_choice *choice, const char *image, char *ret_message, size_t size)
{
	struct torn_device_loop loop = {.fd = -1};
	const int fd = open(image, O_RDWR | O_CLOEXEC);
	int r = fd < 0 ? -errno : torn_device_loop_attach(&loop, fd, false);
	if (r < 0) {
		snprintf(ret_message, size, "real file systems need loop devices: %s", strerror(-r));
	} else {
		r = torn_device_fs_mount(choice, loop.path, MOUNTED, 0);
		if (r < 0)
			snprintf(ret_message, size, "a small %s cannot be mounted: %s", choice->fs->name, strerror(-r));
	}
	torn_device_loop_detach(&loop);
	if (fd >= 0)
		close(fd);
	return r;
}

static int mount_device(const char *name, char *ret_message, size_t size)
{
	struct torn_device_choice choice;
	char image[sizeof BASE + TORN_DEVICE_DISK_ROOM] = BASE;
	int r = torn_device_choose(torn_bytes_of(name), &choice, ret_message, size);
	if (r < 0)
		return r;
	torn_device_disk_name(image + strlen(BASE));
	r = torn_device_fs_make(choice.fs, image);
	if (r == -ENOENT)
		snprintf(ret_message, size, "%s is not installed (Debian: %s)", choice.fs->mkfs[0], choice.fs->package);
	else if (r < 0)
		snprintf(ret_message, size, "%s made no file system: %s", choice.fs->mkfs[0], strerror(-r));
	return r < 0 ? r : mount_image(&choice, image, ret_message, size);
}

static int make_dir(int above_fd, const char *name, uid_t owner)
{
	if (mkdirat(above_fd, name, 0700) != 0 || fchownat(above_fd, name, owner, owner, 0) != 0)
		return -errno;
	const int fd = openat(above_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_file(int above_fd, const char *name, uid_t owner)
{
	const int fd = openat(above_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && fchown(fd, owner, owner) == 0)
		return fd;
	const int r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

static int make_parts(struct torn_small_disk *disk, uid_t owner)
{
	int *fds = disk->fds;
	fds[TORN_SMALL_DISK_TOP] = open(MOUNTED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds[TORN_SMALL_DISK_TOP] < 0)
		return -errno;
	fds[TORN_SMALL_DISK_ROOT] = make_dir(fds[TORN_SMALL_DISK_TOP], "root", owner);
	fds[TORN_SMALL_DISK_FILE] = make_file(fds[TORN_SMALL_DISK_TOP], "blocks", owner);
	fds[TORN_SMALL_DISK_LAST] = make_file(fds[TORN_SMALL_DISK_TOP], "last", owner);
	fds[TORN_SMALL_DISK_FILES] = make_dir(fds[TORN_SMALL_DISK_TOP], "inodes", owner);
	for (size_t i = 0; i < TORN_SMALL_DISK_FDS; i++)
		if (fds[i] < 0)
			return fds[i];
	return 0;
}

static void close_parts(struct torn_small_disk *disk)
{
	for (size_t i = 0; i < TORN_SMALL_DISK_FDS; i++)
		if (disk->fds[i] >= 0)
			close(disk->fds[i]);
}

int torn_small_disk_open(struct torn_small_disk *disk, enum torn_full_disk type, uid_t owner, char *ret_message,
			 size_t size)
{
	*disk = (struct torn_small_disk){.type = type, .fds = {-1, -1, -1, -1, -1}};
	int r = torn_device_enter(ret_message, size);
	if (r < 0)
		return r;
	if (mkdir(MOUNTED, 0755) != 0) {
		r = -errno;
		snprintf(ret_message, size, MOUNTED ": %s", strerror(-r));
		return r;
	}
	r = type == TORN_FULL_TMPFS ? mount_tmpfs(ret_message, size)
				    : mount_device(torn_full_disk_name(type), ret_message, size);
	if (r < 0)
		return r;
	r = make_parts(disk, owner);
	if (r < 0) {
		snprintf(ret_message, size, "a small %s has no room for a root: %s", torn_full_disk_name(type),
			 strerror(-r));
		close_parts(disk);
	}
	return r;
}

struct tried {
	int result;
	char message[256];
};

int torn_small_disk_try(enum torn_full_disk type, uid_t owner, char *ret_message, size_t size)
{
	struct tried *tried =
		mmap(NULL, sizeof *tried, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tried == MAP_FAILED) {
		snprintf(ret_message, size, "no memory");
		return -ENOMEM;
	}
	*tried = (struct tried){.result = -EPROTO, .message = "a small disk cannot be tried out"};
	fflush(NULL);
	const pid_t pid = fork();
	if (pid == 0) {
		struct torn_small_disk disk;
		tried->result = torn_small_disk_open(&disk, type, owner, tried->message, sizeof tried->message);
		_exit(0);
	}
	if (pid > 0)
		TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
	const int r = tried->result;
	if (r < 0)
		snprintf(ret_message, size, "%s", tried->message);
	munmap(tried, sizeof *tried);
	return r;
}

/* ----------------------------------------------------------------- filling */

struct room {
	uint64_t blocks, inodes, block_size;
};

/* What was freed is free for others once it is committed: of ext4 not before (ext4_process_freed_data()). */
static int look(const struct torn_small_disk *disk, struct room *ret_room)
{
	struct statfs status;
	const int top_fd = disk->fds[TORN_SMALL_DISK_TOP];
	if ((disk->type != TORN_FULL_TMPFS && syncfs(top_fd) != 0) || fstatfs(top_fd, &status) != 0)
		return -errno;
	*ret_room = (struct room){status.f_bavail, status.f_ffree, (uint64_t)status.f_bsize};
	return 0;
}

/* A file's own metadata may take the last blocks: ext4 has made it longer by then all the same. */
static int lengthen(int fd, uint64_t blocks, uint64_t block_size)
{
	struct stat before, after;
	if (fstat(fd, &before) != 0)
		return -errno;
	if (fallocate(fd, 0, before.st_size, (off_t)(blocks * block_size)) == 0)
		return 0;
	const int r = -errno;
	return r == -ENOSPC && fstat(fd, &after) == 0 && after.st_size > before.st_size ? 0 : r;
}

static int add_blocks(const struct torn_small_disk *disk, uint64_t blocks, uint64_t block_size)
{
	const int r = lengthen(disk->fds[TORN_SMALL_DISK_FILE], blocks, block_size);
	/* Its extents are full and want a block of their own (ext4_ext_create_new_leaf()); a new file has some in its inode. */
	return r == -ENOSPC ? lengthen(disk->fds[TORN_SMALL_DISK_LAST], blocks, block_size) : r;
}

/* From the last on. */
static int remove_blocks(const struct torn_small_disk *disk, uint64_t blocks, uint64_t block_size)
{
	for (int i = TORN_SMALL_DISK_LAST; i >= TORN_SMALL_DISK_FILE; i--) {
		struct stat status;
		if (fstat(disk->fds[i], &status) != 0)
			return -errno;
		const uint64_t there = (uint64_t)status.st_size / block_size;
		const uint64_t fewer = blocks < there ? blocks : there;
		if (fewer > 0 && ftruncate(disk->fds[i], (off_t)((there - fewer) * block_size)) != 0)
			return -errno;
		blocks -= fewer;
	}
	return blocks > 0 ? -ENOSPC : 0;
}

static void name_file(char name[16], uint32_t number)
{
	snprintf(name, 16, "%u", number);
}

static int add_file(struct torn_small_disk *disk)
{
	char name[16];
	name_file(name, disk->files);
	const int fd = openat(disk->fds[TORN_SMALL_DISK_FILES], name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	disk->files++;
	close(fd);
	return 0;
}

static int remove_file(struct torn_small_disk *disk)
{
	char name[16];
	if (disk->files == 0)
		return -ENOSPC;
	name_file(name, disk->files - 1);
	if (unlinkat(disk->fds[TORN_SMALL_DISK_FILES], name, 0) != 0)
		return -errno;
	disk->files--;
	return 0;
}

/*
 * One step on the way to `left`. Returns 1 where that is what is left. What was freed a moment ago counts as free
 * and cannot be had before its commit is over: then it is the next round's.
 */
static int fill_some(struct torn_small_disk *disk, enum torn_full_unit unit, uint32_t left)
{
	struct room room;
	int r = look(disk, &room);
	if (r < 0)
		return r;
	const uint64_t is_left = unit == TORN_FULL_BLOCKS ? room.blocks : room.inodes;
	if (is_left == left)
		return 1;
	const uint64_t away = is_left > left ? is_left - left : left - is_left;
	if (unit == TORN_FULL_BLOCKS && is_left > left) {
		r = add_blocks(disk, away, room.block_size);
		return r == -ENOSPC ? 0 : r;
	}
	if (unit == TORN_FULL_BLOCKS)
		return remove_blocks(disk, away, room.block_size);
	for (uint64_t i = 0; r == 0 && i < away; i++)
		r = is_left > left ? add_file(disk) : remove_file(disk);
	return r;
}

static int fill_once(struct torn_small_disk *disk, enum torn_full_unit unit, uint32_t left)
{
	for (int i = 0; i < ROUNDS; i++) {
		const int r = fill_some(disk, unit, left);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return -EAGAIN;
}

int torn_small_disk_clear(struct torn_small_disk *disk)
{
	struct room room = {0};
	if (ftruncate(disk->fds[TORN_SMALL_DISK_LAST], 0) != 0 || ftruncate(disk->fds[TORN_SMALL_DISK_FILE], 0) != 0)
		return -errno;
	int r = look(disk, &room);
	for (uint64_t is_free = room.inodes; r == 0 && is_free < INODES_FREE && disk->files > 0; is_free++)
		r = remove_file(disk);
	return r;
}

/* Blocks that ext4 has set aside (ext4_mb_use_group_pa()) count as free, and now and then are not to be had: begin again. */
int torn_small_disk_fill(struct torn_small_disk *disk, enum torn_full_unit unit, uint32_t left)
{
	int r = fill_once(disk, unit, left);
	for (int i = 1; r == -EAGAIN && i < TRIES; i++) {
		r = torn_small_disk_clear(disk);
		if (r == 0)
			r = fill_once(disk, unit, left);
	}
	return r;
}
