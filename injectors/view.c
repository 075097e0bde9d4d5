/* view.c: see view.h. Runs in a signal handler: no malloc, all storage from the arena. */
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SYMLINKS_MAX 40 /* path_resolution(7) */
#define NAME_BYTES_MAX 255

static const struct torn_bytes dot = {(const uint8_t *)".", 1};

int torn_view_begin(struct torn_view *view, struct torn_arena *arena,
		    const struct torn_fold_base *base)
{
	int r = torn_fold_begin(&view->fold, arena, base);
	if (r < 0)
		return r;
	view->fold.lazy = true;
	view->root_path = view->left = (struct torn_bytes){NULL, 0};
	view->others = NULL;
	view->cwd = TORN_FOLD_ROOT;
	view->umask = 022;
	view->path_object = 0;
	view->mappings_count = 0;
	view->descriptions_count = 0;
	view->descriptions_room = 16;
	view->descriptions =
		torn_arena_take(arena, view->descriptions_room * sizeof *view->descriptions);
	if (!view->descriptions)
		return -ENOMEM;
	view->fds = &view->own_fds;
	view->fds->end = 0;
	view->fds->open = 0;
	const struct torn_description input = {.class = TORN_FD_OTHER, .how = O_RDONLY};
	r = torn_view_open(view, 0, &input);
	for (int fd = 1; fd <= 2 && r == 0; fd++) {
		const struct torn_description output = {
			.class = TORN_FD_OUTPUT, .how = O_WRONLY, .stream = fd};
		r = torn_view_open(view, fd, &output);
	}
	return r;
}

static void set_fd(struct torn_view *view, int fd, uint16_t description)
{
	struct torn_fds *fds = view->fds;
	while (fds->end <= fd)
		fds->number[fds->end++] = 0;
	fds->open += fds->number[fd] == 0;
	fds->number[fd] = description;
	fds->is_closed_by_exec[fd] = false;
}

int torn_view_open(struct torn_view *view, int fd, const struct torn_description *description)
{
	if (fd < 0 || fd >= TORN_FD_RESERVED)
		return -EMFILE;
	if (view->descriptions_count + 1 == view->descriptions_room) {
		if (view->descriptions_room > UINT16_MAX / 2)
			return -ENOMEM;
		uint32_t room = view->descriptions_room * 2;
		struct torn_description *grown =
			torn_arena_take(view->fold.arena, room * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		memcpy(grown, view->descriptions,
		       view->descriptions_room * sizeof *view->descriptions);
		view->descriptions = grown;
		view->descriptions_room = room;
	}
	view->descriptions[++view->descriptions_count] = *description;
	set_fd(view, fd, (uint16_t)view->descriptions_count);
	return 0;
}

int torn_view_duplicate(struct torn_view *view, int from, int fd)
{
	if (!torn_view_fd(view, from))
		return -EBADF;
	if (fd < 0 || fd >= TORN_FD_RESERVED)
		return -EMFILE;
	set_fd(view, fd, view->fds->number[from]);
	return 0;
}

void torn_view_close(struct torn_view *view, int fd)
{
	if (fd < 0 || fd >= view->fds->end)
		return;
	view->fds->open -= view->fds->number[fd] != 0;
	view->fds->number[fd] = 0;
}

bool torn_view_has_room(const struct torn_view *view)
{
	return view->fds->open < TORN_FD_RESERVED;
}

/* ------------------------------------------------------------------ paths */

static torn_object parent_of(const struct torn_view *view, torn_object dir)
{
	const struct torn_fold_link *link = view->fold.objects[dir].links;
	return link ? link->dir : TORN_FOLD_ROOT;
}

/*
 * "/proc/self/fd/N" and "/dev/fd/N": magic links that lead to the open file
 * itself (proc_pid_fd(5)). Nothing else of /proc is there unless the old tree
 * has it.
 */
static int magic_descriptor(struct torn_bytes path, struct torn_bytes *ret_rest)
{
	static const char *const prefixes[] = {"/proc/self/fd/", "/dev/fd/", "/proc/thread-self/fd/"};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t at = strlen(prefixes[i]);
		if (path.size <= at || memcmp(path.data, prefixes[i], at) != 0)
			continue;
		int fd = 0;
		const size_t digits = at;
		for (; at < path.size && path.data[at] != '/'; at++) {
			if (path.data[at] < '0' || path.data[at] > '9' || fd >= TORN_FD_RESERVED)
				return -1;
			fd = fd * 10 + (path.data[at] - '0');
		}
		*ret_rest = (struct torn_bytes){path.data + at, path.size - at};
		return at > digits ? fd : -1;
	}
	return -1;
}

static int start_of(struct torn_view *view, int dirfd, struct torn_bytes path,
		    torn_object *ret_start)
{
	if (path.data[0] != '/' && dirfd == AT_FDCWD && view->cwd == 0)
		return -ENOENT; /* it is for whoever knows what lies outside */
	if (path.data[0] == '/') {
		*ret_start = TORN_FOLD_ROOT;
		return 0;
	}
	if (dirfd == AT_FDCWD) {
		*ret_start = view->cwd;
		return 0;
	}
	const struct torn_description *description = torn_view_fd(view, dirfd);
	if (!description)
		return -EBADF;
	if (description->class != TORN_FD_ROOT)
		return -ENOTDIR;
	*ret_start = description->object;
	return 0;
}

/* Put a symlink's text before what is left of a path. */
static int splice_link(struct torn_arena *arena, struct torn_bytes *rest, struct torn_bytes link)
{
	if (link.size == 0)
		return -ENOENT;
	uint8_t *joined = torn_arena_take(arena, link.size + 1 + rest->size);
	if (!joined)
		return -ENOMEM;
	memcpy(joined, link.data, link.size);
	joined[link.size] = '/';
	memcpy(joined + link.size + 1, rest->data, rest->size);
	*rest = (struct torn_bytes){joined, link.size + (rest->size > 0 ? 1 : 0) + rest->size};
	return 0;
}

/* The directory in which the root stands: without its last component. */
static struct torn_bytes above_root(const struct torn_view *view)
{
	const struct torn_bytes root = view->root_path;
	const uint8_t *slash = memrchr(root.data, '/', root.size);
	return (struct torn_bytes){root.data, slash ? (size_t)(slash - root.data) : 0};
}

/*
 * It goes on outside, at "ABOVE/REST": ABOVE is nothing for a symlink's text. No "ROOT/..": that
 * would be below the root again.
 */
static int leave(struct torn_view *view, struct torn_bytes above, struct torn_bytes rest)
{
	uint8_t *path = torn_arena_take(view->fold.arena, above.size + rest.size + 2);
	if (!path)
		return -ENOMEM;
	size_t size = above.size;
	memcpy(path, above.data, above.size);
	if (rest.size == 0 || rest.data[0] != '/')
		path[size++] = '/';
	memcpy(path + size, rest.data, rest.size);
	size += rest.size;
	path[size] = '\0';
	view->left = (struct torn_bytes){path, size};
	return -EXDEV;
}

static struct torn_bytes skip_slashes(struct torn_bytes path)
{
	while (path.size > 0 && path.data[0] == '/')
		path = (struct torn_bytes){path.data + 1, path.size - 1};
	return path;
}

static struct torn_bytes first_component(struct torn_bytes path)
{
	const uint8_t *slash = memchr(path.data, '/', path.size);
	return (struct torn_bytes){path.data, slash ? (size_t)(slash - path.data) : path.size};
}

static bool is_dots(struct torn_bytes name)
{
	return name.data[0] == '.' && (name.size == 1 || (name.size == 2 && name.data[1] == '.'));
}

static bool is_of_others(const struct torn_view *view, struct torn_bytes name)
{
	for (const char *const *other = view->others; other && *other; other++)
		if (torn_bytes_equal(name, torn_bytes_of(*other)))
			return true;
	return false;
}

int torn_view_resolve(struct torn_view *view, int dirfd, struct torn_bytes path,
		      enum torn_resolve how, struct torn_place *ret_place)
{
	if (path.size == 0)
		return -ENOENT;
	if (path.size >= TORN_PATH_MAX)
		return -ENAMETOOLONG;
	torn_object dir;
	struct torn_bytes rest = path;
	int fd = magic_descriptor(path, &rest);
	if (fd >= 0) {
		const struct torn_description *description = torn_view_fd(view, fd);
		if (how >= TORN_RESOLVE_CREATE && how != TORN_RESOLVE_PARENT && rest.size > 0 &&
		    skip_slashes(rest).size == 0)
			return -EISDIR;
		if (!description)
			return -ENOENT;
		if (rest.size == 0) {
			*ret_place = (struct torn_place){.object = description->object, .descriptor = fd};
			return 0;
		}
		if (description->class != TORN_FD_ROOT)
			return -ENOTDIR;
		dir = description->object;
		if (view->fold.objects[dir].node->type != TORN_DIRECTORY)
			return -ENOTDIR;
	} else {
		int r = start_of(view, dirfd, path, &dir);
		if (r < 0)
			return r;
	}
	rest = skip_slashes(rest);
	struct torn_place place = {
		.dir = dir, .name = dot, .object = dir, .descriptor = -1, .last = TORN_LAST_ROOT};
	for (unsigned links = 0; rest.size > 0;) {
		const struct torn_node *node = view->fold.objects[dir].node;
		if (node->type != TORN_DIRECTORY)
			return -ENOTDIR;
		struct torn_bytes name = first_component(rest);
		rest.data += name.size;
		rest.size -= name.size;
		bool slash = rest.size > 0;
		rest = skip_slashes(rest);
		bool last = rest.size == 0;
		if (is_dots(name)) {
			if (name.size == 2 && dir == TORN_FOLD_ROOT && view->root_path.data)
				return leave(view, above_root(view), rest);
			if (name.size == 2)
				dir = parent_of(view, dir);
			place = (struct torn_place){
				.dir = dir, .name = dot, .object = dir, .descriptor = -1, .slash = slash,
				.last = name.size == 2 ? TORN_LAST_DOTDOT : TORN_LAST_DOT};
			continue;
		}
		place = (struct torn_place){.dir = dir, .name = name, .descriptor = -1, .slash = slash};
		if (last && slash && (how == TORN_RESOLVE_CREATE || how == TORN_RESOLVE_CREATE_SELF))
			return -EISDIR; /* open_last_lookups(), fs/namei.c: before it is looked up */
		if (name.size > NAME_BYTES_MAX) {
			if (!last || how != TORN_RESOLVE_PARENT)
				return -ENAMETOOLONG;
			place.last = TORN_LAST_LONG;
			break;
		}
		if (dir == TORN_FOLD_ROOT && is_of_others(view, name)) {
			const size_t all = (size_t)(rest.data + rest.size - name.data);
			return leave(view, (struct torn_bytes){name.data, 0}, (struct torn_bytes){name.data, all});
		}
		const struct torn_entry *entry = torn_node_entry(node, name);
		if (!entry) {
			if (!last)
				return -ENOENT;
			break;
		}
		const bool follows = !last || how == TORN_RESOLVE_FOLLOW || how == TORN_RESOLVE_CREATE ||
				     (slash && how == TORN_RESOLVE_SELF);
		if (entry->node->type == TORN_SYMLINK && follows) {
			if (++links > SYMLINKS_MAX)
				return -ELOOP;
			/* A trailing slash stays with the path: what the link leads to must be a directory. */
			if (last && slash)
				rest = (struct torn_bytes){(const uint8_t *)".", 1};
			int r = splice_link(view->fold.arena, &rest, entry->node->link);
			if (r < 0)
				return r;
			if (rest.data[0] == '/' && view->root_path.data)
				return leave(view, (struct torn_bytes){rest.data, 0}, rest);
			if (rest.data[0] == '/')
				dir = TORN_FOLD_ROOT;
			rest = skip_slashes(rest);
			place = (struct torn_place){.dir = dir, .name = dot, .object = dir,
						    .descriptor = -1, .last = TORN_LAST_ROOT};
			continue;
		}
		place.object = entry->object;
		dir = entry->object;
	}
	if (how != TORN_RESOLVE_PARENT && place.object && place.slash &&
	    torn_view_node(view, place.object)->type != TORN_DIRECTORY)
		return -ENOTDIR;
	*ret_place = place;
	return 0;
}

/* ------------------------------------------------------------- and back */

/* Write the path of a directory so that it ends before `end`; returns its start. */
static uint8_t *path_backwards(const struct torn_view *view, torn_object object, uint8_t *start,
			       uint8_t *end)
{
	while (object != TORN_FOLD_ROOT) {
		const struct torn_fold_link *link = view->fold.objects[object].links;
		if (!link || (size_t)(end - start) < link->name.size + 1)
			break;
		end -= link->name.size;
		memcpy(end, link->name.data, link->name.size);
		object = link->dir;
		if (object != TORN_FOLD_ROOT)
			*--end = '/';
	}
	return end;
}

struct torn_bytes torn_view_object_path(struct torn_view *view, torn_object object)
{
	if (object == view->path_object)
		return view->path_known;
	uint8_t buffer[TORN_PATH_MAX];
	uint8_t *end = buffer + sizeof buffer;
	uint8_t *start = path_backwards(view, object, buffer, end);
	struct torn_bytes path =
		torn_arena_copy(view->fold.arena, start, (size_t)(end - start));
	const struct torn_node *node = torn_view_node(view, object);
	if (path.data && node && node->type == TORN_DIRECTORY) {
		view->path_object = object;
		view->path_known = path;
	}
	return path;
}

int torn_view_path(struct torn_view *view, torn_object dir, struct torn_bytes name,
		   struct torn_bytes *ret_path, struct torn_bytes *ret_name)
{
	struct torn_bytes above = torn_view_object_path(view, dir);
	bool is_dot = torn_bytes_equal(name, dot);
	size_t lead = above.size + (above.size > 0 && !is_dot ? 1 : 0);
	uint8_t *path = torn_arena_take(view->fold.arena, lead + name.size + 1);
	if (!above.data || !path)
		return -ENOMEM;
	memcpy(path, above.data, above.size);
	if (is_dot) {
		*ret_path = (struct torn_bytes){path, above.size};
		*ret_name = dot;
		return 0;
	}
	if (lead > above.size)
		path[above.size] = '/';
	memcpy(path + lead, name.data, name.size);
	*ret_path = (struct torn_bytes){path, lead + name.size};
	*ret_name = (struct torn_bytes){path + lead, name.size};
	return 0;
}

void torn_view_moved(struct torn_view *view)
{
	view->path_object = 0;
}
