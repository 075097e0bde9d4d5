/* device_recorder.c: see device_recorder.h. Served by libfuse3's low-level interface, one request at a time. */
#define FUSE_USE_VERSION 35
#include "device_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define INODE_OF_FILE 2
#define FOR_EVER 1e9

/* ------------------------------------------------------------ the served file */

static struct torn_device_recorder *serving(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

static struct stat attributes_of(const struct torn_device_recorder *recorder, fuse_ino_t inode)
{
	struct stat attributes = {.st_ino = inode, .st_nlink = 1};
	attributes.st_mode = inode == FUSE_ROOT_ID ? S_IFDIR | 0700 : S_IFREG | 0600;
	attributes.st_size = inode == FUSE_ROOT_ID ? 0 : (off_t)recorder->size;
	return attributes;
}

static void do_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	if (parent != FUSE_ROOT_ID || strcmp(name, serving(request)->name) != 0) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	const struct fuse_entry_param entry = {.ino = INODE_OF_FILE,
					       .attr = attributes_of(serving(request), INODE_OF_FILE),
					       .attr_timeout = FOR_EVER,
					       .entry_timeout = FOR_EVER};
	fuse_reply_entry(request, &entry);
}

static void do_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	(void)file;
	const struct stat attributes = attributes_of(serving(request), inode);
	fuse_reply_attr(request, &attributes, FOR_EVER);
}

static void do_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	if (inode != INODE_OF_FILE) {
		fuse_reply_err(request, EISDIR);
		return;
	}
	file->direct_io = 1; /* no page cache between: it would answer before we have seen the write */
	fuse_reply_open(request, file);
}

static bool is_within(const struct torn_device_recorder *recorder, off_t offset, size_t size)
{
	return offset >= 0 && (uint64_t)offset <= recorder->size && size <= recorder->size - (uint64_t)offset;
}

static void do_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	(void)inode;
	(void)file;
	const struct torn_device_recorder *recorder = serving(request);
	if (!is_within(recorder, offset, size))
		fuse_reply_buf(request, NULL, 0);
	else
		fuse_reply_buf(request, (const char *)recorder->image + offset, size);
}

static void do_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *file)
{
	(void)inode;
	(void)file;
	struct torn_device_recorder *recorder = serving(request);
	if (!is_within(recorder, offset, size)) {
		fuse_reply_err(request, ENOSPC);
		return;
	}
	memcpy(recorder->image + offset, data, size);
	torn_device_tape_put(recorder->tape, TORN_DEVICE_WRITE, (uint64_t)offset, (uint32_t)size, data);
	fuse_reply_write(request, size);
}

static void do_fsync(fuse_req_t request, fuse_ino_t inode, int data_only, struct fuse_file_info *file)
{
	(void)inode;
	(void)data_only;
	(void)file;
	torn_device_tape_put(serving(request)->tape, TORN_DEVICE_FLUSH, 0, 0, NULL);
	fuse_reply_err(request, 0);
}

/* How a loop device hands on discards and writes of zeroes: lo_fallocate() in drivers/block/loop.c. */
static void do_fallocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t offset, off_t size,
			 struct fuse_file_info *file)
{
	(void)inode;
	(void)file;
	struct torn_device_recorder *recorder = serving(request);
	const bool is_zero = mode & FALLOC_FL_ZERO_RANGE;
	if (size < 0 || !is_within(recorder, offset, (size_t)size) || size > UINT32_MAX ||
	    !(mode & (FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE))) {
		fuse_reply_err(request, EOPNOTSUPP);
		return;
	}
	memset(recorder->image + offset, 0, (size_t)size);
	torn_device_tape_put(recorder->tape, is_zero ? TORN_DEVICE_ZERO : TORN_DEVICE_DISCARD, (uint64_t)offset,
			     (uint32_t)size, NULL);
	fuse_reply_err(request, 0);
}

static void do_statfs(fuse_req_t request, fuse_ino_t inode)
{
	(void)inode;
	const struct statvfs none = {.f_bsize = TORN_DEVICE_PAGE, .f_namemax = 255};
	fuse_reply_statfs(request, &none);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = do_lookup,
	.getattr = do_getattr,
	.open = do_open,
	.read = do_read,
	.write = do_write,
	.fsync = do_fsync,
	.fallocate = do_fallocate,
	.statfs = do_statfs,
};

/* ------------------------------------------------------------ its process */

static void silent(enum fuse_log_level level, const char *format, va_list list)
{
	(void)level;
	(void)format;
	(void)list;
}

/*
 * Out of the mount namespace that the disk is used in: of a torn that is killed this process ends last, and as the last
 * one in there it would have to unmount what only it can serve, and hang for ever.
 */
static int leave_mounts(const char *point)
{
	return unshare(CLONE_NEWNS) == 0 && umount2(point, MNT_DETACH) == 0 ? 0 : errno;
}

/* Says 0 or an errno to `ready_fd`, then serves until it is unmounted. */
static void serve(struct torn_device_recorder *recorder, int ready_fd)
{
	char *words[] = {(char *)"torn", (char *)"-o", (char *)"fsname=torn,subtype=torn", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, words);
	fuse_set_log_func(silent);
	errno = 0;
	struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, recorder);
	int error = !session ? EINVAL : fuse_session_mount(session, recorder->point) == 0 ? 0 : errno ? errno : ENODEV;
	if (error == 0)
		error = leave_mounts(recorder->point);
	if (write(ready_fd, &error, sizeof error) != sizeof error || error != 0)
		_exit(1);
	close(ready_fd);
	fuse_session_loop(session);
	_exit(0);
}

static int wait_until_ready(int fd)
{
	int error = EIO; /* where it died */
	if (TEMP_FAILURE_RETRY(read(fd, &error, sizeof error)) != sizeof error)
		error = EIO;
	return -error;
}

static int open_file(struct torn_device_recorder *recorder)
{
	const int point_fd = open(recorder->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (point_fd < 0)
		return -errno;
	recorder->fd = openat(point_fd, recorder->name, O_RDWR | O_CLOEXEC);
	const int r = recorder->fd < 0 ? -errno : 0;
	close(point_fd);
	return r;
}

static int start(struct torn_device_recorder *recorder)
{
	int ready[2];
	if (pipe2(ready, O_CLOEXEC) != 0)
		return -errno;
	const pid_t parent = getpid();
	recorder->pid = fork();
	if (recorder->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(ready[0]);
		serve(recorder, ready[1]);
	}
	close(ready[1]);
	int r = recorder->pid < 0 ? -errno : wait_until_ready(ready[0]);
	close(ready[0]);
	return r == 0 ? open_file(recorder) : r;
}

int torn_device_recorder_start(struct torn_device_recorder *recorder, const char *point, uint64_t size,
			       char *ret_message, size_t message_size)
{
	*recorder = (struct torn_device_recorder){.pid = -1, .size = size, .point = point, .fd = -1};
	torn_device_disk_name(recorder->name);
	recorder->tape = torn_device_tape_open();
	recorder->image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (recorder->image == MAP_FAILED)
		recorder->image = NULL;
	const int r = recorder->tape && recorder->image ? start(recorder) : -ENOMEM;
	if (r < 0) {
		snprintf(ret_message, message_size, "no disk that is recorded (FUSE): %s", strerror(-r));
		torn_device_recorder_stop(recorder);
	}
	return r;
}

void torn_device_recorder_stop(struct torn_device_recorder *recorder)
{
	if (recorder->fd >= 0)
		close(recorder->fd);
	recorder->fd = -1;
	if (recorder->pid > 0) {
		/* It leaves its loop then; where it is stuck, the end of its process ends the mount's requests. */
		if (umount2(recorder->point, 0) != 0) {
			kill(recorder->pid, SIGKILL);
			umount2(recorder->point, MNT_DETACH);
		}
		TEMP_FAILURE_RETRY(waitpid(recorder->pid, NULL, 0));
	}
	recorder->pid = -1;
	torn_device_tape_close(recorder->tape);
	recorder->tape = NULL;
	if (recorder->image)
		munmap(recorder->image, recorder->size);
	recorder->image = NULL;
}
