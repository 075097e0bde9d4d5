/*
 * runtime_mounts.c: what mount(2) and umount2(2) make of /proc/self/mountinfo.
 *
 * From fs/namespace.c, measured on 6.18 (runtime_mounts_kernel_test.c): a remount changes the mount's flags and
 * its superblock's options, which all mounts of the same device show; with MS_BIND the mount's flags only.
 *
 * A path that is no mount point of the list is EINVAL: whether there is such a file is not known here.
 * Not modelled: MS_MOVE (EINVAL), what is mounted below a directory that is bound (MS_REC), busy files
 * and directories, types that the kernel lacks (ENODEV), MNT_EXPIRE's second call.
 */
#include <sys/mount.h>

#include "runtime.h"
#include "runtime_mount_options.h"

#define MOUNTS_MAX 128u

#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif

#define SHARING_FLAGS ((uint64_t)(MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))

/* A line of mountinfo, escapes as they are: proc_pid_mountinfo(5). */
struct line {
	struct torn_bytes id, parent, device, root, at, options, sharing, type, source, super;
	bool is_gone;
};

struct mounts {
	struct line lines[MOUNTS_MAX];
	size_t count;
};

/* ---------------------------------------------------------------- reading */

/* Fields up to " - ", and three behind it. What is no such line is none. */
static bool read_line(struct torn_bytes text, struct line *line)
{
	*line = (struct line){.is_gone = false};
	struct torn_bytes *const first[] = {&line->id, &line->parent,  &line->device,
					    &line->root, &line->at, &line->options};
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		if (!torn_text_word(&text, " ", first[i]))
			return false;
	text = torn_text_trim(text, " ");
	line->sharing = (struct torn_bytes){text.data, 0};
	struct torn_bytes word;
	while (torn_text_word(&text, " ", &word) && !torn_text_is(word, "-"))
		line->sharing.size = (size_t)(word.data + word.size - line->sharing.data);
	return torn_text_word(&text, " ", &line->type) && torn_text_word(&text, " ", &line->source) &&
	       torn_text_word(&text, " ", &line->super);
}

/* Returns 0; -ENOSPC where there are more than torn follows: the kernel's word for it (mount-max). */
static int read_mounts(struct torn_bytes mountinfo, struct mounts *mounts)
{
	struct torn_bytes text;
	mounts->count = 0;
	while (torn_text_line(&mountinfo, &text)) {
		if (mounts->count == MOUNTS_MAX)
			return -ENOSPC;
		mounts->count += read_line(text, &mounts->lines[mounts->count]);
	}
	return 0;
}

static void print_field(struct torn_text *text, struct torn_bytes field)
{
	torn_text_add(text, field);
	torn_text_put(text, " ");
}

static int print_mounts(struct torn_arena *arena, const struct mounts *mounts, struct torn_bytes *ret_mountinfo)
{
	struct torn_text text;
	torn_text_begin(&text, arena);
	for (size_t i = 0; i < mounts->count; i++) {
		const struct line *line = &mounts->lines[i];
		if (line->is_gone)
			continue;
		print_field(&text, line->id);
		print_field(&text, line->parent);
		print_field(&text, line->device);
		print_field(&text, line->root);
		print_field(&text, line->at);
		print_field(&text, line->options);
		if (line->sharing.size)
			print_field(&text, line->sharing);
		torn_text_put(&text, "- ");
		print_field(&text, line->type);
		print_field(&text, line->source);
		torn_text_add(&text, line->super);
		torn_text_put(&text, "\n");
	}
	return torn_text_end(&text, ret_mountinfo);
}

/* A path as mountinfo has it: escaped, no slash behind but the root's. Returns 0 or -ENOMEM. */
static int path_as_shown(struct torn_arena *arena, struct torn_bytes path, struct torn_bytes *ret_path)
{
	while (path.size > 1 && path.data[path.size - 1] == '/')
		path.size--;
	struct torn_text text;
	torn_text_begin(&text, arena);
	torn_text_escape(&text, path, " \t\n\\");
	return torn_text_end(&text, ret_path);
}

static bool is_known(const struct mounts *mounts, struct torn_bytes id)
{
	for (size_t i = 0; i < mounts->count; i++)
		if (torn_bytes_equal(mounts->lines[i].id, id))
			return true;
	return false;
}

/* The root, or by a list with gaps: it is on any. */
static bool stands_on_none(const struct mounts *mounts, const struct line *line)
{
	return torn_bytes_equal(line->parent, line->id) || !is_known(mounts, line->parent);
}

/*
 * What is on top at a mount point, from `on` upwards: `on` itself where nothing is mounted there. Of two on one mount the
 * later is: __lookup_mnt() finds what was put there last, and so does findmnt(8).
 */
static struct line *climb(struct mounts *mounts, struct line *on, struct torn_bytes at)
{
	size_t climbed = 0;
	for (size_t i = mounts->count; i-- > 0 && climbed <= mounts->count;) {
		struct line *line = &mounts->lines[i];
		const bool is_on = !on || torn_bytes_equal(line->parent, on->id) ||
				   (line > on && stands_on_none(mounts, line));
		if (line == on || !torn_bytes_equal(line->at, at) || !is_on)
			continue;
		on = line;
		climbed++;
		i = mounts->count; /* from the end: its own children may stand behind it */
	}
	return on;
}

/*
 * The mount on which a path lies: walked from the root, as what is mounted above hides what is below.
 * NULL only where the list has no root.
 */
static struct line *find_holder(struct mounts *mounts, struct torn_bytes path)
{
	struct line *holder = climb(mounts, NULL, torn_bytes_of("/"));
	for (size_t size = 2; size <= path.size; size++)
		if (size == path.size || path.data[size] == '/')
			holder = climb(mounts, holder, (struct torn_bytes){path.data, size});
	return holder;
}

/* The mount that a path is the root of. */
static struct line *find_mount(struct mounts *mounts, struct torn_bytes at)
{
	struct line *holder = find_holder(mounts, at);
	return holder && torn_bytes_equal(holder->at, at) ? holder : NULL;
}

static uint64_t highest_number(const struct mounts *mounts, bool of_devices)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < mounts->count; i++) {
		struct torn_bytes text = of_devices ? mounts->lines[i].device : mounts->lines[i].id;
		uint64_t number = 0;
		if (of_devices && torn_text_begins(text, "0:"))
			text = torn_text_behind(text, 2);
		if (torn_text_decimal(text, &number) && number > highest)
			highest = number;
	}
	return highest;
}

static int number_as_text(struct torn_arena *arena, const char *before, uint64_t number,
			  struct torn_bytes *ret_text)
{
	struct torn_text text;
	torn_text_begin(&text, arena);
	torn_text_put(&text, before);
	torn_text_number(&text, number);
	return torn_text_end(&text, ret_text);
}

/* ---------------------------------------------------------------- remount */

static int set_options(struct torn_arena *arena, struct line *line, uint64_t flags, bool is_remount)
{
	struct torn_text text;
	torn_text_begin(&text, arena);
	torn_mount_options_print(&text, flags, is_remount, line->options);
	return torn_text_end(&text, &line->options);
}

/* do_remount(), do_reconfigure_mnt() */
static int remount(struct torn_arena *arena, struct mounts *mounts, struct line *line,
		   const struct torn_runtime_mount *mount)
{
	if (!(mount->flags & MS_BIND)) {
		struct torn_bytes super;
		const int error = torn_super_options_make(arena, line->type, mount->flags, mount->data,
							  line->super, &super);
		if (error)
			return error;
		for (size_t i = 0; i < mounts->count; i++)
			if (torn_bytes_equal(mounts->lines[i].device, line->device))
				mounts->lines[i].super = super;
	}
	return set_options(arena, line, mount->flags, true);
}

/* do_change_type(): one of them, and MS_REC and MS_SILENT. A slave of nobody is private. */
static int change_sharing(struct torn_arena *arena, const struct mounts *mounts, struct line *line,
			  uint64_t flags)
{
	const uint64_t type = flags & ~(uint64_t)(MS_REC | MS_SILENT);
	if (type & (type - 1) || !(type & SHARING_FLAGS))
		return -EINVAL;
	if (type != MS_SHARED) {
		line->sharing = torn_bytes_of(type == MS_UNBINDABLE ? "unbindable" : "");
		return 0;
	}
	if (torn_text_begins(line->sharing, "shared:"))
		return 0;
	return number_as_text(arena, "shared:", highest_number(mounts, false) + 1, &line->sharing);
}

/* -------------------------------------------------------------- new mount */

static int escaped_or_none(struct torn_arena *arena, struct torn_bytes name, struct torn_bytes *ret_text)
{
	struct torn_text text;
	torn_text_begin(&text, arena);
	if (name.data)
		torn_text_escape(&text, name, " \t\n\\#");
	else
		torn_text_put(&text, "none"); /* alloc_vfsmnt() without a name */
	return torn_text_end(&text, ret_text);
}

/* do_loopback(): a directory of a mount that is there; flags other than MS_REC have no say. */
static int make_bound(struct torn_arena *arena, struct mounts *mounts, const struct torn_runtime_mount *mount,
		      struct line *made)
{
	struct torn_bytes from;
	const int error = path_as_shown(arena, mount->source, &from);
	if (error)
		return error;
	const struct line *holder = from.size ? find_holder(mounts, from) : NULL;
	if (!holder || torn_text_is(holder->sharing, "unbindable"))
		return -EINVAL;
	const struct line copy = *made;
	*made = *holder;
	made->id = copy.id;
	made->parent = copy.parent;
	made->at = copy.at;
	if (torn_bytes_equal(from, holder->at))
		return 0;
	struct torn_text text;
	torn_text_begin(&text, arena);
	if (!torn_text_is(holder->root, "/"))
		torn_text_add(&text, holder->root);
	if (torn_text_is(holder->at, "/"))
		torn_text_add(&text, from);
	else
		torn_text_add(&text, torn_text_behind(from, holder->at.size));
	return torn_text_end(&text, &made->root);
}

/* do_new_mount() */
static int make_new(struct torn_arena *arena, const struct mounts *mounts,
		    const struct torn_runtime_mount *mount, struct line *made)
{
	if (mount->type.size == 0)
		return -EINVAL;
	made->root = torn_bytes_of("/");
	made->sharing = torn_bytes_of("");
	int error = torn_super_options_make(arena, mount->type, mount->flags, mount->data,
					    torn_bytes_of(""), &made->super);
	if (!error)
		error = number_as_text(arena, "0:", highest_number(mounts, true) + 1, &made->device);
	if (!error)
		error = escaped_or_none(arena, mount->type, &made->type);
	if (!error)
		error = escaped_or_none(arena, mount->source, &made->source);
	return error ? error : set_options(arena, made, mount->flags, false);
}

/* A device that is mounted there already: do_add_mount(). */
static bool is_there(const struct line *line, const struct line *made)
{
	return line && torn_text_begins(made->source, "/") && torn_bytes_equal(line->source, made->source) &&
	       torn_bytes_equal(line->type, made->type);
}

static int add_mount(struct torn_arena *arena, struct mounts *mounts, struct torn_bytes at,
		     const struct torn_runtime_mount *mount)
{
	struct line *holder = find_holder(mounts, at);
	if (!holder)
		return -EINVAL;
	if (mounts->count == MOUNTS_MAX)
		return -ENOSPC;
	struct line made = {.parent = holder->id, .at = at};
	int error = number_as_text(arena, "", highest_number(mounts, false) + 1, &made.id);
	if (!error)
		error = mount->flags & MS_BIND ? make_bound(arena, mounts, mount, &made)
					       : make_new(arena, mounts, mount, &made);
	if (error)
		return error;
	if (!(mount->flags & MS_BIND) && is_there(find_mount(mounts, at), &made))
		return -EBUSY;
	mounts->lines[mounts->count++] = made;
	return 0;
}

/* In the order in which path_mount() looks at the flags. */
static int act(struct torn_arena *arena, struct mounts *mounts, struct torn_bytes at,
	       const struct torn_runtime_mount *mount)
{
	const bool is_remount = mount->flags & MS_REMOUNT;
	const bool is_sharing = !(mount->flags & (MS_REMOUNT | MS_BIND)) && mount->flags & SHARING_FLAGS;
	if (!is_remount && !is_sharing)
		return mount->flags & MS_MOVE && !(mount->flags & MS_BIND) ? -EINVAL
									   : add_mount(arena, mounts, at, mount);
	struct line *line = find_mount(mounts, at);
	if (!line)
		return -EINVAL;
	return is_remount ? remount(arena, mounts, line, mount)
			  : change_sharing(arena, mounts, line, mount->flags);
}

int torn_runtime_mount(struct torn_arena *arena, struct torn_bytes mountinfo,
		       const struct torn_runtime_mount *mount, struct torn_bytes *ret_mountinfo)
{
	struct mounts *mounts = torn_arena_take_raw(arena, sizeof *mounts);
	struct torn_bytes at;
	if (!mounts)
		return -ENOMEM;
	struct torn_runtime_mount asked = *mount;
	if ((asked.flags & MS_MGC_MSK) == MS_MGC_VAL)
		asked.flags &= ~(uint64_t)MS_MGC_MSK;
	if (asked.flags & (uint32_t)MS_NOUSER)
		return -EINVAL;
	int error = read_mounts(mountinfo, mounts);
	if (!error)
		error = path_as_shown(arena, asked.at, &at);
	if (!error)
		error = act(arena, mounts, at, &asked);
	return error ? error : print_mounts(arena, mounts, ret_mountinfo);
}

/* ----------------------------------------------------------------- umount */

/* Take a mount away with all that is mounted below it. Returns whether there was something. */
static bool take_away(struct mounts *mounts, struct line *line)
{
	bool any = false;
	line->is_gone = true;
	for (bool found = true; found;) {
		found = false;
		for (size_t i = 0; i < mounts->count; i++) {
			struct line *child = &mounts->lines[i];
			for (size_t j = 0; j < mounts->count && !child->is_gone; j++)
				if (mounts->lines[j].is_gone && i != j &&
				    torn_bytes_equal(child->parent, mounts->lines[j].id))
					child->is_gone = found = any = true;
		}
	}
	return any;
}

/* do_umount(): the root itself is remounted read-only instead. */
static int umount_root(struct torn_arena *arena, struct mounts *mounts, struct line *line)
{
	struct torn_bytes super;
	const int error = torn_super_options_make(arena, line->type, MS_RDONLY, torn_bytes_of(""),
						  line->super, &super);
	for (size_t i = 0; !error && i < mounts->count; i++)
		if (torn_bytes_equal(mounts->lines[i].device, line->device))
			mounts->lines[i].super = super;
	return error;
}

static int act_umount(struct torn_arena *arena, struct mounts *mounts, struct torn_bytes at, uint32_t flags)
{
	if (flags & ~(uint32_t)(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	struct line *line = find_mount(mounts, at);
	if (!line)
		return -EINVAL;
	if (flags & MNT_EXPIRE)
		return flags & (MNT_FORCE | MNT_DETACH) || torn_text_is(at, "/") ? -EINVAL : -EAGAIN;
	if (torn_text_is(at, "/") && !(flags & MNT_DETACH))
		return umount_root(arena, mounts, line);
	const bool has_more = take_away(mounts, line);
	return has_more && !(flags & MNT_DETACH) ? -EBUSY : 0;
}

int torn_runtime_umount(struct torn_arena *arena, struct torn_bytes mountinfo, struct torn_bytes at,
			uint32_t flags, struct torn_bytes *ret_mountinfo)
{
	struct mounts *mounts = torn_arena_take_raw(arena, sizeof *mounts);
	struct torn_bytes shown;
	if (!mounts)
		return -ENOMEM;
	int error = read_mounts(mountinfo, mounts);
	if (!error)
		error = path_as_shown(arena, at, &shown);
	if (!error)
		error = act_umount(arena, mounts, shown, flags);
	return error ? error : print_mounts(arena, mounts, ret_mountinfo);
}
