/*
 * effects.h: a log as effects, each on one object of the file system: what a power
 * cut keeps or loses one by one.
 *
 * Which of them may be lost together is a preset's to say (presets.h); what is
 * left then is a tree (crash.h). The rules are those of the crash model: data by
 * blocks of 4 KiB, each with the growth of the size up to its end; a rename's two
 * entries as one effect; truncation, reservation and cloning as metadata.
 */
#ifndef TORN_EFFECTS_H
#define TORN_EFFECTS_H

#include "fold.h"

enum torn_effect_kind {
	TORN_EFFECT_INODE,      /* a file, directory ... without a name */
	TORN_EFFECT_ENTRIES,    /* a name that comes, goes or changes hands, or two at once */
	TORN_EFFECT_DATA,       /* bytes within one block */
	TORN_EFFECT_SIZE,       /* a size, and what was cut, reserved or cloned with it */
	TORN_EFFECT_TAIL,       /* the new size that a write brings, seen before its bytes */
	TORN_EFFECT_ATTRIBUTES, /* mode, owner or an extended attribute */
	TORN_EFFECT_KIND_COUNT
};

/* `dir` gives `name` to an inode; 0: takes it away. */
struct torn_effect_entry {
	torn_object dir, object;
	struct torn_bytes name;
};

struct torn_effect {
	enum torn_effect_kind kind;
	uint32_t at;   /* index of its op in the log */
	uint32_t part; /* number among the effects of that kind of its op, from 0 */
	torn_object object; /* the inode; of entries the one that gets or had the name */
	struct torn_effect_entry entries[2];
	uint32_t entries_count;
	uint64_t offset, length; /* of data; of a range that is made zero: both */
	uint64_t size;           /* of a size or tail: the new one */
	struct torn_bytes bytes; /* of data; of a clone: the whole content */
	bool grows;    /* data or size: beyond what the file was */
	bool cuts;     /* a size: what lies behind it is gone */
	bool clones, zeroes; /* a size: what comes with it */
	bool of_log;   /* a name that a rename made in another directory, as the fsync of that one logs it (btrfs) */
	bool replaces; /* a plain rename over a name that was there */
	bool within;   /* a tail: up to the end of the block that was the last */
	bool reserved; /* data in a block that was reserved before: fallocate(2) */
	/* Of torn_effects_of_disk() alone: */
	bool clipped;     /* data as far as the size goes that is there: a page is written whole, and its size later */
	bool has_clipped; /* data, and a size that cuts a block: the effect before it is what the page has of it */
	bool early;       /* a tail: ext4 sets a size when it begins to write blocks, and a commit may come before these are there */
	bool logged;      /* names that changed in what is in the log of btrfs: somebody else's fsync writes them alone */
	bool logged_away; /* a name that goes without the one that takes its place (btrfs) */
	bool of_loss;  /* a tail: the size alone of data that a failed fsync lost */
	uint32_t lost_at; /* of data, and a size before its bytes: 1 + index of the fsync that lost it; 0: none did */
};

struct torn_effects {
	struct torn_effect *items; /* in program order */
	uint32_t count;
	uint32_t objects; /* highest of any inode, those of the tree before included */
	/* By inode: the directory in which its file system begins. NULL: there is one. */
	torn_object *filesystems;
};

/* Where the file system of an inode begins. It has no other one as long as it is there. */
static inline torn_object torn_effects_filesystem(const struct torn_effects *effects, torn_object object)
{
	return effects->filesystems ? effects->filesystems[object] : 0;
}

/*
 * Read the effects out of a log; all lies in `arena`. `split`: what a rename
 * removes and what it makes are effects of their own (posix-split). Returns 0, -ENOMEM, or -EPROTO
 * where the log does not fit its base: torn's own error.
 */
int torn_effects_of(struct torn_arena *arena, const struct torn_fold_base *base,
		    const struct torn_log *log, bool split, struct torn_effects *ret_effects);

/*
 * The same, and what a disk may be left with beside that (measured on Linux 6.18), for states of a disk to be held against:
 * a page that is written in place has all that the cache holds of it, zeroes behind a truncation too, whether or not the
 * size has come to the disk; the size of blocks that ext4 is amid writing is there before them; and btrfs forgets a name that
 * is replaced, where it is in the log and what takes it is not. torn's own cuts do not make these: DECISIONS.md, "Real disks".
 */
int torn_effects_of_disk(struct torn_arena *arena, const struct torn_fold_base *base, const struct torn_log *log,
			 struct torn_effects *ret_effects);

/*
 * Apply one to a fold that has room for `objects` inodes. What it is applied upon
 * may lack effects before it: a name may be taken or gone, a file shorter.
 * Returns 0; -ENOMEM; -ELOOP where a directory would be below itself or have two
 * names: no such state exists.
 */
int torn_effect_apply(struct torn_fold *fold, const struct torn_log *log,
		      const struct torn_effect *effect);

static inline bool torn_effect_is_data(const struct torn_effect *effect)
{
	return effect->kind == TORN_EFFECT_DATA;
}

#endif
