/* device_tree.c: see device_tree.h. */
#include "device_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "device_names.h"
#include "disk.h"

const char *torn_device_tree_lacks(const struct torn_node *tree, torn_object objects)
{
	for (uint32_t i = 0; i < tree->entries_count; i++) {
		const struct torn_entry *entry = &tree->entries[i];
		const struct torn_node *node = entry->node;
		if (entry->name.size == 0 || !torn_device_is_name(entry->name) || entry->object > objects)
			return "it is no tree";
		if (node->mount & TORN_RUNTIME)
			continue;
		if (node->mount)
			return "another file system is mounted in it: one disk has one";
		const char *lacks = node->type == TORN_DIRECTORY ? torn_device_tree_lacks(node, objects) : NULL;
		if (lacks)
			return lacks;
	}
	return NULL;
}

/* ------------------------------------------------------------------ making */

static bool is_users(struct torn_bytes name)
{
	return name.size > 5 && memcmp(name.data, "user.", 5) == 0;
}

/* Owner and what only root may set; then the mode again, of which a chown(2) takes the set-ID bits. */
static int own(int fd, const struct torn_node *node)
{
	char self[TORN_DEVICE_SELF_ROOM], name[TORN_DEVICE_NAME_ROOM];
	int r = 0;
	torn_device_self(fd, self);
	if ((node->uid || node->gid) && fchownat(fd, "", node->uid, node->gid, AT_EMPTY_PATH) != 0)
		return -errno;
	if (node->type == TORN_SYMLINK)
		return 0;
	if ((node->uid || node->gid) && chmod(self, node->mode) != 0)
		return -errno;
	for (uint32_t i = 0; r == 0 && i < node->xattrs_count; i++)
		if (!is_users(node->xattrs[i].name) &&
		    setxattr(self, torn_device_name(node->xattrs[i].name, name), node->xattrs[i].value.data,
			     node->xattrs[i].value.size, 0) != 0)
			r = -errno;
	return r;
}

static int own_below(int dir_fd, const struct torn_node *dir)
{
	int r = own(dir_fd, dir);
	for (uint32_t i = 0; r == 0 && i < dir->entries_count; i++) {
		char name[TORN_DEVICE_NAME_ROOM];
		const struct torn_node *node = dir->entries[i].node;
		const int fd = openat(dir_fd, torn_device_name(dir->entries[i].name, name), O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		r = node->type == TORN_DIRECTORY ? own_below(fd, node) : own(fd, node);
		close(fd);
	}
	return r;
}

static const struct torn_node *without_runtime(struct torn_arena *arena, const struct torn_node *tree)
{
	for (uint32_t i = 0; tree && i < tree->entries_count; i++)
		if (tree->entries[i].node->mount & TORN_RUNTIME)
			return without_runtime(arena, torn_node_drop(arena, tree, tree->entries[i].name));
	return tree;
}

int torn_device_tree_make(int root_fd, const struct torn_node *tree)
{
	const struct torn_disk disk = {.root_fd = root_fd, .exact = true};
	struct torn_arena arena;
	int r = torn_arena_open(&arena, (size_t)16 << 20);
	if (r < 0)
		return r;
	const struct torn_node *files = without_runtime(&arena, tree);
	const mode_t mask = umask(0);
	r = files ? torn_disk_make(&disk, files) : -ENOMEM;
	umask(mask);
	if (r == 0)
		r = own_below(root_fd, files);
	torn_arena_close(&arena);
	return r;
}

/* ----------------------------------------------------------------- reading */

/* An inode that has several names, where it was met first. */
struct met {
	ino_t inode;
	torn_object object;
	const struct torn_node *node;
};

struct reading {
	struct torn_arena *arena;
	torn_object objects;
	struct met *met;
	size_t met_count, met_room;
};

static int read_node(struct reading *reading, int fd, const struct stat *seen, const struct torn_node **ret_node);

static int met_add(struct reading *reading, ino_t inode, torn_object object, const struct torn_node *node)
{
	if (reading->met_count == reading->met_room) {
		const size_t room = reading->met_room ? 2 * reading->met_room : 16;
		struct met *met = realloc(reading->met, room * sizeof *met);
		if (!met)
			return -ENOMEM;
		reading->met = met;
		reading->met_room = room;
	}
	reading->met[reading->met_count++] = (struct met){inode, object, node};
	return 0;
}

static int read_xattr(struct reading *reading, const char *self, const char *name, const struct torn_node **node)
{
	static uint8_t value[65536];
	const ssize_t size = getxattr(self, name, value, sizeof value);
	if (size < 0)
		return -EUCLEAN;
	const struct torn_bytes key = torn_arena_copy(reading->arena, name, strlen(name));
	const struct torn_bytes copy = torn_arena_copy(reading->arena, value, (size_t)size);
	if (!key.data || !copy.data)
		return -ENOMEM;
	*node = torn_node_set_xattr(reading->arena, *node, key, &copy);
	return *node ? 0 : -ENOMEM;
}

static int read_xattrs(struct reading *reading, int fd, const struct torn_node **node)
{
	static char names[65536];
	char self[TORN_DEVICE_SELF_ROOM];
	const ssize_t size = listxattr(torn_device_self(fd, self), names, sizeof names);
	int r = size < 0 && errno != ENOTSUP ? -EUCLEAN : 0;
	for (ssize_t at = 0; r == 0 && at < size; at += (ssize_t)strlen(names + at) + 1)
		r = read_xattr(reading, self, names + at, node);
	return r;
}

static int read_bytes(struct reading *reading, int fd, uint64_t size, const struct torn_node **node)
{
	char self[TORN_DEVICE_SELF_ROOM];
	const int file = open(torn_device_self(fd, self), O_RDONLY | O_NOATIME | O_CLOEXEC);
	if (file < 0)
		return -EUCLEAN;
	uint8_t *bytes = torn_arena_take_raw(reading->arena, size + 1);
	uint64_t done = 0;
	for (ssize_t got = 1; bytes && done < size && got > 0; done += got > 0 ? (uint64_t)got : 0)
		got = pread(file, bytes + done, size - done, (off_t)done);
	close(file);
	if (!bytes)
		return -ENOMEM;
	if (done != size)
		return -EUCLEAN;
	*node = torn_node_write(reading->arena, *node, 0, (struct torn_bytes){bytes, size});
	return *node ? 0 : -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
	return torn_bytes_compare(((const struct torn_entry *)a)->name, ((const struct torn_entry *)b)->name);
}

static int read_entry(struct reading *reading, int dir_fd, const char *name, struct torn_entry *ret_entry)
{
	struct stat seen;
	const int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -EUCLEAN;
	int r = fstat(fd, &seen) == 0 ? 0 : -EUCLEAN;
	*ret_entry = (struct torn_entry){.name = torn_arena_copy(reading->arena, name, strlen(name))};
	for (size_t i = 0; r == 0 && i < reading->met_count; i++)
		if (reading->met[i].inode == seen.st_ino) {
			ret_entry->node = reading->met[i].node;
			ret_entry->object = reading->met[i].object;
		}
	if (r == 0 && !ret_entry->node) {
		ret_entry->object = ++reading->objects;
		r = read_node(reading, fd, &seen, &ret_entry->node);
		if (r == 0 && !S_ISDIR(seen.st_mode) && seen.st_nlink > 1)
			r = met_add(reading, seen.st_ino, ret_entry->object, ret_entry->node);
	}
	close(fd);
	return r < 0 ? r : ret_entry->name.data ? 0 : -ENOMEM;
}

static int read_entries(struct reading *reading, int fd, const struct torn_node **node)
{
	DIR *dir = NULL;
	const int own_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own_fd < 0 || !(dir = fdopendir(own_fd)))
		return -EUCLEAN;
	struct torn_entry *entries = NULL;
	uint32_t count = 0, room = 0;
	int r = 0;
	errno = 0;
	for (struct dirent *at; r == 0 && (at = readdir(dir)); errno = 0) {
		if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0)
			continue;
		if (count == room) {
			room = room ? 2 * room : 16;
			struct torn_entry *larger = realloc(entries, room * sizeof *larger);
			if (!larger) {
				r = -ENOMEM;
				break;
			}
			entries = larger;
		}
		r = read_entry(reading, fd, at->d_name, &entries[count]);
		count += r == 0;
	}
	if (r == 0 && errno != 0)
		r = -EUCLEAN;
	closedir(dir);
	struct torn_entry *kept = r == 0 ? torn_arena_take(reading->arena, (count + 1) * sizeof *kept) : NULL;
	if (r == 0 && kept && count > 0) {
		qsort(entries, count, sizeof *entries, by_name);
		memcpy(kept, entries, count * sizeof *kept);
		*node = torn_node_fill(reading->arena, *node, kept, count);
	}
	free(entries);
	return r < 0 ? r : kept && *node ? 0 : -ENOMEM;
}

static int read_link(struct reading *reading, int fd, struct torn_bytes *ret_text)
{
	char text[4096];
	const ssize_t size = readlinkat(fd, "", text, sizeof text);
	if (size < 0)
		return -EUCLEAN;
	*ret_text = torn_arena_copy(reading->arena, text, (size_t)size);
	return ret_text->data ? 0 : -ENOMEM;
}

static int read_node(struct reading *reading, int fd, const struct stat *seen, const struct torn_node **ret_node)
{
	const enum torn_type type = S_ISDIR(seen->st_mode)    ? TORN_DIRECTORY
				    : S_ISLNK(seen->st_mode)  ? TORN_SYMLINK
				    : S_ISFIFO(seen->st_mode) ? TORN_FIFO
				    : S_ISSOCK(seen->st_mode) ? TORN_SOCKET
							      : TORN_FILE;
	const struct torn_attributes attributes = {.mode = seen->st_mode & 07777,
						   .uid = seen->st_uid,
						   .gid = seen->st_gid,
						   .links = type == TORN_DIRECTORY ? 1 : (uint32_t)seen->st_nlink};
	struct torn_bytes text = {NULL, 0};
	int r = type == TORN_SYMLINK ? read_link(reading, fd, &text) : 0;
	const struct torn_node *node = r == 0 ? torn_node_make(reading->arena, type, attributes, text) : NULL;
	if (!node)
		return r < 0 ? r : -ENOMEM;
	if (type == TORN_FILE && seen->st_size > 0)
		r = read_bytes(reading, fd, (uint64_t)seen->st_size, &node);
	if (type == TORN_DIRECTORY)
		r = read_entries(reading, fd, &node);
	if (r == 0 && (type == TORN_FILE || type == TORN_DIRECTORY))
		r = read_xattrs(reading, fd, &node);
	*ret_node = node;
	return r;
}

static const struct torn_node *with_runtime(struct torn_arena *arena, const struct torn_node *tree,
					    const struct torn_node *runtime_of, torn_object *objects)
{
	for (uint32_t i = 0; tree && i < runtime_of->entries_count; i++) {
		const struct torn_entry *entry = &runtime_of->entries[i];
		if (!(entry->node->mount & TORN_RUNTIME))
			continue;
		const struct torn_node *node = torn_tree_copy(arena, entry->node);
		const struct torn_bytes name = torn_arena_copy(arena, entry->name.data, entry->name.size);
		tree = node && name.data ? torn_node_put(arena, tree, name, node, ++*objects) : NULL;
	}
	return tree;
}

int torn_device_tree_read(struct torn_arena *arena, int root_fd, const struct torn_node *runtime_of,
			  const struct torn_node **ret_tree)
{
	struct reading reading = {.arena = arena, .objects = 1};
	struct stat seen;
	if (fstat(root_fd, &seen) != 0)
		return -EUCLEAN;
	const struct torn_node *tree;
	int r = read_node(&reading, root_fd, &seen, &tree);
	free(reading.met);
	if (r == 0)
		tree = with_runtime(arena, tree, runtime_of, &reading.objects);
	*ret_tree = tree;
	return r < 0 ? r : tree ? 0 : -ENOMEM;
}
