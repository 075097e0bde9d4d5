/* standin_findmnt.c: findmnt(8) of util-linux. Left out: all but -n -o with one of four columns, of a directory. */
#include "standins.h"

#include <string.h>

#include "mountinfo.h"

static const char *column(const struct mountinfo *info, const char *name)
{
	if (strcmp(name, "SOURCE") == 0)
		return info->source;
	if (strcmp(name, "OPTIONS") == 0)
		return info->options;
	if (strcmp(name, "VFS-OPTIONS") == 0)
		return info->of_mount;
	return strcmp(name, "FS-OPTIONS") == 0 ? info->of_filesystem : NULL;
}

int standin_findmnt(int argc, char **argv)
{
	static const struct mountinfo names = {"", "", "", ""};
	struct mountinfo info;

	if (argc != 5 || strcmp(argv[1], "-n") != 0 || strcmp(argv[2], "-o") != 0 || !column(&names, argv[3])) {
		fputs("Usage: findmnt -n -o SOURCE|OPTIONS|VFS-OPTIONS|FS-OPTIONS DIRECTORY\n", stderr);
		return 1;
	}
	if (mountinfo_read(argv[4], &info) < 0)
		return 1; /* it says nothing */
	fprintf(standin_output(), "%s\n", column(&info, argv[3]));
	mountinfo_free(&info);
	return 0;
}
