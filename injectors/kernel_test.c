/*
 * kernel_test.c: the gate held against the bare kernel.
 *
 * Pseudo-random sequences of file calls run twice: under the gate, and without
 * it as root in a chroot on a tmpfs of their own. Each call's result, its errno
 * and what it gave, the descriptors afterwards and the trees in the end must be
 * the same. What differs is cut down to the fewest steps that still differ.
 *
 * Deliberately different, and therefore not compared or not asked for:
 *   st_ino, st_dev, st_blocks, st_blksize and all times: virtual, equal on
 *     every machine (times that utimensat set are held in calls_test.c);
 *   the size of a directory: a number that each file system makes up;
 *   the order of a directory, d_off and d_ino: by name, by position, virtual
 *     (so a listing is read from its start and compared as a set, and of a
 *     position in a directory only whether it is given);
 *   statfs: an ext4 that is half full, whatever is below;
 *   FICLONE, FS_IOC_*: tmpfs has no reflinks, the gate gives them;
 *   mknod of devices: EPERM, the target must not make them;
 *   trusted, security and system attributes: virtual, see calls_test.c;
 *   O_PATH and O_NOFOLLOW on a name below /proc, lstat of one: the gate knows
 *     no magic links as objects of their own, only where they lead;
 *   readlink of /proc/self/fd/N: the first name that the inode has now, not the
 *     one that was opened, and no number for a file of O_TMPFILE;
 *   sync(2): not done for real;
 *   files beyond some MiB: the log keeps all bytes (INCOMPLETE, not wrong);
 *   O_CREAT with O_DIRECTORY: kernels differ (EINVAL since 6.4).
 *
 * Needs to mount: root, or a user namespace; skipped where neither is to be had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"

#define STEPS_MAX 48
#define FDS_SHOWN 12
#define BATCH 64
#ifndef SEQUENCES
#define SEQUENCES 640
#endif
#ifndef SEED_FIRST
#define SEED_FIRST 1
#endif
#ifndef REPORTS_MAX
#define REPORTS_MAX 5
#endif

/* ------------------------------------------------------------------ steps */

/*
 * One call: what its arguments are made of, by the letters of its signature.
 * In paths and names a few characters stand for what is long: '5' is a
 * component of 255 bytes, '6' one of 256, "$" a path of 4095 bytes, "%" one of
 * 4096, "!" no string at all (NULL).
 */
struct step {
	enum torn_call call;
	int fd, fd_to;
	uint32_t how, mode, uid, gid;
	int64_t offset, offset_to; /* INT64_MIN: a NULL pointer, where it is one */
	uint64_t size;
	uint32_t pieces; /* of a vector */
	uint8_t fill;
	char path[32], path_to[32], name[24];
};

struct outcome {
	int64_t result;
	uint64_t hash;
	char text[64];
};

struct sequence {
	uint64_t seed;
	uint32_t count;
	struct step steps[STEPS_MAX];
};

/* What one side made of a sequence. */
struct side {
	uint32_t done;
	struct outcome outcomes[STEPS_MAX + FDS_SHOWN];
	char tree[32768]; /* in the end, a line a name */
	char failure[300];
};

/* Shared with the children that run the sequences. */
struct shared {
	struct sequence sequences[BATCH];
	uint32_t count;
	struct side gate[BATCH], bare[BATCH];
	bool bare_ready, has_xattrs;
	char bare_failure[200];
};

static struct shared *shared;
static bool is_bare; /* in this process */

/* The state that both begin with. */
static const struct beginning {
	const char *path;
	char type; /* d directory, f file, l symlink, h hard link, p FIFO, s socket */
	const char *text;
	mode_t mode;
} beginnings[] = {
	{"d", 'd', "", 0755},          {"d/e", 'd', "", 0700},
	{"d/f", 'f', "inner", 0600},
	{"d/l", 'l', "../f", 0},       {"d/m", 'l', "..", 0},
	{"d/z", 'l', "/x/a", 0},       {"f", 'f', "old", 0644},
	{"j", 'l', "d/e/", 0},         {"k", 'l', "f/", 0},
	{"l", 'l', "f", 0},            {"m", 'l', "/d", 0},
	{"o", 'l', "q", 0},            {"p", 'p', "", 0644},
	{"q", 'l', "o", 0},            {"s", 's', "", 0644},
	{"x", 'd', "", 0777},          {"z", 'l', "nowhere", 0},
	{"d/g", 'h', "f", 0}, /* after what it leads to */
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *beginnings_text(void)
{
	static char text[4096];
	size_t at = 0;
	for (size_t i = 0; i < COUNT(beginnings); i++) {
		const struct beginning *b = &beginnings[i];
		static const char *const words[] = {
			['d'] = "dir", ['f'] = "file", ['l'] = "symlink",
			['h'] = "link", ['p'] = "fifo", ['s'] = "socket",
		};
		at += (size_t)snprintf(text + at, sizeof text - at, "old %s %s", b->path,
				       words[(unsigned char)b->type]);
		if (b->mode)
			at += (size_t)snprintf(text + at, sizeof text - at, " mode=%04o", b->mode);
		at += (size_t)snprintf(text + at, sizeof text - at, b->text[0] ? " \"%s\"\n" : "%s\n",
				       b->text);
	}
	return text;
}

/* -------------------------------------------------------------- one call */

static uint8_t buffer[16384];
static char long_paths[2][8192];

static const char *expand(const char *text, char *to)
{
	if (strcmp(text, "!") == 0)
		return NULL;
	if (strcmp(text, "$") == 0 || strcmp(text, "%") == 0) {
		const size_t size = text[0] == '$' ? 4095 : 4096;
		for (size_t i = 0; i < size; i++)
			to[i] = i % 2 ? '/' : '.';
		to[size - 1] = 'f';
		to[size - 2] = '/';
		to[size] = '\0';
		return to;
	}
	size_t at = 0;
	for (; *text; text++) {
		const size_t size = *text == '5' ? 255 : *text == '6' ? 256 : 1;
		memset(to + at, size > 1 ? 'n' : *text, size);
		at += size;
	}
	to[at] = '\0';
	return to;
}

static uint64_t hash_bytes(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int64_t call6(long number, const long a[6])
{
	const long r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r < 0 ? -(int64_t)errno : r;
}

static void say(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct outcome *outcome, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(outcome->text, sizeof outcome->text, format, arguments);
	va_end(arguments);
	outcome->hash = hash_bytes(outcome->text, strlen(outcome->text));
}

static void say_bytes(struct outcome *outcome, const void *bytes, size_t size)
{
	size_t shown = size < 40 ? size : 40;
	char text[48];
	for (size_t i = 0; i < shown; i++) {
		const uint8_t byte = ((const uint8_t *)bytes)[i];
		text[i] = (char)(byte >= 32 && byte < 127 ? byte : '?');
	}
	text[shown] = '\0';
	say(outcome, "%zu bytes: %s", size, text);
	outcome->hash = hash_bytes(bytes, size);
}

static void say_stat(struct outcome *outcome, const struct stat *status, bool is_root)
{
	const bool dir = S_ISDIR(status->st_mode);
	/* In the chroot /proc is a directory more. */
	const unsigned long links = status->st_nlink - (is_bare && is_root ? 1 : 0);
	if (S_ISCHR(status->st_mode)) /* descriptors 0 to 2 */
		say(outcome, "device");
	else
		say(outcome, "mode %o links %lu owner %u:%u size %ld", status->st_mode, links,
		    status->st_uid, status->st_gid, dir ? 0 : (long)status->st_size);
}

static ino_t root_ino;

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void say_set(struct outcome *outcome, const char **names, size_t count)
{
	static char all[16384];
	size_t at = 0;
	qsort(names, count, sizeof *names, by_text);
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(all + at, sizeof all - at, "%s ", names[i]);
	say(outcome, "%zu: %.50s", count, all);
	outcome->hash = hash_bytes(all, at);
}

/* Read a directory from its start, as a set of "type name". */
static int64_t list(const struct step *step, struct outcome *outcome)
{
	static char text[32768];
	static uint8_t entries[8192];
	const char *names[512];
	size_t count = 0, at = 0;
	int64_t r = call6(SYS_lseek, (long[6]){step->fd, 0, SEEK_SET});
	for (;;) {
		r = call6(SYS_getdents64,
			  (long[6]){step->fd, (long)entries, (long)(step->size < 300 ? 300 : step->size)});
		if (r <= 0)
			break;
		for (int64_t i = 0; i < r && count < COUNT(names);) {
			struct dirent64 *entry = (void *)(entries + i);
			i += entry->d_reclen;
			if (strcmp(entry->d_name, "proc") == 0)
				continue;
			names[count++] = text + at;
			at += (size_t)snprintf(text + at, sizeof text - at, "%d%s", entry->d_type,
					       entry->d_name) + 1;
		}
	}
	if (r == 0)
		say_set(outcome, names, count);
	return r;
}

static void fill_times(const struct step *step)
{
	static const long nsecs[] = {0, 5, UTIME_NOW, UTIME_OMIT, 1000000000, -1};
	if (step->call == TORN_CALL_utimensat) {
		const struct timespec times[2] = {{1, nsecs[step->fill % 6]},
						  {2, nsecs[step->fill / 6 % 6]}};
		memcpy(buffer, times, sizeof times);
	} else {
		const long times[4] = {1, step->fill % 7 == 6 ? 1000000 : 2, 3,
				       step->fill % 5 == 4 ? -1 : 4};
		memcpy(buffer, times, sizeof times);
	}
}

/* The arguments that a signature only shows as '-'. */
static void fill_blanks(const struct step *step, long arg[6], int64_t offsets[2])
{
	offsets[0] = step->offset;
	offsets[1] = step->offset_to;
	long *const pointer[2] = {(long *)&offsets[0], (long *)&offsets[1]};
	switch (step->call) {
	case TORN_CALL_openat2:
		arg[3] = sizeof(struct open_how);
		break;
	case TORN_CALL_close_range:
		arg[0] = step->fd;
		arg[1] = step->fd_to;
		break;
	case TORN_CALL_fcntl:
		arg[2] = (long)step->offset;
		break;
	case TORN_CALL_lseek:
		arg[2] = (long)step->mode;
		break;
	case TORN_CALL_sendfile:
		arg[2] = step->offset == INT64_MIN ? 0 : (long)pointer[0];
		break;
	case TORN_CALL_copy_file_range:
	case TORN_CALL_splice:
		arg[1] = step->offset == INT64_MIN ? 0 : (long)pointer[0];
		arg[3] = step->offset_to == INT64_MIN ? 0 : (long)pointer[1];
		break;
	case TORN_CALL_statx:
		arg[3] = STATX_BASIC_STATS;
		break;
	case TORN_CALL_fadvise64:
		arg[3] = POSIX_FADV_DONTNEED;
		break;
	default:
		break;
	}
}

static void arguments(const struct step *step, long arg[6], int64_t offsets[2])
{
	static struct iovec iov[8];
	static struct open_how how;
	const char *signature = torn_call_row(step->call)->signature;
	memset(arg, 0, 6 * sizeof *arg);
	for (uint32_t i = 0; strchr(signature, 'v') && i < step->pieces; i++)
		iov[i] = (struct iovec){buffer + i * step->size, step->size};
	how = (struct open_how){.flags = step->how, .mode = step->mode};
	for (int i = 0; signature[i]; i++) {
		switch (signature[i]) {
		case 'd': arg[i] = step->fd; break;
		case 'D': arg[i] = step->fd_to; break;
		case 'p': case 't': arg[i] = (long)expand(step->path, long_paths[0]); break;
		case 'P': arg[i] = (long)expand(step->path_to, long_paths[1]); break;
		case 'x': arg[i] = (long)(strcmp(step->name, "!") == 0 ? NULL : step->name); break;
		case 'f': arg[i] = step->fd; break;
		case 'g': arg[i] = step->fd_to; break;
		case 'b': arg[i] = (long)buffer; break;
		case 'n': case 'z': arg[i] = (long)step->size; break;
		case 'v': arg[i] = (long)iov; break;
		case 'c': arg[i] = step->pieces; break;
		case 'o': arg[i] = (long)step->offset; break;
		case 'F': arg[i] = (int)step->how; break;
		case 'm': arg[i] = step->mode; break;
		case 'u': arg[i] = step->uid; break;
		case 'i': arg[i] = step->gid; break;
		case 'h': arg[i] = (long)&how; break;
		default: break;
		}
	}
	fill_blanks(step, arg, offsets);
}

static bool is_directory(int fd)
{
	struct stat status;
	return call6(SYS_fstat, (long[6]){fd, (long)&status}) == 0 && S_ISDIR(status.st_mode);
}

static bool is_fifo(long path)
{
	struct stat status;
	return call6(SYS_stat, (long[6]){path, (long)&status}) == 0 && S_ISFIFO(status.st_mode);
}

/* Of a name below /proc only that it leads somewhere: see the top of this file. */
static void say_link(const struct step *step, struct outcome *outcome)
{
	if (strncmp(step->path, "/proc", 5) == 0)
		outcome->result = 0;
	else
		say_bytes(outcome, buffer, (size_t)outcome->result);
}

static void say_what_came(const struct step *step, const int64_t offsets[2], struct outcome *outcome)
{
	const size_t size = (size_t)outcome->result;
	struct stat status;
	switch (step->call) {
	case TORN_CALL_stat:
	case TORN_CALL_lstat:
	case TORN_CALL_fstat:
	case TORN_CALL_newfstatat:
		memcpy(&status, buffer, sizeof status);
		say_stat(outcome, &status, status.st_ino == root_ino);
		return;
	case TORN_CALL_statx: {
		struct statx all;
		memcpy(&all, buffer, sizeof all);
		status = (struct stat){.st_mode = all.stx_mode,
				       .st_nlink = all.stx_nlink,
				       .st_uid = all.stx_uid,
				       .st_gid = all.stx_gid,
				       .st_size = (off_t)all.stx_size};
		say_stat(outcome, &status, all.stx_ino == root_ino);
		return;
	}
	case TORN_CALL_lseek:
		if (is_directory(step->fd) && step->mode != SEEK_SET)
			outcome->result = 0;
		return;
	case TORN_CALL_sendfile:
	case TORN_CALL_copy_file_range:
		say(outcome, "offsets %ld %ld", (long)offsets[0], (long)offsets[1]);
		return;
	case TORN_CALL_readlink:
	case TORN_CALL_readlinkat:
		say_link(step, outcome);
		return;
	case TORN_CALL_getcwd:
		say_bytes(outcome, buffer, size);
		return;
	case TORN_CALL_read:
	case TORN_CALL_pread64:
	case TORN_CALL_getxattr:
	case TORN_CALL_lgetxattr:
	case TORN_CALL_fgetxattr:
		say_bytes(outcome, buffer, step->size ? size : 0);
		return;
	case TORN_CALL_readv:
	case TORN_CALL_preadv:
	case TORN_CALL_preadv2:
		say_bytes(outcome, buffer, size);
		return;
	case TORN_CALL_listxattr:
	case TORN_CALL_llistxattr:
	case TORN_CALL_flistxattr: {
		const char *names[64];
		size_t count = 0;
		for (size_t at = 0; step->size && at < size && count < 64;) {
			names[count++] = (const char *)buffer + at;
			at += strlen((const char *)buffer + at) + 1;
		}
		say_set(outcome, names, count);
		return;
	}
	default:
		return;
	}
}

static void perform(const struct step *step, struct outcome *outcome)
{
	*outcome = (struct outcome){.result = 0};
	memset(buffer, 'a' + step->fill % 26, sizeof buffer);
	if (torn_call_kind(step->call) == TORN_KIND_utime)
		fill_times(step);
	if (torn_call_kind(step->call) == TORN_KIND_readdir) {
		outcome->result = list(step, outcome);
		return;
	}
	long arg[6];
	int64_t offsets[2];
	arguments(step, arg, offsets);
	if (step->call == TORN_CALL_creat && is_fifo(arg[0]))
		return; /* it would wait for ever: creat(2) has no O_NONBLOCK */
	if (torn_call_kind(step->call) == TORN_KIND_utime && step->size == 0)
		for (int i = 0; i < 6; i++)
			if (arg[i] == (long)buffer)
				arg[i] = 0;
	outcome->result = call6(torn_call_row(step->call)->number, arg);
	if (outcome->result >= 0)
		say_what_came(step, offsets, outcome);
}

/* What a descriptor is, as far as its holder can tell. */
static void perform_look(int fd, struct outcome *outcome)
{
	struct stat status;
	*outcome = (struct outcome){.result = call6(SYS_fcntl, (long[6]){fd, F_GETFL})};
	if (outcome->result < 0)
		return;
	if (call6(SYS_fstat, (long[6]){fd, (long)&status}) == 0 && S_ISCHR(status.st_mode)) {
		outcome->result = 0;
		return;
	}
	const int64_t at = is_directory(fd) ? 0 : call6(SYS_lseek, (long[6]){fd, 0, SEEK_CUR});
	call6(SYS_fstat, (long[6]){fd, (long)&status});
	say(outcome, "at %ld, cloexec %ld, mode %o links %lu", (long)at,
	    (long)call6(SYS_fcntl, (long[6]){fd, F_GETFD}), status.st_mode,
	    status.st_nlink - (is_bare && status.st_ino == root_ino ? 1 : 0));
}

static void perform_all(const struct sequence *sequence, struct side *side)
{
	struct stat root;
	call6(SYS_stat, (long[6]){(long)"/", (long)&root});
	root_ino = root.st_ino;
	side->done = 0;
	for (uint32_t i = 0; i < sequence->count; i++) {
		perform(&sequence->steps[i], &side->outcomes[i]);
		side->done = i + 1;
	}
	for (int fd = 0; fd < FDS_SHOWN; fd++)
		perform_look(fd, &side->outcomes[sequence->count + (uint32_t)fd]);
}

/* ---------------------------------------------------------- the bare side */

static void tree_line(char *tree, size_t room, const char *path, mode_t mode, uid_t uid, gid_t gid,
		      unsigned long links, uint64_t size, uint64_t hash, const char *more)
{
	const size_t at = strlen(tree);
	snprintf(tree + at, room - at, "/%s mode %o owner %u:%u links %lu size %lu bytes %lx%s\n", path,
		 mode, uid, gid, S_ISDIR(mode) ? 0 : links, S_ISDIR(mode) ? 0 : (unsigned long)size,
		 (unsigned long)hash, more);
}

static void add_xattr(char *more, size_t room, const char *name, const void *value, size_t size)
{
	const size_t at = strlen(more);
	snprintf(more + at, room - at, " %s=%lx", name, (unsigned long)hash_bytes(value, size));
}

static void walk_disk(char *tree, size_t room, const char *path)
{
	char full[4096], names[2048], value[16384], more[4096] = "";
	static uint8_t bytes[1 << 23];
	snprintf(full, sizeof full, "/%s", path);
	struct stat status;
	if (lstat(full, &status) != 0)
		return;
	uint64_t hash = 0;
	if (S_ISLNK(status.st_mode)) {
		const ssize_t size = readlink(full, (char *)bytes, sizeof bytes);
		hash = hash_bytes(bytes, size < 0 ? 0 : (size_t)size);
	} else if (S_ISREG(status.st_mode)) {
		const int fd = open(full, O_RDONLY);
		const ssize_t size = read(fd, bytes, sizeof bytes);
		hash = hash_bytes(bytes, size < 0 ? 0 : (size_t)size);
		close(fd);
	}
	const ssize_t listed = llistxattr(full, names, sizeof names);
	const char *sorted[64];
	size_t count = 0;
	for (ssize_t i = 0; i < listed && count < 64; i += (ssize_t)strlen(names + i) + 1)
		if (strncmp(names + i, "user.", 5) == 0)
			sorted[count++] = names + i;
	qsort(sorted, count, sizeof *sorted, by_text);
	for (size_t i = 0; i < count; i++) {
		const ssize_t size = lgetxattr(full, sorted[i], value, sizeof value);
		add_xattr(more, sizeof more, sorted[i], value, size < 0 ? 0 : (size_t)size);
	}
	tree_line(tree, room, path, status.st_mode, status.st_uid, status.st_gid, status.st_nlink,
		  (uint64_t)status.st_size, hash, more);
	if (!S_ISDIR(status.st_mode))
		return;
	struct dirent **entries;
	const int n = scandir(full, &entries, NULL, NULL);
	const char *below[512];
	size_t below_count = 0;
	for (int i = 0; i < n; i++)
		if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0 &&
		    (path[0] || strcmp(entries[i]->d_name, "proc") != 0))
			below[below_count++] = entries[i]->d_name;
	qsort(below, below_count, sizeof *below, by_text);
	for (size_t i = 0; i < below_count; i++) {
		char next[4000];
		snprintf(next, sizeof next, "%s%s%s", path, path[0] ? "/" : "", below[i]);
		walk_disk(tree, room, next);
	}
}

static void make_beginnings(void)
{
	umask(0);
	for (size_t i = 0; i < COUNT(beginnings); i++) {
		const struct beginning *b = &beginnings[i];
		int r = 0;
		switch (b->type) {
		case 'd':
			r = mkdir(b->path, b->mode);
			break;
		case 'l':
			r = symlink(b->text, b->path);
			break;
		case 'h':
			r = link(b->text, b->path);
			break;
		case 'p':
			r = mknod(b->path, S_IFIFO | b->mode, 0);
			break;
		case 's':
			r = mknod(b->path, S_IFSOCK | b->mode, 0);
			break;
		default: {
			const int fd = open(b->path, O_WRONLY | O_CREAT, b->mode);
			r = write(fd, b->text, strlen(b->text)) < 0 ? -1 : close(fd);
			break;
		}
		}
		if (r != 0)
			_exit(9);
	}
	umask(022);
}

static void remove_all(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char below[4096];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    (strcmp(path, "/") == 0 && strcmp(entry->d_name, "proc") == 0))
			continue;
		snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
		if (unlink(below) == 0)
			continue;
		remove_all(below);
		rmdir(below);
	}
	if (dir)
		closedir(dir);
}

static void reset_root(void)
{
	remove_all("/");
	chmod("/", 0755);
	chown("/", 0, 0);
	char names[2048];
	const ssize_t size = listxattr("/", names, sizeof names);
	for (ssize_t i = 0; i < size; i += (ssize_t)strlen(names + i) + 1)
		removexattr("/", names + i);
}

static bool write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY);
	const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

static bool become_root(void)
{
	const unsigned uid = geteuid(), gid = getegid();
	if (uid == 0)
		return unshare(CLONE_NEWNS) == 0;
	char text[64];
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	snprintf(text, sizeof text, "0 %u 1", uid);
	if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", text))
		return false;
	snprintf(text, sizeof text, "0 %u 1", gid);
	return write_file("/proc/self/gid_map", text);
}

static bool enter_own_root(const char *folder)
{
	char proc[256];
	snprintf(proc, sizeof proc, "%s/proc", folder);
	return become_root() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", folder, "tmpfs", 0, "mode=0755") == 0 && mkdir(proc, 0555) == 0 &&
	       mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL) == 0 && chroot(folder) == 0 &&
	       chdir("/") == 0;
}

/* The server's end of a socket; out of the way of what sequences open. */
#define BARE_SOCKET TORN_FD_RESERVED

static void run_bare_one(uint32_t i)
{
	const pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit files = {TORN_FD_RESERVED, TORN_FD_RESERVED};
		close(BARE_SOCKET);
		setrlimit(RLIMIT_NOFILE, &files);
		alarm(10);
		make_beginnings();
		perform_all(&shared->sequences[i], &shared->bare[i]);
		syscall(SYS_close_range, 3, ~0u, 0);
		shared->bare[i].tree[0] = '\0';
		walk_disk(shared->bare[i].tree, sizeof shared->bare[i].tree, "");
		_exit(0);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		snprintf(shared->bare[i].failure, sizeof shared->bare[i].failure,
			 "the bare run ended with wait status %#x", (unsigned)status);
	reset_root();
}

/* One process mounts once and runs what it is told to, until nobody is there to tell it. */
static _Noreturn void serve_bare(const char *folder)
{
	is_bare = true;
	shared->bare_ready = enter_own_root(folder);
	if (!shared->bare_ready)
		snprintf(shared->bare_failure, sizeof shared->bare_failure, "%s", strerror(errno));
	shared->has_xattrs = setxattr("/", "user.probe", "", 0, 0) == 0;
	removexattr("/", "user.probe");
	char word = 0;
	while (write(BARE_SOCKET, &word, 1) == 1 && read(BARE_SOCKET, &word, 1) == 1)
		for (uint32_t i = 0; i < shared->count; i++)
			run_bare_one(i);
	_exit(0);
}

struct bare {
	pid_t pid;
	int socket;
};

static void bare_wait(const struct bare *bare)
{
	char word;
	assert_int_equal(read(bare->socket, &word, 1), 1);
}

static void bare_side(const struct bare *bare)
{
	const char word = 0;
	assert_int_equal(write(bare->socket, &word, 1), 1);
	bare_wait(bare);
}

static int bare_open(const char *folder, struct bare *bare)
{
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		return -1;
	bare->pid = fork();
	if (bare->pid < 0)
		return -1;
	if (bare->pid == 0) {
		const struct rlimit files = {TORN_FD_RESERVED + 1, TORN_FD_RESERVED + 1};
		setrlimit(RLIMIT_NOFILE, &files);
		dup2(sockets[1], BARE_SOCKET);
		close(0);
		open("/dev/null", O_RDONLY);
		for (int fd = 1; fd <= 2; fd++)
			dup2(open("/dev/null", O_WRONLY), fd);
		syscall(SYS_close_range, 3, BARE_SOCKET - 1, 0);
		serve_bare(folder);
	}
	close(sockets[1]);
	bare->socket = sockets[0];
	bare_wait(bare);
	return 0;
}

static void bare_close(const struct bare *bare)
{
	close(bare->socket);
	waitpid(bare->pid, NULL, 0);
}

/* ---------------------------------------------------------- the gate's side */

static uint32_t running; /* which sequence, in the worker */

static int operation(const struct torn_run *run)
{
	(void)run;
	perform_all(&shared->sequences[running], &shared->gate[running]);
	return 0;
}

static void walk_tree(char *tree, size_t room, const char *path, const struct torn_node *node)
{
	static const mode_t types[] = {[TORN_FILE] = S_IFREG, [TORN_DIRECTORY] = S_IFDIR,
				       [TORN_SYMLINK] = S_IFLNK, [TORN_FIFO] = S_IFIFO,
				       [TORN_SOCKET] = S_IFSOCK};
	static uint8_t bytes[1 << 23];
	char more[4096] = "";
	uint64_t hash = 0;
	if (node->type == TORN_SYMLINK)
		hash = hash_bytes(node->link.data, node->link.size);
	else if (node->type == TORN_FILE)
		hash = hash_bytes(bytes, torn_node_read(node, 0, bytes, sizeof bytes));
	for (uint32_t i = 0; i < node->xattrs_count; i++) {
		char name[300];
		snprintf(name, sizeof name, "%.*s", (int)node->xattrs[i].name.size,
			 (const char *)node->xattrs[i].name.data);
		add_xattr(more, sizeof more, name, node->xattrs[i].value.data, node->xattrs[i].value.size);
	}
	tree_line(tree, room, path, types[node->type] | node->mode, node->uid, node->gid, node->links,
		  node->size, hash, more);
	for (uint32_t i = 0; i < node->entries_count; i++) {
		char next[4000];
		snprintf(next, sizeof next, "%s%s%.*s", path, path[0] ? "/" : "",
			 (int)node->entries[i].name.size, (const char *)node->entries[i].name.data);
		walk_tree(tree, room, next, node->entries[i].node);
	}
}

static void gate_all(void *context, struct torn_lab *lab)
{
	struct torn_test *test = context;
	for (running = 0; running < shared->count; running++) {
		struct side *side = &shared->gate[running];
		struct torn_trial trial;
		lab->failure[0] = '\0';
		if (running > 0 && shared->gate[running - 1].failure[0])
			lab->on_disk = NULL; /* so that one that fails does not spoil the next */
		const int r = torn_trial_run(lab, &test->setup, &test->plan, TORN_TRIAL_PLAIN, &trial);
		side->tree[0] = '\0';
		if (r == TORN_HELD)
			walk_tree(side->tree, sizeof side->tree, "", trial.now);
		if (r != TORN_HELD || trial.end != TORN_RETURNED)
			snprintf(side->failure, sizeof side->failure, "result %d, end %d code %d: %s", r,
				 r == TORN_HELD ? (int)trial.end : -1, r == TORN_HELD ? trial.code : 0,
				 lab->failure);
	}
}

static void gate_side(struct torn_test *test)
{
	const struct torn_job job = {.job = gate_all, .again = torn_test_again, .context = test};
	char message[256] = "";
	if (torn_worker_do(&test->worker, &job, message, sizeof message) < 0)
		snprintf(shared->gate[running].failure, sizeof shared->gate[running].failure, "%s", message);
}

/* -------------------------------------------------------------- generating */

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(next(state) % limit);
}

#define PICK(state, table) ((table)[below(state, COUNT(table))])

/*
 * Two of three sequences are hopeful: they begin with a few open descriptors,
 * and mostly say what is there. The others say anything.
 */
static bool hopeful;

static const struct step opening[] = {
	{.call = TORN_CALL_open, .path = "f", .how = O_RDWR | O_NONBLOCK},
	{.call = TORN_CALL_open, .path = "d", .how = O_RDONLY | O_DIRECTORY},
	{.call = TORN_CALL_open, .path = "a", .how = O_RDWR | O_CREAT | O_NONBLOCK, .mode = 0644},
	{.call = TORN_CALL_open, .path = "x", .how = O_RDWR | O_TMPFILE, .mode = 0600},
	{.call = TORN_CALL_open, .path = "d/f", .how = O_RDWR | O_APPEND},
	{.call = TORN_CALL_setxattr, .path = "f", .name = "user.a", .size = 10},
	{.call = TORN_CALL_setxattr, .path = "d", .name = "user.b", .size = 100},
	{.call = TORN_CALL_mkdir, .path = "c", .mode = 0777},
	{.call = TORN_CALL_symlink, .path = "../d/f", .path_to = "x/b"},
};

static void make_path(uint64_t *state, char *to, size_t room)
{
	static const char *const names[] = {"a", "a", "b", "c", "d", "d", "d", "e", "f", "f", "g", "j", "k",
					    "l", "m", "o", "p", "s", "x", "x", "z", ".", "..", "5", "6"};
	static const char *const odd[] = {"", "/", "!", "$", "%", "//", ".", ".."};
	static const char *const there[] = {"f", "d", "d/e", "d/f", "d/g", "x", "l", "d/l", "m", "m/f", "a",
					    "c", "x/b", "/d/f", "p", "d/e/..", "z", "k", "j", "x/a", "b", "c/a",
					    "d/a", "x/b", "/f", "e", "g", "../f", "d/e/c", "j/b"};
	if (hopeful && below(state, 8)) {
		snprintf(to, room, "%s", PICK(state, there));
		return;
	}
	if (below(state, 40) == 0) {
		snprintf(to, room, "%s", PICK(state, odd));
		return;
	}
	size_t at = 0;
	if (below(state, 3) == 0)
		at += (size_t)snprintf(to, room, below(state, 8) == 0 ? "//" : "/");
	static const uint32_t depths[] = {1, 1, 1, 1, 2, 2, 2, 3, 3, 4};
	const uint32_t depth = PICK(state, depths);
	for (uint32_t i = 0; i < depth; i++) {
		const char *name = PICK(state, names);
		if ((name[0] == '5' || name[0] == '6') && below(state, 3))
			name = "a";
		at += (size_t)snprintf(to + at, room - at, "%s%s", i ? "/" : "", name);
	}
	if (below(state, 8) == 0)
		snprintf(to + at, room - at, "/");
}

static int make_fd(uint64_t *state)
{
	const uint32_t which = below(state, 40);
	static const int odd[] = {-1, 11, 999, 1001, 1002, AT_FDCWD, INT32_MAX};
	if (hopeful && which)
		return 3 + (int)below(state, 6);
	return which == 0 ? PICK(state, odd) : 3 + (int)below(state, which < 30 ? 3 : 6);
}

static int make_dirfd(uint64_t *state)
{
	if (hopeful)
		return below(state, 12) == 0 ? make_fd(state) : below(state, 4) ? AT_FDCWD : 4;
	return below(state, 3) ? AT_FDCWD : make_fd(state);
}

static int64_t make_offset(uint64_t *state)
{
	static const int64_t offsets[] = {0, 0, 0, 1, 2, 3, 5, 10, 100, 4095, 4096, 4097, 8192, 10000, -1, -5};
	return PICK(state, offsets);
}

static uint64_t make_size(uint64_t *state)
{
	static const uint64_t sizes[] = {0, 1, 1, 2, 3, 4, 10, 100, 1000, 2000};
	static const uint64_t large[] = {4095, 4096, 4097, 8000, 12000};
	return below(state, 5) ? PICK(state, sizes) : PICK(state, large);
}

static uint32_t make_open_flags(uint64_t *state)
{
	static const uint32_t more[] = {O_CREAT, O_CREAT, O_CREAT, O_EXCL, O_TRUNC, O_TRUNC, O_APPEND,
					O_NOFOLLOW, O_DIRECTORY, O_PATH, O_CLOEXEC, O_TMPFILE, O_SYNC,
					O_DSYNC, O_NOATIME, O_NOCTTY, 0, 0};
	uint32_t flags = below(state, 24) == 0 ? 3 : below(state, 3);
	for (uint32_t n = below(state, 4); n > 0; n--)
		flags |= PICK(state, more);
	if (flags & O_CREAT)
		flags &= ~(uint32_t)O_TMPFILE; /* O_DIRECTORY is part of it */
	return flags | O_NONBLOCK; /* a FIFO would have it wait for ever */
}

/* A magic link: only where it is followed. */
static void make_magic(uint64_t *state, struct step *step)
{
	switch (step->call) {
	case TORN_CALL_open:
	case TORN_CALL_openat:
		if (step->how & (O_PATH | O_NOFOLLOW | O_EXCL))
			return;
		break;
	case TORN_CALL_linkat:
		if (!(step->how & AT_SYMLINK_FOLLOW))
			return;
		break;
	case TORN_CALL_newfstatat:
	case TORN_CALL_fchownat:
	case TORN_CALL_utimensat:
		if (step->how & AT_SYMLINK_NOFOLLOW)
			return;
		break;
	case TORN_CALL_stat:
	case TORN_CALL_access:
	case TORN_CALL_truncate:
	case TORN_CALL_chmod:
	case TORN_CALL_chown:
	case TORN_CALL_chdir:
	case TORN_CALL_setxattr:
	case TORN_CALL_getxattr:
	case TORN_CALL_readlink:
		break;
	default:
		return;
	}
	snprintf(step->path, sizeof step->path, "/proc/self/fd/%u%s", below(state, 6) ? 3 + below(state, 2) : 7,
		 below(state, 3) || step->call == TORN_CALL_linkat ? "" : below(state, 2) ? "/a" : "/");
}

static void make_flags(uint64_t *state, struct step *step)
{
	static const uint32_t at[] = {0, 0, 0, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH,
				      AT_EMPTY_PATH, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, 0x8, AT_NO_AUTOMOUNT};
	switch (step->call) {
	case TORN_CALL_open:
	case TORN_CALL_openat:
	case TORN_CALL_openat2:
		step->how = make_open_flags(state);
		if (step->call == TORN_CALL_openat2 && !(step->how & O_CREAT) && (step->how & O_TMPFILE) != O_TMPFILE &&
		    below(state, 8))
			step->mode = 0; /* openat2(2): EINVAL for a mode without a creation */
		break;
	case TORN_CALL_newfstatat:
	case TORN_CALL_statx:
	case TORN_CALL_fchownat:
	case TORN_CALL_utimensat:
	case TORN_CALL_fchmodat2:
		step->how = PICK(state, at);
		break;
	case TORN_CALL_faccessat2: {
		static const uint32_t flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EACCESS, 0x8};
		step->how = PICK(state, flags);
		break;
	}
	case TORN_CALL_linkat: {
		static const uint32_t flags[] = {0, 0, AT_SYMLINK_FOLLOW, AT_SYMLINK_FOLLOW, 0x8};
		step->how = PICK(state, flags);
		if (geteuid() == 0 && below(state, 6) == 0) /* needs CAP_DAC_READ_SEARCH */
			step->how = AT_EMPTY_PATH;
		break;
	}
	case TORN_CALL_unlinkat: {
		static const uint32_t flags[] = {0, 0, AT_REMOVEDIR, AT_REMOVEDIR, 0x8};
		step->how = PICK(state, flags);
		break;
	}
	case TORN_CALL_renameat2: {
		static const uint32_t flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE,
						 RENAME_NOREPLACE | RENAME_EXCHANGE, 0x10};
		step->how = PICK(state, flags);
		break;
	}
	case TORN_CALL_dup3: {
		static const uint32_t flags[] = {0, O_CLOEXEC, O_CLOEXEC, O_NONBLOCK};
		step->how = PICK(state, flags);
		break;
	}
	case TORN_CALL_close_range: {
		static const uint32_t flags[] = {0, 0, 4, 8};
		step->how = PICK(state, flags);
		if (below(state, 10))
			step->fd_to = step->fd;
		break;
	}
	case TORN_CALL_fcntl: {
		static const uint32_t commands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL,
						    F_SETFL, F_SETFL};
		static const int64_t status[] = {O_APPEND, 0, O_APPEND | O_RDWR, O_NOATIME};
		static const int64_t numbers[] = {0, 3, 5, 999, 1000, 1001, -1};
		step->how = PICK(state, commands);
		step->offset = step->how == F_SETFL ? PICK(state, status) | O_NONBLOCK
			     : step->how == F_SETFD ? (int64_t)below(state, 2)
						    : PICK(state, numbers);
		break;
	}
	case TORN_CALL_fallocate: {
		static const uint32_t modes[] = {0, 0, FALLOC_FL_KEEP_SIZE,
						 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						 FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE,
						 FALLOC_FL_COLLAPSE_RANGE, 0x80};
		step->how = PICK(state, modes);
		break;
	}
	case TORN_CALL_flock: {
		static const uint32_t operations[] = {LOCK_SH | LOCK_NB, LOCK_EX | LOCK_NB, LOCK_UN, 0};
		step->how = PICK(state, operations);
		break;
	}
	case TORN_CALL_setxattr:
	case TORN_CALL_lsetxattr:
	case TORN_CALL_fsetxattr: {
		static const uint32_t flags[] = {0, 0, XATTR_CREATE, XATTR_REPLACE,
						 XATTR_CREATE | XATTR_REPLACE, 8};
		step->how = PICK(state, flags);
		break;
	}
	default:
		step->how = 0;
		break;
	}
}

static uint32_t make_mode(uint64_t *state, enum torn_call call)
{
	static const uint32_t modes[] = {0644, 0600, 0755, 0777, 0, 0400, 04755, 02755, 01777, 0170644};
	static const uint32_t access_modes[] = {F_OK, R_OK, W_OK, X_OK, R_OK | W_OK | X_OK, 8};
	static const uint32_t whences[] = {SEEK_SET, SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 9};
	static const uint32_t nodes[] = {0, S_IFREG | 0644, S_IFIFO | 0600, S_IFSOCK | 0666, S_IFDIR | 0755,
					 S_IFLNK | 0777, 0xf000 | 0644};
	switch (torn_call_kind(call)) {
	case TORN_KIND_access:
		return PICK(state, access_modes);
	case TORN_KIND_seek:
		return PICK(state, whences);
	case TORN_KIND_mknod:
		return PICK(state, nodes);
	case TORN_KIND_open:
		return PICK(state, modes) & (call == TORN_CALL_openat2 && below(state, 8) ? 07777 : ~0u);
	default:
		return PICK(state, modes);
	}
}

static bool is_in(enum torn_call call, const enum torn_call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i] == call)
			return true;
	return false;
}

static enum torn_call make_call(uint64_t *state, bool has_xattrs)
{
	/* Often, because all else needs what they make. */
	static const enum torn_call often[] = {
		TORN_CALL_open, TORN_CALL_openat, TORN_CALL_open, TORN_CALL_write, TORN_CALL_mkdir,
		TORN_CALL_mkdirat, TORN_CALL_renameat2, TORN_CALL_rename, TORN_CALL_unlink, TORN_CALL_linkat,
		TORN_CALL_symlink, TORN_CALL_newfstatat, TORN_CALL_fstat, TORN_CALL_read, TORN_CALL_chdir,
		TORN_CALL_rmdir, TORN_CALL_getdents64};
	/* See the top of this file; umask is no FILE call and comes in too. */
	static const enum torn_call never[] = {TORN_CALL_ioctl, TORN_CALL_mmap, TORN_CALL_sync,
					       TORN_CALL_splice};
	if (below(state, 2))
		return PICK(state, often);
	/* A sequence that closes what it has is soon without anything. */
	static const enum torn_call closing[] = {TORN_CALL_close, TORN_CALL_close_range};
	for (;;) {
		const enum torn_call call = (enum torn_call)(1 + below(state, TORN_CALL_COUNT - 1));
		if (call == TORN_CALL_umask)
			return call;
		if (hopeful && is_in(call, closing, COUNT(closing)) && below(state, 4))
			continue;
		if (torn_call_row(call)->class != TORN_CLASS_FILE || is_in(call, never, COUNT(never)))
			continue;
		if (!has_xattrs && (torn_call_kind(call) == TORN_KIND_setxattr ||
				    torn_call_kind(call) == TORN_KIND_getxattr))
			continue;
		return call;
	}
}

static bool has_fchmodat2;

static struct step make_step(uint64_t *state)
{
	static const char *const names[] = {"user.a", "user.a", "user.a", "user.b", "user.", "bogus.a", "", "!"};
	static const char *const texts[] = {"f", "/f", "../f", "d/", "/", "..", ".", "a/b", "o", "", "5", "%", "$"};
	struct step step = {.call = make_call(state, shared->has_xattrs)};
	if (step.call == TORN_CALL_fchmodat2 && !has_fchmodat2)
		step.call = TORN_CALL_fchmodat;
	const char *signature = torn_call_row(step.call)->signature;
	step.fd = signature[0] == 'd' ? make_dirfd(state) : make_fd(state);
	if (step.call == TORN_CALL_close && below(state, 10) == 0)
		step.fd = (int)below(state, 3); /* what they lead to is the machine's */
	step.fd_to = strchr(signature, 'D') ? make_dirfd(state) : make_fd(state);
	make_path(state, step.path, sizeof step.path);
	if (signature[0] == 't')
		snprintf(step.path, sizeof step.path, "%s", PICK(state, texts));
	make_path(state, step.path_to, sizeof step.path_to);
	snprintf(step.name, sizeof step.name, "%s", PICK(state, names));
	step.offset = make_offset(state);
	step.offset_to = make_offset(state);
	step.size = make_size(state);
	if (torn_call_kind(step.call) == TORN_KIND_truncate && below(state, 8) == 0)
		step.size = (uint64_t)-1;
	step.pieces = below(state, 4);
	if (strchr(signature, 'v'))
		step.size = step.size > 4096 ? 4096 : step.size;
	if (step.size > sizeof buffer && strchr(signature, 'b'))
		step.size = sizeof buffer;
	step.fill = (uint8_t)next(state);
	static const uint32_t ids[] = {0, (uint32_t)-1, (uint32_t)-1, 1, 1000};
	step.uid = PICK(state, ids);
	step.gid = PICK(state, ids);
	if (geteuid() != 0) { /* one id is mapped in the user namespace, and its root is none for set-ID bits */
		step.uid = step.uid == (uint32_t)-1 ? step.uid : 0;
		step.gid = step.gid == (uint32_t)-1 ? step.gid : 0;
	}
	if (step.fd >= TORN_FD_RESERVED && step.fd == step.fd_to)
		step.fd_to = 3; /* dup3 looks at the numbers first: EINVAL, the gate says EBADF */
	step.mode = make_mode(state, step.call);
	if (geteuid() != 0 && torn_call_kind(step.call) != TORN_KIND_mknod)
		step.mode &= ~06000u;
	make_flags(state, &step);
	if (hopeful && strchr(signature, 'x')) {
		snprintf(step.name, sizeof step.name, below(state, 3) ? "user.a" : "user.b");
		snprintf(step.path, sizeof step.path, below(state, 3) ? "f" : "d");
		step.fd = below(state, 3) ? 3 : 4;
	}
	if (torn_call_kind(step.call) == TORN_KIND_copy) {
		if (below(state, 2))
			step.offset = INT64_MIN;
		if (below(state, 2))
			step.offset_to = INT64_MIN;
		step.how = below(state, 10) == 0;
		if (step.offset < 0 && step.offset != INT64_MIN)
			step.offset = 0; /* kernels differ in what they look at first */
		if (step.offset_to < 0 && step.offset_to != INT64_MIN)
			step.offset_to = 0;
	}
	if ((step.call == TORN_CALL_preadv2 || step.call == TORN_CALL_pwritev2) && below(state, 2))
		step.offset = -1;
	if ((step.how & AT_EMPTY_PATH) && strchr(signature, 'p') && strchr(signature, 'd') &&
	    torn_call_kind(step.call) != TORN_KIND_open && torn_call_kind(step.call) != TORN_KIND_rename &&
	    below(state, 4))
		step.path[0] = '\0';
	/* Kernels differ in what they look at first: one thing wrong at a time. */
	if (strcmp(step.path, "!") == 0 && signature[1] != '\0' && signature[1] != 'm')
		snprintf(step.path, sizeof step.path, "f");
	if (strcmp(step.path_to, "!") == 0)
		snprintf(step.path_to, sizeof step.path_to, "a");
	if ((step.call == TORN_CALL_mknod || step.call == TORN_CALL_access) && strcmp(step.path, "!") == 0)
		snprintf(step.path, sizeof step.path, "a");
	if (strchr(signature, 'x') && signature[0] == 'f' && step.fd == AT_FDCWD)
		step.fd = -1; /* the working directory since Linux 6.13 */
	if (strlen(step.name) < 5 && strchr(signature, 'x')) {
		snprintf(step.path, sizeof step.path, "f");
		if (signature[0] == 'f')
			snprintf(step.name, sizeof step.name, "user.a");
	}
	if (below(state, 12) == 0)
		make_magic(state, &step);
	return step;
}

static void make_sequence(uint64_t seed, struct sequence *sequence)
{
	uint64_t state = seed * UINT64_C(0x2545f4914f6cdd1d);
	sequence->seed = seed;
	sequence->count = 12 + below(&state, STEPS_MAX - 12);
	hopeful = seed % 3 != 0;
	uint32_t i = 0;
	for (size_t at = 0; hopeful && at < COUNT(opening); at++)
		if (shared->has_xattrs || opening[at].call != TORN_CALL_setxattr)
			sequence->steps[i++] = opening[at];
	for (; i < sequence->count; i++)
		sequence->steps[i] = make_step(&state);
}

/* ------------------------------------------------------------- comparing */

static bool same_outcome(const struct outcome *a, const struct outcome *b)
{
	return a->result == b->result && a->hash == b->hash;
}

/* The first step that differs; `count` and more for a descriptor in the end; -1: none. */
static int first_difference(uint32_t i)
{
	const struct side *gate = &shared->gate[i], *bare = &shared->bare[i];
	const uint32_t count = shared->sequences[i].count;
	for (uint32_t at = 0; at < count; at++)
		if (at >= gate->done || at >= bare->done ||
		    !same_outcome(&gate->outcomes[at], &bare->outcomes[at]))
			return (int)at;
	if (gate->failure[0] || bare->failure[0])
		return (int)count;
	for (uint32_t at = count; at < count + FDS_SHOWN; at++)
		if (!same_outcome(&gate->outcomes[at], &bare->outcomes[at]))
			return (int)at;
	return strcmp(gate->tree, bare->tree) == 0 ? -1 : (int)count + FDS_SHOWN;
}

static void run_both(struct torn_test *test, const struct bare *bare)
{
	memset(shared->gate, 0, shared->count * sizeof *shared->gate);
	memset(shared->bare, 0, shared->count * sizeof *shared->bare);
	bare_side(bare);
	gate_side(test);
}

/* Leave out each step without which the two still differ. */
static void minimise(struct torn_test *test, const struct bare *bare, const struct sequence *from)
{
	struct sequence best = *from;
	shared->count = 1;
	for (bool smaller = true; smaller;) {
		smaller = false;
		for (uint32_t i = best.count; i-- > 0;) {
			struct sequence *tried = &shared->sequences[0];
			*tried = best;
			memmove(&tried->steps[i], &tried->steps[i + 1],
				(best.count - i - 1) * sizeof *tried->steps);
			tried->count--;
			run_both(test, bare);
			if (first_difference(0) < 0)
				continue;
			best = *tried;
			smaller = true;
		}
	}
	shared->sequences[0] = best;
	run_both(test, bare);
}

static void print_step(const struct step *step)
{
	const char *signature = torn_call_row(step->call)->signature;
	printf("%s(", torn_call_name(step->call));
	for (int i = 0; signature[i]; i++) {
		printf(i ? ", " : "");
		switch (signature[i]) {
		case 'd': case 'f': printf(step->fd == AT_FDCWD ? "AT_FDCWD" : "%d", step->fd); break;
		case 'D': case 'g': printf(step->fd_to == AT_FDCWD ? "AT_FDCWD" : "%d", step->fd_to); break;
		case 'p': case 't': printf("\"%s\"", step->path); break;
		case 'P': printf("\"%s\"", step->path_to); break;
		case 'x': printf("\"%s\"", step->name); break;
		case 'b': printf("buffer"); break;
		case 'v': printf("%lu each", (unsigned long)step->size); break;
		case 'c': printf("%u", step->pieces); break;
		case 'n': case 'z': printf("%ld", (long)step->size); break;
		case 'o': printf("%ld", (long)step->offset); break;
		case 'F': printf("%#x", step->how); break;
		case 'm': printf("%#o", step->mode); break;
		case 'u': printf("%d", (int)step->uid); break;
		case 'i': printf("%d", (int)step->gid); break;
		case 'h': printf("{%#x, %#o}", step->how, step->mode); break;
		default: printf("offset %ld/%ld mode %u", (long)step->offset, (long)step->offset_to, step->mode); break;
		}
	}
	printf(")");
}

static void print_outcome(const char *who, const struct outcome *outcome, bool done)
{
	printf("\n      %s: ", who);
	if (!done)
		printf("never came back");
	else if (outcome->result < 0)
		printf("%s", torn_errno_name((int)-outcome->result) ? torn_errno_name((int)-outcome->result) : "?");
	else
		printf("%ld", (long)outcome->result);
	printf("  %s", outcome->text);
}

static void print_tree_difference(const char *gate, const char *bare)
{
	while (*gate && *bare) {
		const size_t a = strcspn(gate, "\n"), b = strcspn(bare, "\n");
		if (a != b || memcmp(gate, bare, a) != 0)
			break;
		gate += a + 1;
		bare += b + 1;
	}
	printf("    first line of the trees that differs:\n      gate: %.*s\n      bare: %.*s\n",
	       (int)strcspn(gate, "\n"), gate, (int)strcspn(bare, "\n"), bare);
}

static void print_sequence(void)
{
	const struct sequence *sequence = &shared->sequences[0];
	const struct side *gate = &shared->gate[0], *bare = &shared->bare[0];
	const int differs = first_difference(0);
	printf("  seed %lu differs, at its shortest:\n", (unsigned long)sequence->seed);
	for (uint32_t i = 0; i < sequence->count; i++) {
		printf("    ");
		print_step(&sequence->steps[i]);
		if ((int)i == differs) {
			print_outcome("gate", &gate->outcomes[i], i < gate->done);
			print_outcome("bare", &bare->outcomes[i], i < bare->done);
		} else {
			printf(" = %ld %s", (long)bare->outcomes[i].result, bare->outcomes[i].text);
		}
		printf("\n");
	}
	if (gate->failure[0] || bare->failure[0])
		printf("    gate: %s; bare: %s\n", gate->failure, bare->failure);
	else if (differs >= (int)sequence->count && differs < (int)sequence->count + FDS_SHOWN) {
		printf("    descriptor %d:", differs - (int)sequence->count);
		print_outcome("gate", &gate->outcomes[differs], true);
		print_outcome("bare", &bare->outcomes[differs], true);
		printf("\n");
	} else if (differs >= (int)sequence->count) {
		print_tree_difference(gate->tree, bare->tree);
	}
}

/* What differed, in short, before it is cut down. */
static void note(uint32_t i, char *to, size_t size)
{
	const struct side *gate = &shared->gate[i], *bare = &shared->bare[i];
	const int at = first_difference(i);
	const bool in_outcomes = at < (int)shared->sequences[i].count + FDS_SHOWN;
	snprintf(to, size, "    step %d: gate %ld %s, bare %ld %s; %s %s\n", at,
		 in_outcomes ? (long)gate->outcomes[at].result : 0, in_outcomes ? gate->outcomes[at].text : "",
		 in_outcomes ? (long)bare->outcomes[at].result : 0, in_outcomes ? bare->outcomes[at].text : "",
		 gate->failure, bare->failure);
}

/* -------------------------------------------------------------------- test */

struct fixture {
	struct torn_test *test;
	struct bare bare;
	char folder[32];
};

static int set_up(void **state)
{
	static struct fixture fixture;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(fixture.folder, sizeof fixture.folder, "/tmp/torn-kernel-XXXXXX");
	if (shared == MAP_FAILED || !mkdtemp(fixture.folder))
		return -1;
	has_fchmodat2 = syscall(452, -1, "", 0, 0) < 0 && errno != ENOSYS;
	if (bare_open(fixture.folder, &fixture.bare) < 0)
		return -1;
	fixture.test = torn_test_open(beginnings_text());
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	torn_test_close(fixture->test);
	bare_close(&fixture->bare);
	munmap(shared, sizeof *shared);
	return rmdir(fixture->folder);
}

static int nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static void test_every_call_under_the_gate_is_as_on_the_bare_kernel(void **state)
{
	struct fixture *fixture = *state;
	struct torn_test *test = fixture->test;
	assert_int_equal(torn_test_run(test, nothing, ""), 0);
	test->variants[0].operation = operation;
	if (!shared->bare_ready) {
		print_message("no bare run: %s\n", shared->bare_failure);
		skip();
	}
	unsigned reports = 0;
	for (uint64_t seed = SEED_FIRST; seed < SEED_FIRST + SEQUENCES && reports < REPORTS_MAX;) {
		for (shared->count = 0; shared->count < BATCH; shared->count++)
			make_sequence(seed++, &shared->sequences[shared->count]);
		run_both(test, &fixture->bare);
		static struct sequence differing[BATCH];
		static char notes[BATCH][700];
		uint32_t count = 0;
		for (uint32_t i = 0; i < BATCH; i++)
			if (first_difference(i) >= 0) {
				note(i, notes[count], sizeof notes[count]);
				differing[count++] = shared->sequences[i];
			}
		for (uint32_t i = 0; i < count && reports < REPORTS_MAX; i++, reports++) {
			minimise(test, &fixture->bare, &differing[i]);
			print_sequence();
			if (first_difference(0) < 0)
				printf("    alone it does not differ: only after those before it\n%s", notes[i]);
		}
	}
	assert_int_equal(reports, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_every_call_under_the_gate_is_as_on_the_bare_kernel, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
