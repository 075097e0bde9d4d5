/*
 * fold.c: what each op does to a tree. This is the engine of crash states: a
 * kill leaves all effects of the ops before it, a power cut (another preset)
 * leaves some of them.
 *
 * Assumes that ops name inodes by torn_object and that the gate logged what
 * the kernel really did; the tree on disk is held against it after each trial.
 */
#include "fold.h"

#include "tree.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Note an inode before it is changed. */
static int note(struct torn_fold *fold, torn_object object)
{
	if (!fold->changes)
		return 0;
	if (fold->changes_count == fold->changes_room) {
		const uint32_t room = fold->changes_room * 2;
		struct torn_fold_change *changes = realloc(fold->changes, room * sizeof *changes);
		if (!changes)
			return -ENOMEM;
		fold->changes = changes;
		fold->changes_room = room;
	}
	fold->changes[fold->changes_count++] =
		(struct torn_fold_change){object, fold->objects[object]};
	return 0;
}

static int links_add(struct torn_fold *fold, torn_object object, torn_object dir,
		     struct torn_bytes name)
{
	struct torn_fold_link *link = torn_arena_take(fold->arena, sizeof *link);
	if (!link)
		return -ENOMEM;
	if (note(fold, object) < 0)
		return -ENOMEM;
	*link = (struct torn_fold_link){dir, name, fold->objects[object].links};
	fold->objects[object].links = link;
	return 0;
}

static bool is_link(const struct torn_fold_link *link, torn_object dir, struct torn_bytes name)
{
	return link->dir == dir && torn_bytes_equal(link->name, name);
}

static int links_remove(struct torn_fold *fold, torn_object object, torn_object dir,
			struct torn_bytes name)
{
	const struct torn_fold_link *old = fold->objects[object].links;
	const struct torn_fold_link *tail = old;
	while (tail && !is_link(tail, dir, name))
		tail = tail->next;
	if (!tail)
		return -EPROTO;
	if (note(fold, object) < 0)
		return -ENOMEM;
	fold->objects[object].links = tail->next;
	for (; old != tail; old = old->next) {
		int r = links_add(fold, object, old->dir, old->name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Give an inode a new value, and all directories above its names with it. */
static int set_node(struct torn_fold *fold, torn_object object, const struct torn_node *node)
{
	if (!node || note(fold, object) < 0)
		return -ENOMEM;
	fold->objects[object].node = node;
	if (fold->lazy) {
		fold->objects[object].unsettled = true;
		if (fold->first_unsettled == 0 || object < fold->first_unsettled)
			fold->first_unsettled = object;
		return 0;
	}
	for (const struct torn_fold_link *link = fold->objects[object].links; link;
	     link = link->next) {
		const struct torn_node *dir = torn_node_put(
			fold->arena, fold->objects[link->dir].node, link->name, node, object);
		int r = 0;
		if (fold->objects[link->dir].unsettled && dir) /* it tells those above itself */
			fold->objects[link->dir].node = dir;
		else
			r = set_node(fold, link->dir, dir);
		if (r < 0)
			return r;
	}
	return 0;
}

int torn_fold_settle(struct torn_fold *fold)
{
	const torn_object first = fold->first_unsettled;
	const bool lazy = fold->lazy;
	int r = 0;
	fold->lazy = false;
	/* Inodes that were made later lie deeper, as a rule: they go first. */
	for (torn_object object = fold->count; r == 0 && first != 0 && object >= first; object--) {
		if (!fold->objects[object].unsettled)
			continue;
		fold->objects[object].unsettled = false;
		r = set_node(fold, object, fold->objects[object].node);
	}
	fold->lazy = lazy;
	fold->first_unsettled = 0;
	return r;
}

static int set_links_count(struct torn_fold *fold, torn_object object, int change)
{
	const struct torn_node *node = fold->objects[object].node;
	if (node->type == TORN_DIRECTORY)
		return 0;
	struct torn_attributes attributes = torn_node_attributes(node);
	attributes.links += (uint32_t)change;
	return set_node(fold, object, torn_node_with(fold->arena, node, attributes));
}

static int entry_add(struct torn_fold *fold, torn_object dir, struct torn_bytes name,
		     torn_object object)
{
	int r = links_add(fold, object, dir, name);
	if (r < 0)
		return r;
	return set_node(fold, dir,
			torn_node_put(fold->arena, fold->objects[dir].node, name,
				      fold->objects[object].node, object));
}

static int entry_remove(struct torn_fold *fold, torn_object dir, struct torn_bytes name,
			torn_object object)
{
	int r = links_remove(fold, object, dir, name);
	if (r < 0)
		return r;
	return set_node(fold, dir, torn_node_drop(fold->arena, fold->objects[dir].node, name));
}

static int object_new(struct torn_fold *fold, const struct torn_op *op, const struct torn_node *node)
{
	if (!node)
		return -ENOMEM;
	if (op->object != fold->count + 1)
		return -EPROTO;
	if (fold->count + 1 == fold->room) {
		uint32_t room = fold->room * 2;
		struct torn_fold_object *objects =
			torn_arena_take(fold->arena, room * sizeof *objects);
		if (!objects)
			return -ENOMEM;
		memcpy(objects, fold->objects, (fold->count + 1) * sizeof *objects);
		fold->objects = objects;
		fold->room = room;
	}
	fold->objects[++fold->count] = (struct torn_fold_object){
		.node = node, .home = op->dir, .modified_ns = op->time_ns, .changed_ns = op->time_ns};
	return 0;
}

/* ------------------------------------------------------------------ bases */

static int base_walk(struct torn_arena *arena, struct torn_fold *fold, torn_object dir)
{
	const struct torn_node *node = fold->objects[dir].node;
	for (uint32_t i = 0; i < node->entries_count; i++) {
		const struct torn_entry *entry = &node->entries[i];
		if (entry->object <= TORN_FOLD_ROOT || entry->object >= fold->room)
			return -EPROTO;
		fold->objects[entry->object].node = entry->node;
		fold->objects[entry->object].home = dir;
		int r = links_add(fold, entry->object, dir, entry->name);
		if (r == 0 && entry->node->type == TORN_DIRECTORY)
			r = base_walk(arena, fold, entry->object);
		if (r < 0)
			return r;
	}
	return 0;
}

int torn_fold_base_make(struct torn_arena *arena, const struct torn_node *root, uint32_t objects,
			struct torn_fold_base *ret_base)
{
	struct torn_fold fold = {.arena = arena, .count = objects, .room = objects + 1};
	fold.objects = torn_arena_take(arena, fold.room * sizeof *fold.objects);
	if (!fold.objects)
		return -ENOMEM;
	fold.objects[TORN_FOLD_ROOT].node = root;
	int r = base_walk(arena, &fold, TORN_FOLD_ROOT);
	if (r < 0)
		return r;
	*ret_base = (struct torn_fold_base){fold.objects, objects};
	return 0;
}

int torn_fold_begin(struct torn_fold *fold, struct torn_arena *arena,
		    const struct torn_fold_base *base)
{
	return torn_fold_begin_with(fold, arena, base, base->count);
}

int torn_fold_begin_with(struct torn_fold *fold, struct torn_arena *arena,
			 const struct torn_fold_base *base, uint32_t highest)
{
	uint32_t room = highest + 16;
	struct torn_fold_object *objects = torn_arena_take(arena, room * sizeof *objects);
	if (!objects)
		return -ENOMEM;
	memcpy(objects, base->objects, (base->count + 1) * sizeof *objects);
	*fold = (struct torn_fold){
		.arena = arena, .objects = objects, .count = base->count, .room = room};
	return 0;
}

torn_object torn_fold_filesystem(const struct torn_fold *fold, torn_object object)
{
	while (object > TORN_FOLD_ROOT && object <= fold->count && !fold->objects[object].node->mount)
		object = fold->objects[object].home;
	return object ? object : TORN_FOLD_ROOT;
}

/* ---------------------------------------------------------------- effects */

enum torn_type torn_op_type_made(const struct torn_op *op)
{
	switch (op->kind) {
	case TORN_KIND_mkdir:
		return TORN_DIRECTORY;
	case TORN_KIND_symlink:
		return TORN_SYMLINK;
	case TORN_KIND_mknod:
		return S_ISFIFO(op->how) ? TORN_FIFO : S_ISSOCK(op->how) ? TORN_SOCKET : TORN_FILE;
	default:
		return TORN_FILE;
	}
}

/* open(O_CREAT), O_TMPFILE, mkdir, symlink, mknod: an inode, and its entry where it has one. */
static int create(struct torn_fold *fold, const struct torn_op *op)
{
	enum torn_type type = torn_op_type_made(op);
	struct torn_attributes attributes = {.mode = op->mode, .uid = op->uid, .gid = op->gid};
	attributes.links = op->name.size > 0 ? 1 : 0;
	int r = object_new(fold, op,
			   torn_node_make(fold->arena, type, attributes,
					  type == TORN_SYMLINK ? op->path_to
							       : (struct torn_bytes){NULL, 0}));
	if (r < 0 || op->name.size == 0)
		return r;
	return entry_add(fold, op->dir, op->name, op->object);
}

static int resize(struct torn_fold *fold, torn_object object, uint64_t size)
{
	return set_node(fold, object,
			torn_node_resize(fold->arena, fold->objects[object].node, size));
}

static int open_file(struct torn_fold *fold, const struct torn_op *op)
{
	if (op->flags & TORN_OP_CREATES)
		return create(fold, op);
	const struct torn_fold_object *object = torn_fold_object(fold, op->object);
	if (!(op->how & O_TRUNC) || (op->how & O_PATH) || !object ||
	    object->node->type != TORN_FILE)
		return 0;
	return resize(fold, op->object, 0);
}

static int write_bytes(struct torn_fold *fold, const struct torn_op *op, uint64_t bytes)
{
	assert(bytes <= op->data.size);
	const struct torn_node *node = fold->objects[op->object].node;
	if (node->type != TORN_FILE)
		return 0; /* a FIFO: its bytes are in no tree */
	return set_node(fold, op->object,
			torn_node_write(fold->arena, node, op->offset,
					(struct torn_bytes){op->data.data, bytes}));
}

int torn_fold_cloned(struct torn_arena *arena, const struct torn_fold *fold, torn_object from, torn_object to,
		     struct torn_bytes *ret_bytes)
{
	const struct torn_node *source = torn_fold_object(fold, from)->node, *dest = torn_fold_object(fold, to)->node;
	const bool is_part = source->size < dest->size;
	const uint64_t size = is_part ? dest->size : source->size;
	if ((is_part && source->size % TORN_BLOCK_SIZE != 0) || (from == to && size > 0))
		return -EINVAL;
	uint8_t *bytes = torn_arena_take(arena, size + 1);
	if (!bytes)
		return -ENOMEM;
	if (is_part)
		torn_node_read(dest, 0, bytes, size);
	torn_node_read(source, 0, bytes, source->size);
	*ret_bytes = (struct torn_bytes){bytes, size};
	return 0;
}

/* FICLONE: the op has all that the destination holds then. */
static int clone(struct torn_fold *fold, const struct torn_op *op)
{
	int r = resize(fold, op->object, 0);
	return r < 0 ? r : write_bytes(fold, op, op->data.size);
}

/* The op's data is all of it, wherever the write that led to it stood. */
static int replace(struct torn_fold *fold, const struct torn_op *op)
{
	struct torn_op whole = *op;
	whole.offset = 0;
	return op->object && op->data.data ? clone(fold, &whole) : 0;
}

static int allocate(struct torn_fold *fold, const struct torn_op *op)
{
	const struct torn_node *node = fold->objects[op->object].node;
	uint64_t end = op->offset + op->length;
	if (op->how & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
		node = torn_node_zero(fold->arena, node, op->offset, op->length);
		if (!node)
			return -ENOMEM;
	}
	if (!(op->how & FALLOC_FL_KEEP_SIZE) && end > node->size)
		node = torn_node_resize(fold->arena, node, end);
	return set_node(fold, op->object, node);
}

static int unlink_name(struct torn_fold *fold, torn_object dir, struct torn_bytes name,
		       torn_object object)
{
	int r = entry_remove(fold, dir, name, object);
	return r < 0 ? r : set_links_count(fold, object, -1);
}

static int exchange(struct torn_fold *fold, const struct torn_op *op)
{
	int r = entry_remove(fold, op->dir, op->name, op->object);
	if (r == 0)
		r = entry_remove(fold, op->dir_to, op->name_to, op->object_to);
	if (r == 0)
		r = entry_add(fold, op->dir, op->name, op->object_to);
	if (r == 0)
		r = entry_add(fold, op->dir_to, op->name_to, op->object);
	return r;
}

static int rename_name(struct torn_fold *fold, const struct torn_op *op)
{
	/* Two names of one inode: rename(2) does nothing and reports success. */
	if (op->object == op->object_to)
		return 0;
	if (op->how & RENAME_EXCHANGE)
		return exchange(fold, op);
	int r = 0;
	if (op->object_to)
		r = unlink_name(fold, op->dir_to, op->name_to, op->object_to);
	if (r == 0)
		r = entry_remove(fold, op->dir, op->name, op->object);
	if (r == 0)
		r = entry_add(fold, op->dir_to, op->name_to, op->object);
	return r;
}

static int link_name(struct torn_fold *fold, const struct torn_op *op)
{
	int r = entry_add(fold, op->dir_to, op->name_to, op->object);
	return r < 0 ? r : set_links_count(fold, op->object, 1);
}

static int change_attributes(struct torn_fold *fold, const struct torn_op *op)
{
	const struct torn_node *node = fold->objects[op->object].node;
	struct torn_attributes attributes = torn_node_attributes(node);
	attributes.mode = op->mode;
	attributes.uid = op->uid;
	attributes.gid = op->gid;
	return set_node(fold, op->object, torn_node_with(fold->arena, node, attributes));
}

bool torn_op_removes_xattr(const struct torn_op *op)
{
	return op->call == TORN_CALL_removexattr || op->call == TORN_CALL_lremovexattr ||
	       op->call == TORN_CALL_fremovexattr;
}

bool torn_op_syncs_pages(const struct torn_op *op)
{
	return op->call == TORN_CALL_msync && (op->how & MS_SYNC);
}

bool torn_op_writes_through(const struct torn_op *op)
{
	return (op->flags & TORN_OP_DSYNC) && op->result > 0;
}

static int change_xattr(struct torn_fold *fold, const struct torn_op *op)
{
	return set_node(fold, op->object,
			torn_node_set_xattr(fold->arena, fold->objects[op->object].node, op->xattr,
					    torn_op_removes_xattr(op) ? NULL : &op->data));
}

static int apply(struct torn_fold *fold, const struct torn_op *op)
{
	switch (op->kind) {
	case TORN_KIND_open:
		return open_file(fold, op);
	case TORN_KIND_mkdir:
	case TORN_KIND_symlink:
	case TORN_KIND_mknod:
		return create(fold, op);
	case TORN_KIND_write:
	case TORN_KIND_copy:
	case TORN_KIND_store:
		return write_bytes(fold, op, (uint64_t)op->result);
	case TORN_KIND_clone:
		return clone(fold, op);
	case TORN_KIND_runtime:
		return replace(fold, op);
	case TORN_KIND_truncate:
		return resize(fold, op->object, op->length);
	case TORN_KIND_allocate:
		return allocate(fold, op);
	case TORN_KIND_rename:
		return rename_name(fold, op);
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
		return unlink_name(fold, op->dir, op->name, op->object);
	case TORN_KIND_link:
		return link_name(fold, op);
	case TORN_KIND_chmod:
	case TORN_KIND_chown:
		return change_attributes(fold, op);
	case TORN_KIND_setxattr:
		return change_xattr(fold, op);
	default:
		return 0;
	}
}

static bool changes_content(enum torn_kind kind)
{
	return kind == TORN_KIND_write || kind == TORN_KIND_copy || kind == TORN_KIND_store ||
	       kind == TORN_KIND_truncate ||
	       kind == TORN_KIND_allocate || kind == TORN_KIND_clone || kind == TORN_KIND_runtime;
}

/* Times follow the virtual clock; utimensat sets them itself (modified in offset). */
static void touch(struct torn_fold *fold, const struct torn_op *op)
{
	enum torn_kind kind = op->kind;
	struct torn_fold_object *object = &fold->objects[op->object];
	if (kind == TORN_KIND_utime)
		object->modified_ns = (int64_t)op->offset;
	else if (changes_content(kind) || (kind == TORN_KIND_open && op->how & O_TRUNC))
		object->modified_ns = op->time_ns;
	else if (kind != TORN_KIND_chmod && kind != TORN_KIND_chown && kind != TORN_KIND_setxattr &&
		 kind != TORN_KIND_link && kind != TORN_KIND_rename && kind != TORN_KIND_unlink)
		return;
	object->changed_ns = op->time_ns;
}

int torn_fold_step(struct torn_fold *fold, const struct torn_op *op)
{
	if (op->flags & TORN_OP_REVERTED)
		return write_bytes(fold, op, op->data.size);
	if (!(op->flags & TORN_OP_PERFORMED) || op->result < 0)
		return 0;
	int r = apply(fold, op);
	if (r == 0 && op->object != 0 && op->object <= fold->count)
		touch(fold, op);
	return r;
}

bool torn_op_is_divisible(const struct torn_op *op)
{
	enum torn_kind kind = op->kind;
	return (op->flags & TORN_OP_PERFORMED) && op->result > 1 &&
	       (kind == TORN_KIND_write || kind == TORN_KIND_copy || kind == TORN_KIND_store) &&
	       op->object != 0;
}

int torn_fold_step_part(struct torn_fold *fold, const struct torn_op *op, uint64_t bytes)
{
	assert(torn_op_is_divisible(op) && bytes <= (uint64_t)op->result);
	return write_bytes(fold, op, bytes);
}

/* ------------------------------------------------ states of no run's own */

static bool is_at_or_above(const struct torn_fold *fold, torn_object above, torn_object dir)
{
	for (;;) {
		if (dir == above)
			return true;
		const struct torn_fold_link *link = fold->objects[dir].links;
		if (!link)
			return false;
		dir = link->dir; /* a directory has one name */
	}
}

int torn_fold_put_name(struct torn_fold *fold, torn_object dir, struct torn_bytes name,
		       torn_object object)
{
	const struct torn_entry *there = torn_node_entry(fold->objects[dir].node, name);
	int r = there ? unlink_name(fold, dir, name, there->object) : 0;
	if (r < 0 || object == 0)
		return r;
	const struct torn_fold_object *named = &fold->objects[object];
	if (named->node->type == TORN_DIRECTORY && (named->links || is_at_or_above(fold, object, dir)))
		return -ELOOP;
	r = entry_add(fold, dir, name, object);
	return r < 0 ? r : set_links_count(fold, object, 1);
}

int torn_fold_put_node(struct torn_fold *fold, torn_object object, const struct torn_node *node)
{
	return set_node(fold, object, node);
}

int torn_fold_put_object(struct torn_fold *fold, torn_object object, const struct torn_node *node)
{
	assert(object < fold->room);
	if (object > fold->count)
		fold->count = object;
	fold->objects[object].links = NULL;
	return set_node(fold, object, node);
}

#define CHANGES_AT_FIRST 64u

int torn_fold_note_changes(struct torn_fold *fold)
{
	fold->changes = malloc(CHANGES_AT_FIRST * sizeof *fold->changes);
	fold->changes_count = 0;
	fold->changes_room = CHANGES_AT_FIRST;
	return fold->changes ? 0 : -ENOMEM;
}

void torn_fold_forget_changes(struct torn_fold *fold)
{
	free(fold->changes);
	fold->changes = NULL;
}

void torn_fold_take_back(struct torn_fold *fold, uint32_t count)
{
	while (fold->changes_count > count) {
		const struct torn_fold_change *change = &fold->changes[--fold->changes_count];
		fold->objects[change->object] = change->before;
	}
}
