/*
 * kernelio.c: see kernelio.h. `fixed` has no change of its own: those that the
 * sweep asked for are in the primitives (fsatomic.c).
 */
#include "kernelio.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static enum fsatomic_variant primitives_of(enum kernelio_version version)
{
	return version == KERNELIO_FIXED ? FSATOMIC_FIXED : FSATOMIC_PUBLISHED;
}

/* AtomicWrite wants a directory and a name in it; `dir` has PATH_MAX bytes. Returns the name. */
static const char *split(const char *path, char *dir)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash - path >= PATH_MAX)
		return NULL;
	const size_t length = slash == path ? 1 : (size_t)(slash - path);
	memcpy(dir, path, length);
	dir[length] = '\0';
	return slash + 1;
}

enum fsatomic_error kernelio_write_file(enum kernelio_version version, const char *path, mode_t mode,
					struct torn_bytes content)
{
	char dir[PATH_MAX];

	if (version == KERNELIO_PRE115)
		return fsatomic_replace(FSATOMIC_PUBLISHED, path, mode, content);
	const char *name = split(path, dir);
	if (name == NULL) {
		errno = EINVAL;
		return FSATOMIC_OTHER;
	}
	enum fsatomic_error error = fsatomic_write(primitives_of(version), dir, name, mode, content);
	if (error == FSATOMIC_ALREADY_EXISTS)
		error = fsatomic_replace(primitives_of(version), path, mode, content);
	return error;
}

enum fsatomic_error kernelio_remove_file(enum kernelio_version version, const char *path)
{
	enum fsatomic_error error = fsatomic_remove(primitives_of(version), path);

	return error == FSATOMIC_NOT_EXIST && version != KERNELIO_PRE115 ? FSATOMIC_OK : error;
}
