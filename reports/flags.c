/*
 * flags.c: see flags.h.
 *
 * The values are the kernel's for x86-64 (include/uapi: asm-generic/fcntl.h,
 * linux/fcntl.h, linux/fs.h, linux/falloc.h, linux/xattr.h, linux/close_range.h),
 * written out: libc's O_LARGEFILE is 0, and older headers lack the newer names.
 * A flag of several bits stands before the flags that it includes.
 */
#include "flags.h"

#include <fcntl.h>

struct flag {
	uint32_t value;
	const char *name;
};

static const struct flag open_flags[] = {
	{020200000, "O_TMPFILE"}, {04010000, "O_SYNC"},	   {0100, "O_CREAT"},
	{0200, "O_EXCL"},	  {0400, "O_NOCTTY"},	   {01000, "O_TRUNC"},
	{02000, "O_APPEND"},	  {04000, "O_NONBLOCK"},   {010000, "O_DSYNC"},
	{020000, "O_ASYNC"},	  {040000, "O_DIRECT"},	   {0100000, "O_LARGEFILE"},
	{0200000, "O_DIRECTORY"}, {0400000, "O_NOFOLLOW"}, {01000000, "O_NOATIME"},
	{02000000, "O_CLOEXEC"},  {010000000, "O_PATH"},   {0, NULL},
};

static const struct flag rename_flags[] = {
	{1, "RENAME_NOREPLACE"},
	{2, "RENAME_EXCHANGE"},
	{4, "RENAME_WHITEOUT"},
	{0, NULL},
};

static const struct flag at_flags[] = {
	{0x100, "AT_SYMLINK_NOFOLLOW"},
	{0x400, "AT_SYMLINK_FOLLOW"},
	{0x800, "AT_NO_AUTOMOUNT"},
	{0x1000, "AT_EMPTY_PATH"},
	{0x2000, "AT_STATX_FORCE_SYNC"},
	{0x4000, "AT_STATX_DONT_SYNC"},
	{0, NULL},
};

/* 0x200 means two things: AT_REMOVEDIR to unlinkat, AT_EACCESS to faccessat2. */
static const struct flag unlink_flags[] = {{0x200, "AT_REMOVEDIR"}, {0, NULL}};
static const struct flag access_flags[] = {
	{0x100, "AT_SYMLINK_NOFOLLOW"},
	{0x200, "AT_EACCESS"},
	{0x1000, "AT_EMPTY_PATH"},
	{0, NULL},
};

static const struct flag allocate_flags[] = {
	{0x01, "FALLOC_FL_KEEP_SIZE"},	   {0x02, "FALLOC_FL_PUNCH_HOLE"},
	{0x04, "FALLOC_FL_NO_HIDE_STALE"}, {0x08, "FALLOC_FL_COLLAPSE_RANGE"},
	{0x10, "FALLOC_FL_ZERO_RANGE"},	   {0x20, "FALLOC_FL_INSERT_RANGE"},
	{0x40, "FALLOC_FL_UNSHARE_RANGE"}, {0, NULL},
};

static const struct flag xattr_flags[] = {{1, "XATTR_CREATE"}, {2, "XATTR_REPLACE"}, {0, NULL}};

static const struct flag lock_flags[] = {
	{1, "LOCK_SH"}, {2, "LOCK_EX"}, {8, "LOCK_UN"}, {4, "LOCK_NB"}, {0, NULL},
};

static const struct flag range_flags[] = {
	{1, "SYNC_FILE_RANGE_WAIT_BEFORE"},
	{2, "SYNC_FILE_RANGE_WRITE"},
	{4, "SYNC_FILE_RANGE_WAIT_AFTER"},
	{0, NULL},
};

static const struct flag msync_flags[] = {
	{1, "MS_ASYNC"}, {2, "MS_INVALIDATE"}, {4, "MS_SYNC"}, {0, NULL},
};

static const struct flag write_flags[] = {
	{1, "RWF_HIPRI"},  {2, "RWF_DSYNC"},   {4, "RWF_SYNC"},
	{8, "RWF_NOWAIT"}, {16, "RWF_APPEND"}, {0, NULL},
};

static const struct flag close_flags[] = {
	{2, "CLOSE_RANGE_UNSHARE"},
	{4, "CLOSE_RANGE_CLOEXEC"},
	{0, NULL},
};

/* Commands, one at a time: not bits. */
static const struct flag fcntl_commands[] = {
	{0, "F_DUPFD"},	       {1, "F_GETFD"},	      {2, "F_SETFD"},
	{3, "F_GETFL"},	       {4, "F_SETFL"},	      {5, "F_GETLK"},
	{6, "F_SETLK"},	       {7, "F_SETLKW"},	      {36, "F_OFD_GETLK"},
	{37, "F_OFD_SETLK"},   {38, "F_OFD_SETLKW"},  {1030, "F_DUPFD_CLOEXEC"},
	{1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}, {0, NULL},
};

static const struct flag ioctl_commands[] = {
	{0x5401, "TCGETS"},
	{0x5413, "TIOCGWINSZ"},
	{0x541b, "FIONREAD"},
	{0x40049409, "FICLONE"},
	{0x4020940d, "FICLONERANGE"},
	{0xc0189436, "FIDEDUPERANGE"},
	{0x80086601, "FS_IOC_GETFLAGS"},
	{0x40086602, "FS_IOC_SETFLAGS"},
	{0, NULL},
};

static void add_bits(struct torn_phrase *phrase, const struct flag *flags, uint32_t how,
		     const char *separator)
{
	for (; flags->name; flags++) {
		if ((how & flags->value) != flags->value)
			continue;
		torn_phrase_add(phrase, "%s%s", separator, flags->name);
		separator = "|";
		how &= ~flags->value;
	}
	if (how != 0)
		torn_phrase_add(phrase, "%s0x%x", separator, how);
}

static void add_open(struct torn_phrase *phrase, uint32_t how)
{
	static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
	torn_phrase_add(phrase, " %s", modes[how & O_ACCMODE]);
	add_bits(phrase, open_flags, how & ~(uint32_t)O_ACCMODE, "|");
}

static void add_command(struct torn_phrase *phrase, const struct flag *commands, uint32_t how)
{
	while (commands->name && commands->value != how)
		commands++;
	if (commands->name)
		torn_phrase_add(phrase, " %s", commands->name);
	else
		torn_phrase_add(phrase, " 0x%x", how);
}

/* fsync, mkdir, read and the like have none. */
static const struct flag *flags_of(const struct torn_op *op)
{
	switch (op->kind) {
	case TORN_KIND_rename:
		return rename_flags;
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
		return unlink_flags;
	case TORN_KIND_access:
		return access_flags;
	case TORN_KIND_allocate:
		return allocate_flags;
	case TORN_KIND_setxattr:
		return xattr_flags;
	case TORN_KIND_lock:
		return lock_flags;
	case TORN_KIND_sync:
		return op->call == TORN_CALL_msync ? msync_flags : range_flags;
	case TORN_KIND_read:
	case TORN_KIND_write:
		return write_flags;
	case TORN_KIND_close:
		return close_flags;
	case TORN_KIND_duplicate:
		return open_flags;
	default:
		return at_flags;
	}
}

void torn_flags_add(struct torn_phrase *phrase, const struct torn_op *op)
{
	if (op->call == TORN_CALL_creat || op->kind == TORN_KIND_mknod || op->kind == TORN_KIND_close)
		return; /* it has no flags: mknod's are a type, close's those it was opened with */
	if (op->kind == TORN_KIND_open)
		add_open(phrase, op->how);
	else if (op->call == TORN_CALL_fcntl)
		add_command(phrase, fcntl_commands, op->how);
	else if (op->call == TORN_CALL_ioctl)
		add_command(phrase, ioctl_commands, op->how);
	else
		add_bits(phrase, flags_of(op), op->how, " ");
}
