/* effects.c: see effects.h. */
#include "effects.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "tree.h"

/* ---------------------------------------------------------------- reading */

/* A log on its way to be effects: the tree before each op says how large files are. */
struct reading {
	struct torn_arena *arena;
	struct torn_fold fold;
	const struct torn_log *log;
	bool split;
	bool of_disk;
	struct torn_effect *items; /* NULL: they are only counted */
	uint32_t count;
	uint32_t at, parts[TORN_EFFECT_KIND_COUNT];
	struct range {
		torn_object object;
		uint64_t begin, end;
	} *reserved; /* by fallocate(2), and not written since the log began */
	uint32_t reserved_count;
	uint64_t *largest; /* by inode; this and what follows only of a disk */
	bool *resized;     /* by inode: its size has changed */
	torn_object objects; /* highest */
	torn_object *filesystems; /* by inode; NULL: nobody asks */
	bool losses, no_memory;
};

static void add(struct reading *reading, struct torn_effect effect)
{
	effect.at = reading->at;
	effect.part = reading->parts[effect.kind]++;
	if (reading->items)
		reading->items[reading->count] = effect;
	reading->count++;
}

static uint64_t size_of(const struct reading *reading, torn_object object)
{
	const struct torn_fold_object *found = torn_fold_object(&reading->fold, object);
	return found && found->node ? found->node->size : 0;
}

/* So large the file has been, as far as this log goes: what is below lies in blocks that may be on disk. */
static uint64_t *largest_of(struct reading *reading, torn_object object)
{
	uint64_t *largest = &reading->largest[object];
	const uint64_t size = size_of(reading, object);
	*largest = size > *largest ? size : *largest;
	return largest;
}

static void note_resized(struct reading *reading, torn_object object, bool is)
{
	if (reading->of_disk && is) {
		largest_of(reading, object);
		reading->resized[object] = true;
	}
}

/* Data that a disk may have without the size that it brings, or that another op brought. */
static bool may_be_clipped(struct reading *reading, const struct torn_effect *data)
{
	if (!reading->of_disk || data->reserved || reading->losses)
		return false;
	const uint64_t largest = *largest_of(reading, data->object);
	return data->offset < largest && (data->grows || reading->resized[data->object]);
}

/* The block that a file ends in is made zero from there on, in the cache: ext4_block_truncate_page() and its like. */
static bool add_zeroed_end(struct reading *reading, torn_object object, uint64_t before, uint64_t size)
{
	static const uint8_t zeroes[TORN_BLOCK_SIZE];
	const uint64_t block_end = (size + TORN_BLOCK_SIZE - 1) / TORN_BLOCK_SIZE * TORN_BLOCK_SIZE;
	const uint64_t end = before < block_end ? before : block_end;
	if (!reading->of_disk || reading->losses || size >= end)
		return false;
	add(reading, (struct torn_effect){.kind = TORN_EFFECT_DATA,
					  .object = object,
					  .offset = size,
					  .length = end - size,
					  .bytes = {zeroes, end - size},
					  .clipped = true});
	return true;
}

static void add_entry(struct reading *reading, torn_object dir, struct torn_bytes name,
		      torn_object object, torn_object to)
{
	add(reading, (struct torn_effect){.kind = TORN_EFFECT_ENTRIES,
					  .object = object,
					  .entries = {{dir, to, name}},
					  .entries_count = 1});
}

static void add_creation(struct reading *reading, const struct torn_op *op)
{
	add(reading, (struct torn_effect){.kind = TORN_EFFECT_INODE, .object = op->object});
	if (op->name.size > 0)
		add_entry(reading, op->dir, op->name, op->object, op->object);
}

static bool has_effects(const struct torn_op *op)
{
	return (op->flags & TORN_OP_LOST) || ((op->flags & TORN_OP_PERFORMED) && op->result >= 0);
}

/* Was there an fsync of this inode behind op `from`, and before the op at hand? */
static bool is_synced(const struct reading *reading, uint32_t from, torn_object object)
{
	for (uint32_t i = from; i < reading->at; i++) {
		const struct torn_op *op = &reading->log->ops[i];
		if (op->kind == TORN_KIND_sync && op->object == object && has_effects(op) &&
		    (op->call == TORN_CALL_fsync || op->call == TORN_CALL_fdatasync))
			return true;
	}
	return false;
}

/*
 * Is an inode in btrfs's log for certain, where somebody's commit may have come when op `from` began? An fsync logs nothing where
 * nothing was changed since the last commit (btrfs_sync_file(); measured).
 */
static bool is_logged_since(const struct reading *reading, uint32_t from, torn_object object)
{
	for (uint32_t i = from; i < reading->at; i++) {
		const struct torn_op *op = &reading->log->ops[i];
		const bool is_of_it = op->object == object || op->dir == object || op->dir_to == object;
		if (is_of_it && (torn_op_changes(op) || (op->kind == TORN_KIND_utime && has_effects(op))) &&
		    is_synced(reading, i, object))
			return true;
	}
	return false;
}

/*
 * Of a file that has got a name, which an fsync of it or of that directory put into the log, btrfs takes the replaced
 * name out of there; the file that takes its place it logs only where that one or the directory that it leaves is in the log
 * (btrfs_log_new_name()). Then somebody else's fsync writes that log (measured, also without torn: link y to p, fsync the
 * directory, rename a file of another directory over y, fsync any).
 */
static bool is_logged_away(const struct reading *reading, const struct torn_op *op)
{
	for (uint32_t i = 0; op->dir != op->dir_to && i < reading->at; i++) {
		const struct torn_op *given = &reading->log->ops[i];
		const bool gives_name = given->kind == TORN_KIND_link || given->kind == TORN_KIND_rename ||
					(given->flags & TORN_OP_CREATES);
		if (gives_name && given->object == op->object_to && has_effects(given) && !(given->flags & TORN_OP_RUNTIME) &&
		    (is_synced(reading, i, op->object_to) || is_synced(reading, i, op->dir_to)) &&
		    !is_logged_since(reading, i, op->dir) && !is_logged_since(reading, i, op->object))
			return true;
	}
	return false;
}

static void add_rename(struct reading *reading, const struct torn_op *op)
{
	if (op->object == op->object_to)
		return; /* two names of one inode: nothing happens */
	const bool exchanges = op->how & RENAME_EXCHANGE;
	if (reading->split) {
		if (op->object_to && !exchanges) /* what was there goes first, as ALICE has it (OSDI 2014) */
			add_entry(reading, op->dir_to, op->name_to, op->object_to, 0);
		add_entry(reading, op->dir_to, op->name_to, op->object, op->object);
		add_entry(reading, op->dir, op->name, op->object, exchanges ? op->object_to : 0);
		return;
	}
	if (reading->of_disk && op->object_to && !exchanges && is_logged_away(reading, op))
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_ENTRIES,
						  .object = op->object,
						  .entries = {{op->dir_to, 0, op->name_to}},
						  .entries_count = 1,
						  .logged_away = true});
	add(reading, (struct torn_effect){
			     .kind = TORN_EFFECT_ENTRIES,
			     .object = op->object,
			     .entries = {{op->dir_to, op->object, op->name_to},
					 {op->dir, exchanges ? op->object_to : 0, op->name}},
			     .entries_count = 2,
			     .logged = reading->of_disk && (is_synced(reading, 0, op->dir) || is_synced(reading, 0, op->object)),
			     .replaces = op->object_to && !exchanges});
}

static bool is_reserved(const struct reading *reading, torn_object object, uint64_t offset)
{
	for (uint32_t i = 0; i < reading->reserved_count; i++)
		if (reading->reserved[i].object == object && offset >= reading->reserved[i].begin &&
		    offset < reading->reserved[i].end)
			return true;
	return false;
}

/* Does the cache hold what the disk will never have, in this block? (TORN_OP_LOST) */
static bool is_lost(const struct reading *reading, torn_object object, uint64_t offset)
{
	for (uint32_t i = reading->losses ? reading->count : 0; i > 0 && reading->items; i--) {
		const struct torn_effect *effect = &reading->items[i - 1];
		if (torn_effect_is_data(effect) && effect->object == object && effect->lost_at &&
		    effect->offset / TORN_BLOCK_SIZE == offset / TORN_BLOCK_SIZE)
			return true;
	}
	return false;
}

/* Pages are written whole: with what else the cache holds of it. */
static struct torn_bytes whole_page(struct reading *reading, const struct torn_effect *effect)
{
	const struct torn_node *node = torn_fold_object(&reading->fold, effect->object)->node;
	const uint64_t begin = effect->offset - effect->offset % TORN_BLOCK_SIZE;
	uint8_t *page = torn_arena_take(reading->arena, TORN_BLOCK_SIZE);
	const uint64_t end = effect->offset + effect->length - begin;
	if (!page)
		return (struct torn_bytes){NULL, 0};
	const uint64_t there = torn_node_read(node, begin, page, TORN_BLOCK_SIZE);
	memcpy(page + effect->offset - begin, effect->bytes.data, effect->length);
	return (struct torn_bytes){page, end > there ? end : there};
}

static struct torn_effect with_page(struct reading *reading, struct torn_effect effect)
{
	if (!is_lost(reading, effect.object, effect.offset))
		return effect;
	const struct torn_bytes page = whole_page(reading, &effect);
	if (!page.data) {
		reading->no_memory = true;
		return effect;
	}
	effect.offset -= effect.offset % TORN_BLOCK_SIZE;
	effect.length = page.size;
	effect.bytes = page;
	return effect;
}

/* The page that the data is in, as it goes to the disk: what lies behind the end of the file is zero. */
static void add_page(struct reading *reading, const struct torn_effect *data)
{
	struct torn_effect page = *data;
	page.grows = page.has_clipped = false;
	page.clipped = true;
	page.offset -= page.offset % TORN_BLOCK_SIZE;
	page.length = TORN_BLOCK_SIZE;
	page.bytes = reading->items ? whole_page(reading, data) : page.bytes;
	reading->no_memory |= !page.bytes.data;
	page.bytes.size = reading->items && page.bytes.data ? TORN_BLOCK_SIZE : 0;
	add(reading, page);
}

/* What was not yet durable of an inode's data, which a preset knows, is lost. */
static void lose_data(struct reading *reading, const struct torn_op *op)
{
	const uint64_t size = size_of(reading, op->object);
	reading->losses = true;
	for (uint32_t i = 0; i < reading->count && reading->items; i++) {
		struct torn_effect *effect = &reading->items[i];
		const bool is_tail = effect->kind == TORN_EFFECT_TAIL && !effect->of_loss;
		if ((torn_effect_is_data(effect) || is_tail) && effect->object == op->object &&
		    !effect->lost_at)
			effect->lost_at = reading->at + 1;
	}
	if (size > 0)
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_TAIL,
						  .object = op->object,
						  .size = size,
						  .of_loss = true});
}

/* What is written into a FIFO or a socket is on no disk. */
static bool is_file(const struct reading *reading, torn_object object)
{
	const struct torn_fold_object *found = torn_fold_object(&reading->fold, object);
	return found && found->node && found->node->type == TORN_FILE;
}

static void add_write(struct reading *reading, const struct torn_op *op, uint64_t length)
{
	if (!is_file(reading, op->object))
		return;
	const uint64_t before = size_of(reading, op->object), end = op->offset + length;
	const uint64_t block_end =
		(before + TORN_BLOCK_SIZE - 1) / TORN_BLOCK_SIZE * TORN_BLOCK_SIZE;
	if (end > before && op->offset < block_end) /* a part of it is in a block that is there */
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_TAIL,
						  .object = op->object,
						  .within = true,
						  .size = end < block_end ? end : block_end});
	if (end > before && end > block_end)
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_TAIL,
						  .object = op->object,
						  .early = reading->of_disk,
						  .size = end});
	for (uint64_t done = 0; done < length;) {
		const uint64_t offset = op->offset + done;
		uint64_t part = TORN_BLOCK_SIZE - offset % TORN_BLOCK_SIZE;
		if (part > length - done)
			part = length - done;
		struct torn_effect effect = {.kind = TORN_EFFECT_DATA,
						   .object = op->object,
						   .offset = offset,
						   .length = part,
						   .bytes = {op->data.data + done, part},
						   .grows = offset + part > before,
						   .reserved = is_reserved(reading, op->object, offset)};
		effect.has_clipped = may_be_clipped(reading, &effect);
		if (effect.has_clipped)
			add_page(reading, &effect);
		add(reading, with_page(reading, effect));
		done += part;
	}
	note_resized(reading, op->object, end > before);
}

static void add_size(struct reading *reading, const struct torn_op *op, uint64_t size)
{
	if (!is_file(reading, op->object))
		return;
	const uint64_t before = size_of(reading, op->object);
	const bool has_clipped = size < before && add_zeroed_end(reading, op->object, before, size);
	note_resized(reading, op->object, size != before);
	if (size != before)
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_SIZE,
						  .object = op->object,
						  .size = size,
						  .grows = size > before,
						  .cuts = size < before,
						  .has_clipped = has_clipped});
}

static void add_allocation(struct reading *reading, const struct torn_op *op)
{
	const uint64_t before = size_of(reading, op->object), end = op->offset + op->length;
	const bool zeroes = op->how & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
	const bool grows = !(op->how & FALLOC_FL_KEEP_SIZE) && end > before;
	if (!(op->how & FALLOC_FL_PUNCH_HOLE))
		reading->reserved[reading->reserved_count++] =
			(struct range){op->object, op->offset, end};
	note_resized(reading, op->object, grows);
	if (zeroes || grows)
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_SIZE,
						  .object = op->object,
						  .offset = op->offset,
						  .length = op->length,
						  .size = grows ? end : before,
						  .grows = grows,
						  .zeroes = zeroes});
}

static void add_clone(struct reading *reading, const struct torn_op *op)
{
	const uint64_t before = size_of(reading, op->object);
	add(reading, (struct torn_effect){.kind = TORN_EFFECT_SIZE,
					  .object = op->object,
					  .size = op->data.size,
					  .bytes = op->data,
					  .clones = true,
					  .grows = op->data.size > before});
}

static bool is_about(torn_object dir, struct torn_bytes name, const struct torn_op *rename)
{
	return dir == rename->dir_to && torn_bytes_equal(name, rename->name_to);
}

/* Has the name been left alone from then until the op at hand? */
static bool is_name_kept(const struct reading *reading, uint32_t number)
{
	const struct torn_op *ops = reading->log->ops;
	for (uint32_t i = number + 1; i < reading->at; i++)
		if (has_effects(&ops[i]) && (is_about(ops[i].dir, ops[i].name, &ops[number]) ||
					     is_about(ops[i].dir_to, ops[i].name_to, &ops[number])))
			return false;
	return true;
}

/*
 * The log of a directory's fsync on btrfs has what a file is called there, and not that it left another directory: the file
 * then has both names (measured). Of a directory that moved there is no such state.
 */
static void add_logged_names(struct reading *reading, const struct torn_op *op)
{
	for (uint32_t i = 0; i < reading->at; i++) {
		const struct torn_op *rename = &reading->log->ops[i];
		if (rename->kind != TORN_KIND_rename || !has_effects(rename) || (rename->flags & TORN_OP_RUNTIME) ||
		    rename->dir_to != op->object || rename->dir == rename->dir_to || (rename->how & RENAME_EXCHANGE) ||
		    rename->object == rename->object_to || !is_file(reading, rename->object) || !is_name_kept(reading, i))
			continue;
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_ENTRIES,
						  .object = rename->object,
						  .entries = {{rename->dir_to, rename->object, rename->name_to}},
						  .entries_count = 1,
						  .of_log = true});
	}
}

static void read_op(struct reading *reading, const struct torn_op *op)
{
	if (op->flags & TORN_OP_RUNTIME)
		return; /* the kernel keeps it in memory: boot loads it again */
	switch (op->kind) {
	case TORN_KIND_open:
		if (op->flags & TORN_OP_CREATES)
			add_creation(reading, op);
		else if ((op->how & O_TRUNC) && !(op->how & O_PATH) && op->object)
			add_size(reading, op, 0);
		return;
	case TORN_KIND_mkdir:
	case TORN_KIND_symlink:
	case TORN_KIND_mknod:
		add_creation(reading, op);
		return;
	case TORN_KIND_write:
	case TORN_KIND_copy:
	case TORN_KIND_store:
		add_write(reading, op, (uint64_t)op->result);
		return;
	case TORN_KIND_clone:
		add_clone(reading, op);
		return;
	case TORN_KIND_truncate:
		add_size(reading, op, op->length);
		return;
	case TORN_KIND_allocate:
		add_allocation(reading, op);
		return;
	case TORN_KIND_rename:
		add_rename(reading, op);
		return;
	case TORN_KIND_link:
		add_entry(reading, op->dir_to, op->name_to, op->object, op->object);
		return;
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
		add_entry(reading, op->dir, op->name, op->object, 0);
		return;
	case TORN_KIND_chmod:
	case TORN_KIND_chown:
	case TORN_KIND_setxattr:
		add(reading, (struct torn_effect){.kind = TORN_EFFECT_ATTRIBUTES, .object = op->object});
		return;
	case TORN_KIND_sync:
		if (op->flags & TORN_OP_LOST)
			lose_data(reading, op);
		else if (!reading->split && (op->call == TORN_CALL_fsync || op->call == TORN_CALL_fdatasync))
			add_logged_names(reading, op);
		return;
	default:
		return; /* a sync makes earlier ones durable; times are part of no tree */
	}
}

static bool has_mounts(const struct torn_fold_base *base)
{
	for (uint32_t i = 1; i <= base->count; i++)
		if (base->objects[i].node->mount)
			return true;
	return false;
}

static void note_filesystems(struct reading *reading, const struct torn_fold_base *base,
			     const struct torn_log *log)
{
	torn_object *filesystems = reading->filesystems;
	for (uint32_t i = 1; i <= base->count; i++)
		filesystems[i] = torn_fold_filesystem(&reading->fold, i);
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (has_effects(op) && op->object > base->count && !filesystems[op->object])
			filesystems[op->object] = filesystems[op->dir];
	}
}

static int read_log(struct reading *reading, const struct torn_fold_base *base, const struct torn_log *log)
{
	reading->count = reading->reserved_count = 0;
	reading->losses = false;
	if (reading->of_disk) {
		memset(reading->largest, 0, (reading->objects + 1) * sizeof *reading->largest);
		memset(reading->resized, 0, (reading->objects + 1) * sizeof *reading->resized);
	}
	int r = torn_fold_begin(&reading->fold, reading->arena, base);
	reading->fold.lazy = true; /* only the inodes are asked for */
	if (r == 0 && reading->filesystems)
		note_filesystems(reading, base, log);
	for (uint32_t i = 0; r == 0 && i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (!has_effects(op))
			continue;
		reading->at = i;
		memset(reading->parts, 0, sizeof reading->parts);
		read_op(reading, op);
		r = torn_fold_step(&reading->fold, op);
	}
	return r == 0 && reading->no_memory ? -ENOMEM : r;
}

static torn_object highest_object(const struct torn_fold_base *base, const struct torn_log *log)
{
	torn_object highest = base->count;
	for (uint32_t i = 0; i < log->count; i++)
		highest = log->ops[i].object > highest ? log->ops[i].object : highest;
	return highest;
}

static int read_effects(struct torn_arena *arena, const struct torn_fold_base *base, const struct torn_log *log,
			bool split, bool of_disk, struct torn_effects *ret_effects)
{
	struct reading reading = {.arena = arena, .log = log, .split = split, .of_disk = of_disk};
	uint32_t allocations = 1;
	if (of_disk) {
		reading.objects = highest_object(base, log);
		reading.largest = torn_arena_take(arena, (reading.objects + 1) * sizeof *reading.largest);
		reading.resized = torn_arena_take(arena, (reading.objects + 1) * sizeof *reading.resized);
		if (!reading.largest || !reading.resized)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < log->count; i++)
		allocations += log->ops[i].kind == TORN_KIND_allocate;
	reading.reserved = torn_arena_take(arena, allocations * sizeof *reading.reserved);
	int r = reading.reserved ? read_log(&reading, base, log) : -ENOMEM;
	if (r < 0)
		return r;
	reading.items = torn_arena_take(arena, (reading.count + 1) * sizeof *reading.items);
	if (!reading.items)
		return -ENOMEM;
	if (has_mounts(base))
		reading.filesystems =
			torn_arena_take(arena, (reading.fold.count + 1) * sizeof *reading.filesystems);
	if (has_mounts(base) && !reading.filesystems)
		return -ENOMEM;
	r = read_log(&reading, base, log);
	if (r == 0)
		*ret_effects = (struct torn_effects){reading.items, reading.count, reading.fold.count,
						     reading.filesystems};
	return r;
}

int torn_effects_of(struct torn_arena *arena, const struct torn_fold_base *base,
		    const struct torn_log *log, bool split, struct torn_effects *ret_effects)
{
	return read_effects(arena, base, log, split, false, ret_effects);
}

int torn_effects_of_disk(struct torn_arena *arena, const struct torn_fold_base *base, const struct torn_log *log,
			 struct torn_effects *ret_effects)
{
	return read_effects(arena, base, log, false, true, ret_effects);
}

/* --------------------------------------------------------------- applying */

static int make_inode(struct torn_fold *fold, const struct torn_op *op, torn_object object)
{
	const enum torn_type type = torn_op_type_made(op);
	const struct torn_attributes attributes = {.mode = op->mode, .uid = op->uid, .gid = op->gid,
						   .links = type == TORN_DIRECTORY};
	return torn_fold_put_object(fold, object,
				    torn_node_make(fold->arena, type, attributes,
						   type == TORN_SYMLINK ? op->path_to
									: (struct torn_bytes){NULL, 0}));
}

/* Names that come are given before those that go, which may be the same inode's. */
static int apply_entries(struct torn_fold *fold, const struct torn_effect *effect)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < effect->entries_count; i++)
		r = torn_fold_put_name(fold, effect->entries[i].dir, effect->entries[i].name, 0);
	for (uint32_t i = 0; r == 0 && i < effect->entries_count; i++)
		if (effect->entries[i].object)
			r = torn_fold_put_name(fold, effect->entries[i].dir, effect->entries[i].name,
					       effect->entries[i].object);
	return r;
}

/* The directories above are brought up to date once, not for each name and each count of links. */
static int apply_entries_at_once(struct torn_fold *fold, const struct torn_effect *effect)
{
	fold->lazy = true;
	const int r = apply_entries(fold, effect);
	fold->lazy = false;
	if (r == 0)
		return torn_fold_settle(fold);
	fold->first_unsettled = 0; /* what was done is taken back */
	return r;
}

static const struct torn_node *resized(struct torn_fold *fold, const struct torn_node *node,
				       const struct torn_effect *effect)
{
	if (effect->clones) {
		node = torn_node_resize(fold->arena, node, 0);
		return node ? torn_node_write(fold->arena, node, 0, effect->bytes) : NULL;
	}
	if (effect->zeroes)
		node = torn_node_zero(fold->arena, node, effect->offset, effect->length);
	if (node && (effect->cuts ? node->size > effect->size : node->size < effect->size))
		node = torn_node_resize(fold->arena, node, effect->size);
	return node;
}

static const struct torn_node *with_attributes(struct torn_fold *fold, const struct torn_op *op,
					       const struct torn_node *node)
{
	struct torn_attributes attributes = torn_node_attributes(node);
	if (op->kind == TORN_KIND_setxattr)
		return torn_node_set_xattr(fold->arena, node, op->xattr,
					   torn_op_removes_xattr(op) ? NULL : &op->data);
	attributes.mode = op->mode; /* chown(2) takes set-ID bits off */
	if (op->kind == TORN_KIND_chown) {
		attributes.uid = op->uid;
		attributes.gid = op->gid;
	}
	return torn_node_with(fold->arena, node, attributes);
}

int torn_effect_apply(struct torn_fold *fold, const struct torn_log *log,
		      const struct torn_effect *effect)
{
	const struct torn_op *op = &log->ops[effect->at];
	const struct torn_node *node = fold->objects[effect->object].node;
	struct torn_bytes bytes;
	switch (effect->kind) {
	case TORN_EFFECT_INODE:
		return make_inode(fold, op, effect->object);
	case TORN_EFFECT_ENTRIES:
		return apply_entries_at_once(fold, effect);
	case TORN_EFFECT_DATA:
		if (node->type != TORN_FILE)
			return 0; /* a FIFO: its bytes are in no tree */
		bytes = effect->bytes;
		if (effect->clipped && effect->offset >= node->size)
			return 0;
		if (effect->clipped && bytes.size > node->size - effect->offset)
			bytes.size = node->size - effect->offset;
		return torn_fold_put_node(fold, effect->object,
					  torn_node_write(fold->arena, node, effect->offset, bytes));
	case TORN_EFFECT_SIZE:
		return torn_fold_put_node(fold, effect->object, resized(fold, node, effect));
	case TORN_EFFECT_TAIL:
		return torn_fold_put_node(fold, effect->object,
					  node->size < effect->size
						  ? torn_node_resize(fold->arena, node, effect->size)
						  : node);
	case TORN_EFFECT_ATTRIBUTES:
		return torn_fold_put_node(fold, effect->object, with_attributes(fold, op, node));
	default:
		return 0;
	}
}

const char *torn_effect_kind_name(uint32_t kind)
{
	static const char *const names[TORN_EFFECT_KIND_COUNT] = {
		[TORN_EFFECT_INODE] = "inode", [TORN_EFFECT_ENTRIES] = "entry",
		[TORN_EFFECT_DATA] = "data",   [TORN_EFFECT_SIZE] = "size",
		[TORN_EFFECT_TAIL] = "tail",   [TORN_EFFECT_ATTRIBUTES] = "attr",
	};
	return names[kind];
}
