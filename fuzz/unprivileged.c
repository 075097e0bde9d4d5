/*
 * unprivileged.c: see unprivileged.h.
 */
#include "unprivileged.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

int torn_unprivileged_become(void)
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
