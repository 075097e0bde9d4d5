/*
 * arguments.c: what Linux refuses by a call's arguments alone, before it looks
 * at any object: fs/open.c, fs/namei.c, fs/stat.c, fs/utimes.c, fs/xattr.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "calls.h"

#define TMPFILE_BIT 020000000u /* __O_TMPFILE of the kernel; glibc's includes O_DIRECTORY */
#define O_PATH_FLAGS ((uint32_t)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC))
#define VALID_OPEN_FLAGS                                                                           \
	((uint32_t)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |    \
		    O_SYNC | O_DSYNC | FASYNC | O_DIRECT | 0100000 /* O_LARGEFILE */ |            \
		    O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | TMPFILE_BIT))

static bool has_only(uint32_t flags, uint32_t known)
{
	return !(flags & ~known);
}

/* build_open_flags(), fs/open.c. open(2) drops what it does not know; openat2(2) refuses it. */
static int check_open(struct torn_request *request)
{
	const uint32_t makes = O_CREAT | TMPFILE_BIT;
	if (request->call == TORN_CALL_openat2) {
		if (!has_only(request->how, VALID_OPEN_FLAGS) ||
		    ((request->how & O_PATH) && !has_only(request->how, O_PATH_FLAGS)) ||
		    request->mode & ~(request->how & makes ? 07777u : 0u))
			return -EINVAL;
	} else {
		request->how &= VALID_OPEN_FLAGS;
		if (request->how & O_PATH)
			request->how &= O_PATH_FLAGS;
	}
	if ((request->how & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL; /* since Linux 6.4; before, it made a file and then failed */
	if (!(request->how & TMPFILE_BIT))
		return 0;
	const bool writes = (request->how & O_ACCMODE) != O_RDONLY;
	return (request->how & (O_TMPFILE | O_CREAT)) != O_TMPFILE || !writes ? -EINVAL : 0;
}

static int check_flags(const struct torn_request *request)
{
	uint32_t known;
	switch (request->call) {
	case TORN_CALL_newfstatat:
		known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
		break;
	case TORN_CALL_statx:
		known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_FORCE_SYNC |
			AT_STATX_DONT_SYNC;
		if ((request->how & known) == known || request->arg[3] & STATX__RESERVED)
			return -EINVAL;
		break;
	case TORN_CALL_faccessat2:
		known = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
		break;
	case TORN_CALL_fchmodat2:
	case TORN_CALL_fchownat:
	case TORN_CALL_utimensat:
		known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
		break;
	case TORN_CALL_linkat:
		known = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH;
		break;
	case TORN_CALL_unlinkat:
		known = AT_REMOVEDIR;
		break;
	case TORN_CALL_renameat2:
		known = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
		if ((request->how & RENAME_EXCHANGE) && request->how != RENAME_EXCHANGE)
			return -EINVAL;
		break;
	case TORN_CALL_setxattr:
	case TORN_CALL_lsetxattr:
	case TORN_CALL_fsetxattr:
		known = XATTR_CREATE | XATTR_REPLACE;
		break;
	case TORN_CALL_dup3:
		known = O_CLOEXEC;
		break;
	case TORN_CALL_close_range:
		known = 6; /* CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC */
		break;
	default:
		return 0;
	}
	return has_only(request->how, known) ? 0 : -EINVAL;
}

static bool names_xattr(const struct torn_request *request)
{
	return (request->kind == TORN_KIND_setxattr || request->kind == TORN_KIND_getxattr) &&
	       request->call != TORN_CALL_listxattr && request->call != TORN_CALL_llistxattr &&
	       request->call != TORN_CALL_flistxattr;
}

int torn_request_check(struct torn_request *request, struct torn_bytes xattr)
{
	int r = request->kind == TORN_KIND_open ? check_open(request) : check_flags(request);
	if (r < 0)
		return r;
	if (request->kind == TORN_KIND_mknod && !S_ISREG(request->mode) && !S_ISCHR(request->mode) &&
	    !S_ISBLK(request->mode) && !S_ISFIFO(request->mode) && !S_ISSOCK(request->mode) &&
	    request->mode & S_IFMT)
		return S_ISDIR(request->mode) ? -EPERM : -EINVAL; /* may_mknod(), fs/namei.c */
	if (request->kind == TORN_KIND_access && request->mode & ~7u)
		return -EINVAL;
	if ((request->call == TORN_CALL_pread64 || request->call == TORN_CALL_pwrite64 ||
	     request->call == TORN_CALL_preadv || request->call == TORN_CALL_pwritev) &&
	    (int64_t)request->offset < 0)
		return -EINVAL;
	if ((request->call == TORN_CALL_preadv2 || request->call == TORN_CALL_pwritev2) &&
	    (int64_t)request->offset < -1)
		return -EINVAL;
	if (request->call == TORN_CALL_flock && (request->how & ~(uint32_t)LOCK_NB) != LOCK_SH &&
	    (request->how & ~(uint32_t)LOCK_NB) != LOCK_EX && (request->how & ~(uint32_t)LOCK_NB) != LOCK_UN)
		return -EINVAL;
	if (request->kind == TORN_KIND_truncate && (int64_t)request->length < 0)
		return -EINVAL;
	if (request->kind == TORN_KIND_readlink && (int32_t)request->size <= 0)
		return -EINVAL;
	if (names_xattr(request) && (xattr.size == 0 || xattr.size > 255))
		return request->xattr ? -ERANGE : -EFAULT;
	if (request->kind == TORN_KIND_setxattr && request->size > 65536)
		return -E2BIG;
	return 0;
}
