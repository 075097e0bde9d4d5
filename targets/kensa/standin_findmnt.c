/* standin_findmnt.c: findmnt(8) of util-linux. Left out: all but -n -o OPTIONS or SOURCE of a directory. */
#include "standins.h"

#include <string.h>

#include "mountinfo.h"

int standin_findmnt(int argc, char **argv)
{
	struct mountinfo info;

	if (argc != 5 || strcmp(argv[1], "-n") != 0 || strcmp(argv[2], "-o") != 0) {
		fputs("Usage: findmnt -n -o OPTIONS|SOURCE DIRECTORY\n", stderr);
		return 1;
	}
	if (mountinfo_read(argv[4], &info) < 0)
		return 1; /* it says nothing */
	fprintf(standin_output(), "%s\n", strcmp(argv[3], "SOURCE") == 0 ? info.source : info.options);
	mountinfo_free(&info);
	return 0;
}
