/*
 * unprivileged.c: see unprivileged.h.
 */
#include "unprivileged.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Lines "FIRST OUTSIDE COUNT": user_namespaces(7). Where it cannot be read the attempt will tell. */
static bool is_mapped(const char *map, unsigned id)
{
	unsigned first, outside, count;
	FILE *in = fopen(map, "re");
	bool is = !in;
	while (in && fscanf(in, "%u %u %u", &first, &outside, &count) == 3)
		is |= id >= first && id - first < count;
	if (in)
		fclose(in);
	return is;
}

int torn_unprivileged_try(char *ret_message, size_t size)
{
	if (geteuid() != 0 || (is_mapped("/proc/self/uid_map", TORN_UNPRIVILEGED_ID) &&
			       is_mapped("/proc/self/gid_map", TORN_UNPRIVILEGED_ID)))
		return 0;
	snprintf(ret_message, size,
		 "as root torn becomes user and group %d before it runs a target, and this user namespace does not map "
		 "these: start it as an ordinary user, or map them",
		 TORN_UNPRIVILEGED_ID);
	return -EINVAL;
}

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
