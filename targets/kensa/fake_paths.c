/* fake_paths.c: directories and symlinks of the fixed fake. See fake_transport.h. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "fake_transport.h"

/* As the kernel's: ELOOP beyond. */
#define SYMLINKS_MAX 40

/* The root is there, whatever was loaded. */
static struct kensa_fake_node root = {.name = "/", .type = KENSA_FAKE_DIRECTORY, .mode = 0755};

static struct kensa_fake_node *find(struct kensa_fake *fake, const char *path)
{
	return strcmp(path, "/") == 0 ? &root : kensa_fake_find(&fake->files, path);
}

/* filepath.Clean of an absolute path: no part is ".", ".." or empty. What is too long is cut. */
void kensa_fake_clean(const char *path, char *ret_cleaned)
{
	size_t length = 0;

	while (*path) {
		const size_t size = strcspn(path, "/");
		if (size == 2 && memcmp(path, "..", 2) == 0) {
			while (length > 0 && ret_cleaned[--length] != '/')
				;
		} else if (size > 0 && !(size == 1 && path[0] == '.') && length + size + 2 < PATH_MAX) {
			ret_cleaned[length++] = '/';
			memcpy(ret_cleaned + length, path, size);
			length += size;
		}
		path += size + strspn(path + size, "/");
	}
	if (length == 0)
		ret_cleaned[length++] = '/';
	ret_cleaned[length] = '\0';
}

/* What fsatomic's walk says of one directory on the way. */
static enum fsatomic_error judge_parent(const struct kensa_fake_node *node)
{
	if (!node)
		return FSATOMIC_PARENT_DIR_MISSING;
	if (node->type == KENSA_FAKE_SYMLINK)
		return FSATOMIC_SYMLINK_IN_PATH;
	return node->type == KENSA_FAKE_DIRECTORY ? FSATOMIC_OK : FSATOMIC_OTHER;
}

enum fsatomic_error kensa_fake_walk(struct kensa_fake *fake, const char *path, char *ret_cleaned,
				    struct kensa_fake_node **ret_node)
{
	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return FSATOMIC_OTHER;
	kensa_fake_clean(path, ret_cleaned);
	if (strcmp(ret_cleaned, "/") == 0)
		return FSATOMIC_OTHER;
	for (char *slash = ret_cleaned; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		enum fsatomic_error error = judge_parent(find(fake, ret_cleaned));
		*slash = '/';
		if (error)
			return error;
	}
	*ret_node = find(fake, ret_cleaned);
	return FSATOMIC_OK;
}

/* Put a symlink's target in its place: `at` ends behind the link's name, `rest` is what comes behind that. */
static bool substitute(char *path, const struct kensa_fake_node *link, const char *rest)
{
	char joined[PATH_MAX];
	const char *slash = strrchr(link->name, '/');
	const int length = link->text[0] == '/'
				   ? snprintf(joined, sizeof(joined), "%s%s", link->text, rest)
				   : snprintf(joined, sizeof(joined), "%.*s/%s%s",
					      (int)(slash - link->name), link->name, link->text, rest);

	if (length >= (int)sizeof(joined))
		return false;
	kensa_fake_clean(joined, path);
	return true;
}

/*
 * Resolve as the kernel does. `path` has PATH_MAX bytes, is cleaned, and becomes where it leads.
 */
static enum fsatomic_error resolve(struct kensa_fake *fake, char *path, struct kensa_fake_node **ret_node)
{
	size_t from = 1;

	for (int links = 0; links <= SYMLINKS_MAX;) {
		const size_t end = from + strcspn(path + from, "/");
		const char byte = path[end];
		path[end] = '\0';
		struct kensa_fake_node *node = find(fake, path);
		path[end] = byte;
		if (!node)
			return FSATOMIC_NOT_EXIST;
		if (node->type == KENSA_FAKE_SYMLINK) {
			char rest[PATH_MAX];
			memcpy(rest, path + end, strlen(path + end) + 1);
			if (!substitute(path, node, rest))
				return FSATOMIC_OTHER;
			links++;
			from = 1;
			continue;
		}
		if (!byte) {
			*ret_node = node;
			return FSATOMIC_OK;
		}
		if (node->type != KENSA_FAKE_DIRECTORY)
			return FSATOMIC_OTHER; /* ENOTDIR */
		from = end + 1;
	}
	return FSATOMIC_OTHER; /* ELOOP */
}

enum fsatomic_error kensa_fake_follow(struct kensa_fake *fake, const char *path,
				      struct kensa_fake_node **ret_node)
{
	char cleaned[PATH_MAX];

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return FSATOMIC_OTHER;
	kensa_fake_clean(path, cleaned);
	return resolve(fake, cleaned, ret_node);
}

enum fsatomic_error kensa_fake_look(struct kensa_fake *fake, const char *path,
				    struct kensa_fake_node **ret_node)
{
	char cleaned[PATH_MAX], folder[PATH_MAX], joined[PATH_MAX + NAME_MAX];
	struct kensa_fake_node *parent;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return FSATOMIC_OTHER;
	kensa_fake_clean(path, cleaned);
	const char *slash = strrchr(cleaned, '/');
	snprintf(folder, sizeof(folder), "%.*s", slash == cleaned ? 1 : (int)(slash - cleaned), cleaned);
	enum fsatomic_error error = resolve(fake, folder, &parent);
	if (error)
		return error;
	snprintf(joined, sizeof(joined), "%s%s", strcmp(folder, "/") == 0 ? "" : folder, slash);
	*ret_node = find(fake, joined);
	return *ret_node ? FSATOMIC_OK : FSATOMIC_NOT_EXIST;
}

/* One directory of a path, the ones before being there. */
static enum fsatomic_error make_directory(struct kensa_fake *fake, const char *path, mode_t mode)
{
	char where[PATH_MAX];
	struct kensa_fake_node *node;

	snprintf(where, sizeof(where), "%s", path);
	enum fsatomic_error error = resolve(fake, where, &node);
	if (!error)
		return node->type == KENSA_FAKE_DIRECTORY ? FSATOMIC_OK : FSATOMIC_OTHER;
	if (error != FSATOMIC_NOT_EXIST || find(fake, path))
		return FSATOMIC_OTHER; /* a dangling symlink is EEXIST: mkdir(2) */
	/* `where` is the path behind all symlinks but for what is not there */
	return kensa_fake_set(&fake->files, where, KENSA_FAKE_DIRECTORY, mode,
			      (struct torn_bytes){NULL, 0}) == 0
		       ? FSATOMIC_OK
		       : FSATOMIC_OTHER;
}

enum fsatomic_error kensa_fake_mkdir_all(struct kensa_fake *fake, const char *path, mode_t mode)
{
	char cleaned[PATH_MAX];

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return FSATOMIC_OTHER;
	kensa_fake_clean(path, cleaned);
	for (char *slash = cleaned; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		enum fsatomic_error error = make_directory(fake, cleaned, mode);
		*slash = '/';
		if (error)
			return error;
	}
	return make_directory(fake, cleaned, mode);
}
