/* device.c: see device.h. */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_recorder.h"
#include "device_redo.h"
#include "device_tree.h"
#include "runtime.h"

/* Names in the mount namespace: a tmpfs of its own lies on the directory that every Linux has. */
#define BASE "/tmp"
#define RECORDED BASE "/recorded"
#define MOUNTED BASE "/mounted"
#define MADE BASE "/made"
#define ROOT "root"      /* the run's, on the disk */
#define SENTINEL "other" /* beside it */

/* What is forgotten is asked again. */
#define WRITTEN_COUNT 256u

struct torn_device {
	struct torn_device_choice choice;
	uint64_t size;
	uint8_t *blank; /* the disk as mkfs left it */
	uint8_t *base;  /* with the tree that runs begin with */
	struct torn_device_recorder recorder;
	struct torn_device_loop loop; /* over what is recorded */
	int inflight_fd;              /* of that loop: requests that are not answered yet */
	struct torn_device_image *image;
	const struct torn_fold_base *old; /* of the runs */
	uint32_t begin, end;              /* of the run, on the tape; before it the mount's requests */
	struct torn_hash written[WRITTEN_COUNT]; /* trees that a disk was writable with, by their hashes */
};

/* ------------------------------------------------------------------ set up */

int torn_device_enter(char *ret_message, size_t size)
{
	const char *what = NULL;
	if (geteuid() != 0) {
		snprintf(ret_message, size, "real file systems need root: ext4 cannot be mounted in a user namespace");
		return -EPERM;
	}
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		what = "a mount namespace of its own";
	else if (mount("none", BASE, "tmpfs", 0, "mode=0700") != 0 || mkdir(RECORDED, 0700) != 0 ||
		 mkdir(MOUNTED, 0700) != 0)
		what = "a tmpfs of its own at " BASE;
	if (!what)
		return 0;
	const int r = -errno;
	snprintf(ret_message, size, "real file systems need %s: %s", what, strerror(-r));
	return r;
}

/* Pages that are zero in both stay unmade. */
static void copy_disk(uint8_t *to, const uint8_t *from, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += TORN_DEVICE_PAGE)
		if (memcmp(to + at, from + at, TORN_DEVICE_PAGE) != 0)
			memcpy(to + at, from + at, TORN_DEVICE_PAGE);
}

static uint8_t *map_disk(uint64_t size)
{
	void *disk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return disk == MAP_FAILED ? NULL : disk;
}

static int read_blank(struct torn_device *device)
{
	uint8_t page[TORN_DEVICE_PAGE];
	const int fd = open(MADE, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	for (uint64_t at = 0; r == 0 && at < device->size; at += sizeof page) {
		if (pread(fd, page, sizeof page, (off_t)at) != sizeof page)
			r = -EIO;
		else if (!torn_device_is_zero(page))
			memcpy(device->blank + at, page, sizeof page);
	}
	if (fd >= 0)
		close(fd);
	unlink(MADE);
	return r;
}

static int make_blank(struct torn_device *device, char *ret_message, size_t size)
{
	const struct torn_device_fs *fs = device->choice.fs;
	int r = torn_device_fs_make(fs, MADE);
	if (r == 0)
		r = read_blank(device);
	if (r == -ENOENT)
		snprintf(ret_message, size, "%s is not installed (Debian: %s)", fs->mkfs[0], fs->package);
	else if (r < 0)
		snprintf(ret_message, size, "%s made no file system: %s", fs->mkfs[0], strerror(-r));
	return r;
}

static int open_inflight(const struct torn_device *device)
{
	char path[64];
	snprintf(path, sizeof path, "/sys/block/%s/inflight", device->loop.path + strlen("/dev/"));
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_parts(struct torn_device *device, char *ret_message, size_t size)
{
	int r = make_blank(device, ret_message, size);
	if (r == 0)
		r = torn_device_recorder_start(&device->recorder, RECORDED, device->size, ret_message, size);
	if (r < 0)
		return r;
	r = torn_device_loop_attach(&device->loop, device->recorder.fd, true);
	if (r < 0)
		snprintf(ret_message, size, "real file systems need loop devices: %s", strerror(-r));
	if (r == 0)
		r = torn_device_image_open(&device->image, device->blank, device->size, ret_message, size);
	if (r < 0)
		return r;
	device->inflight_fd = open_inflight(device);
	if (device->inflight_fd >= 0)
		return 0;
	snprintf(ret_message, size, "it cannot be seen whether %s is idle: %s", device->loop.path,
		 strerror(-device->inflight_fd));
	return device->inflight_fd;
}

int torn_device_open(struct torn_device **ret_device, const struct torn_device_choice *choice, char *ret_message,
		     size_t size)
{
	struct torn_device *device = calloc(1, sizeof *device);
	struct rlimit files;
	snprintf(ret_message, size, "no memory");
	if (!device)
		return -ENOMEM;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* one for each file of a tree */
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	device->choice = *choice;
	device->size = choice->fs->size;
	device->loop.fd = device->inflight_fd = device->recorder.fd = device->recorder.pid = -1;
	device->blank = map_disk(device->size);
	device->base = map_disk(device->size);
	const int r = device->blank && device->base ? open_parts(device, ret_message, size) : -ENOMEM;
	if (r < 0)
		torn_device_close(device);
	else
		*ret_device = device;
	return r;
}

void torn_device_close(struct torn_device *device)
{
	if (!device)
		return;
	umount2(MOUNTED, MNT_DETACH); /* where something failed half-way */
	torn_device_image_close(device->image);
	if (device->inflight_fd >= 0)
		close(device->inflight_fd);
	torn_device_loop_detach(&device->loop);
	if (device->recorder.pid > 0)
		torn_device_recorder_stop(&device->recorder);
	if (device->blank)
		munmap(device->blank, device->size);
	if (device->base)
		munmap(device->base, device->size);
	free(device);
}

pid_t torn_device_recorder_pid(const struct torn_device *device)
{
	return device->recorder.pid;
}

/* A device's node below BASE, where its path leads from then on. Returns 0, or -errno; where there is none there, 0. */
static int take_along(const char *path)
{
	char node[128];
	struct stat status;
	if (stat(path, &status) != 0)
		return errno == ENOENT ? 0 : -errno;
	snprintf(node, sizeof node, BASE "%s", path);
	return mknod(node, status.st_mode & (S_IFMT | 0600), status.st_rdev) == 0 ? 0 : -errno;
}

int torn_device_confine(const struct torn_device *device, char *ret_message, size_t size)
{
	int r = mkdir(BASE "/dev", 0700) == 0 ? take_along(device->loop.path) : -errno;
	if (r == 0)
		r = take_along(torn_device_image_path(device->image));
	if (r == 0)
		r = take_along("/dev/btrfs-control");
	/* The paths above go on to be what they were. */
	if (r == 0 && (symlink(".", BASE BASE) != 0 || mkdir(BASE "/proc", 0700) != 0 || mkdir(BASE "/proc/self", 0700) != 0 ||
		       mkdir(BASE "/proc/self/fd", 0700) != 0 ||
		       mount("/proc/self/fd", BASE "/proc/self/fd", NULL, MS_BIND, NULL) != 0 || chroot(BASE) != 0 ||
		       chdir("/") != 0))
		r = -errno;
	if (r < 0)
		snprintf(ret_message, size, "real file systems need a root of their own: %s", strerror(-r));
	return r;
}

const struct torn_device_choice *torn_device_choice(const struct torn_device *device)
{
	return &device->choice;
}

/* ------------------------------------------------------- the recorded disk */

static struct torn_device_tape *tape_of(const struct torn_device *device)
{
	return device->recorder.tape;
}

/* Bring the recorded disk to these bytes: what was written since it was brought to some is on the tape. */
static int restore(struct torn_device *device, const uint8_t *bytes, bool is_other)
{
	struct torn_device_tape *tape = tape_of(device);
	if (is_other || tape->overflows)
		copy_disk(device->recorder.image, bytes, device->size);
	for (uint32_t i = 0; !is_other && i < tape->count; i++)
		memcpy(device->recorder.image + tape->requests[i].offset, bytes + tape->requests[i].offset,
		       tape->requests[i].size);
	torn_device_tape_rewind(tape);
	return ioctl(device->loop.fd, BLKFLSBUF) == 0 ? 0 : -errno;
}

/* The root of what is mounted there, or of the run's tree in it. */
static int open_mounted(const char *name)
{
	const int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int mount_recorded(struct torn_device *device)
{
	return torn_device_fs_mount(&device->choice, device->loop.path, MOUNTED, 0);
}

static int unmount_recorded(struct torn_device *device)
{
	return torn_device_fs_unmount(&device->choice, device->loop.path, MOUNTED);
}

/* ext4 has a directory of its own there; nothing in it is missed. */
static int make_tree(const struct torn_node *tree)
{
	rmdir(MOUNTED "/lost+found");
	if (mkdir(MOUNTED "/" ROOT, 0755) != 0)
		return -errno;
	const int root_fd = open_mounted(MOUNTED "/" ROOT);
	int r = root_fd < 0 ? root_fd : torn_device_tree_make(root_fd, tree);
	if (r == 0 && syncfs(root_fd) != 0)
		r = -errno;
	if (root_fd >= 0)
		close(root_fd);
	return r;
}

int torn_device_begin(struct torn_device *device, const struct torn_fold_base *base, char *ret_message, size_t size)
{
	const struct torn_node *tree = base->objects[TORN_FOLD_ROOT].node;
	int r = restore(device, device->blank, true);
	if (r == 0)
		r = mount_recorded(device);
	if (r == 0) {
		r = make_tree(tree);
		const int unmounted = unmount_recorded(device);
		r = r < 0 ? r : unmounted;
	}
	if (r < 0) {
		snprintf(ret_message, size, "the old state cannot be made on %s: %s", device->choice.fs->name,
			 strerror(-r));
		return r;
	}
	copy_disk(device->base, device->recorder.image, device->size);
	torn_device_image_rebase(device->image, device->base);
	torn_device_tape_rewind(tape_of(device));
	device->old = base;
	device->begin = device->end = 0;
	return 0;
}

/* -------------------------------------------------------------- recording */

/* Wait until the device has answered all that it was given: writes that nobody waits for are on their way. */
static int settle(const struct torn_device *device)
{
	for (;;) {
		char text[64];
		unsigned reads = 0, writes = 0;
		const ssize_t got = pread(device->inflight_fd, text, sizeof text - 1, 0);
		if (got <= 0)
			return -EIO;
		text[got] = '\0';
		if (sscanf(text, "%u %u", &reads, &writes) != 2)
			return -EIO;
		if (reads + writes == 0)
			return 0;
		sched_yield();
	}
}

/* What another process may do at any time: its fsync commits what the journal has. */
static int force_commit(const struct torn_device *device)
{
	const int fd = open(MOUNTED "/" SENTINEL, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	const bool has_log_of_one_file = strcmp(device->choice.fs->name, "btrfs") == 0;
	int r = fsync(fd) == 0 ? 0 : -errno; /* it stays empty: no block of it turns up in another file (data=writeback) */
	if (r == 0 && has_log_of_one_file && syncfs(fd) != 0)
		r = -errno;
	close(fd);
	return r;
}

static int redo_all(struct torn_device *device, struct torn_device_redo *redo, const struct torn_log *log,
		    uint32_t commit, char *ret_message, size_t size)
{
	struct torn_device_tape *tape = tape_of(device);
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < log->count; i++) {
		tape->mark = 2 * i;
		r = torn_device_redo_op(redo, &log->ops[i], ret_message, size);
		if (r == 0)
			r = settle(device);
		tape->mark = 2 * i + 1;
		if (r == 0 && i == commit)
			r = force_commit(device);
		if (r == 0 && i == commit)
			r = settle(device);
	}
	return r;
}

static int record_mounted(struct torn_device *device, const struct torn_log *log, uint32_t commit,
			  char *ret_message, size_t size)
{
	struct torn_device_redo *redo = NULL;
	const int root_fd = open_mounted(MOUNTED "/" ROOT);
	int r = root_fd < 0 ? root_fd : torn_device_redo_begin(&redo, root_fd, device->old);
	if (r == 0)
		r = settle(device);
	device->begin = tape_of(device)->count;
	if (r == 0)
		r = redo_all(device, redo, log, commit, ret_message, size);
	device->end = tape_of(device)->count;
	if (redo)
		torn_device_redo_end(redo);
	if (root_fd >= 0)
		close(root_fd);
	return r;
}

int torn_device_record(struct torn_device *device, const struct torn_log *log, uint32_t commit, char *ret_message,
		       size_t size)
{
	*ret_message = '\0';
	int r = restore(device, device->base, false);
	if (r == 0)
		r = mount_recorded(device);
	if (r == 0) {
		r = record_mounted(device, log, commit, ret_message, size);
		const int unmounted = unmount_recorded(device);
		r = r < 0 ? r : unmounted;
	}
	if (r == 0 && tape_of(device)->overflows) {
		snprintf(ret_message, size, "the run writes more to the disk than torn keeps");
		return -ENOTSUP;
	}
	if (r == 0 || r == -ENOTSUP)
		return r;
	snprintf(ret_message, size, "the run cannot be done again on %s: %s", device->choice.fs->name, strerror(-r));
	return -EPROTO;
}

uint32_t torn_device_requests_begin(const struct torn_device *device)
{
	return device->begin;
}

uint32_t torn_device_requests_count(const struct torn_device *device)
{
	return device->end;
}

const struct torn_device_request *torn_device_request(const struct torn_device *device, uint32_t number)
{
	return &tape_of(device)->requests[number];
}

/* ---------------------------------------------------------------- looking */

static bool is_pending(const struct torn_device *device, uint32_t request, uint32_t given)
{
	if (request >= given || !torn_device_writes(torn_device_request(device, request)))
		return false;
	for (uint32_t i = request + 1; i < given; i++)
		if (!torn_device_writes(torn_device_request(device, i)))
			return false;
	return true;
}

static int make_image(struct torn_device *device, const struct torn_device_cut *cut)
{
	if (cut->given > device->end)
		return -EINVAL;
	torn_device_image_begin(device->image);
	uint32_t lost = 0;
	for (uint32_t i = 0; i < cut->given; i++) {
		uint32_t sectors = TORN_DEVICE_ALL_SECTORS;
		if (lost < cut->losses_count && cut->losses[lost].request == i) {
			sectors = cut->losses[lost++].sectors;
			if (!is_pending(device, i, cut->given) ||
			    sectors >= torn_device_request(device, i)->size / TORN_DEVICE_SECTOR)
				return -EINVAL;
		}
		if (torn_device_writes(torn_device_request(device, i)))
			torn_device_image_apply(device->image, torn_device_request(device, i), sectors);
	}
	return lost == cut->losses_count ? 0 : -EINVAL;
}

static int read_mounted(const struct torn_device *device, struct torn_arena *arena,
			const struct torn_node **ret_tree)
{
	const int root_fd = open_mounted(MOUNTED "/" ROOT);
	if (root_fd < 0)
		return -EUCLEAN;
	const struct torn_node *tree;
	int r = torn_device_tree_read(arena, root_fd, device->old->objects[TORN_FOLD_ROOT].node, &tree);
	close(root_fd);
	if (r == 0)
		r = torn_runtime_boot(arena, tree, &tree);
	*ret_tree = tree;
	return r;
}

/*
 * A boot mounts its root read-only, which does the whole recovery, and makes it writable then. The second step is asked for
 * once a tree: it writes, and so does the unmount behind it. Returns 0 or -errno of mount(2).
 */
static int make_writable(struct torn_device *device, const struct torn_node *tree)
{
	struct torn_hash *slot = &device->written[tree->hash.low % WRITTEN_COUNT];
	if (slot->low == tree->hash.low && slot->high == tree->hash.high)
		return 0;
	const int r = torn_device_fs_mount(&device->choice, torn_device_image_path(device->image), MOUNTED, MS_REMOUNT);
	if (r == 0)
		*slot = tree->hash;
	return r;
}

int torn_device_look(struct torn_device *device, const struct torn_device_cut *cut, struct torn_arena *arena,
		     const struct torn_node **ret_tree, char *ret_why, size_t size)
{
	const char *path = torn_device_image_path(device->image);
	*ret_tree = NULL;
	*ret_why = '\0';
	int r = make_image(device, cut);
	if (r < 0)
		return r;
	const int64_t put = torn_device_image_put(device->image, TORN_DEVICE_BY_URING);
	if (put < 0) {
		snprintf(ret_why, size, "the image cannot be put on %s: %s", path, strerror((int)-put));
		return -EPROTO;
	}
	r = torn_device_fs_mount(&device->choice, path, MOUNTED, MS_RDONLY);
	if (r < 0) {
		snprintf(ret_why, size, "mount: %s", strerror(-r));
		return 0;
	}
	r = read_mounted(device, arena, ret_tree);
	const int writable = r == 0 ? make_writable(device, *ret_tree) : 0;
	const int unmounted = torn_device_fs_unmount(&device->choice, path, MOUNTED);
	if (unmounted < 0) {
		snprintf(ret_why, size, "%s cannot be unmounted: %s", path, strerror(-unmounted));
		return -EPROTO;
	}
	if (r != -EUCLEAN && writable == 0)
		return r;
	*ret_tree = NULL;
	snprintf(ret_why, size, "it is mounted, and cannot be %s", writable < 0 ? "written to" : "read");
	return 0;
}
