/*
 * trace_reach.c: does a path lead below the root? trace_internal.h.
 *
 * Outside the root the kernel is asked, which knows every symlink there; below it
 * torn_view_resolve() goes on over the log's tree. A path may go out and in again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "trace_internal.h"

#define CROSSINGS_MAX 40 /* symlinks on one path: path_resolution(7) */

/* Of a place outside that is written to nobody: what was found there once is so for ever. */
static bool is_constant(struct torn_bytes path)
{
	static const char *const trees[] = {"/usr/", "/lib/", "/lib64/", "/etc/", "/bin/", "/opt/"};
	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
		if (path.size > strlen(trees[i]) && memcmp(path.data, trees[i], strlen(trees[i])) == 0)
			return memmem(path.data, path.size, "/..", 3) == NULL;
	return false;
}

static uint32_t hash_of(struct torn_bytes path, bool follows)
{
	const uint64_t hash = XXH3_64bits_withSeed(path.data, path.size, follows);
	return (uint32_t)(hash >> 32) | 1;
}

static bool is_known_outside(const struct torn_tracer *tracer, struct torn_bytes path, bool follows)
{
	const uint32_t hash = hash_of(path, follows);
	return is_constant(path) && tracer->outside_known[hash % TORN_OUTSIDE_KNOWN] == hash;
}

static void know_outside(struct torn_tracer *tracer, struct torn_bytes path, bool follows)
{
	const uint32_t hash = hash_of(path, follows);
	if (is_constant(path))
		tracer->outside_known[hash % TORN_OUTSIDE_KNOWN] = hash;
}

/* Is `path` the root or below it? Then `ret_rest` begins with its slash, or is empty. */
static bool is_below_root(const struct torn_tracer *tracer, struct torn_bytes path,
			  struct torn_bytes *ret_rest)
{
	const struct torn_bytes root = tracer->root_path;
	if (path.size < root.size || memcmp(path.data, root.data, root.size) != 0 ||
	    (path.size > root.size && path.data[root.size] != '/'))
		return false;
	*ret_rest = (struct torn_bytes){path.data + root.size, path.size - root.size};
	return true;
}

/* "A" and "/" and "B", with a NUL behind it. */
static int join(struct torn_arena *arena, struct torn_bytes a, struct torn_bytes b, struct torn_bytes *ret_path)
{
	uint8_t *path = torn_arena_take(arena, a.size + b.size + 2);
	if (!path)
		return -ENOMEM;
	memcpy(path, a.data, a.size);
	size_t size = a.size;
	if (size == 0 || path[size - 1] != '/')
		path[size++] = '/';
	memcpy(path + size, b.data, b.size);
	size += b.size;
	path[size] = '\0';
	*ret_path = (struct torn_bytes){path, size};
	return 0;
}

static int link_text(struct torn_arena *arena, int dirfd, const char *name, struct torn_bytes *ret_text)
{
	char text[TORN_PATH_MAX + 1];
	const ssize_t size = readlinkat(dirfd, name, text, sizeof text - 1);
	if (size < 0)
		return -errno;
	text[size] = '\0';
	*ret_text = torn_arena_copy(arena, text, (size_t)size);
	return ret_text->data ? 0 : -ENOMEM;
}

static struct torn_bytes without_slashes(struct torn_bytes path)
{
	while (path.size > 1 && path.data[path.size - 1] == '/')
		path.size--;
	return path;
}

static bool is_dots(struct torn_bytes name)
{
	return (name.size == 1 && name.data[0] == '.') ||
	       (name.size == 2 && name.data[0] == '.' && name.data[1] == '.');
}

/* Where the directory of a path is, by the kernel: a descriptor of it, and its canonical path. */
static int open_above(struct torn_arena *arena, struct torn_bytes above, struct torn_bytes *ret_canonical)
{
	char path[TORN_PATH_MAX + 1];
	if (above.size >= sizeof path)
		return -ENAMETOOLONG;
	memcpy(path, above.data, above.size);
	path[above.size] = '\0';
	const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char name[32];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	const int r = link_text(arena, AT_FDCWD, name, ret_canonical);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

enum entered { ENTERED, STAYS_OUTSIDE, GOES_ON };

/*
 * Go from the outside along an absolute path. ENTERED: `path` is what is left of
 * it, from the root on. GOES_ON: it is a symlink's, and begins anew.
 */
static enum entered enter(struct torn_tracer *tracer, struct torn_arena *arena, bool follows,
			  struct torn_bytes *path)
{
	struct torn_bytes rest;
	if (is_below_root(tracer, *path, &rest)) {
		*path = rest.size ? rest : (struct torn_bytes){(const uint8_t *)"/", 1};
		return ENTERED;
	}
	const struct torn_bytes plain = without_slashes(*path);
	const bool slash = plain.size < path->size;
	const uint8_t *last_slash = memrchr(plain.data, '/', plain.size);
	struct torn_bytes last = {last_slash + 1, plain.size - (size_t)(last_slash + 1 - plain.data)};
	struct torn_bytes above = {plain.data, (size_t)(last_slash - plain.data)};
	if (above.size == 0 || is_dots(last))
		above = (struct torn_bytes){plain.data, is_dots(last) ? plain.size : 1};
	struct torn_bytes canonical;
	const int fd = open_above(arena, above, &canonical);
	if (fd < 0)
		return STAYS_OUTSIDE; /* the kernel will say why */
	if (is_dots(last))
		last.size = 0;
	struct torn_bytes full = canonical, text;
	enum entered entered = STAYS_OUTSIDE;
	if (last.size > 0 && join(arena, canonical, last, &full) < 0)
		goto out;
	if (is_below_root(tracer, full, &rest)) {
		*path = rest.size ? rest : (struct torn_bytes){(const uint8_t *)"/", 1};
		if (slash && rest.size && join(arena, rest, (struct torn_bytes){(const uint8_t *)"", 0}, path) < 0)
			goto out;
		entered = ENTERED;
		goto out;
	}
	if (last.size == 0 || !(follows || slash) ||
	    link_text(arena, fd, (const char *)full.data + (full.size - last.size), &text) < 0)
		goto out;
	if (text.size > 0 && text.data[0] == '/')
		*path = text;
	else if (join(arena, canonical, text, path) < 0)
		goto out;
	entered = GOES_ON;
out:
	close(fd);
	return entered;
}

/* A path that begins in a directory outside. */
static int from_outside(const struct torn_tracee *tracee, struct torn_arena *arena, int dirfd,
			struct torn_bytes *path)
{
	char name[64];
	struct torn_bytes above;
	if (dirfd == AT_FDCWD)
		snprintf(name, sizeof name, "/proc/%d/cwd", tracee->tid);
	else
		snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, dirfd);
	int r = link_text(arena, AT_FDCWD, name, &above);
	if (r == 0 && (above.size == 0 || above.data[0] != '/'))
		r = -ENOTDIR; /* a pipe or the like */
	return r < 0 ? r : join(arena, above, *path, path);
}

/* How much of a path names a descriptor of the program's own: "/proc/self/fd/5". 0: it does not begin with one. */
static size_t magic_size(struct torn_bytes path)
{
	static const char *const magic[] = {"/proc/self/fd/", "/dev/fd/", "/proc/thread-self/fd/"};
	for (size_t i = 0; i < sizeof magic / sizeof *magic; i++) {
		const size_t size = strlen(magic[i]);
		if (path.size <= size || memcmp(path.data, magic[i], size) != 0)
			continue;
		const uint8_t *slash = memchr(path.data + size, '/', path.size - size);
		return slash ? (size_t)(slash - path.data) : path.size;
	}
	return 0;
}

/* An open file of the program's own, or what is below it: the view knows it, or it is outside. */
static bool begins_at_own_file(struct torn_view *view, struct torn_bytes path)
{
	struct torn_place place;
	const struct torn_bytes magic = {path.data, magic_size(path)};
	return magic.size > 0 &&
	       torn_view_resolve(view, AT_FDCWD, magic, TORN_RESOLVE_FOLLOW, &place) == 0 &&
	       place.descriptor >= 0 &&
	       torn_view_fd(view, place.descriptor)->class == TORN_FD_ROOT;
}

/* What the program sees as its own below /proc, the tracer would take for its own: "/proc/self/cwd". */
static int name_self(const struct torn_tracee *tracee, struct torn_arena *arena, struct torn_bytes *path)
{
	static const char *const selves[] = {"/proc/self/", "/proc/thread-self/"};
	for (size_t i = 0; i < sizeof selves / sizeof *selves; i++) {
		const size_t size = strlen(selves[i]);
		if (path->size < size || memcmp(path->data, selves[i], size) != 0)
			continue;
		char name[32];
		snprintf(name, sizeof name, "/proc/%d", tracee->tid);
		return join(arena, torn_bytes_of(name), (struct torn_bytes){path->data + size, path->size - size},
			    path);
	}
	return 0;
}

int torn_trace_reach(struct torn_tracer *tracer, const struct torn_tracee *tracee, int dirfd,
		     struct torn_bytes path, bool follows, struct torn_reached *ret_reached)
{
	if (tracer->tracing.whole)
		return torn_trace_reach_whole(tracer, tracee, dirfd, path, follows, ret_reached);
	struct torn_view *view = &tracer->recorder->view;
	struct torn_arena *arena = view->fold.arena;
	const struct torn_bytes said = path;
	*ret_reached = (struct torn_reached){.dirfd = dirfd, .path = path};
	if (path.size == 0)
		return 0;
	bool from_root = false;
	for (int i = 0; i < CROSSINGS_MAX; i++) {
		const bool is_own = !from_root && begins_at_own_file(view, path);
		if (path.data[0] != '/' && (dirfd == AT_FDCWD ? view->cwd == 0 : !torn_view_fd(view, dirfd))) {
			const int r = from_outside(tracee, arena, dirfd, &path);
			if (r == -ENOMEM)
				return r;
			if (r < 0)
				return 0;
		}
		if (path.data[0] == '/' && !from_root && !is_own) {
			if (name_self(tracee, arena, &path) < 0)
				return -ENOMEM;
			if (is_known_outside(tracer, path, follows))
				return 0;
			const enum entered entered = enter(tracer, arena, follows, &path);
			if (entered == STAYS_OUTSIDE) {
				know_outside(tracer, said, follows);
				return 0;
			}
			if (entered == GOES_ON)
				continue;
			from_root = true;
		}
		/* Only where it leads is asked: what is wrong with it is found when it is located. */
		struct torn_place place;
		const int r = torn_view_resolve(view, dirfd, path,
						follows ? TORN_RESOLVE_FOLLOW : TORN_RESOLVE_SELF, &place);
		if (r == -ENOMEM)
			return r;
		if (r != -EXDEV) {
			*ret_reached = (struct torn_reached){true, from_root ? AT_FDCWD : dirfd, path};
			return 0;
		}
		path = view->left;
		from_root = false;
	}
	return 0; /* the kernel says ELOOP */
}
