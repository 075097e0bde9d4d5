/*
 * planted.old_or_new: rewrites the file in place. From the truncation to the
 * last byte it is neither old nor new: for a reader, after a kill, and after
 * an error that is reported.
 *
 * The others hold: it looks at the result of every call, so that success means
 * that all bytes are there; it does not promise old after an error; it makes
 * no other file; it closes what it opens.
 */
#include <fcntl.h>
#include <unistd.h>

#include "planted.h"

static int planted(const struct torn_run *run)
{
	struct torn_bytes content = torn_run_arg(run, "content");
	int result = 0;

	int file = open("/srv/" PLANTED_NAME, O_WRONLY | O_TRUNC | O_CLOEXEC); /* the flaw */
	if (file < 0)
		return -1;
	for (size_t done = 0; result == 0 && done < content.size;) {
		ssize_t written = write(file, content.data + done, content.size - done);
		if (written < 0)
			result = -1;
		else
			done += (size_t)written;
	}
	return close(file) < 0 ? -1 : result;
}

static const struct torn_variant variants[] = {{"planted", planted}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.old_or_new",
	.summary = "rewrites the file in place",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
};
TORN_TARGET(target);
