/* fake_load.c: what there is, read into a fake before a sequence. See fake_transport.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../go/go_os.h"
#include "fake_transport.h"
#include "kernelio_files.h"
#include "kernelio_module.h"
#include "kernelio_sysctl.h"

/* Symlinks that lead to symlinks. */
#define DEPTH_MAX 8

static bool is_absent(int number)
{
	return number == ENOENT || number == ENOTDIR || number == ELOOP;
}

/* The original's: a path is a key, and what it has is what reading it gives. */
static int load_by_key(struct kensa_fake *fake, const char *path)
{
	char *text = NULL;
	size_t size = 0;

	if (kernelio_read_file_if_exists(path, &text, &size) < 0)
		return is_absent(errno) || errno == EISDIR ? 0 : -errno;
	if (!text)
		return 0;
	int r = kensa_fake_set(&fake->files, path, KENSA_FAKE_FILE, 0644,
			       (struct torn_bytes){(const uint8_t *)text, size});
	free(text);
	return r;
}

static int load_path(struct kensa_fake *fake, const char *path, int depth);

static int load_file(struct kensa_fake *fake, const char *path, mode_t mode)
{
	char *text = NULL;
	size_t size = 0;

	if (kernelio_read_file(path, &text, &size) < 0)
		return -errno;
	int r = kensa_fake_set(&fake->files, path, KENSA_FAKE_FILE, mode,
			       (struct torn_bytes){(const uint8_t *)text, size});
	free(text);
	return r;
}

static int load_symlink(struct kensa_fake *fake, const char *path, mode_t mode, int depth)
{
	char target[PATH_MAX], joined[2 * PATH_MAX], cleaned[PATH_MAX];

	ssize_t size = readlink(path, target, sizeof(target) - 1);
	if (size < 0)
		return -errno;
	target[size] = '\0';
	int r = kensa_fake_set(&fake->files, path, KENSA_FAKE_SYMLINK, mode, torn_bytes_of(target));
	if (r < 0 || depth == 0)
		return r;
	const int folder = (int)(strrchr(path, '/') - path);
	snprintf(joined, sizeof(joined), "%.*s/%s", target[0] == '/' ? 0 : folder, path, target);
	kensa_fake_clean(joined, cleaned);
	return load_path(fake, cleaned, depth - 1);
}

/* What stands there itself; its directories are loaded. */
static int load_node(struct kensa_fake *fake, const char *path, int depth)
{
	struct stat status;

	if (strcmp(path, "/") == 0 || kensa_fake_find(&fake->files, path))
		return 0;
	if (go_lstat(path, &status) < 0)
		return is_absent(errno) ? 0 : -errno;
	const mode_t mode = status.st_mode & 07777;
	if (S_ISREG(status.st_mode))
		return load_file(fake, path, mode);
	if (S_ISLNK(status.st_mode))
		return load_symlink(fake, path, mode, depth);
	return kensa_fake_set(&fake->files, path,
			      S_ISDIR(status.st_mode) ? KENSA_FAKE_DIRECTORY : KENSA_FAKE_OTHER, mode,
			      (struct torn_bytes){NULL, 0});
}

/* A path and what leads to it. Behind a symlink on the way, what is there is read by its other name only. */
static int load_path(struct kensa_fake *fake, const char *path, int depth)
{
	char at[PATH_MAX];
	int r = 0;

	snprintf(at, sizeof(at), "%s", path);
	for (char *slash = at; r == 0 && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		r = load_node(fake, at, depth);
		const struct kensa_fake_node *node = kensa_fake_find(&fake->files, at);
		*slash = '/';
		if (r == 0 && node && node->type == KENSA_FAKE_SYMLINK && depth > 0) {
			char joined[2 * PATH_MAX], cleaned[PATH_MAX];
			const int folder = (int)(strrchr(node->name, '/') - node->name);
			snprintf(joined, sizeof(joined), "%.*s/%s%s", node->text[0] == '/' ? 0 : folder,
				 node->name, node->text, slash);
			kensa_fake_clean(joined, cleaned);
			return load_path(fake, cleaned, depth - 1);
		}
	}
	return r == 0 ? load_node(fake, path, depth) : r;
}

static int load_value(struct kensa_fake *fake, const char *key)
{
	char *value = NULL;
	size_t size = 0;

	if (kernelio_sysctl_read(torn_bytes_of(key), &value, &size) < 0)
		return is_absent(errno) || errno == EINVAL || errno == EISDIR ? 0 : -errno;
	int r = kensa_fake_set(&fake->runtime, key, KENSA_FAKE_FILE, 0644,
			       (struct torn_bytes){(const uint8_t *)value, size});
	free(value);
	return r;
}

/* delete_module(2) takes the name as it is; /proc/modules has no '-'. */
static int load_module(struct kensa_fake *fake, const char *name)
{
	bool is_loaded = false;

	if (fake->version != KENSA_FAKE_FIXED || strchr(name, '-') || !name[0])
		return 0;
	if (kernelio_module_is_loaded(name, &is_loaded) < 0)
		return is_absent(errno) ? 0 : -errno;
	if (!is_loaded)
		return 0;
	return kensa_fake_set(&fake->modules, name, KENSA_FAKE_FILE, 0, (struct torn_bytes){NULL, 0});
}

static int load_named(void *context, enum kensa_named what, const char *name)
{
	struct kensa_fake *fake = context;

	if (what == KENSA_NAMES_KEY)
		return load_value(fake, name);
	if (what == KENSA_NAMES_MODULE)
		return load_module(fake, name);
	if (name[0] != '/' || strlen(name) >= PATH_MAX)
		return 0;
	if (fake->version != KENSA_FAKE_FIXED)
		return load_by_key(fake, name);
	char cleaned[PATH_MAX];
	kensa_fake_clean(name, cleaned);
	return load_path(fake, cleaned, DEPTH_MAX);
}

int kensa_fake_load(struct kensa_fake *fake, const char *operations)
{
	return kensa_sequence_names(operations, load_named, fake);
}
