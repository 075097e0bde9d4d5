/* standin_file.c: see standin_file.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "standin_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "../go/go_os.h"

static int fill(int file, mode_t mode, struct torn_bytes content)
{
	if (content.size > 0 && go_write(file, content) < 0)
		return -1;
	return fchmod(file, mode) < 0 || go_sync(file) < 0 ? -1 : 0;
}

int standin_file_write(const char *path, mode_t mode, struct torn_bytes content)
{
	char temp[PATH_MAX];

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int file = mkostemp(temp, O_CLOEXEC);
	if (file < 0)
		return -1;
	int result = fill(file, mode, content);
	if (close(file) < 0)
		result = -1;
	if (result == 0)
		result = rename(temp, path);
	if (result < 0) {
		int number = errno;
		(void)unlink(temp);
		errno = number;
	}
	return result;
}
