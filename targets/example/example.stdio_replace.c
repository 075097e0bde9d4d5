/*
 * example.stdio_replace: the correct replace, written through stdio.
 *
 * stdio keeps bytes back, so an error can show at fwrite, fflush or fclose:
 * each is looked at, and fflush comes before the fsync, which knows nothing of
 * the buffer. stdio does not retry EINTR: an interrupted write is a failure.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "example.h"

static int fill(FILE *stream, mode_t mode, struct torn_bytes content)
{
	if (fwrite(content.data, 1, content.size, stream) < content.size)
		return -1;
	if (fflush(stream) < 0 || fchmod(fileno(stream), mode) < 0)
		return -1;
	return example_sync(fileno(stream));
}

/* fdopen and not fopen: nobody shall open the temp before it has the old file's mode. */
static int stage(int dir, mode_t mode, struct torn_bytes content,
		 char temp[static EXAMPLE_TEMP_SIZE])
{
	int file = example_create_temp(dir, temp);
	if (file < 0)
		return -1;
	FILE *stream = fdopen(file, "w");
	if (stream == NULL) {
		example_close(file);
		example_discard(dir, temp);
		return -1;
	}

	int result = fill(stream, mode, content);
	int saved = errno;
	if (fclose(stream) < 0 && result == 0) { /* closes and frees, whatever it says */
		result = -1;
		saved = errno;
	}
	errno = saved;
	if (result < 0)
		example_discard(dir, temp);
	return result;
}

static int put(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	char temp[EXAMPLE_TEMP_SIZE];

	(void)there;
	if (stage(dir, mode, content, temp) < 0)
		return -1;
	if (renameat(dir, temp, dir, EXAMPLE_NAME) == 0)
		return 0;
	example_discard(dir, temp);
	return -1;
}

static int correct(const struct torn_run *run)
{
	return example_replace(run, put);
}

static const struct torn_variant variants[] = {{"correct", correct}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "example.stdio_replace",
	.summary = "replace a file through stdio: fwrite, fflush, fsync, fclose, rename",
	.variants = variants,
	.worlds = example_worlds,
	.args = example_args,
	.watch = example_watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
