/*
 * sandbox.c: see sandbox.h.
 *
 * Not relied on: user namespaces (some hosts forbid them), seccomp (its filter
 * would cost every call of the gate).
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../injectors/view.h"

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

static bool allow_below(int ruleset, uint64_t access, int fd)
{
	const struct landlock_path_beneath_attr beneath = {.allowed_access = access, .parent_fd = fd};
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
}

static int landlock(int root_fd, int other_fd)
{
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
				     LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return 0;
	struct ruleset rules = {.handled_access_fs = FS_VERSION_1 & ~(uint64_t)FS_READ};
	if (version >= 2)
		rules.handled_access_fs |= FS_REFER;
	if (version >= 3)
		rules.handled_access_fs |= FS_TRUNCATE;
	if (version >= 4)
		rules.handled_access_net = NET_TCP;
	if (version >= 5)
		rules.handled_access_fs |= FS_IOCTL_DEV;
	if (version >= 6)
		rules.scoped = SCOPE_ALL;
	const size_t size = version >= 6 ? sizeof rules : version >= 4 ? 16 : 8;
	const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (ruleset < 0)
		return -errno;
	const bool ok = allow_below(ruleset, rules.handled_access_fs, root_fd) &&
			(other_fd < 0 || allow_below(ruleset, rules.handled_access_fs, other_fd)) &&
			syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	const int error = errno;
	close(ruleset);
	return ok ? (int)version : -error;
}

static int give_up_root(void)
{
	if (geteuid() != 0)
		return 0;
	const uid_t id = TORN_UNPRIVILEGED_ID;
	if (setgroups(0, NULL) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0)
		return -errno;
	/* Without it /proc/self belongs to root, and a file cannot be linked from there. */
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Everything below the reserved range goes, and all of the range but what is kept. */
static void close_others(const int *keep, size_t count)
{
	int sorted[16];
	memcpy(sorted, keep, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_number);
	unsigned from = 3;
	for (size_t i = 0; i < count; i++) {
		if ((unsigned)sorted[i] > from)
			syscall(SYS_close_range, from, (unsigned)sorted[i] - 1, 0);
		from = (unsigned)sorted[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

static int null_descriptors(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (dup3(null, TORN_FD_NULL, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static void limits(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
}

int torn_sandbox_folder(int above_fd, const char *name)
{
	if (mkdirat(above_fd, name, 0700) != 0 ||
	    (geteuid() == 0 &&
	     fchownat(above_fd, name, TORN_UNPRIVILEGED_ID, TORN_UNPRIVILEGED_ID, 0) != 0))
		return -errno;
	const int fd = openat(above_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int torn_sandbox_enter(int root_fd, int other_fd, const int *keep, size_t keep_count, int *ret_landlock,
		       char *ret_message, size_t size)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
	limits();
	int r = null_descriptors();
	if (r < 0) {
		snprintf(ret_message, size, "/dev/null: %s", strerror(-r));
		return r;
	}
	close_others(keep, keep_count);
	r = give_up_root();
	if (r < 0) {
		snprintf(ret_message, size, "root cannot be given up: %s", strerror(-r));
		return r;
	}
	/* Changing ids forgets it: prctl(2), PR_SET_PDEATHSIG. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(ret_message, size, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
		return -errno;
	}
	r = landlock(root_fd, other_fd);
	if (r < 0) {
		snprintf(ret_message, size, "Landlock: %s", strerror(-r));
		return r;
	}
	*ret_landlock = r;
	return 0;
}
