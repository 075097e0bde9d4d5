/*
 * fold.h: fold(old, log) is a tree.
 *
 * A fold holds the tree that a run has made so far, and the identity of each
 * inode in it, by which ops act (a name may change under an open descriptor).
 * Ops are stepped through in order; half of a write can be stepped too. What a
 * fold holds is only pointers to immutable values: copying `objects` is a
 * snapshot.
 */
#ifndef TORN_FOLD_H
#define TORN_FOLD_H

#include "../fuzz/torn.h"
#include "arena.h"

/* A name of an inode. Lists of them are never changed, only replaced. */
struct torn_fold_link {
	torn_object dir;
	struct torn_bytes name;
	const struct torn_fold_link *next;
};

struct torn_fold_object {
	const struct torn_node *node;
	const struct torn_fold_link *links; /* NULL: the root, or no name is left */
	torn_object home; /* directory that it was made in: the same file system for ever; 0: the root */
	int64_t modified_ns, changed_ns;    /* virtual; part of no tree */
	bool unsettled;                     /* directories do not show its value yet */
};

#define TORN_FOLD_ROOT 1u

/* An inode as it was before it was changed. */
struct torn_fold_change {
	torn_object object;
	struct torn_fold_object before;
};

struct torn_fold {
	struct torn_arena *arena;
	bool lazy; /* the tree is brought up to date by torn_fold_settle() only */
	struct torn_fold_object *objects; /* by torn_object; 0 is unused */
	uint32_t count, room;
	torn_object first_unsettled; /* none below it is unsettled; 0: none is at all */
	/* What was changed, for those who take it back; NULL: nobody does. */
	struct torn_fold_change *changes;
	uint32_t changes_count, changes_room;
};

/* What a tree is as a fold: made once for an old tree, begun from for each run. */
struct torn_fold_base {
	struct torn_fold_object *objects;
	uint32_t count;
};

/*
 * Number the inodes of a tree. The entries of `root` must carry objects from 2
 * on without gaps (the root is 1), equal ones for hard links: torn_world_build
 * makes them so. Returns 0, or -ENOMEM where the arena is full.
 */
int torn_fold_base_make(struct torn_arena *arena, const struct torn_node *root, uint32_t objects,
			struct torn_fold_base *ret_base);

/* Begin with a base, with room for inodes up to `highest` and a few more. Returns 0 or -ENOMEM. */
int torn_fold_begin_with(struct torn_fold *fold, struct torn_arena *arena,
			 const struct torn_fold_base *base, uint32_t highest);
/* The same with room for a few more than the base has. */
int torn_fold_begin(struct torn_fold *fold, struct torn_arena *arena,
		    const struct torn_fold_base *base);

/*
 * Let directories show what changed below them. A gate folds lazily, while the
 * target waits: it only asks for inodes by object. Returns 0 or -ENOMEM.
 */
int torn_fold_settle(struct torn_fold *fold);

/* The tree so far. Of a lazy fold: as of the last torn_fold_settle(). */
static inline const struct torn_node *torn_fold_tree(const struct torn_fold *fold)
{
	return fold->objects[TORN_FOLD_ROOT].node;
}

static inline const struct torn_fold_object *torn_fold_object(const struct torn_fold *fold,
							      torn_object object)
{
	return object != 0 && object <= fold->count ? &fold->objects[object] : NULL;
}

/*
 * Return the directory in which the file system of an inode begins: where it is
 * mounted, or the root. What is mounted on a directory begins with that directory.
 */
torn_object torn_fold_filesystem(const struct torn_fold *fold, torn_object object);

/*
 * Apply an op. One that was not performed, or that failed, changes nothing.
 * Returns 0; -ENOMEM where the arena is full; -EPROTO where the op does not
 * fit the tree: torn's own error, never the target's.
 */
int torn_fold_step(struct torn_fold *fold, const struct torn_op *op);

/*
 * Apply only the first `bytes` of what a write did. Stepping on within the same
 * write is allowed (bytes growing), and so is the whole op at last.
 */
int torn_fold_step_part(struct torn_fold *fold, const struct torn_op *op, uint64_t bytes);

/*
 * For states that no run went through (effects.h). Each returns 0; -ENOMEM.
 * A name that is given where there was one before takes its place; object 0
 * takes it away, also where there is none. -ELOOP: a directory would be below
 * itself, or have two names.
 */
int torn_fold_put_name(struct torn_fold *fold, torn_object dir, struct torn_bytes name,
		       torn_object object);
int torn_fold_put_node(struct torn_fold *fold, torn_object object, const struct torn_node *node);
/* An inode without a name, below the fold's room. */
int torn_fold_put_object(struct torn_fold *fold, torn_object object, const struct torn_node *node);
/*
 * Begin to note changes, in malloc's memory: the arena may be returned to a mark
 * in between. Never in the gate. torn_fold_forget_changes() frees it.
 */
int torn_fold_note_changes(struct torn_fold *fold);
void torn_fold_forget_changes(struct torn_fold *fold);
/* Take back all changes but the first `count`. */
void torn_fold_take_back(struct torn_fold *fold, uint32_t count);

/* What an op makes that makes an inode; whether it takes an attribute away. */
enum torn_type torn_op_type_made(const struct torn_op *op);
/*
 * What a file holds once another one was cloned over it (ioctl_ficlone(2)): of a larger one the rest stays, and is refused where
 * the other ends amid a block; so is a clone of a file over itself, unless it is empty (generic_remap_file_range_prep();
 * measured on XFS and btrfs). Returns 0, with bytes in `arena`; -EINVAL; -ENOMEM.
 */
int torn_fold_cloned(struct torn_arena *arena, const struct torn_fold *fold, torn_object from, torn_object to,
		     struct torn_bytes *ret_bytes);
bool torn_op_removes_xattr(const struct torn_op *op);

/* Is it an msync that waits for the pages to be written (MS_SYNC)? */
bool torn_op_syncs_pages(const struct torn_op *op);

/* Is it a write whose bytes are durable when it returns (O_DSYNC)? One of no bytes is not. */
bool torn_op_writes_through(const struct torn_op *op);

/* Can a kill come half-way through this op, with part of its bytes written? */
bool torn_op_is_divisible(const struct torn_op *op);

#endif
