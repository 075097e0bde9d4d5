/* fake_transport.c: the maps, and the operations on them. See fake_transport.h. */
#include "fake_transport.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------- maps */

struct kensa_fake_node *kensa_fake_find(struct kensa_fake_map *map, const char *name)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->nodes[i].name, name) == 0)
			return &map->nodes[i];
	return NULL;
}

static char *copy_of(struct torn_bytes text)
{
	char *copy = malloc(text.size + 1);

	if (!copy)
		return NULL;
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return copy;
}

static struct kensa_fake_node *add(struct kensa_fake_map *map, const char *name)
{
	if (map->count == KENSA_FAKE_NODES_MAX)
		return NULL;
	struct kensa_fake_node *node = &map->nodes[map->count];
	*node = (struct kensa_fake_node){.name = strdup(name)};
	if (!node->name)
		return NULL;
	map->count++;
	return node;
}

int kensa_fake_set(struct kensa_fake_map *map, const char *name, enum kensa_fake_type type, mode_t mode,
		   struct torn_bytes text)
{
	char *copy = copy_of(text);
	struct kensa_fake_node *node = kensa_fake_find(map, name);

	if (copy && !node)
		node = add(map, name);
	if (!copy || !node) {
		free(copy);
		return -ENOMEM;
	}
	free(node->text);
	node->type = type;
	node->mode = mode;
	node->text = copy;
	node->size = text.size;
	return 0;
}

void kensa_fake_delete(struct kensa_fake_map *map, struct kensa_fake_node *node)
{
	free(node->name);
	free(node->text);
	*node = map->nodes[--map->count];
}

void kensa_fake_free(struct kensa_fake *fake)
{
	struct kensa_fake_map *const maps[] = {&fake->files, &fake->runtime, &fake->modules};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		while (maps[i]->count > 0)
			kensa_fake_delete(maps[i], &maps[i]->nodes[maps[i]->count - 1]);
}

/* ------------------------------------------------------------------ files */

static enum fsatomic_error set_file(struct kensa_fake *fake, const char *path, mode_t mode,
				    struct torn_bytes content)
{
	return kensa_fake_set(&fake->files, path, KENSA_FAKE_FILE, mode, content) == 0 ? FSATOMIC_OK
										       : FSATOMIC_OTHER;
}

static enum fsatomic_error fake_write(void *self, const char *path, mode_t mode,
				      struct torn_bytes content)
{
	struct kensa_fake *fake = self;
	struct kensa_fake_node *node = kensa_fake_find(&fake->files, path);
	char cleaned[PATH_MAX];

	if (fake->version != KENSA_FAKE_FIXED) {
		if (node && fake->version == KENSA_FAKE_HARDENED)
			return FSATOMIC_ALREADY_EXISTS;
		return set_file(fake, path, mode, content);
	}
	enum fsatomic_error error = kensa_fake_walk(fake, path, cleaned, &node);
	if (!error && node)
		error = FSATOMIC_ALREADY_EXISTS;
	return error ? error : set_file(fake, cleaned, mode, content);
}

/* FIXED: the node that replace and remove want there, and no symlink. */
static enum fsatomic_error want(struct kensa_fake *fake, const char *path, char *cleaned,
				struct kensa_fake_node **ret_node)
{
	enum fsatomic_error error = kensa_fake_walk(fake, path, cleaned, ret_node);

	if (error)
		return error;
	if (!*ret_node)
		return FSATOMIC_NOT_EXIST;
	return (*ret_node)->type == KENSA_FAKE_SYMLINK ? FSATOMIC_SYMLINK_IN_PATH : FSATOMIC_OK;
}

static enum fsatomic_error fake_replace(void *self, const char *path, mode_t mode,
					struct torn_bytes content)
{
	struct kensa_fake *fake = self;
	struct kensa_fake_node *node = kensa_fake_find(&fake->files, path);
	char cleaned[PATH_MAX];

	if (fake->version != KENSA_FAKE_FIXED) {
		if (!node && fake->version == KENSA_FAKE_HARDENED)
			return FSATOMIC_NOT_EXIST;
		return set_file(fake, path, mode, content);
	}
	enum fsatomic_error error = want(fake, path, cleaned, &node);
	if (!error && node->type != KENSA_FAKE_FILE)
		error = FSATOMIC_OTHER;
	return error ? error : set_file(fake, cleaned, mode, content);
}

static enum fsatomic_error fake_remove(void *self, const char *path)
{
	struct kensa_fake *fake = self;
	struct kensa_fake_node *node = kensa_fake_find(&fake->files, path);
	char cleaned[PATH_MAX];

	if (fake->version == KENSA_FAKE_HARDENED && !node)
		return FSATOMIC_NOT_EXIST;
	if (fake->version == KENSA_FAKE_FIXED) {
		enum fsatomic_error error = want(fake, path, cleaned, &node);
		if (error)
			return error;
		if (node->type == KENSA_FAKE_DIRECTORY)
			return FSATOMIC_OTHER; /* EISDIR: unlinkat(2) */
	}
	if (node)
		kensa_fake_delete(&fake->files, node);
	return FSATOMIC_OK;
}

static enum fsatomic_error give(const struct kensa_fake_node *node, char **ret_text, size_t *ret_size)
{
	*ret_text = copy_of((struct torn_bytes){(const uint8_t *)node->text, node->size});
	*ret_size = node->size;
	return *ret_text ? FSATOMIC_OK : FSATOMIC_OTHER;
}

static enum fsatomic_error fake_read(void *self, const char *path, char **ret_text, size_t *ret_size)
{
	struct kensa_fake *fake = self;
	struct kensa_fake_node *node = kensa_fake_find(&fake->files, path);

	*ret_text = NULL;
	*ret_size = 0;
	if (fake->version == KENSA_FAKE_FIXED) {
		enum fsatomic_error error = kensa_fake_follow(fake, path, &node);
		if (error)
			return error == FSATOMIC_NOT_EXIST ? FSATOMIC_OK : error;
		if (node->type != KENSA_FAKE_FILE)
			return FSATOMIC_OTHER; /* EISDIR: read(2) */
	}
	return node ? give(node, ret_text, ret_size) : FSATOMIC_OK;
}

/* The original records the call in `Dirs`, and nothing else knows of it. */
static enum fsatomic_error fake_mkdir_all(void *self, const char *path, mode_t mode)
{
	struct kensa_fake *fake = self;

	return fake->version == KENSA_FAKE_FIXED ? kensa_fake_mkdir_all(fake, path, mode) : FSATOMIC_OK;
}

static enum fsatomic_error fake_look(void *self, const char *path, mode_t *ret_mode)
{
	struct kensa_fake *fake = self;
	struct kensa_fake_node *node = kensa_fake_find(&fake->files, path);

	if (fake->version == KENSA_FAKE_FIXED) {
		enum fsatomic_error error = kensa_fake_look(fake, path, &node);
		if (error) /* ENOTDIR is absent to whoever looks */
			return FSATOMIC_NOT_EXIST;
		*ret_mode = node->mode;
		return FSATOMIC_OK;
	}
	return node ? FSATOMIC_OTHER : FSATOMIC_NOT_EXIST;
}

/* ---------------------------------------------------------------- runtime */

static bool is_number(const char *text, long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtol(text, &end, 0);
	return *text && end != text && !*end && errno == 0 && *ret_number >= INT_MIN &&
	       *ret_number <= INT_MAX;
}

/* FIXED: what is a number stays one, as proc_dointvec() has it. */
static enum fsatomic_error write_known(struct kensa_fake *fake, const char *key, const char *value)
{
	const struct kensa_fake_node *node = kensa_fake_find(&fake->runtime, key);
	char printed[24];
	long number;

	if (!node)
		return FSATOMIC_OTHER; /* ENOENT: open(2) without O_CREAT */
	if (is_number(node->text, &number)) {
		if (!is_number(value, &number))
			return FSATOMIC_OTHER; /* EINVAL */
		snprintf(printed, sizeof(printed), "%ld", number);
		value = printed;
	}
	return kensa_fake_set(&fake->runtime, key, KENSA_FAKE_FILE, 0644, torn_bytes_of(value)) == 0
		       ? FSATOMIC_OK
		       : FSATOMIC_OTHER;
}

static enum fsatomic_error fake_write_sysctl(void *self, const char *key, const char *value)
{
	struct kensa_fake *fake = self;

	if (fake->version == KENSA_FAKE_FIXED)
		return write_known(fake, key, value);
	return kensa_fake_set(&fake->runtime, key, KENSA_FAKE_FILE, 0644, torn_bytes_of(value)) == 0
		       ? FSATOMIC_OK
		       : FSATOMIC_OTHER;
}

static enum fsatomic_error fake_read_sysctl(void *self, const char *key, char **ret_value,
					    size_t *ret_size)
{
	struct kensa_fake *fake = self;
	const struct kensa_fake_node *node = kensa_fake_find(&fake->runtime, key);

	return node ? give(node, ret_value, ret_size) : FSATOMIC_OTHER;
}

static enum fsatomic_error fake_delete_module(void *self, const char *name)
{
	struct kensa_fake *fake = self;
	struct kensa_fake_node *node = kensa_fake_find(&fake->modules, name);

	if (fake->version != KENSA_FAKE_FIXED)
		return FSATOMIC_OK; /* it is recorded in DeletedModules */
	if (!name[0])
		return FSATOMIC_OTHER;
	if (!node)
		return FSATOMIC_NOT_EXIST;
	kensa_fake_delete(&fake->modules, node);
	return FSATOMIC_OK;
}

struct kensa_transport kensa_fake_transport(struct kensa_fake *fake)
{
	return (struct kensa_transport){
		.self = fake,
		.write = fake_write,
		.replace = fake_replace,
		.remove = fake_remove,
		.read = fake_read,
		.mkdir_all = fake_mkdir_all,
		.look = fake_look,
		.write_sysctl = fake_write_sysctl,
		.read_sysctl = fake_read_sysctl,
		.delete_module = fake_delete_module,
	};
}
