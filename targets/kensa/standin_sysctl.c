/* standin_sysctl.c: sysctl(8) of procps. Left out: all but -w KEY=VALUE and -n KEY of one key. Keys with
 * slashes, which the real one takes, too, are refused here, as they are in the kernel path. */
#include "standins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernelio_sysctl.h"

static int complain(const char *key)
{
	if (errno == ENOENT)
		fprintf(stderr, "sysctl: cannot stat /proc/sys/%s: No such file or directory\n", key);
	else
		fprintf(stderr, "sysctl: setting key \"%s\": %s\n", key, strerror(errno));
	return 1;
}

static int set(char *assignment)
{
	char *value = strchr(assignment, '=');

	if (!value) {
		fprintf(stderr, "sysctl: \"%s\" must be of the form name=value\n", assignment);
		return 1;
	}
	*value++ = '\0';
	if (kernelio_sysctl_write(torn_bytes_of(assignment), torn_bytes_of(value)) < 0)
		return complain(assignment);
	fprintf(standin_output(), "%s = %s\n", assignment, value);
	return 0;
}

static int get(const char *key)
{
	char *value = NULL;
	size_t size = 0;

	if (kernelio_sysctl_read(torn_bytes_of(key), &value, &size) < 0)
		return complain(key);
	fprintf(standin_output(), "%s\n", value);
	free(value);
	return 0;
}

int standin_sysctl(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "-w") == 0)
		return set(argv[2]);
	if (argc == 3 && strcmp(argv[1], "-n") == 0)
		return get(argv[2]);
	fputs("Usage: sysctl -w KEY=VALUE | -n KEY\n", stderr);
	return 1;
}
