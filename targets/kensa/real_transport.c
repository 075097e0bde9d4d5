/* real_transport.c: the primitives as a transport. See transport.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "transport.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "../go/go_os.h"
#include "kernelio_files.h"
#include "kernelio_module.h"
#include "kernelio_sysctl.h"

static enum fsatomic_error result_of(int r)
{
	return r == 0 ? FSATOMIC_OK : FSATOMIC_OTHER;
}

/* kernelio's way to split a path: AtomicWrite wants a directory and a name in it. */
static enum fsatomic_error real_write(void *self, const char *path, mode_t mode,
				      struct torn_bytes content)
{
	const enum fsatomic_variant *variant = self;
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (!slash || snprintf(dir, sizeof(dir), "%.*s/", (int)(slash - path), path) >= (int)sizeof(dir))
		return FSATOMIC_OTHER;
	return fsatomic_write(*variant, dir, slash + 1, mode, content);
}

static enum fsatomic_error real_replace(void *self, const char *path, mode_t mode,
					struct torn_bytes content)
{
	return fsatomic_replace(*(enum fsatomic_variant *)self, path, mode, content);
}

static enum fsatomic_error real_remove(void *self, const char *path)
{
	return fsatomic_remove(*(enum fsatomic_variant *)self, path);
}

static enum fsatomic_error real_read(void *self, const char *path, char **ret_text, size_t *ret_size)
{
	(void)self;
	return result_of(kernelio_read_file_if_exists(path, ret_text, ret_size));
}

static enum fsatomic_error real_mkdir_all(void *self, const char *path, mode_t mode)
{
	(void)self;
	return result_of(kernelio_mkdir_all(path, mode));
}

static enum fsatomic_error real_look(void *self, const char *path, mode_t *ret_mode)
{
	struct stat status;

	(void)self;
	if (go_lstat(path, &status) < 0)
		return errno == ENOENT || errno == ENOTDIR ? FSATOMIC_NOT_EXIST : FSATOMIC_OTHER;
	*ret_mode = status.st_mode & 07777;
	return FSATOMIC_OK;
}

static enum fsatomic_error real_write_sysctl(void *self, const char *key, const char *value)
{
	(void)self;
	return result_of(kernelio_sysctl_write(torn_bytes_of(key), torn_bytes_of(value)));
}

static enum fsatomic_error real_read_sysctl(void *self, const char *key, char **ret_value,
					    size_t *ret_size)
{
	(void)self;
	return result_of(kernelio_sysctl_read(torn_bytes_of(key), ret_value, ret_size));
}

static enum fsatomic_error real_delete_module(void *self, const char *name)
{
	(void)self;
	if (kernelio_delete_module(name) == 0)
		return FSATOMIC_OK;
	return errno == ENOENT ? FSATOMIC_NOT_EXIST : FSATOMIC_OTHER;
}

struct kensa_transport kensa_real_transport(enum fsatomic_variant *variant)
{
	return (struct kensa_transport){
		.self = variant,
		.write = real_write,
		.replace = real_replace,
		.remove = real_remove,
		.read = real_read,
		.mkdir_all = real_mkdir_all,
		.look = real_look,
		.write_sysctl = real_write_sysctl,
		.read_sysctl = real_read_sysctl,
		.delete_module = real_delete_module,
	};
}
