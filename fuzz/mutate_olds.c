/*
 * mutate_olds.c: another old state: what an operator, an earlier version or a run
 * that was killed may have left where the operation is about to write.
 */
#include <string.h>

#include "grammar.h"
#include "mutate.h"
#include "mutate_formats.h"
#include "old_text.h"
#include "world.h"

#define OLDS_MAX 12u
#define CANDIDATES_MAX 64u

/* The old state while it is changed: a copy, with room for two more. */
struct olds {
	struct torn_mutation *mutation;
	const struct torn_case *c; /* whose it is: for its arguments */
	struct torn_old *items;
	size_t count, room;
};

/* ----------------------------------------------------------------- paths */

static bool is_below(struct torn_bytes path, struct torn_bytes folder)
{
	return path.size > folder.size && path.data[folder.size] == '/' &&
	       memcmp(path.data, folder.data, folder.size) == 0;
}

static struct torn_bytes parent_of(struct torn_bytes path)
{
	const uint8_t *slash = memrchr(path.data, '/', path.size);
	return (struct torn_bytes){path.data, slash ? (size_t)(slash - path.data) : 0};
}

static struct torn_bytes join(struct torn_mutation *mutation, struct torn_bytes path, const char *suffix)
{
	const size_t size = strlen(suffix);
	uint8_t *text = torn_arena_take(mutation->arena, path.size + size + 1);
	if (!text)
		return (struct torn_bytes){NULL, 0};
	memcpy(text, path.data, path.size);
	memcpy(text + path.size, suffix, size);
	return (struct torn_bytes){text, path.size + size};
}

/* Can it stand in an old line? */
static bool is_path(struct torn_bytes path)
{
	if (path.size == 0 || path.size > TORN_PATH_SIZE_MAX || memchr(path.data, 0, path.size))
		return false;
	for (size_t start = 0; start <= path.size;) {
		const uint8_t *slash = memchr(path.data + start, '/', path.size - start);
		const size_t end = slash ? (size_t)(slash - path.data) : path.size;
		const size_t size = end - start;
		if (size == 0 || size > TORN_NAME_SIZE_MAX ||
		    (path.data[start] == '.' && (size == 1 || (size == 2 && path.data[start + 1] == '.'))))
			return false;
		start = end + 1;
	}
	return true;
}

struct candidates {
	struct torn_bytes paths[CANDIDATES_MAX];
	size_t count;
};

static void offer(struct candidates *candidates, struct torn_bytes path)
{
	if (!path.data || !is_path(path) || candidates->count == CANDIDATES_MAX)
		return;
	for (size_t i = 0; i < candidates->count; i++)
		if (torn_bytes_equal(candidates->paths[i], path))
			return;
	candidates->paths[candidates->count++] = path;
}

static struct torn_old *find(struct olds *olds, struct torn_bytes path)
{
	for (size_t i = 0; i < olds->count; i++)
		if (torn_bytes_equal(olds->items[i].path, path))
			return &olds->items[i];
	return NULL;
}

/* A name that the operation makes and that is not there yet. data NULL: there is none. */
static struct torn_bytes choose_made(struct olds *olds)
{
	struct torn_mutation *mutation = olds->mutation;
	struct torn_bytes made = {NULL, 0};
	uint32_t seen = 0;
	for (uint32_t i = 0; mutation->log && i < mutation->log->count; i++) {
		const struct torn_op *op = &mutation->log->ops[i];
		if (op->number > 0 && (op->flags & TORN_OP_CREATES) && is_path(op->path) &&
		    !find(olds, op->path) && torn_dice_below(&mutation->dice, ++seen) == 0)
			made = op->path;
	}
	/* A log's bytes die with the next run. */
	return made.data ? torn_arena_copy(mutation->arena, made.data, made.size) : made;
}

/*
 * What the operation looks at, makes or removes, most of all its temporary names
 * and backups: an earlier run may have left them.
 */
static struct torn_bytes choose_path(struct olds *olds)
{
	static const char *const suffixes[] = {".tmp", ".bak", ".old", "~", ".new", ".lock"};
	struct torn_mutation *mutation = olds->mutation;
	struct torn_dice *dice = &mutation->dice;
	struct candidates candidates = {.count = 0};
	if (torn_dice_chance(dice, 1, 5)) {
		const struct torn_bytes made = choose_made(olds);
		if (made.data)
			return made;
	}
	for (size_t i = 0; i < olds->count; i++)
		offer(&candidates, olds->items[i].path);
	for (uint32_t i = 0; mutation->log && i < mutation->log->count; i++) {
		const struct torn_op *op = &mutation->log->ops[i];
		if (op->number == 0 || op->kind == TORN_KIND_point) /* whose "path" is its name */
			continue;
		/* A log's bytes die with the next run. */
		offer(&candidates, torn_arena_copy(mutation->arena, op->path.data, op->path.size));
		if (op->kind != TORN_KIND_symlink)
			offer(&candidates,
			      torn_arena_copy(mutation->arena, op->path_to.data, op->path_to.size));
	}
	if (candidates.count == 0)
		return (struct torn_bytes){NULL, 0};
	const struct torn_bytes path = candidates.paths[torn_dice_below(dice, candidates.count)];
	if (torn_dice_chance(dice, 1, 8))
		return parent_of(path);
	if (torn_dice_chance(dice, 1, 8))
		return join(mutation, path,
			    suffixes[torn_dice_below(dice, sizeof suffixes / sizeof *suffixes)]);
	return path;
}

/* ------------------------------------------------------------------ lines */

static void drop(struct olds *olds, size_t index)
{
	olds->items[index] = olds->items[--olds->count];
}

static bool is_folder(const struct torn_old *old)
{
	return !old->absent && !old->is_link && old->type == TORN_DIRECTORY;
}

static bool is_file(const struct torn_old *old)
{
	return old && !old->absent && !old->is_link && old->type == TORN_FILE;
}

/* A link leads to a file of its own file system. */
static bool is_link_of_file(struct olds *olds, const struct torn_old *old)
{
	return is_file(find(olds, old->text)) &&
	       torn_bytes_equal(torn_world_filesystem(olds->items, olds->count, old->path),
				torn_world_filesystem(olds->items, olds->count, old->text));
}

/* What no longer agrees goes: lines below what is no folder, links to no file or from a mount to another. */
static void settle(struct olds *olds)
{
	for (size_t i = 0; i < olds->count;) {
		const struct torn_old *old = &olds->items[i];
		bool is_lost = old->is_link && !is_link_of_file(olds, old);
		for (size_t j = 0; j < olds->count && !is_lost; j++)
			is_lost = is_below(old->path, olds->items[j].path) && !is_folder(&olds->items[j]);
		if (is_lost) {
			drop(olds, i);
			i = 0;
		} else {
			i++;
		}
	}
}

/* Folders above a path are there: a line that says otherwise goes. */
static void open_way(struct olds *olds, struct torn_bytes path)
{
	for (size_t i = 0; i < olds->count;)
		if (is_below(path, olds->items[i].path) && !is_folder(&olds->items[i]))
			drop(olds, i);
		else
			i++;
}

static void put(struct olds *olds, struct torn_old old)
{
	open_way(olds, old.path);
	struct torn_old *before = find(olds, old.path);
	if (before)
		*before = old;
	else if (olds->count < olds->room)
		olds->items[olds->count++] = old;
}

/* ------------------------------------------------------------------ states */

static struct torn_bytes text_of(struct torn_mutation *mutation, const char *text)
{
	return torn_arena_copy(mutation->arena, text, strlen(text));
}

static bool is_runtime(const struct olds *olds, struct torn_bytes path)
{
	return torn_mutate_is_runtime(olds->items, olds->count, path);
}

/* Does a list of mounts name it? Such a directory is there, and cannot go: rename(2), rmdir(2), EBUSY. */
static bool is_mounted(const struct olds *olds, struct torn_bytes path)
{
	char at[TORN_PATH_SIZE_MAX + 4];
	const int size = snprintf(at, sizeof at, " /%.*s ", (int)path.size, (const char *)path.data);
	for (size_t i = 0; i < olds->count; i++) {
		const struct torn_old *old = &olds->items[i];
		if (is_file(old) && is_runtime(olds, old->path) &&
		    memmem(old->text.data, old->text.size, at, (size_t)size))
			return true;
	}
	return false;
}

/* A content that the operation's parser may meet there: by its format, or any. */
static struct torn_bytes content_at(struct olds *olds, struct torn_bytes path)
{
	struct torn_mutation *mutation = olds->mutation;
	struct torn_old *before = find(olds, path);
	const struct torn_bytes nothing = {NULL, 0};
	struct torn_case now = *olds->c;
	now.olds = olds->items;
	now.olds_count = olds->count;
	if (!torn_mutate_has_format(now.olds, now.olds_count, path) || torn_dice_chance(&mutation->dice, 1, 8))
		return is_runtime(olds, path) ? nothing : torn_mutate_content(mutation);
	return torn_mutate_formatted_file(mutation, &now, path, is_file(before) ? before->text : nothing);
}

static uint32_t odd_mode(struct torn_dice *dice)
{
	static const uint32_t modes[] = {0, 0444, 0400, 0600, 0200, 0111, 0777, 04755, 02644, 01666, 07777};
	return modes[torn_dice_below(dice, sizeof modes / sizeof *modes)];
}

/* The text of a symlink at `path` that leads to `to` whatever the root is. */
static struct torn_bytes way_to(struct torn_mutation *mutation, struct torn_bytes path,
				struct torn_bytes to)
{
	const struct torn_bytes folder = parent_of(path);
	if (folder.size > 0 && is_below(to, folder))
		return torn_arena_copy(mutation->arena, to.data + folder.size + 1,
				       to.size - folder.size - 1);
	size_t up = 0;
	for (size_t i = 0; i < path.size; i++)
		up += path.data[i] == '/';
	uint8_t *text = torn_arena_take(mutation->arena, 3 * up + to.size + 1);
	if (!text)
		return (struct torn_bytes){NULL, 0};
	for (size_t i = 0; i < up; i++)
		memcpy(text + 3 * i, "../", 3);
	memcpy(text + 3 * up, to.data, to.size);
	return (struct torn_bytes){text, 3 * up + to.size};
}

/* Where a symlink leads: nowhere, elsewhere, to itself, to a file or folder that is there. */
static struct torn_bytes symlink_text(struct olds *olds, struct torn_bytes path)
{
	struct torn_mutation *mutation = olds->mutation;
	static const char *const texts[] = {"nowhere", "/nowhere/at/all", "..", ".", "/", "../../../etc",
					    "/proc/self/fd/0", "a/../b"};
	struct torn_dice *dice = &mutation->dice;
	if (olds->count > 0 && torn_dice_chance(dice, 1, 2)) {
		const struct torn_bytes to = olds->items[torn_dice_below(dice, olds->count)].path;
		if (torn_dice_chance(dice, 1, 2))
			return way_to(mutation, path, to);
		uint8_t *text = torn_arena_take(mutation->arena, to.size + 2);
		if (!text)
			return (struct torn_bytes){NULL, 0};
		text[0] = '/';
		memcpy(text + 1, to.data, to.size);
		return (struct torn_bytes){text, to.size + 1};
	}
	if (torn_dice_chance(dice, 1, 6)) { /* to itself */
		const struct torn_bytes folder = parent_of(path);
		const size_t skip = folder.size ? folder.size + 1 : 0;
		return torn_arena_copy(mutation->arena, path.data + skip, path.size - skip);
	}
	return text_of(mutation, texts[torn_dice_below(dice, sizeof texts / sizeof *texts)]);
}

static void put_link(struct olds *olds, struct torn_bytes path)
{
	const uint32_t start = torn_dice_below(&olds->mutation->dice, olds->count);
	for (size_t i = 0; i < olds->count; i++) {
		const struct torn_old *to = &olds->items[(start + i) % olds->count];
		if (!is_file(to) || torn_bytes_equal(to->path, path))
			continue;
		put(olds, (struct torn_old){.path = path, .is_link = true, .type = TORN_FILE,
					    .text = to->path});
		return;
	}
	/* Nothing to link to: give it another name. */
	struct torn_old *old = find(olds, path);
	const struct torn_bytes other = join(olds->mutation, path, ".link");
	if (is_file(old) && other.data && is_path(other))
		put(olds, (struct torn_old){.path = other, .is_link = true, .type = TORN_FILE, .text = path});
}

/* Leave a line out: what it names is not there, and every second time its folder neither. */
static void leave_out(struct olds *olds, size_t index)
{
	const struct torn_bytes folder = parent_of(olds->items[index].path);
	if (is_runtime(olds, olds->items[index].path) || is_mounted(olds, olds->items[index].path))
		return;
	drop(olds, index);
	if (torn_dice_chance(&olds->mutation->dice, 1, 2) && is_path(folder) && !find(olds, folder))
		put(olds, (struct torn_old){.path = folder, .type = TORN_DIRECTORY, .mode = 0755});
}

static void put_folder(struct olds *olds, struct torn_bytes path)
{
	put(olds, (struct torn_old){.path = path, .type = TORN_DIRECTORY, .mode = 0755});
	const struct torn_bytes inside = join(olds->mutation, path, "/inside");
	if (inside.data && is_path(inside) && torn_dice_chance(&olds->mutation->dice, 1, 2))
		put(olds, (struct torn_old){.path = inside, .type = TORN_FILE, .mode = 0644,
					    .text = text_of(olds->mutation, "kept\n")});
}

/* What is at a path, or the folder that it is in, is on another file system, which lacks this and that. */
static void put_mount(struct olds *olds, struct torn_bytes path)
{
	struct torn_dice *dice = &olds->mutation->dice;
	const struct torn_old *before = find(olds, path);
	if (!(before && is_folder(before)))
		path = parent_of(path);
	if (!is_path(path))
		return;
	put(olds, (struct torn_old){
			  .path = path,
			  .type = TORN_DIRECTORY,
			  .mode = 0755,
			  .mount = TORN_MOUNT | (torn_dice_below(dice, TORN_LACKS_CLONE) << 1)});
}

/* Another mode, owner or attribute for what is there. */
static void change_attributes(struct olds *olds, struct torn_old *old)
{
	struct torn_dice *dice = &olds->mutation->dice;
	if (old->absent || old->is_link || old->type == TORN_SYMLINK || is_runtime(olds, old->path))
		return;
	switch (torn_dice_below(dice, 3)) {
	case 0:
		old->mode = old->type == TORN_DIRECTORY && torn_dice_chance(dice, 1, 2) ? 0555
											  : odd_mode(dice);
		return;
	case 1:
		old->uid = torn_dice_chance(dice, 1, 2) ? 1000 : 0;
		old->gid = torn_dice_chance(dice, 1, 2) ? 65534 : 0;
		return;
	default:
		if (old->type == TORN_FILE) {
			struct torn_xattr *xattr =
				torn_arena_take(olds->mutation->arena, sizeof *xattr);
			if (!xattr)
				return;
			*xattr = (struct torn_xattr){text_of(olds->mutation, "user.note"),
						     text_of(olds->mutation, "kept")};
			old->xattrs = xattr;
			old->xattrs_count = 1;
		}
	}
}

/*
 * The kernel's own files have its own mode and owner, and what a kernel prints; what a kernel without
 * a part lacks is not there. Anything else no kernel has, and a finding about it is none.
 */
static void put_runtime(struct olds *olds, struct torn_bytes path)
{
	const struct torn_old *before = find(olds, path);
	const struct torn_bytes text = is_file(before) ? content_at(olds, path) : (struct torn_bytes){NULL, 0};
	if (text.data)
		put(olds, (struct torn_old){.path = path, .type = TORN_FILE, .mode = before->mode, .text = text});
}

/* Another content in a file of a known format; what it is otherwise mostly stays. */
static void put_formatted(struct olds *olds, struct torn_bytes path)
{
	struct torn_old old = {.path = path, .type = TORN_FILE, .mode = 0644};
	const struct torn_old *before = find(olds, path);
	if (is_runtime(olds, path)) {
		put_runtime(olds, path);
		return;
	}
	if (is_file(before))
		old = *before;
	old.text = content_at(olds, path);
	old.file = (struct torn_bytes){NULL, 0};
	if (torn_dice_chance(&olds->mutation->dice, 1, 4))
		change_attributes(olds, &old);
	if (old.text.data)
		put(olds, old);
}

/* One of the lines whose files have a known format. Returns false where there is none. */
static bool change_formatted(struct olds *olds)
{
	size_t chosen = 0, seen = 0;
	for (size_t i = 0; i < olds->count; i++)
		if (!olds->items[i].is_link && torn_mutate_has_format(olds->items, olds->count, olds->items[i].path) &&
		    torn_dice_below(&olds->mutation->dice, ++seen) == 0)
			chosen = i;
	if (seen > 0)
		put_formatted(olds, olds->items[chosen].path);
	return seen > 0;
}

static void put_state(struct olds *olds, struct torn_bytes path)
{
	struct torn_mutation *mutation = olds->mutation;
	struct torn_old old = {.path = path, .type = TORN_FILE, .mode = 0644,
			       .text = text_of(mutation, "")};
	switch (torn_dice_below(&mutation->dice, 13)) {
	case 0:
	case 1:
		old = (struct torn_old){.path = path, .absent = true};
		break;
	case 2:
		break; /* empty */
	case 3:
	case 4:
		old.text = content_at(olds, path);
		break;
	case 5:
		put_folder(olds, path);
		return;
	case 6:
	case 7:
		old = (struct torn_old){.path = path, .type = TORN_SYMLINK, .mode = 0777,
					.text = symlink_text(olds, path)};
		break;
	case 8:
		put_link(olds, path);
		return;
	case 9:
		put_mount(olds, path);
		return;
	case 10:
		old.type = torn_dice_chance(&mutation->dice, 3, 4) ? TORN_FIFO : TORN_SOCKET;
		break;
	default:
		old.text = content_at(olds, path);
		change_attributes(olds, &old);
	}
	if (old.absent || old.text.data)
		put(olds, old);
}

/* A copy of a case's lines, to be changed. False: no room. */
static bool begin(struct torn_mutation *mutation, const struct torn_case *c, struct olds *ret_olds)
{
	*ret_olds = (struct olds){.mutation = mutation, .c = c, .count = c->olds_count, .room = c->olds_count + 2};
	ret_olds->items = torn_arena_take(mutation->arena, ret_olds->room * sizeof *ret_olds->items);
	for (size_t i = 0; ret_olds->items && i < c->olds_count; i++)
		ret_olds->items[i] = c->olds[i];
	return ret_olds->items;
}

static void end(struct olds *olds, struct torn_case *c)
{
	settle(olds);
	c->olds = olds->items;
	c->olds_count = olds->count;
}

/* One change of any kind. */
static void change_any(struct olds *olds)
{
	struct torn_dice *dice = &olds->mutation->dice;
	const uint32_t roll = torn_dice_below(dice, 10);
	if (olds->count > 0 && (olds->count >= OLDS_MAX || roll == 0)) {
		leave_out(olds, torn_dice_below(dice, olds->count));
	} else if (olds->count > 0 && roll <= 2) {
		change_attributes(olds, &olds->items[torn_dice_below(dice, olds->count)]);
	} else {
		const struct torn_bytes path = choose_path(olds);
		if (!path.data || !is_path(path))
			return;
		if (is_runtime(olds, path))
			put_runtime(olds, path);
		else if (!is_mounted(olds, path))
			put_state(olds, path);
	}
}

void torn_mutate_olds(struct torn_mutation *mutation, struct torn_case *c)
{
	struct olds olds;
	if (!begin(mutation, c, &olds))
		return;
	const bool wants_format = torn_mutate_knows_formats(mutation, c) && torn_dice_chance(&mutation->dice, 1, 2);
	if (!wants_format || !change_formatted(&olds))
		change_any(&olds);
	end(&olds, c);
}

/* The mount point that the arguments name is a directory, where it is mounted and none stands there. */
static void put_mounted(struct olds *olds)
{
	const struct torn_bytes at = torn_grammar_argument(olds->mutation, olds->c, "mount_point");
	if (!at.data || at.size < 2 || at.data[0] != '/')
		return;
	const struct torn_bytes path = {at.data + 1, at.size - 1};
	if (is_path(path) && is_mounted(olds, path) && !find(olds, path))
		put(olds, (struct torn_old){.path = path, .type = TORN_DIRECTORY, .mode = 0755});
}

void torn_mutate_olds_to_match(struct torn_mutation *mutation, struct torn_case *c)
{
	struct torn_bytes content;
	struct olds olds;
	if (!begin(mutation, c, &olds))
		return;
	for (size_t i = 0; i < c->olds_count; i++)
		if (!c->olds[i].is_link && !c->olds[i].absent && c->olds[i].type == TORN_FILE &&
		    torn_mutate_has_format(c->olds, c->olds_count, c->olds[i].path) &&
		    torn_dice_chance(&mutation->dice, 1, 2))
			put_formatted(&olds, c->olds[i].path);
	put_mounted(&olds);
	const struct torn_bytes path = torn_mutate_sysctl_of(mutation, c, &content);
	if (path.data && !find(&olds, path))
		put(&olds, (struct torn_old){.path = path, .type = TORN_FILE, .mode = 0644, .text = content});
	end(&olds, c);
}
