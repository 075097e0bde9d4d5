/*
 * landlock.c: see landlock.h.
 */
#include "landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's header; the numbers are the kernel's ABI. */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

#define FS_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_VERSION_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)     /* version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define NET_TCP UINT64_C(3)              /* version 4: bind, connect */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define SCOPE_ALL UINT64_C(3)            /* version 6: abstract sockets, signals */
/* What can be done to what is no directory: a rule for one must not say more. */
#define FS_OF_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

static uint64_t writing(long version)
{
	uint64_t access = FS_VERSION_1 & ~(uint64_t)FS_READ;
	if (version >= 2)
		access |= FS_REFER;
	if (version >= 3)
		access |= FS_TRUNCATE;
	if (version >= 5)
		access |= FS_IOCTL_DEV;
	return access;
}

int torn_landlock_make(bool no_tcp, int *ret_fd)
{
	*ret_fd = -1;
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
				     LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return 0;
	struct ruleset rules = {.handled_access_fs = writing(version)};
	if (version >= 4 && no_tcp)
		rules.handled_access_net = NET_TCP;
	if (version >= 6)
		rules.scoped = SCOPE_ALL;
	const size_t size = version >= 6 ? sizeof rules : version >= 4 ? 16 : 8;
	const int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return (int)version;
}

static int allow(int ruleset_fd, uint64_t access, int fd)
{
	const struct landlock_path_beneath_attr beneath = {.allowed_access = access, .parent_fd = fd};
	return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0
		       ? -errno
		       : 0;
}

int torn_landlock_allow_below(int ruleset_fd, int version, int fd)
{
	return allow(ruleset_fd, writing(version), fd);
}

int torn_landlock_allow_file(int ruleset_fd, int version, int fd)
{
	return allow(ruleset_fd, writing(version) & FS_OF_FILES, fd);
}
