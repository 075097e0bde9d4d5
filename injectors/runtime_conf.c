/* runtime_conf.c: see runtime_conf.h. */
#include "runtime_conf.h"

#include <string.h>

#define CONTENT_MAX ((size_t)1 << 20) /* in bytes; nobody configures more in a file */
#define LINKS_MAX 8u
#define PATH_BYTES 4096u

struct path {
	uint8_t bytes[PATH_BYTES];
	size_t size;
};

/* Go on from a directory by a text with "." and "..". Returns false where it is too long. */
static bool walk(struct path *path, struct torn_bytes text)
{
	struct torn_bytes word;
	if (torn_text_begins(text, "/"))
		path->size = 0;
	while (torn_text_word(&text, "/", &word)) {
		if (torn_text_is(word, "."))
			continue;
		if (torn_text_is(word, "..")) {
			while (path->size && path->bytes[--path->size] != '/')
				;
			continue;
		}
		if (path->size + word.size + 1 > PATH_BYTES)
			return false;
		if (path->size)
			path->bytes[path->size++] = '/';
		memcpy(path->bytes + path->size, word.data, word.size);
		path->size += word.size;
	}
	return true;
}

/* The file that a path comes to; symlinks above the last component are not followed. */
static const struct torn_node *find_file(const struct torn_node *root, struct torn_bytes at)
{
	struct path path = {.size = 0};
	if (!walk(&path, at))
		return NULL;
	for (unsigned links = 0; links < LINKS_MAX; links++) {
		const struct torn_node *node = torn_tree_find(root, (struct torn_bytes){path.bytes, path.size});
		if (!node || node->type != TORN_SYMLINK)
			return node && node->type == TORN_FILE ? node : NULL;
		if (!walk(&path, torn_bytes_of("..")) || !walk(&path, node->link))
			return NULL;
	}
	return NULL;
}

int torn_conf_read(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes path,
		   struct torn_bytes *ret_content)
{
	const struct torn_node *file = find_file(root, path);
	const size_t size = !file ? 0 : file->size < CONTENT_MAX ? (size_t)file->size : CONTENT_MAX;
	uint8_t *content = torn_arena_take_raw(arena, size ? size : 1);
	if (!content)
		return -ENOMEM;
	*ret_content = (struct torn_bytes){content, size ? torn_node_read(file, 0, content, size) : 0};
	return 0;
}

/* Where a name stands or would stand. */
static size_t place_of(const struct torn_conf_files *files, struct torn_bytes name, bool *ret_is_there)
{
	size_t at = 0;
	int order = -1;
	while (at < files->count && (order = torn_bytes_compare(files->names[at], name)) < 0)
		at++;
	*ret_is_there = at < files->count && order == 0;
	return at;
}

static int add_file(struct torn_arena *arena, const struct torn_node *root, const char *dir,
		    struct torn_bytes name, struct torn_conf_files *files)
{
	bool is_there;
	const size_t at = place_of(files, name, &is_there);
	if (is_there || files->count == TORN_CONF_FILES_MAX)
		return 0;
	struct torn_text text;
	struct torn_bytes path, content;
	torn_text_begin(&text, arena);
	torn_text_put(&text, dir);
	torn_text_put(&text, "/");
	torn_text_add(&text, name);
	int error = torn_text_end(&text, &path);
	if (!error)
		error = torn_conf_read(arena, root, path, &content);
	if (error)
		return error;
	memmove(&files->names[at + 1], &files->names[at], (files->count - at) * sizeof files->names[0]);
	memmove(&files->contents[at + 1], &files->contents[at], (files->count - at) * sizeof files->contents[0]);
	files->names[at] = name;
	files->contents[at] = content;
	files->count++;
	return 0;
}

int torn_conf_collect(struct torn_arena *arena, const struct torn_node *root, const char *const *dirs,
		      const char *suffix, struct torn_conf_files **ret_files)
{
	struct torn_conf_files *files = torn_arena_take_raw(arena, sizeof *files);
	if (!files)
		return -ENOMEM;
	files->count = 0;
	for (; *dirs; dirs++) {
		const struct torn_node *dir = torn_tree_find(root, torn_bytes_of(*dirs));
		for (uint32_t i = 0; dir && dir->type == TORN_DIRECTORY && i < dir->entries_count; i++) {
			const struct torn_bytes name = dir->entries[i].name;
			if (torn_text_begins(name, ".") || !torn_text_ends(name, suffix))
				continue;
			const int error = add_file(arena, root, *dirs, name, files);
			if (error)
				return error;
		}
	}
	*ret_files = files;
	return 0;
}
