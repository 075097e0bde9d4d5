/* kernelio_read.c: files of the handlers that are read, and their directories. See kernelio_files.h. */
#include "kernelio_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../go/go_os.h"

/* What a read asks for at once: os.ReadFile begins with no less. */
#define STEP 512u

int kernelio_read_open(int file, char **ret_text, size_t *ret_size)
{
	size_t size = 0, room = STEP;
	char *text = malloc(room + 1);

	while (text) {
		ssize_t got = TEMP_FAILURE_RETRY(read(file, text + size, room - size));
		if (got == 0) {
			text[size] = '\0';
			*ret_text = text;
			*ret_size = size;
			return 0;
		}
		if (got < 0)
			break;
		size += (size_t)got;
		if (size < room)
			continue;
		if (size > KERNELIO_BYTES_MAX) {
			errno = EFBIG;
			break;
		}
		char *more = realloc(text, 2 * room + 1);
		if (!more)
			break;
		text = more;
		room *= 2;
	}
	int number = errno;
	free(text);
	errno = number;
	return -1;
}

int kernelio_read_file(const char *path, char **ret_text, size_t *ret_size)
{
	struct stat status;

	int file = go_open(path, O_RDONLY, 0);
	if (file < 0)
		return -1;
	(void)go_fstat(file, &status); /* os.ReadFile: for a size to begin with */
	int result = kernelio_read_open(file, ret_text, ret_size);
	int number = errno;
	(void)close(file);
	errno = number;
	return result;
}

/* That a file is not there is no error. */
static int none_if_missing(int result, char **ret_text, size_t *ret_size)
{
	if (result == 0 || errno != ENOENT)
		return result;
	*ret_text = NULL;
	*ret_size = 0;
	return 0;
}

int kernelio_read_file_if_exists(const char *path, char **ret_text, size_t *ret_size)
{
	return none_if_missing(kernelio_read_file(path, ret_text, ret_size), ret_text, ret_size);
}

static int read_if_regular(int file, char **ret_text, size_t *ret_size)
{
	struct stat status;

	if (go_fstat(file, &status) < 0)
		return -1;
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return kernelio_read_open(file, ret_text, ret_size);
}

int kernelio_read_regular_if_exists(const char *path, char **ret_text, size_t *ret_size)
{
	/* without O_NONBLOCK the open of a FIFO ends when somebody opens it to write: fifo(7) */
	int file = go_open(path, O_RDONLY | O_NONBLOCK, 0);
	int result = -1;

	if (file >= 0) {
		result = read_if_regular(file, ret_text, ret_size);
		int number = errno;
		(void)close(file);
		errno = number;
	}
	return none_if_missing(result, ret_text, ret_size);
}

int kernelio_mkdir_all(const char *path, mode_t mode)
{
	return go_mkdir_all(path, mode);
}
