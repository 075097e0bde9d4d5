/*
 * sandbox.c: see sandbox.h.
 *
 * Not relied on: user namespaces (some hosts forbid them), seccomp (its filter
 * would cost every call of the gate).
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../injectors/view.h"
#include "landlock.h"

static int landlock(int root_fd, int other_fd)
{
	int ruleset;
	const int version = torn_landlock_make(true, &ruleset);
	if (version <= 0)
		return version;
	int r = torn_landlock_allow_below(ruleset, version, root_fd);
	if (r == 0 && other_fd >= 0)
		r = torn_landlock_allow_below(ruleset, version, other_fd);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		r = -errno;
	close(ruleset);
	return r < 0 ? r : version;
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
	r = torn_unprivileged_become();
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
