/* audit_fallback.c: see audit_fallback.h. */
#include "audit_fallback.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum kensa_outcome load(const struct kensa_context *context)
{
	return kensa_run(context, "augenrules --load", NULL) == 0 ? KENSA_SUCCESS : KENSA_FAILED;
}

/* printf(1) writes what it has at its end; what is short is written on. */
static int write_all(int file, struct torn_bytes body)
{
	for (size_t done = 0; done < body.size;) {
		ssize_t written = write(file, body.data + done, body.size - done);
		if (written <= 0)
			return -1;
		done += (size_t)written;
	}
	return 0;
}

enum kensa_outcome audit_fallback_write(const struct kensa_context *context, const char *path,
					struct torn_bytes body)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (file < 0)
		return KENSA_FAILED;
	int result = write_all(file, body);
	if (close(file) < 0 || result < 0)
		return KENSA_FAILED;
	return load(context);
}

enum kensa_outcome audit_fallback_remove(const struct kensa_context *context, const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return KENSA_FAILED;
	return load(context);
}
