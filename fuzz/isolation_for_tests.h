/*
 * isolation_for_tests.h: places on the host in which the tests of isolation.h have their workers. For tests only.
 */
#ifndef TORN_ISOLATION_FOR_TESTS_H
#define TORN_ISOLATION_FOR_TESTS_H

#include "isolation.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "unprivileged.h"

#define ORDINARY_ID 12345
#define BYTES_MAX (256u << 10)
#define INODES_MAX 64u
#define SHOWN_MAX 4
#define PROGRAM_PID 4001
#define UMASK 027
#define LOCKED (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED)
#define SCRIPT "#!/bin/sh\nexit 7\n"
#define MARK "isolation_test." /* in the names of all that this test makes */
#define WAIT_MS 20000

/* Where a worker runs, as the host has it. */
struct place {
	char base[64], dir[96], shm[64], alone[80];
	char shown[SHOWN_MAX][128];
	char own[128]; /* below dir: whoever fills that brings it, so it need not be there */
	const char *list[SHOWN_MAX + 2];
	size_t count;
};

enum kind {
	PLAIN,          /* nothing hides it; a script there is root's alone */
	BELOW_TMP,      /* and, as for all that follow, scripts in /tmp and below /dev/shm */
	PRIVATE,        /* below a directory that root alone can search */
	PRIVATE_IN_TMP, /* the same below /tmp */
	WITHOUT_SETATTR, /* as BELOW_TMP, on a kernel without mount_setattr(2) */
	HIDDEN_PROC /* as BELOW_TMP, in a container that hides parts of /proc: root alone makes one */
};

static const char *unavailable; /* why all is skipped */

static inline void be_user(uid_t id)
{
	if (geteuid() != id &&
	    (setgroups(0, NULL) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0))
		_exit(99);
	prctl(PR_SET_DUMPABLE, 1);
}

/* As a kernel (or a container) without them does. */
static inline void refuse_call(int call, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter || seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), call, 0) != 0 ||
	    seccomp_load(filter) != 0)
		_exit(99);
	seccomp_release(filter);
}

static inline struct torn_isolation isolation_of(const struct place *place)
{
	return (struct torn_isolation){.dir = place->dir,
				       .dir_bytes_max = BYTES_MAX,
				       .dir_inodes_max = INODES_MAX,
				       .shown = place->list};
}

static inline int make_script(struct place *place, const char *path, uid_t owner, mode_t mode)
{
	snprintf(place->shown[place->count], sizeof *place->shown, "%s", path);
	place->list[place->count] = place->shown[place->count];
	place->count++;
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0)
		return -1;
	const bool ok = write(fd, SCRIPT, strlen(SCRIPT)) == (ssize_t)strlen(SCRIPT) &&
			fchmod(fd, mode) == 0 && fchown(fd, owner, owner) == 0;
	close(fd);
	return ok ? 0 : -1;
}

static inline int make_folder(char *path, uid_t owner, mode_t mode)
{
	return mkdtemp(path) && chmod(path, mode) == 0 && chown(path, owner, owner) == 0 ? 0 : -1;
}

static inline int make_dir(struct place *place, uid_t owner)
{
	char deep[80];
	snprintf(deep, sizeof deep, "%s/deep", place->base);
	snprintf(place->dir, sizeof place->dir, "%s/dir", deep);
	return mkdir(deep, 0755) == 0 && chown(deep, owner, owner) == 0 && mkdir(place->dir, 0755) == 0 &&
			       chown(place->dir, owner, owner) == 0
		       ? 0
		       : -1;
}

static inline int make_scripts(struct place *place, enum kind kind, uid_t owner)
{
	char path[128];
	snprintf(path, sizeof path, "%s/script", place->base);
	if (make_script(place, path, owner, kind == PLAIN && owner == 0 ? 0700 : 0777) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/deep/second", place->base);
	/* All may read it, and root alone may run it. */
	if (make_script(place, path, owner, kind == PLAIN && owner == 0 ? 0744 : 0777) < 0)
		return -1;
	if (kind == PLAIN)
		return 0;
	snprintf(place->shm, sizeof place->shm, "/dev/shm/" MARK "XXXXXX");
	if (make_folder(place->shm, owner, 0755) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/script", place->shm);
	if (make_script(place, path, owner, 0777) < 0)
		return -1;
	snprintf(place->alone, sizeof place->alone, "/tmp/%s.sh", strrchr(place->base, '/') + 1);
	return make_script(place, place->alone, owner, 0777);
}

static inline int make_place(struct place *place, enum kind kind, uid_t owner)
{
	const bool in_var = kind == PLAIN || kind == PRIVATE;
	const bool is_private = kind == PRIVATE || kind == PRIVATE_IN_TMP;
	*place = (struct place){0};
	snprintf(place->base, sizeof place->base, "%s/" MARK "XXXXXX", in_var ? "/var/tmp" : "/tmp");
	if (make_folder(place->base, owner, is_private ? 0700 : 0755) < 0 ||
	    make_dir(place, owner) < 0 || make_scripts(place, kind, owner) < 0)
		return -1;
	snprintf(place->own, sizeof place->own, "%s/own", place->dir);
	place->list[place->count] = place->own;
	return 0;
}

static inline void remove_place(const struct place *place)
{
	char command[320];
	snprintf(command, sizeof command, "rm -rf '%s' '%s' '%s'", place->base, place->shm, place->alone);
	if (system(command) != 0)
		fprintf(stderr, "%s is left\n", place->base);
}

/* What a worker holds the other end of is closed once nobody inside is there any more. */
static inline bool is_hung_up(int fd, int timeout_ms)
{
	struct pollfd end = {.fd = fd};
	return poll(&end, 1, timeout_ms) == 1 && (end.revents & POLLHUP);
}

/* Asked of the kernel without the code under test. */
static inline const char *why_unavailable(void)
{
	const pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0)
			be_user(ORDINARY_ID);
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 1);
	}
	int status = 0;
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? NULL
		       : "this kernel allows no user namespaces";
}

#endif
