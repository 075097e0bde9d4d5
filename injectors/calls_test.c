/*
 * calls_test.c: every call of class FILE in calls.def, old form and new, made by
 * syscall(2) under the gate: what it returns, what it gives, what it does to the
 * tree and how the log tells it. A row of calls.def without a case here fails.
 *
 * Each case begins with these descriptors, and its call is op 4:
 *   3  srv/f, read and write     6  a pipe to read from, "pipe" is in it
 *   4  srv/d, a directory        7  the same pipe to write to
 *   5  srv/e, read and write
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"

static const char olds[] = "old srv/d dir mode=0750\n"
			   "old srv/d/g file inner\n"
			   "old srv/e file EEEE\n"
			   "old srv/f file mode=0640 xattr=user.a:one 0123456789\n"
			   "old srv/l symlink f\n"
			   "old srv/v dir\n";

#define OPENED_OPS 3
#define FD_NEXT 8 /* what the next open gives */
#define COUNT(table) (sizeof(table) / sizeof *(table))
#define TEXT(text) (long)(text)

struct shared {
	long result;
	bool after;
	int64_t offsets[2];
	uint8_t out[4096];
	struct iovec into[2]; /* 2 and 3 bytes of `out` */
	long results[TORN_CALL_COUNT];
};

static struct shared *shared;

struct row {
	enum torn_call call;
	long arg[6];
	long result; /* or -errno; ANY: above 0 */
	const char *path, *path_to; /* of the op; NULL: it is no op */
	uint32_t flags; /* beside TORN_OP_PERFORMED */
	/* what became of the tree: lines "PATH: NODE", as describe() has it; NULL: nothing */
	const char *effects;
	const char *given; /* bytes in `out` */
	const char *data;  /* of the op */
	uint64_t offset;
	bool (*after)(void); /* asked in the target, by more calls */
};

#define ANY LONG_MIN
#define NOT_AN_OP NULL

static long call6(long number, const long a[6])
{
	const long r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r < 0 ? -errno : r;
}

#define CALL6(number, ...) call6(number, (const long[6]){__VA_ARGS__})

/* ------------------------------------------------------------ afterwards */

static bool has_descriptors_6_and_7_only(void)
{
	return CALL6(SYS_fcntl, 3, F_GETFD) == -EBADF && CALL6(SYS_fcntl, 5, F_GETFD) == -EBADF &&
	       CALL6(SYS_fcntl, 6, F_GETFD) == 0 && CALL6(SYS_fcntl, 7, F_GETFD) == 0;
}

static bool closed_3(void)
{
	return CALL6(SYS_fcntl, 3, F_GETFD) == -EBADF;
}

static bool shares_its_offset(void)
{
	return CALL6(SYS_lseek, 3, 5, SEEK_SET) == 5 &&
	       CALL6(SYS_lseek, (long)shared->result, 0, SEEK_CUR) == 5;
}

static bool shares_and_closes_on_exec(void)
{
	return shares_its_offset() && CALL6(SYS_fcntl, shared->result, F_GETFD) == FD_CLOEXEC;
}

static bool stands_at(long offset)
{
	return CALL6(SYS_lseek, 3, 0, SEEK_CUR) == offset;
}

static bool stands_at_0(void) { return stands_at(0); }
static bool stands_at_3(void) { return stands_at(3); }
static bool stands_at_4(void) { return stands_at(4); }
static bool stands_at_5(void) { return stands_at(5); }
static bool stands_at_8(void) { return stands_at(8); }

static bool offset_is_5(void)
{
	return shared->offsets[0] == 5 && stands_at(0);
}

/* A write after the call goes where the call left the descriptor. */
static bool writes_behind_it(void)
{
	return CALL6(SYS_write, 3, TEXT("X"), 1) == 1;
}

static bool is_locked(void)
{
	const long other = CALL6(SYS_open, TEXT("/srv/f"), O_RDWR);
	return CALL6(SYS_flock, other, LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}

static bool maps_the_bytes(void)
{
	return memcmp((const void *)shared->result, "0123456789", 10) == 0 &&
	       CALL6(SYS_munmap, shared->result, 4096) == 0;
}

static bool is_stat_of(mode_t mode, long size, nlink_t links)
{
	struct stat status;
	memcpy(&status, shared->out, sizeof status);
	return status.st_mode == mode && status.st_size == size && status.st_nlink == links &&
	       status.st_uid == 0 && status.st_ino != 0;
}

static bool is_stat_of_f(void) { return is_stat_of(S_IFREG | 0640, 10, 1); }
static bool is_stat_of_l(void) { return is_stat_of(S_IFLNK | 0777, 1, 1); }
static bool is_stat_of_g(void) { return is_stat_of(S_IFREG | 0644, 5, 1); }

static bool is_statx_of_g(void)
{
	struct statx status;
	memcpy(&status, shared->out, sizeof status);
	return status.stx_mode == (S_IFREG | 0644) && status.stx_size == 5 && status.stx_nlink == 1 &&
	       (status.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS;
}

static bool is_statfs(void)
{
	struct statfs status;
	memcpy(&status, shared->out, sizeof status);
	return status.f_namelen == 255 && status.f_bsize == 4096 && status.f_bavail > 0;
}

static bool lists_g(void)
{
	static const char *const names[] = {".", "..", "g"};
	static const uint8_t types[] = {DT_DIR, DT_DIR, DT_REG};
	size_t at = 0, i = 0;
	for (; at < (size_t)shared->result && i < 3; i++) {
		const struct dirent64 *entry = (const void *)(shared->out + at);
		if (strcmp(entry->d_name, names[i]) != 0 || entry->d_type != types[i])
			return false;
		at += entry->d_reclen;
	}
	return i == 3 && at == (size_t)shared->result &&
	       CALL6(SYS_getdents64, 4, (long)shared->out, 1024) == 0;
}

static bool works_in_srv_d(void)
{
	return CALL6(SYS_getcwd, (long)shared->out, 100) == 7 &&
	       strcmp((const char *)shared->out, "/srv/d") == 0 && CALL6(SYS_access, TEXT("g"), F_OK) == 0;
}

static bool was_modified_at(long seconds, long ns)
{
	struct stat status;
	return CALL6(SYS_stat, TEXT("/srv/f"), (long)&status) == 0 && status.st_mtim.tv_sec == seconds &&
	       status.st_mtim.tv_nsec == ns;
}

static bool was_modified_at_7(void) { return was_modified_at(7, 0); }
static bool was_modified_at_7_us(void) { return was_modified_at(7, 8000); }
static bool was_modified_at_7_ns(void) { return was_modified_at(7, 8); }

/* ------------------------------------------------------------------ cases */

static const struct open_how read_only = {.flags = O_RDONLY};
static const struct open_how no_such_flag = {.flags = UINT64_C(1) << 30};
static const struct iovec two_pieces[] = {{(char *)"ab", 2}, {(char *)"cde", 3}};
static const long times_s[] = {6, 7};
static const long times_us[] = {6, 0, 7, 8};

#define F_IS(mode_and_more, bytes) "srv/f: file " mode_and_more " " bytes "\n"
#define F_BYTES(bytes) F_IS("0640 user.a=one", bytes)
#define N_IS(what) "srv/n: " what "\n"
#define F TEXT("/srv/f")
#define L TEXT("/srv/l")
#define N TEXT("/srv/n")
#define OUT (long)shared->out
#define CASE(name, ...) {.call = TORN_CALL_##name, .arg = {__VA_ARGS__}

static const struct row *rows(size_t *ret_count)
{
	const struct row list[] = {
		/* opening and closing */
		CASE(open, N, O_WRONLY | O_CREAT | O_EXCL, 0666), .result = FD_NEXT, .path = "srv/n",
		 .flags = TORN_OP_CREATES, .effects = N_IS("file 0644 ")},
		CASE(open, L, O_WRONLY | O_TRUNC), .result = FD_NEXT, .path = "srv/f", .effects = F_BYTES("")},
		CASE(open, F, O_WRONLY | O_CREAT | O_EXCL, 0666), .result = -EEXIST, .path = "srv/f"},
		CASE(open, L, O_RDONLY | O_NOFOLLOW), .result = -ELOOP, .path = "srv/l"},
		CASE(creat, L, 0600), .result = FD_NEXT, .path = "srv/f", .effects = F_BYTES("")},
		CASE(openat, 4, TEXT("n"), O_RDWR | O_CREAT, 0600), .result = FD_NEXT, .path = "srv/d/n",
		 .flags = TORN_OP_CREATES, .effects = "srv/d/n: file 0600 \n"},
		CASE(openat, 4, TEXT("."), O_RDWR | O_TMPFILE, 0600), .result = FD_NEXT, .path = "srv/d",
		 .flags = TORN_OP_CREATES},
		CASE(openat2, 4, TEXT("../e"), TEXT(&read_only), sizeof read_only), .result = FD_NEXT,
		 .path = "srv/e"},
		CASE(openat2, 4, TEXT("../e"), TEXT(&no_such_flag), sizeof no_such_flag), .result = -EINVAL,
		 .path = "srv/e"},
		CASE(close, 3), .path = "srv/f", .after = closed_3},
		CASE(close_range, 3, 5, 0), .path = NOT_AN_OP, .after = has_descriptors_6_and_7_only},
		CASE(close_range, 5, 3, 0), .result = -EINVAL, .path = NOT_AN_OP},
		CASE(dup, 3), .result = FD_NEXT, .path = "srv/f", .after = shares_its_offset},
		CASE(dup2, 3, 20), .result = 20, .path = "srv/f", .after = shares_its_offset},
		CASE(dup3, 3, 21, O_CLOEXEC), .result = 21, .path = "srv/f", .after = shares_and_closes_on_exec},
		CASE(dup3, 3, 3, O_CLOEXEC), .result = -EINVAL, .path = "srv/f"},
		CASE(fcntl, 3, F_DUPFD_CLOEXEC, 30), .result = 30, .path = "srv/f",
		 .after = shares_and_closes_on_exec},
		CASE(fcntl, 3, F_GETFL), .result = O_RDWR | 0100000, .path = "srv/f"},

		/* bytes */
		CASE(read, 3, OUT, 4), .result = 4, .path = "srv/f", .given = "0123", .after = stands_at_4},
		CASE(pread64, 3, OUT, 3, 5), .result = 3, .path = "srv/f", .given = "567", .offset = 5,
		 .after = stands_at_0},
		CASE(readv, 3, (long)shared->into, 2), .result = 5, .path = "srv/f", .given = "01234",
		 .after = stands_at_5},
		CASE(preadv, 3, (long)shared->into, 2, 4), .result = 5, .path = "srv/f", .given = "45678",
		 .offset = 4, .after = stands_at_0},
		CASE(preadv2, 3, (long)shared->into, 2, -1), .result = 5, .path = "srv/f", .given = "01234",
		 .after = stands_at_5},
		CASE(write, 3, TEXT("new"), 3), .result = 3, .path = "srv/f", .data = "new",
		 .effects = F_BYTES("new3456789"), .after = stands_at_3},
		CASE(pwrite64, 3, TEXT("xy"), 2, 12), .result = 2, .path = "srv/f", .data = "xy", .offset = 12,
		 .flags = TORN_OP_EXTENDS, .effects = F_BYTES("0123456789..xy"), .after = stands_at_0},
		CASE(writev, 3, TEXT(two_pieces), 2), .result = 5, .path = "srv/f", .data = "abcde",
		 .effects = F_BYTES("abcde56789"), .after = stands_at_5},
		CASE(pwritev, 3, TEXT(two_pieces), 2, 4), .result = 5, .path = "srv/f", .data = "abcde",
		 .offset = 4, .effects = F_BYTES("0123abcde9"), .after = stands_at_0},
		CASE(pwritev2, 3, TEXT(two_pieces), 2, -1), .result = 5, .path = "srv/f", .data = "abcde",
		 .effects = F_BYTES("abcde56789"), .after = stands_at_5},
		CASE(pwritev2, 3, TEXT(two_pieces), 2, 4), .result = 5, .path = "srv/f", .data = "abcde",
		 .offset = 4, .effects = F_BYTES("0123abcde9"), .after = stands_at_0},
		CASE(lseek, 3, -2, SEEK_END), .result = 8, .path = "srv/f", .after = stands_at_8},
		CASE(lseek, 3, -20, SEEK_END), .result = -EINVAL, .path = "srv/f", .after = stands_at_0},
		CASE(sendfile, 5, 3, (long)&shared->offsets[0], 3), .result = 3, .path = "srv/e", .data = "234",
		 .effects = "srv/e: file 0644 234E\n", .after = offset_is_5},
		CASE(sendfile, 7, 3, 0, 4), .result = 4, .path = NOT_AN_OP, .after = writes_behind_it,
		 .effects = F_BYTES("0123X56789")},
		CASE(copy_file_range, 3, (long)&shared->offsets[0], 5, (long)&shared->offsets[1], 3, 0),
		 .result = 3, .path = "srv/e", .data = "234", .offset = 0, .effects = "srv/e: file 0644 234E\n",
		 .after = offset_is_5},
		CASE(copy_file_range, 3, (long)&shared->offsets[0], 3, (long)&shared->offsets[1], 5, 0),
		 .result = -EINVAL, .path = "srv/f"}, /* the ranges overlap */
		CASE(splice, 6, 0, 3, 0, 4, 0), .result = 4, .path = "srv/f", .data = "pipe",
		 .effects = F_BYTES("pipe456789"), .after = stands_at_4},
		CASE(splice, 3, 0, 7, 0, 4, 0), .result = 4, .path = NOT_AN_OP, .after = writes_behind_it,
		 .effects = F_BYTES("0123X56789")},
		CASE(ioctl, 3, FICLONE, 5), .result = -EINVAL, .path = "srv/f"}, /* it is larger, and that ends amid a block */
		CASE(ioctl, 5, FICLONE, 3), .path = "srv/e", .data = "0123456789",
		 .effects = "srv/e: file 0644 0123456789\n"},
		CASE(truncate, L, 3), .path = "srv/f", .effects = F_BYTES("012")},
		CASE(truncate, TEXT("/srv/d"), 3), .result = -EISDIR, .path = "srv/d"},
		CASE(ftruncate, 3, 12), .path = "srv/f", .flags = TORN_OP_EXTENDS,
		 .effects = F_BYTES("0123456789..")},
		CASE(fallocate, 3, 0, 8, 8), .path = "srv/f", .flags = TORN_OP_EXTENDS, .offset = 8,
		 .effects = F_BYTES("0123456789......")},
		CASE(fallocate, 3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3), .path = "srv/f",
		 .offset = 2, .effects = F_BYTES("01...56789")},
		CASE(fadvise64, 3, 0, 0, 4), .path = "srv/f"},
		CASE(readahead, 3, 0, 10), .path = "srv/f"},
		CASE(mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 3, 0), .result = ANY, .path = "srv/f",
		 .after = maps_the_bytes},
		CASE(flock, 3, LOCK_EX | LOCK_NB), .path = "srv/f", .after = is_locked},

		/* durability */
		CASE(fsync, 3), .path = "srv/f"},
		CASE(fdatasync, 3), .path = "srv/f"},
		CASE(msync, (long)shared, 4096, MS_SYNC)}, /* of no file of the root */
		CASE(syncfs, 3), .path = "srv/f"},
		CASE(sync, 0), .path = ""},
		CASE(sync_file_range, 3, 0, 4, 2), .path = "srv/f"},

		/* looking */
		CASE(stat, L, OUT), .path = "srv/f", .after = is_stat_of_f},
		CASE(lstat, L, OUT), .path = "srv/l", .after = is_stat_of_l},
		CASE(fstat, 3, OUT), .path = "srv/f", .after = is_stat_of_f},
		CASE(newfstatat, 4, TEXT("g"), OUT, 0), .path = "srv/d/g", .after = is_stat_of_g},
		CASE(newfstatat, 3, TEXT(""), OUT, AT_EMPTY_PATH), .path = "srv/f", .after = is_stat_of_f},
		CASE(statx, 4, TEXT("g"), 0, STATX_BASIC_STATS, OUT), .path = "srv/d/g", .after = is_statx_of_g},
		CASE(statfs, F, OUT), .path = "srv/f", .after = is_statfs},
		CASE(fstatfs, 3, OUT), .path = "srv/f", .after = is_statfs},
		CASE(access, F, R_OK | W_OK), .path = "srv/f"},
		CASE(access, F, X_OK), .result = -EACCES, .path = "srv/f"},
		CASE(faccessat, 4, TEXT("g"), R_OK), .path = "srv/d/g"},
		CASE(faccessat2, 4, TEXT("g"), X_OK, AT_EACCESS), .result = -EACCES, .path = "srv/d/g"},
		CASE(getdents64, 4, OUT, 1024), .result = 72, .path = "srv/d", .after = lists_g},
		CASE(readlink, L, OUT, 8), .result = 1, .path = "srv/l", .given = "f"},
		CASE(readlink, F, OUT, 8), .result = -EINVAL, .path = "srv/f"},
		CASE(readlinkat, 4, TEXT("../l"), OUT, 8), .result = 1, .path = "srv/l", .given = "f"},
		CASE(getcwd, OUT, 16), .result = 2, .path = NOT_AN_OP, .given = "/"},
		CASE(getcwd, OUT, 1), .result = -ERANGE, .path = NOT_AN_OP},
		CASE(chdir, TEXT("/srv/d"), 0), .path = "srv/d", .after = works_in_srv_d},
		CASE(chdir, F, 0), .result = -ENOTDIR, .path = "srv/f"},
		CASE(fchdir, 4), .path = "srv/d", .after = works_in_srv_d},

		/* names */
		CASE(rename, F, TEXT("/srv/e")), .path = "srv/f", .path_to = "srv/e", .flags = TORN_OP_REPLACES,
		 .effects = "srv/f: absent\nsrv/e: file 0640 user.a=one 0123456789\n"},
		CASE(rename, TEXT("/srv/d"), TEXT("/srv/d/d")), .result = -EINVAL, .path = "srv/d",
		 .path_to = "srv/d/d"},
		CASE(renameat, 4, TEXT("g"), AT_FDCWD, TEXT("srv/n")), .path = "srv/d/g", .path_to = "srv/n",
		 .effects = "srv/d/g: absent\n" N_IS("file 0644 inner")},
		CASE(renameat2, AT_FDCWD, F, AT_FDCWD, TEXT("/srv/e"), RENAME_EXCHANGE), .path = "srv/f",
		 .path_to = "srv/e", .flags = TORN_OP_REPLACES,
		 .effects = "srv/e: file 0640 user.a=one 0123456789\n" F_IS("0644", "EEEE")},
		CASE(renameat2, AT_FDCWD, F, AT_FDCWD, TEXT("/srv/e"), RENAME_NOREPLACE), .result = -EEXIST,
		 .path = "srv/f", .path_to = "srv/e"},
		CASE(unlink, L, 0), .path = "srv/l", .effects = "srv/l: absent\n"},
		CASE(unlink, TEXT("/srv/d"), 0), .result = -EISDIR, .path = "srv/d"},
		CASE(unlinkat, 4, TEXT("g"), 0), .path = "srv/d/g", .effects = "srv/d/g: absent\n"},
		CASE(unlinkat, AT_FDCWD, TEXT("/srv/v"), AT_REMOVEDIR), .path = "srv/v",
		 .effects = "srv/v: absent\n"},
		CASE(rmdir, TEXT("/srv/v"), 0), .path = "srv/v", .effects = "srv/v: absent\n"},
		CASE(rmdir, TEXT("/srv/d"), 0), .result = -ENOTEMPTY, .path = "srv/d"},
		CASE(link, F, N), .path = "srv/f", .path_to = "srv/n", .flags = TORN_OP_CREATES,
		 .effects = F_IS("0640 2 links user.a=one", "0123456789")
			 N_IS("file 0640 2 links user.a=one 0123456789")},
		CASE(link, TEXT("/srv/d"), N), .result = -EPERM, .path = "srv/d", .path_to = "srv/n",
		 .flags = TORN_OP_CREATES},
		CASE(linkat, AT_FDCWD, TEXT("/proc/self/fd/5"), 4, TEXT("n"), AT_SYMLINK_FOLLOW), .path = "srv/e",
		 .path_to = "srv/d/n", .flags = TORN_OP_CREATES,
		 .effects = "srv/e: file 0644 2 links EEEE\nsrv/d/n: file 0644 2 links EEEE\n"},
		CASE(symlink, TEXT("to"), N), .path = "srv/n", .path_to = "to", .flags = TORN_OP_CREATES,
		 .effects = N_IS("symlink 0777 to")},
		CASE(symlinkat, TEXT("to"), 4, TEXT("n")), .path = "srv/d/n", .path_to = "to",
		 .flags = TORN_OP_CREATES, .effects = "srv/d/n: symlink 0777 to\n"},
		CASE(mkdir, N, 06777), .path = "srv/n", .flags = TORN_OP_CREATES, .effects = N_IS("dir 0755 ")},
		CASE(mkdir, F, 0777), .result = -EEXIST, .path = "srv/f"},
		CASE(mkdirat, 4, TEXT("n/"), 0700), .path = "srv/d/n", .flags = TORN_OP_CREATES,
		 .effects = "srv/d/n: dir 0700 \n"},
		CASE(mknod, N, S_IFIFO | 0666, 0), .path = "srv/n", .flags = TORN_OP_CREATES,
		 .effects = N_IS("fifo 0644 ")},
		CASE(mknod, N, S_IFCHR | 0666, 259), .result = -EPERM, .path = "srv/n",
		 .flags = TORN_OP_CREATES},
		CASE(mknodat, 4, TEXT("n"), S_IFSOCK | 0600, 0), .path = "srv/d/n", .flags = TORN_OP_CREATES,
		 .effects = "srv/d/n: socket 0600 \n"},

		/* attributes */
		CASE(chmod, L, 04711), .path = "srv/f", .effects = F_IS("4711 user.a=one", "0123456789")},
		CASE(fchmod, 4, 01000), .path = "srv/d", .effects = "srv/d: dir 1000 \n"},
		CASE(fchmodat, 4, TEXT("g"), 0600), .path = "srv/d/g", .effects = "srv/d/g: file 0600 inner\n"},
		CASE(fchmodat2, 4, TEXT("g"), 0604, 0), .path = "srv/d/g",
		 .effects = "srv/d/g: file 0604 inner\n"},
		CASE(fchmodat2, 4, TEXT("../l"), 0604, AT_SYMLINK_NOFOLLOW), .result = -EOPNOTSUPP,
		 .path = "srv/l"},
		CASE(chown, L, 5, 6), .path = "srv/f", .effects = F_IS("0640 owner 5:6 user.a=one", "0123456789")},
		CASE(lchown, L, 5, 6), .path = "srv/l", .effects = "srv/l: symlink 0777 owner 5:6 f\n"},
		CASE(fchown, 3, -1, 7), .path = "srv/f", .effects = F_IS("0640 owner 0:7 user.a=one", "0123456789")},
		CASE(fchownat, 3, TEXT(""), 8, -1, AT_EMPTY_PATH), .path = "srv/f",
		 .effects = F_IS("0640 owner 8:0 user.a=one", "0123456789")},
		CASE(utime, L, TEXT(times_s)), .path = "srv/f", .after = was_modified_at_7, .offset = UINT64_C(7000000000)},
		CASE(utimes, L, TEXT(times_us)), .path = "srv/f", .after = was_modified_at_7_us,
		 .offset = UINT64_C(7000008000)},
		CASE(futimesat, 3, 0, TEXT(times_us)), .path = "srv/f", .after = was_modified_at_7_us,
		 .offset = UINT64_C(7000008000)},
		CASE(utimensat, 3, 0, TEXT(times_us), 0), .path = "srv/f", .after = was_modified_at_7_ns,
		 .offset = UINT64_C(7000000008)},
		CASE(setxattr, L, TEXT("trusted.b"), TEXT("two"), 3, XATTR_CREATE), .path = "srv/f", .data = "two",
		 .effects = F_IS("0640 trusted.b=two user.a=one", "0123456789")},
		CASE(setxattr, F, TEXT("user.a"), TEXT("two"), 3, XATTR_CREATE), .result = -EEXIST, .path = "srv/f"},
		CASE(lsetxattr, L, TEXT("security.b"), TEXT("two"), 3, 0), .path = "srv/l", .data = "two",
		 .effects = "srv/l: symlink 0777 security.b=two f\n"},
		CASE(lsetxattr, L, TEXT("user.b"), TEXT("two"), 3, 0), .result = -EPERM, .path = "srv/l"},
		CASE(fsetxattr, 3, TEXT("user.a"), TEXT("two"), 3, XATTR_REPLACE), .path = "srv/f", .data = "two",
		 .effects = F_IS("0640 user.a=two", "0123456789")},
		CASE(removexattr, L, TEXT("user.a")), .path = "srv/f", .effects = F_IS("0640", "0123456789")},
		CASE(lremovexattr, F, TEXT("user.a")), .path = "srv/f", .effects = F_IS("0640", "0123456789")},
		CASE(fremovexattr, 3, TEXT("user.a")), .path = "srv/f", .effects = F_IS("0640", "0123456789")},
		CASE(fremovexattr, 3, TEXT("user.b")), .result = -ENODATA, .path = "srv/f"},
		CASE(getxattr, L, TEXT("user.a"), OUT, 8), .result = 3, .path = "srv/f", .given = "one"},
		CASE(getxattr, L, TEXT("user.a"), OUT, 2), .result = -ERANGE, .path = "srv/f"},
		CASE(lgetxattr, L, TEXT("trusted.a"), OUT, 8), .result = -ENODATA, .path = "srv/l"},
		CASE(fgetxattr, 3, TEXT("user.a"), OUT, 0), .result = 3, .path = "srv/f"},
		CASE(listxattr, L, OUT, 100), .result = 7, .path = "srv/f", .given = "user.a"},
		CASE(llistxattr, L, OUT, 100), .path = "srv/l"},
		CASE(flistxattr, 3, OUT, 3), .result = -ERANGE, .path = "srv/f"},
	};
	static struct row kept[COUNT(list)];
	memcpy(kept, list, sizeof list);
	*ret_count = COUNT(list);
	return kept;
}

/* ------------------------------------------------------------- describing */

/* "file 0640 2 links owner 5:6 user.a=one BYTES": what is usual is left out, NUL is a dot. */
static void describe(const struct torn_node *node, char *to, size_t size)
{
	static const char *const words[] = {"file", "dir", "symlink", "fifo", "socket"};
	if (!node) {
		snprintf(to, size, "absent");
		return;
	}
	size_t at = (size_t)snprintf(to, size, "%s %04o ", words[node->type], node->mode);
	if (node->links > 1)
		at += (size_t)snprintf(to + at, size - at, "%u links ", node->links);
	if (node->uid || node->gid)
		at += (size_t)snprintf(to + at, size - at, "owner %u:%u ", node->uid, node->gid);
	for (uint32_t i = 0; i < node->xattrs_count; i++)
		at += (size_t)snprintf(to + at, size - at, "%.*s=%.*s ", (int)node->xattrs[i].name.size,
				       (const char *)node->xattrs[i].name.data,
				       (int)node->xattrs[i].value.size,
				       (const char *)node->xattrs[i].value.data);
	if (node->type == TORN_SYMLINK)
		snprintf(to + at, size - at, "%.*s", (int)node->link.size, (const char *)node->link.data);
	char bytes[64] = "";
	const size_t count = torn_node_read(node, 0, bytes, sizeof bytes - 1);
	for (size_t i = 0; i < count; i++)
		bytes[i] = bytes[i] ? bytes[i] : '.';
	if (node->type == TORN_FILE)
		snprintf(to + at, size - at, "%s", bytes);
}

static bool count_difference(void *context, struct torn_bytes path, const struct torn_node *a,
			     const struct torn_node *b)
{
	(void)path;
	(void)a;
	(void)b;
	++*(unsigned *)context;
	return true;
}

/* All that is said happened to the tree, and nothing else. */
static void assert_effects(const struct torn_trial *trial, const char *effects)
{
	unsigned said = 0, seen = 0;
	for (const char *line = effects ? effects : ""; *line; said++) {
		char path[64], node[256];
		const size_t length = strcspn(line, "\n");
		const size_t path_length = (size_t)(strchr(line, ':') - line);
		snprintf(path, sizeof path, "%.*s", (int)path_length, line);
		describe(torn_tree_find(trial->now, torn_bytes_of(path)), node, sizeof node);
		char whole[512], wanted[512];
		snprintf(whole, sizeof whole, "%s: %s", path, node);
		snprintf(wanted, sizeof wanted, "%.*s", (int)length, line);
		assert_string_equal(whole, wanted);
		line += length + 1;
	}
	torn_tree_differences(trial->old_tree, trial->now, count_difference, &seen);
	assert_int_equal(seen, said);
}

/* ---------------------------------------------------------------- running */

static const struct row *running;

static void open_all(void)
{
	int ends[2];
	CALL6(SYS_open, F, O_RDWR);
	CALL6(SYS_open, TEXT("/srv/d"), O_RDONLY | O_DIRECTORY);
	CALL6(SYS_open, TEXT("/srv/e"), O_RDWR);
	CALL6(SYS_pipe2, (long)ends, O_NONBLOCK);
	CALL6(SYS_write, ends[1], TEXT("pipe"), 4);
	shared->offsets[0] = 2;
	shared->offsets[1] = 0;
	shared->into[0] = (struct iovec){shared->out, 2};
	shared->into[1] = (struct iovec){shared->out + 2, 3};
	memset(shared->out, 0, sizeof shared->out);
}

static int operation(const struct torn_run *run)
{
	(void)run;
	open_all();
	shared->result = call6(torn_call_row(running->call)->number, running->arg);
	shared->after = !running->after || running->after();
	return 0;
}

static bool is_bytes(struct torn_bytes bytes, const char *text)
{
	return torn_bytes_equal(bytes, torn_bytes_of(text));
}

static void assert_op(const struct torn_trial *trial, const struct row *row)
{
	const struct torn_op *op = torn_log_op(trial->log, OPENED_OPS + 1);
	assert_non_null(op);
	assert_int_equal(op->call, row->call);
	/* An address is another one in each process: the log has none. */
	const long told = op->kind == TORN_KIND_map && shared->result > 0 ? 0 : shared->result;
	assert_int_equal(op->result, told);
	assert_int_equal(op->told, told);
	assert_int_equal(op->flags, TORN_OP_PERFORMED | row->flags);
	assert_true(is_bytes(op->path, row->path));
	assert_true(is_bytes(op->path_to, row->path_to ? row->path_to : ""));
	if (row->result < 0 && row->result != ANY)
		return;
	assert_int_equal(op->offset, row->offset);
	assert_true(is_bytes(op->data, row->data ? row->data : ""));
	/* The inode that it says is the one that has this name, before or after; a file of O_TMPFILE has none. */
	const struct torn_entry *entry = torn_tree_entry(trial->old_tree, op->path);
	if (!entry)
		entry = torn_tree_entry(trial->now, op->path);
	if (entry && !((op->how & O_TMPFILE) == O_TMPFILE && op->kind == TORN_KIND_open))
		assert_int_equal(op->object, entry->object);
	entry = torn_tree_entry(trial->now, op->path_to);
	if (entry && op->kind == TORN_KIND_rename)
		assert_int_equal(op->object, entry->object);
}

static bool kernel_lacks(const struct row *row)
{
	return row->call == TORN_CALL_fchmodat2 && syscall(452, -1, "", 0, 0) < 0 && errno == ENOSYS;
}

static void test_every_file_call_does_tells_and_logs_what_it_should(void **state)
{
	struct torn_test *test = *state;
	size_t count;
	const struct row *all = rows(&count);
	for (running = all; running < all + count; running++) {
		if (kernel_lacks(running) && running->result >= 0)
			continue;
		print_message("%s, case %zu\n", torn_call_name(running->call), (size_t)(running - all));
		assert_int_equal(torn_test_run(test, operation, ""), 0);
		assert_string_equal(test->failure, "");
		assert_int_equal(test->result, TORN_HELD);
		assert_int_equal(test->trial.end, TORN_RETURNED);
		if (running->result == ANY)
			assert_true(shared->result > 0);
		else
			assert_int_equal(shared->result, running->result);
		assert_true(shared->after);
		if (running->given)
			assert_memory_equal(shared->out, running->given, strlen(running->given));
		assert_effects(&test->trial, running->effects);
		if (running->path)
			assert_op(&test->trial, running);
		else
			assert_true(test->trial.log->numbered == OPENED_OPS ||
				    test->trial.log->ops[OPENED_OPS].call != running->call);
	}
}

static void test_every_file_call_of_the_table_has_a_case(void **state)
{
	(void)state;
	size_t count;
	const struct row *all = rows(&count);
	for (unsigned call = 1; call < TORN_CALL_COUNT; call++) {
		bool found = false;
		for (size_t i = 0; i < count; i++)
			found = found || all[i].call == call;
		if (found != (torn_call_row(call)->class == TORN_CLASS_FILE))
			fail_msg("%s: class FILE and a case here go together", torn_call_name(call));
	}
}

/* ----------------------------------------------------- all of them, refused */

/* Its first case, that is meant to succeed, with the letters of `which` replaced. */
static long call_with(enum torn_call call, const char *which, long value)
{
	size_t count;
	const struct row *row = rows(&count);
	while (row->call != call)
		row++;
	const char *signature = torn_call_row(call)->signature;
	long arg[6];
	memcpy(arg, row->arg, sizeof arg);
	bool any = false;
	for (int i = 0; signature[i]; i++) {
		if (!strchr(which, signature[i]))
			continue;
		arg[i] = value;
		any = true;
	}
	return any ? call6(torn_call_row(call)->number, arg) : 1;
}

static bool is_file(unsigned call)
{
	return torn_call_row((enum torn_call)call)->class == TORN_CLASS_FILE;
}

static int uses_a_closed_descriptor(const struct torn_run *run)
{
	(void)run;
	open_all();
	for (unsigned call = 1; call < TORN_CALL_COUNT; call++)
		if (is_file(call))
			shared->results[call] = call_with((enum torn_call)call, "f", 77);
	return 0;
}

static int uses_torns_descriptor(const struct torn_run *run)
{
	(void)run;
	open_all();
	for (unsigned call = 1; call < TORN_CALL_COUNT; call++)
		if (is_file(call))
			shared->results[call] = call_with((enum torn_call)call, "f", 1001);
	return 0;
}

static int uses_an_absent_directory(const struct torn_run *run)
{
	(void)run;
	open_all();
	for (unsigned call = 1; call < TORN_CALL_COUNT; call++)
		if (is_file(call))
			shared->results[call] = call_with((enum torn_call)call, "pP", TEXT("/srv/none/x"));
	return 0;
}

static int uses_no_address(const struct torn_run *run)
{
	(void)run;
	open_all();
	for (unsigned call = 1; call < TORN_CALL_COUNT; call++)
		if (is_file(call) && torn_call_kind((enum torn_call)call) != TORN_KIND_utime)
			shared->results[call] = call_with((enum torn_call)call, "pP", 0);
	return 0;
}

static void assert_all_refused(struct torn_test *test, int (*by)(const struct torn_run *run), int error)
{
	memset(shared->results, 0, sizeof shared->results);
	assert_int_equal(torn_test_run(test, by, ""), 0);
	assert_string_equal(test->failure, "");
	unsigned refused = 0;
	for (unsigned call = 1; call < TORN_CALL_COUNT; call++) {
		if (shared->results[call] == 1 || shared->results[call] == 0)
			continue; /* it has no such argument */
		if (shared->results[call] != -error)
			print_message("%s\n", torn_call_name((enum torn_call)call));
		assert_int_equal(shared->results[call], -error);
		refused++;
	}
	assert_true(refused > 25);
	assert_effects(&test->trial, NULL);
}

static void test_every_call_on_a_closed_descriptor_is_refused_with_ebadf(void **state)
{
	assert_all_refused(*state, uses_a_closed_descriptor, EBADF);
}

static void test_every_call_on_a_descriptor_of_torns_own_is_refused_with_ebadf(void **state)
{
	assert_all_refused(*state, uses_torns_descriptor, EBADF);
}

static void test_every_call_below_an_absent_directory_is_refused_with_enoent(void **state)
{
	assert_all_refused(*state, uses_an_absent_directory, ENOENT);
}

static void test_every_call_without_a_path_is_refused_with_efault(void **state)
{
	assert_all_refused(*state, uses_no_address, EFAULT);
}

/* What a descriptor of torn's own leads to is not to be had by an empty path either. */
static int uses_an_empty_path(const struct torn_run *run)
{
	(void)run;
	open_all();
	for (long fd = 1000; fd < 1010; fd++) {
		long results[] = {
			CALL6(SYS_newfstatat, fd, TEXT(""), OUT, AT_EMPTY_PATH),
			CALL6(SYS_fchownat, fd, TEXT(""), 0, 0, AT_EMPTY_PATH),
			CALL6(SYS_utimensat, fd, 0, 0, 0),
			CALL6(SYS_statx, fd, TEXT(""), AT_EMPTY_PATH, STATX_BASIC_STATS, OUT),
			CALL6(SYS_readlinkat, fd, TEXT(""), OUT, 100),
			CALL6(SYS_openat, fd, TEXT("."), O_RDONLY),
		};
		for (size_t i = 0; i < COUNT(results); i++)
			if (results[i] != -EBADF)
				return (int)(10 * (fd - 1000) + (long)i + 1);
	}
	return 0;
}

static void test_torns_descriptors_are_closed_to_an_empty_path_too(void **state)
{
	struct torn_test *test = *state;
	assert_int_equal(torn_test_run(test, uses_an_empty_path, ""), 0);
	assert_string_equal(test->failure, "");
	assert_int_equal(test->trial.code, 0);
}

/* A FIFO holds its bytes itself: none of them are in the tree. */
static int writes_to_a_fifo(const struct torn_run *run)
{
	(void)run;
	if (CALL6(SYS_mknod, N, S_IFIFO | 0600, 0) != 0)
		return 1;
	const long fd = CALL6(SYS_open, N, O_RDWR | O_NONBLOCK);
	return CALL6(SYS_write, fd, TEXT("abc"), 3) == 3 && CALL6(SYS_read, fd, OUT, 8) == 3 ? 0 : 2;
}

static void test_a_fifo_can_be_written_and_the_tree_stays(void **state)
{
	struct torn_test *test = *state;
	assert_int_equal(torn_test_run(test, writes_to_a_fifo, ""), 0);
	assert_string_equal(test->failure, "");
	assert_int_equal(test->trial.end, TORN_RETURNED);
	assert_int_equal(test->trial.code, 0);
	assert_effects(&test->trial, N_IS("fifo 0600 "));
}

/* An appending write moves its descriptor to the end, wherever that stood. */
static int appends_and_goes_on(const struct torn_run *run)
{
	(void)run;
	const long fd = CALL6(SYS_open, F, O_RDWR | O_APPEND);
	const bool done = CALL6(SYS_write, fd, TEXT("ab"), 2) == 2 && CALL6(SYS_fcntl, fd, F_SETFL, 0) == 0 &&
			  CALL6(SYS_write, fd, TEXT("c"), 1) == 1;
	return done ? 0 : 1;
}

static void test_a_write_after_an_appending_one_is_logged_where_it_went(void **state)
{
	struct torn_test *test = *state;
	assert_int_equal(torn_test_run(test, appends_and_goes_on, ""), 0);
	assert_string_equal(test->failure, "");
	assert_int_equal(test->trial.code, 0);
	assert_int_equal(torn_log_op(test->trial.log, 2)->offset, 10);
	assert_int_equal(torn_log_op(test->trial.log, 4)->offset, 12);
	assert_effects(&test->trial, F_BYTES("0123456789abc"));
}

static int set_up(void **state)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*state = torn_test_open(olds);
	return shared == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
	torn_test_close(*state);
	return munmap(shared, sizeof *shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_file_call_of_the_table_has_a_case),
		cmocka_unit_test(test_every_file_call_does_tells_and_logs_what_it_should),
		cmocka_unit_test(test_every_call_on_a_closed_descriptor_is_refused_with_ebadf),
		cmocka_unit_test(test_every_call_on_a_descriptor_of_torns_own_is_refused_with_ebadf),
		cmocka_unit_test(test_torns_descriptors_are_closed_to_an_empty_path_too),
		cmocka_unit_test(test_every_call_below_an_absent_directory_is_refused_with_enoent),
		cmocka_unit_test(test_every_call_without_a_path_is_refused_with_efault),
		cmocka_unit_test(test_a_fifo_can_be_written_and_the_tree_stays),
		cmocka_unit_test(test_a_write_after_an_appending_one_is_logged_where_it_went),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
