/*
 * tree.c: file trees as values.
 *
 * A node is immutable. Its hash is kept with it, and the parts of it that grow
 * (blocks of a file, entries of a directory) enter as a sum of their own
 * hashes, so that a change costs what changed and not what is there.
 *
 * Not modelled: times (no promise is about them), device numbers (a target may
 * not make devices), holes as against zeroes (a reader cannot tell them apart).
 */
#include "tree.h"

#include <assert.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* ----------------------------------------------------------------- hashes */

/* Inlined, so that each fixed size becomes its own short code. */
__attribute__((always_inline)) static inline struct torn_hash hash_of(const void *data, size_t size)
{
	XXH128_hash_t hash = XXH3_128bits(data, size);
	return (struct torn_hash){hash.low64, hash.high64};
}

static void hash_add(struct torn_hash *sum, struct torn_hash term)
{
	sum->low += term.low;
	sum->high += term.high;
}

static void hash_subtract(struct torn_hash *sum, struct torn_hash term)
{
	sum->low -= term.low;
	sum->high -= term.high;
}

static struct torn_hash block_term(uint64_t index, const struct torn_block *block)
{
	if (block->size == 0)
		return (struct torn_hash){0, 0};
	const uint64_t parts[2] = {index, block->hash};
	return hash_of(parts, sizeof parts);
}

static struct torn_hash entry_term(struct torn_bytes name, const struct torn_node *node)
{
	struct torn_hash of_name = hash_of(name.data, name.size);
	const uint64_t parts[4] = {of_name.low, of_name.high, node->hash.low, node->hash.high};
	return hash_of(parts, sizeof parts);
}

/* Close a node that is being made: nothing may change in it afterwards. */
static const struct torn_node *seal(struct torn_node *node)
{
	uint64_t parts[10] = {
		node->type,        node->mode,         node->uid,
		node->gid,         node->links,        node->size,
		node->content.low, node->content.high, node->xattrs_count, node->mount,
	};
	for (uint32_t i = 0; i < node->xattrs_count; i++) {
		const struct torn_xattr *xattr = &node->xattrs[i];
		parts[9] = XXH3_64bits_withSeed(xattr->name.data, xattr->name.size, parts[9]);
		parts[9] = XXH3_64bits_withSeed(xattr->value.data, xattr->value.size, parts[9]);
	}
	node->hash = hash_of(parts, sizeof parts);
	return node;
}

static struct torn_node *copy(struct torn_arena *arena, const struct torn_node *node)
{
	struct torn_node *made = torn_arena_take_raw(arena, sizeof *made);
	if (made)
		*made = *node;
	return made;
}

/* ------------------------------------------------------------- attributes */

const struct torn_node *torn_node_make(struct torn_arena *arena, enum torn_type type,
				       struct torn_attributes attributes, struct torn_bytes link)
{
	struct torn_node *made = torn_arena_take(arena, sizeof *made);
	if (!made)
		return NULL;
	*made = (struct torn_node){
		.type = type,
		.mode = attributes.mode,
		.uid = attributes.uid,
		.gid = attributes.gid,
		.links = attributes.links,
		.mount = attributes.mount,
		.link = link,
	};
	if (type == TORN_SYMLINK) {
		made->size = link.size;
		made->content = hash_of(link.data, link.size);
	}
	return seal(made);
}

struct torn_attributes torn_node_attributes(const struct torn_node *node)
{
	return (struct torn_attributes){node->mode, node->uid, node->gid, node->links,
					node->mount};
}

const struct torn_node *torn_node_with(struct torn_arena *arena, const struct torn_node *node,
				       struct torn_attributes attributes)
{
	struct torn_node *made = copy(arena, node);
	if (!made)
		return NULL;
	made->mode = attributes.mode;
	made->uid = attributes.uid;
	made->gid = attributes.gid;
	made->links = attributes.links;
	made->mount = attributes.mount;
	return seal(made);
}

static uint32_t xattr_place(const struct torn_node *node, struct torn_bytes name, bool *ret_found)
{
	uint32_t i = 0;
	int order = -1;
	while (i < node->xattrs_count &&
	       (order = torn_bytes_compare(node->xattrs[i].name, name)) < 0)
		i++;
	*ret_found = i < node->xattrs_count && order == 0;
	return i;
}

const struct torn_xattr *torn_node_xattr(const struct torn_node *node, struct torn_bytes name)
{
	bool found;
	uint32_t at = xattr_place(node, name, &found);
	return found ? &node->xattrs[at] : NULL;
}

const struct torn_node *torn_node_set_xattr(struct torn_arena *arena, const struct torn_node *node,
					    struct torn_bytes name, const struct torn_bytes *value)
{
	bool found;
	uint32_t at = xattr_place(node, name, &found);
	if (!value && !found)
		return node;
	struct torn_node *made = copy(arena, node);
	struct torn_xattr *xattrs =
		torn_arena_take(arena, (node->xattrs_count + 1) * sizeof *xattrs);
	if (!made || !xattrs)
		return NULL;
	uint32_t after = found ? at + 1 : at;
	uint32_t count = at;
	if (at)
		memcpy(xattrs, node->xattrs, at * sizeof *xattrs);
	if (value)
		xattrs[count++] = (struct torn_xattr){name, *value};
	if (after < node->xattrs_count)
		memcpy(xattrs + count, node->xattrs + after,
		       (node->xattrs_count - after) * sizeof *xattrs);
	made->xattrs = xattrs;
	made->xattrs_count = count + (node->xattrs_count - after);
	return seal(made);
}

/* ------------------------------------------------------------------ files */

static uint64_t blocks_for(uint64_t size)
{
	return size / TORN_BLOCK_SIZE + (size % TORN_BLOCK_SIZE != 0);
}

/* Trailing zeroes are not stored: the same content has one form. */
static void block_seal(struct torn_block *block)
{
	while (block->size > 0 && block->data[block->size - 1] == 0)
		block->size--;
	if (block->size == 0)
		*block = (struct torn_block){0};
	else
		block->hash = XXH3_64bits(block->data, block->size);
}

/* A copy of a file's node with room for `size` bytes; the new blocks are holes. */
static struct torn_node *file_copy(struct torn_arena *arena, const struct torn_node *file,
				   uint64_t size)
{
	assert(file->type == TORN_FILE);
	struct torn_node *made = copy(arena, file);
	uint64_t count = blocks_for(size);
	struct torn_block *blocks = torn_arena_take(arena, count * sizeof *blocks);
	if (!made || !blocks)
		return NULL;
	uint64_t kept = count < file->blocks_count ? count : file->blocks_count;
	if (kept)
		memcpy(blocks, file->blocks, kept * sizeof *blocks);
	for (uint64_t i = kept; i < file->blocks_count; i++)
		hash_subtract(&made->content, block_term(i, &file->blocks[i]));
	made->blocks = blocks;
	made->blocks_count = count;
	made->size = size;
	return made;
}

static void block_replace(struct torn_node *file, uint64_t index, struct torn_block block)
{
	struct torn_block *at = (struct torn_block *)&file->blocks[index];
	hash_subtract(&file->content, block_term(index, at));
	block_seal(&block);
	*at = block;
	hash_add(&file->content, block_term(index, at));
}

/* Put bytes into one block; bytes == NULL writes zeroes. */
static bool block_write(struct torn_arena *arena, struct torn_node *file, uint64_t index,
			uint32_t start, const uint8_t *bytes, uint32_t size)
{
	const struct torn_block *old = &file->blocks[index];
	if (!bytes && start >= old->size)
		return true;
	if (start == 0 && size >= old->size) {
		block_replace(file, index,
			      (struct torn_block){.data = bytes, .size = bytes ? size : 0});
		return true;
	}
	uint32_t stored = start + size > old->size ? start + size : old->size;
	uint8_t *data = torn_arena_take(arena, stored);
	if (!data)
		return false;
	if (old->size)
		memcpy(data, old->data, old->size);
	if (bytes)
		memcpy(data + start, bytes, size);
	else
		memset(data + start, 0, size);
	block_replace(file, index, (struct torn_block){.data = data, .size = stored});
	return true;
}

static bool range_write(struct torn_arena *arena, struct torn_node *file, uint64_t offset,
			const uint8_t *bytes, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		uint64_t at = offset + done;
		uint32_t start = (uint32_t)(at % TORN_BLOCK_SIZE);
		uint64_t part = TORN_BLOCK_SIZE - start;
		if (part > size - done)
			part = size - done;
		if (!block_write(arena, file, at / TORN_BLOCK_SIZE, start,
				 bytes ? bytes + done : NULL, (uint32_t)part))
			return false;
		done += part;
	}
	return true;
}

const struct torn_node *torn_node_write(struct torn_arena *arena, const struct torn_node *file,
					uint64_t offset, struct torn_bytes bytes)
{
	if (bytes.size == 0)
		return file;
	uint64_t end = offset + bytes.size;
	struct torn_node *made = file_copy(arena, file, end > file->size ? end : file->size);
	if (!made || !range_write(arena, made, offset, bytes.data, bytes.size))
		return NULL;
	return seal(made);
}

const struct torn_node *torn_node_resize(struct torn_arena *arena, const struct torn_node *file,
					 uint64_t size)
{
	if (size == file->size)
		return file;
	struct torn_node *made = file_copy(arena, file, size);
	if (!made)
		return NULL;
	/* The tail of the last block is cut off, or it would come back with the next extension. */
	uint32_t tail = (uint32_t)(size % TORN_BLOCK_SIZE);
	if (size < file->size && tail != 0) {
		struct torn_block last = made->blocks[made->blocks_count - 1];
		if (last.size > tail) {
			last.size = tail;
			block_replace(made, made->blocks_count - 1, last);
		}
	}
	return seal(made);
}

const struct torn_node *torn_node_zero(struct torn_arena *arena, const struct torn_node *file,
				       uint64_t offset, uint64_t size)
{
	if (offset >= file->size)
		return file;
	if (size > file->size - offset)
		size = file->size - offset;
	struct torn_node *made = file_copy(arena, file, file->size);
	if (!made || !range_write(arena, made, offset, NULL, size))
		return NULL;
	return seal(made);
}

size_t torn_node_read(const struct torn_node *file, uint64_t offset, void *buffer, size_t size)
{
	if (file->type != TORN_FILE || offset >= file->size)
		return 0;
	if (size > file->size - offset)
		size = (size_t)(file->size - offset);
	uint8_t *to = buffer;
	for (size_t done = 0; done < size;) {
		uint64_t at = offset + done;
		const struct torn_block *block = &file->blocks[at / TORN_BLOCK_SIZE];
		size_t start = (size_t)(at % TORN_BLOCK_SIZE);
		size_t part = TORN_BLOCK_SIZE - start;
		if (part > size - done)
			part = size - done;
		size_t stored = block->size > start ? block->size - start : 0;
		if (stored > part)
			stored = part;
		if (stored)
			memcpy(to + done, block->data + start, stored);
		memset(to + done + stored, 0, part - stored);
		done += part;
	}
	return size;
}

/* ------------------------------------------------------------ directories */

static uint32_t entry_place(const struct torn_node *dir, struct torn_bytes name, bool *ret_found)
{
	uint32_t low = 0, high = dir->entries_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = torn_bytes_compare(dir->entries[middle].name, name);
		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

const struct torn_entry *torn_node_entry(const struct torn_node *dir, struct torn_bytes name)
{
	if (dir->type != TORN_DIRECTORY)
		return NULL;
	bool found;
	uint32_t at = entry_place(dir, name, &found);
	return found ? &dir->entries[at] : NULL;
}

/* A copy of a directory in which `removed` entries at `at` give way to `added` new ones. */
static struct torn_node *dir_copy(struct torn_arena *arena, const struct torn_node *dir,
				  uint32_t at, uint32_t removed, uint32_t added)
{
	struct torn_node *made = copy(arena, dir);
	uint32_t count = dir->entries_count - removed + added;
	struct torn_entry *entries = torn_arena_take_raw(arena, count * sizeof *entries);
	if (!made || !entries)
		return NULL;
	if (at)
		memcpy(entries, dir->entries, at * sizeof *entries);
	if (at + removed < dir->entries_count)
		memcpy(entries + at + added, dir->entries + at + removed,
		       (dir->entries_count - at - removed) * sizeof *entries);
	made->entries = entries;
	made->entries_count = count;
	return made;
}

const struct torn_node *torn_node_put(struct torn_arena *arena, const struct torn_node *dir,
				      struct torn_bytes name, const struct torn_node *node,
				      torn_object object)
{
	assert(dir->type == TORN_DIRECTORY);
	bool found;
	uint32_t at = entry_place(dir, name, &found);
	struct torn_node *made = dir_copy(arena, dir, at, found ? 1 : 0, 1);
	if (!made)
		return NULL;
	if (found) {
		name = dir->entries[at].name;
		hash_subtract(&made->content, dir->entries[at].term);
	}
	const struct torn_entry entry = {name, node, object, entry_term(name, node)};
	((struct torn_entry *)made->entries)[at] = entry;
	hash_add(&made->content, entry.term);
	return seal(made);
}

const struct torn_node *torn_node_fill(struct torn_arena *arena, const struct torn_node *dir,
				       struct torn_entry *entries, uint32_t entries_count)
{
	assert(dir->type == TORN_DIRECTORY && dir->entries_count == 0);
	struct torn_node *made = copy(arena, dir);
	if (!made)
		return NULL;
	for (uint32_t i = 0; i < entries_count; i++) {
		assert(i == 0 || torn_bytes_compare(entries[i - 1].name, entries[i].name) < 0);
		entries[i].term = entry_term(entries[i].name, entries[i].node);
		hash_add(&made->content, entries[i].term);
	}
	made->entries = entries;
	made->entries_count = entries_count;
	return seal(made);
}

const struct torn_node *torn_node_drop(struct torn_arena *arena, const struct torn_node *dir,
				       struct torn_bytes name)
{
	assert(dir->type == TORN_DIRECTORY);
	bool found;
	uint32_t at = entry_place(dir, name, &found);
	if (!found)
		return dir;
	struct torn_node *made = dir_copy(arena, dir, at, 1, 0);
	if (!made)
		return NULL;
	hash_subtract(&made->content, dir->entries[at].term);
	return seal(made);
}

/* ---------------------------------------------------------------- looking */

const struct torn_entry *torn_tree_entry(const struct torn_node *root, struct torn_bytes path)
{
	const struct torn_entry *entry = NULL;
	const struct torn_node *node = root;
	while (path.size > 0) {
		const uint8_t *slash = memchr(path.data, '/', path.size);
		struct torn_bytes name = {path.data,
					  slash ? (size_t)(slash - path.data) : path.size};
		if (!node || !(entry = torn_node_entry(node, name)))
			return NULL;
		node = entry->node;
		size_t used = name.size + (slash ? 1 : 0);
		path = (struct torn_bytes){path.data + used, path.size - used};
	}
	return entry;
}

const struct torn_node *torn_tree_find(const struct torn_node *root, struct torn_bytes path)
{
	if (!root || path.size == 0)
		return root;
	const struct torn_entry *entry = torn_tree_entry(root, path);
	return entry ? entry->node : NULL;
}

bool torn_tree_equal(const struct torn_node *a, const struct torn_node *b)
{
	if (a == b || !a || !b)
		return a == b;
	return a->hash.low == b->hash.low && a->hash.high == b->hash.high;
}

bool torn_tree_same_content(const struct torn_node *a, const struct torn_node *b)
{
	if (torn_tree_equal(a, b))
		return true;
	if (!a || !b || a->type != b->type)
		return false;
	if (a->type != TORN_DIRECTORY)
		return a->size == b->size && a->content.low == b->content.low &&
		       a->content.high == b->content.high;
	if (a->entries_count != b->entries_count)
		return false;
	for (uint32_t i = 0; i < a->entries_count; i++)
		if (!torn_bytes_equal(a->entries[i].name, b->entries[i].name) ||
		    !torn_tree_same_content(a->entries[i].node, b->entries[i].node))
			return false;
	return true;
}

/* ------------------------------------------------------------ differences */

struct difference {
	torn_tree_visit *visit;
	void *context;
	uint8_t path[4096];
	bool stopped;
};

static void differ(struct difference *d, size_t length, const struct torn_node *a,
		   const struct torn_node *b);

static void differ_below(struct difference *d, size_t length, struct torn_bytes name,
			 const struct torn_node *a, const struct torn_node *b)
{
	if (length + name.size + 1 > sizeof d->path)
		return;
	if (length > 0)
		d->path[length++] = '/';
	memcpy(d->path + length, name.data, name.size);
	differ(d, length + name.size, a, b);
}

/* A node's own part: a directory's without its entries. */
static bool same_self(const struct torn_node *a, const struct torn_node *b)
{
	if (!a || !b || a->type != TORN_DIRECTORY || b->type != TORN_DIRECTORY)
		return false;
	if (a->mode != b->mode || a->uid != b->uid || a->gid != b->gid ||
	    a->xattrs_count != b->xattrs_count)
		return false;
	for (uint32_t i = 0; i < a->xattrs_count; i++)
		if (!torn_bytes_equal(a->xattrs[i].name, b->xattrs[i].name) ||
		    !torn_bytes_equal(a->xattrs[i].value, b->xattrs[i].value))
			return false;
	return true;
}

static void differ(struct difference *d, size_t length, const struct torn_node *a,
		   const struct torn_node *b)
{
	if (d->stopped || torn_tree_equal(a, b))
		return;
	if (!same_self(a, b) && !d->visit(d->context, (struct torn_bytes){d->path, length}, a, b)) {
		d->stopped = true;
		return;
	}
	uint32_t i = 0, j = 0;
	uint32_t a_count = a && a->type == TORN_DIRECTORY ? a->entries_count : 0;
	uint32_t b_count = b && b->type == TORN_DIRECTORY ? b->entries_count : 0;
	while (i < a_count || j < b_count) {
		int order = i == a_count ? 1
			  : j == b_count ? -1
					 : torn_bytes_compare(a->entries[i].name,
							      b->entries[j].name);
		const struct torn_entry *left = order <= 0 ? &a->entries[i++] : NULL;
		const struct torn_entry *right = order >= 0 ? &b->entries[j++] : NULL;
		differ_below(d, length, left ? left->name : right->name, left ? left->node : NULL,
			     right ? right->node : NULL);
	}
}

void torn_tree_differences(const struct torn_node *a, const struct torn_node *b,
			   torn_tree_visit *visit, void *context)
{
	struct difference d = {.visit = visit, .context = context};
	differ(&d, 0, a, b);
}

/* ---------------------------------------------------------------- copying */

/* What lies in the arena already lives as long as what is taken from it now, or longer. */
static bool is_in(const struct torn_arena *arena, const void *data)
{
	const uintptr_t at = (uintptr_t)data, base = (uintptr_t)arena->base;
	return at >= base && at < base + arena->used;
}

static struct torn_bytes bytes_copy(struct torn_arena *arena, struct torn_bytes bytes)
{
	if (is_in(arena, bytes.data))
		return bytes;
	return torn_arena_copy(arena, bytes.data ? (const void *)bytes.data : "", bytes.size);
}

static bool copy_blocks(struct torn_arena *arena, struct torn_node *file)
{
	struct torn_block *blocks = torn_arena_take(arena, file->blocks_count * sizeof *blocks);
	for (uint64_t i = 0; blocks && i < file->blocks_count; i++) {
		blocks[i] = file->blocks[i];
		if (blocks[i].size == 0 || is_in(arena, blocks[i].data))
			continue;
		blocks[i].data = torn_arena_copy(arena, blocks[i].data, blocks[i].size).data;
		if (!blocks[i].data)
			return false;
	}
	file->blocks = blocks;
	return blocks != NULL;
}

static bool copy_entries(struct torn_arena *arena, struct torn_node *dir)
{
	struct torn_entry *entries = torn_arena_take(arena, dir->entries_count * sizeof *entries);
	for (uint32_t i = 0; entries && i < dir->entries_count; i++) {
		entries[i] = dir->entries[i];
		entries[i].name = bytes_copy(arena, dir->entries[i].name);
		entries[i].node = torn_tree_copy(arena, dir->entries[i].node);
		if (!entries[i].name.data || !entries[i].node)
			return false;
	}
	dir->entries = entries;
	return entries != NULL;
}

static bool copy_xattrs(struct torn_arena *arena, struct torn_node *node)
{
	struct torn_xattr *xattrs = torn_arena_take(arena, node->xattrs_count * sizeof *xattrs);
	for (uint32_t i = 0; xattrs && i < node->xattrs_count; i++) {
		xattrs[i].name = bytes_copy(arena, node->xattrs[i].name);
		xattrs[i].value = bytes_copy(arena, node->xattrs[i].value);
		if (!xattrs[i].name.data || !xattrs[i].value.data)
			return false;
	}
	node->xattrs = xattrs;
	return xattrs != NULL;
}

/* A node of its own, whose entries are not copied yet. */
static struct torn_node *copy_self(struct torn_arena *arena, const struct torn_node *node)
{
	struct torn_node *made = copy(arena, node);
	if (!made)
		return NULL;
	made->link = bytes_copy(arena, node->link);
	const bool whole = made->link.data &&
			   (node->type != TORN_FILE || copy_blocks(arena, made)) &&
			   copy_xattrs(arena, made);
	return whole ? made : NULL;
}

const struct torn_node *torn_tree_copy(struct torn_arena *arena, const struct torn_node *tree)
{
	if (is_in(arena, tree))
		return tree;
	struct torn_node *made = copy_self(arena, tree);
	return made && (tree->type != TORN_DIRECTORY || copy_entries(arena, made)) ? made : NULL;
}

/* --------------------------------------------------------------- numbering */

/* Inodes with several names, as they were numbered and as they are. */
struct numbered {
	torn_object before, now;
	const struct numbered *next;
};

struct numbering {
	struct torn_arena *arena;
	torn_object objects;
	const struct numbered *linked;
};

static torn_object number_anew(struct numbering *numbering, const struct torn_entry *entry)
{
	if (entry->node->type == TORN_DIRECTORY || entry->node->links < 2)
		return ++numbering->objects;
	for (const struct numbered *other = numbering->linked; other; other = other->next)
		if (other->before == entry->object)
			return other->now;
	struct numbered *made = torn_arena_take(numbering->arena, sizeof *made);
	if (!made)
		return 0;
	*made = (struct numbered){entry->object, ++numbering->objects, numbering->linked};
	numbering->linked = made;
	return made->now;
}

static const struct torn_node *copy_numbered(struct numbering *numbering, const struct torn_node *tree);

/* Entries have the numbers, so directories are copied also where they lie in the arena. */
static bool copy_entries_numbered(struct numbering *numbering, struct torn_node *dir)
{
	struct torn_arena *arena = numbering->arena;
	struct torn_entry *entries = torn_arena_take(arena, dir->entries_count * sizeof *entries);
	for (uint32_t i = 0; entries && i < dir->entries_count; i++) {
		entries[i] = dir->entries[i];
		entries[i].name = bytes_copy(arena, dir->entries[i].name);
		entries[i].object = number_anew(numbering, &dir->entries[i]);
		entries[i].node = copy_numbered(numbering, dir->entries[i].node);
		if (!entries[i].name.data || entries[i].object == 0 || !entries[i].node)
			return false;
	}
	dir->entries = entries;
	return entries != NULL;
}

static const struct torn_node *copy_numbered(struct numbering *numbering, const struct torn_node *tree)
{
	if (tree->type != TORN_DIRECTORY)
		return torn_tree_copy(numbering->arena, tree);
	struct torn_node *made = copy_self(numbering->arena, tree);
	return made && copy_entries_numbered(numbering, made) ? made : NULL;
}

const struct torn_node *torn_tree_copy_numbered(struct torn_arena *arena,
						const struct torn_node *tree,
						torn_object *ret_objects)
{
	struct numbering numbering = {.arena = arena, .objects = 1};
	const struct torn_node *made = copy_numbered(&numbering, tree);
	if (made)
		*ret_objects = numbering.objects;
	return made;
}
