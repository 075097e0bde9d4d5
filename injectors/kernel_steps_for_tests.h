/*
 * kernel_steps_for_tests.h: pseudo-random sequences of file calls, for kernel_test.c: what a call
 * is made of, and how a seed makes so many of them. For tests only.
 */
#ifndef TORN_KERNEL_STEPS_FOR_TESTS_H
#define TORN_KERNEL_STEPS_FOR_TESTS_H

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
#define BYTES_MAX 16384u /* of one step */

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
	if (step.size > BYTES_MAX && strchr(signature, 'b'))
		step.size = BYTES_MAX;
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

#endif
