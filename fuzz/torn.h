/*
 * torn.h: the nouns of torn, and nothing else. It does no I/O.
 *
 *   a case becomes a plan, the plan arms the gate, the gate writes the log,
 *   the log gives trees, the invariants judge, a report tells.
 *
 * Every room includes this header; who may include what else is in design
 * terms: targets and reports see only this, injectors see this and each other,
 * the engine (fuzz/) sees this and the injectors' headers.
 */
#ifndef TORN_H
#define TORN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TORN_VERSION "0.1"

/* Bytes that somebody else owns: usually an arena, for as long as its trial. */
struct torn_bytes {
	const uint8_t *data;
	size_t size;
};

/* Return the bytes of a C string, without its NUL. */
struct torn_bytes torn_bytes_of(const char *text);
bool torn_bytes_equal(struct torn_bytes a, struct torn_bytes b);
/* Order as memcmp does, a prefix first. */
int torn_bytes_compare(struct torn_bytes a, struct torn_bytes b);

/* ------------------------------------------------------------------ calls */

/* Every system call that torn knows, by the kernel's name for it: calls.def. */
enum torn_call {
	TORN_CALL_NONE,
#define CALL(name, ...) TORN_CALL_##name,
#include "../injectors/calls.def"
	TORN_CALL_COUNT
};

/* What calls have in common: `sticky` acts on a kind; each has a libfiu point. */
enum torn_kind {
#define KIND(name, point) TORN_KIND_##name,
#include "../injectors/calls.def"
	TORN_KIND_COUNT
};

/* Return the kernel's name of a call; "none" for TORN_CALL_NONE. */
const char *torn_call_name(enum torn_call call);
/* Return the call of that name, or TORN_CALL_NONE. */
enum torn_call torn_call_named(struct torn_bytes name);
enum torn_kind torn_call_kind(enum torn_call call);
const char *torn_kind_name(enum torn_kind kind);

/* Return "ENOSPC" for 28; NULL for a number that torn does not know. */
const char *torn_errno_name(int number);
/* Return 28 for "ENOSPC"; 0 for a name that torn does not know. */
int torn_errno_named(struct torn_bytes name);
/* The same for signals, without "SIG": 15 and "TERM". */
const char *torn_signal_name(int number);
int torn_signal_named(struct torn_bytes name);

/* ------------------------------------------------------------------ trees */

enum torn_type {
	TORN_FILE,
	TORN_DIRECTORY,
	TORN_SYMLINK,
	TORN_FIFO,
	TORN_SOCKET,
	TORN_TYPE_COUNT
};

/*
 * A directory at which another file system is mounted, and what that one cannot
 * do. No rename(2) and no link(2) reaches from one to the other (EXDEV).
 */
enum torn_mount {
	TORN_MOUNT = 1 << 0,
	TORN_LACKS_EXCHANGE = 1 << 1, /* RENAME_EXCHANGE is EINVAL: renameat2(2); FUSE, NFS, exFAT */
	TORN_LACKS_TMPFILE = 1 << 2,  /* O_TMPFILE is EOPNOTSUPP: open(2); NFS, vFAT */
	TORN_LACKS_LINK = 1 << 3,     /* link is EPERM: link(2); vFAT */
	TORN_LACKS_CLONE = 1 << 4,    /* FICLONE is EOPNOTSUPP: ioctl_ficlone(2); ext4 */
	/* What the kernel itself tells, proc(5): it survives a kill; a power cut loses it, and boot loads it again. */
	TORN_RUNTIME = 1 << 5,
};

#define TORN_BLOCK_SIZE 4096u

/* 128 bits; equal trees have equal ones, and unequal trees have not. */
struct torn_hash {
	uint64_t low, high;
};

/* One block of a file: the bytes that are stored, the rest of it being zero. */
struct torn_block {
	const uint8_t *data; /* NULL: a hole */
	uint32_t size;       /* 0 to TORN_BLOCK_SIZE */
	uint64_t hash;
};

struct torn_xattr {
	struct torn_bytes name, value;
};

struct torn_node;

struct torn_entry {
	struct torn_bytes name;
	const struct torn_node *node;
	uint32_t object; /* which inode: two entries with one object are hard links */
	struct torn_hash term; /* what it adds to its directory's content */
};

/*
 * A tree is a value: the node of its root. Nodes never change once made, and
 * trees share the nodes that they have in common, so that two equal pointers
 * are equal subtrees. The arena that made a node owns it.
 */
struct torn_node {
	enum torn_type type;
	uint32_t mode; /* the twelve permission bits */
	uint32_t uid, gid;
	uint32_t links; /* names that reach it; 1 for a directory */
	uint32_t mount; /* enum torn_mount; 0: nothing is mounted here */
	struct torn_hash hash;
	struct torn_hash content; /* of the blocks, the entries or the link's text */
	const struct torn_xattr *xattrs; /* sorted by name */
	uint32_t xattrs_count;
	uint32_t entries_count;
	const struct torn_entry *entries; /* a directory's, sorted by name */
	const struct torn_block *blocks;  /* a file's; blocks_count covers `size` */
	uint64_t blocks_count;
	uint64_t size; /* of a file, in bytes */
	struct torn_bytes link; /* a symlink's text */
};

/*
 * Find the node at a path below `root` ("" is the root; no leading slash,
 * no symlink is followed). Returns NULL where there is none.
 */
const struct torn_node *torn_tree_find(const struct torn_node *root, struct torn_bytes path);
/* As torn_tree_find, and gives the entry (the root has none: NULL). */
const struct torn_entry *torn_tree_entry(const struct torn_node *root, struct torn_bytes path);
/*
 * Same existence, type, bytes (of a directory: names and what they name), not
 * mode or owner; NULL is absent.
 */
bool torn_tree_same_content(const struct torn_node *a, const struct torn_node *b);
/* The same in everything: hash equality. */
bool torn_tree_equal(const struct torn_node *a, const struct torn_node *b);
/* Copy up to `size` bytes of a file from `offset`; returns how many. */
size_t torn_node_read(const struct torn_node *file, uint64_t offset, void *buffer, size_t size);
/*
 * Walk two trees at once and report each path at which one of them has a node
 * and the other has none or a different one. A directory that only one has is
 * reported and then walked. `visit` returns false to stop. Pass NULL for an
 * empty side.
 */
typedef bool torn_tree_visit(void *context, struct torn_bytes path, const struct torn_node *a,
			     const struct torn_node *b);
void torn_tree_differences(const struct torn_node *a, const struct torn_node *b,
			   torn_tree_visit *visit, void *context);

/* -------------------------------------------------------------------- log */

/* Identity of an inode within one run: 0 is none; never a number of the kernel's. */
typedef uint32_t torn_object;

enum torn_op_flag {
	TORN_OP_PERFORMED = 1 << 0, /* the kernel (or the gate in its place) did it */
	TORN_OP_CREATES = 1 << 1,   /* it made an inode, or would have */
	TORN_OP_REPLACES = 1 << 2,  /* a rename over an existing name */
	TORN_OP_OUTPUT = 1 << 3,    /* unnumbered: bytes for stdout or stderr */
	TORN_OP_FATAL = 1 << 4,     /* a signal came whose disposition was to end the process */
	TORN_OP_EXTENDS = 1 << 5,   /* a new size beyond the old one */
	TORN_OP_DIRECTORY = 1 << 6, /* of a sync: it is a directory's */
	/* A sync that failed, and what became of the data that was pending: enum torn_fsync. */
	TORN_OP_LOST = 1 << 7,     /* it is never written */
	TORN_OP_REVERTED = 1 << 8, /* nor is it in the cache any more: `data` is the content since */
	TORN_OP_KEPT = 1 << 9,     /* it was written */
	/* A write that is a sync of its own bytes: O_DSYNC, RWF_DSYNC. open(2), "Synchronized I/O" */
	TORN_OP_DSYNC = 1 << 10,
	TORN_OP_FULL_SYNC = 1 << 11, /* and of all metadata of the file: O_SYNC, RWF_SYNC */
	/* Its process had no handler of any signal: nothing interrupts it. Of programs, in runs without a fault. */
	TORN_OP_UNINTERRUPTED = 1 << 12,
	TORN_OP_RUNTIME = 1 << 13, /* of what the kernel itself keeps: TORN_RUNTIME */
	TORN_OP_AT_ONCE = 1 << 14, /* of a read: the kernel gives all that there is room for */
};

/*
 * One call as it happened. `result` is what the kernel did, `told` what the
 * target saw: both a value or -errno. They differ where a fault acted.
 * Paths are resolved: no symlink, no "..", no leading slash. All bytes lie in
 * the log's arena.
 */
struct torn_op {
	uint32_t number; /* from 1; 0 for a record that is no numbered op */
	uint16_t call;   /* enum torn_call */
	uint16_t kind;   /* enum torn_kind: the call's, but for ioctl(FICLONE): clone */
	uint16_t fault;  /* 1 + index of the plan's fault that acted here, or 0 */
	uint16_t actor;  /* who: 0 is the target itself */
	uint16_t flags;  /* enum torn_op_flag */
	int32_t fd;      /* descriptor argument, or what an open gave; -1 */
	uint32_t how;    /* open, rename, at, fallocate or xattr flags as passed; of close: open's */
	uint32_t mode;   /* permission bits asked for, umask applied where it applies */
	uint32_t uid, gid;
	uint64_t offset; /* where in the file, or the new size */
	uint64_t length; /* bytes asked for */
	torn_object object;    /* the inode acted on: the file, the source of a rename or link */
	torn_object object_to; /* what a rename replaced or was exchanged with; what a clone is of */
	torn_object dir, dir_to;
	struct torn_bytes path, path_to; /* "" is the root; path_to of rename, link; text of a symlink */
	struct torn_bytes name, name_to; /* last component: the entry's name in dir, dir_to */
	struct torn_bytes xattr;         /* name of an attribute */
	struct torn_bytes data;          /* bytes written */
	int64_t result, told;
	int64_t time_ns; /* virtual */
};

struct torn_log {
	struct torn_op *ops; /* in the order of happening, unnumbered records between */
	uint32_t count;      /* of records */
	uint32_t numbered;   /* highest number */
	uint32_t crossings;  /* all that came to the gate */
	uint64_t handled;    /* signals that had a handler at some time: bit S is signal S */
};

/* In `handled`: they are all that its program has, as its program is what was run. There is no signal 0. */
#define TORN_HANDLED_ARE_ALL UINT64_C(1)

/* Return the op of that number; NULL where there is none. */
const struct torn_op *torn_log_op(const struct torn_log *log, uint32_t number);

/* ----------------------------------------------------------------- faults */

enum torn_fault_name {
	TORN_FAULT_ERRNO,
	TORN_FAULT_STICKY,
	TORN_FAULT_FULL,
	TORN_FAULT_SHORT,
	TORN_FAULT_LATE,
	TORN_FAULT_EINTR,
	TORN_FAULT_KILL,
	TORN_FAULT_SIGNAL,
	TORN_FAULT_FSYNC,
	TORN_FAULT_COUNT
};

/* What an fsync that fails leaves: the value of TORN_FAULT_FSYNC, with the errno that it is told. */
enum torn_fsync {
	TORN_FSYNC_NONE,
	TORN_FSYNC_LOST,     /* a file's data: readable in the cache, never written; the next fsync succeeds */
	TORN_FSYNC_REVERTED, /* gone from the cache too */
	TORN_FSYNC_KEPT,     /* on disk after all */
	TORN_FSYNC_READONLY, /* a directory's: no later change is possible: EROFS (ext4) */
	TORN_FSYNC_SHUTDOWN, /* nor is a look: EIO (XFS) */
	TORN_FSYNC_COUNT
};

#define TORN_FSYNC_VALUE(manner, number) ((int64_t)(manner) << 16 | (number))
static inline enum torn_fsync torn_fsync_manner(int64_t value)
{
	return (enum torn_fsync)(value >> 16);
}
static inline int torn_fsync_errno(int64_t value)
{
	return (int)(value & 0xffff);
}

/* The disk of TORN_FAULT_FULL. */
enum torn_full_disk {
	TORN_FULL_GATE, /* none: the gate refuses what takes space */
	TORN_FULL_TMPFS, /* small real ones: the kernel does (injectors/small_disk.h) */
	TORN_FULL_EXT4,
	TORN_FULL_DISK_COUNT
};

/* What a small disk has only so many left of when the run begins. */
enum torn_full_unit { TORN_FULL_BLOCKS, TORN_FULL_INODES, TORN_FULL_UNIT_COUNT };

/* A value of TORN_FAULT_FULL that is not 0 names a small disk, and how much of what it has left. */
#define TORN_FULL_LEFT_MAX 65535u
#define TORN_FULL_VALUE(disk, unit, left) ((int64_t)(disk) << 40 | (int64_t)(unit) << 32 | (int64_t)(left))
static inline enum torn_full_disk torn_full_disk(int64_t value)
{
	return (enum torn_full_disk)(value >> 40);
}
static inline enum torn_full_unit torn_full_unit(int64_t value)
{
	return (enum torn_full_unit)(value >> 32 & 0xff);
}
static inline uint32_t torn_full_left(int64_t value)
{
	return (uint32_t)(value & UINT32_MAX);
}

/* "tmpfs", "ext4"; NULL for the gate's, and for what is no disk. */
const char *torn_full_disk_name(enum torn_full_disk disk);
/* "blocks", "inodes". */
const char *torn_full_unit_name(enum torn_full_unit unit);
/* The small disk of that name; TORN_FULL_GATE: there is none. */
enum torn_full_disk torn_full_disk_named(struct torn_bytes name);

/* Values of `value` for TORN_FAULT_KILL; above 0 it is the bytes that a write got done. */
enum { TORN_KILL_AFTER = 0, TORN_KILL_BEFORE = -1 };

/*
 * When, in strace's grammar, over op numbers counted from 1:
 *   F      first = last = F, step = 0
 *   F..L   each from F to L      (step = 1)
 *   F+S    F, F+S, F+2S ...      (last = UINT32_MAX)
 * An op in that set whose call is `call` is acted on; for a single F whose op
 * is another call, and for a fault that acts nowhere, the trial is INVALID.
 */
struct torn_when {
	uint32_t first, last, step;
};

struct torn_fault {
	struct torn_when when;
	enum torn_call call;
	enum torn_fault_name name;
	/* errno for errno, sticky, late; bytes for short (0: half); times for eintr
	 * (0: once); signal for signal; for full, kill and fsync see above. */
	int64_t value;
};

/* An effect that a power cut lost: "7.data[0]", or of the first run "1:7.data[0]". */
struct torn_lost {
	uint32_t run; /* number of an earlier run of the same boot, from 1; 0: the one at hand */
	uint32_t op, kind, part; /* kind: enum torn_effect_kind */
};

/* A write to a disk that a power cut lost, or tore: the first so many sectors of it are there. */
struct torn_dropped {
	uint32_t write; /* number among the requests that the disk was given, from 1 */
	uint32_t sectors; /* of 512 bytes; 0: it is lost whole */
};

/* So many of one cut, at most. */
#define TORN_DROPPED_MAX 64u

/*
 * The power goes, once op `op` has returned or while it is done. Of the effects
 * until then all are there but those that are lost, which the preset must allow; or, on a
 * real file system, of the writes that its disk was given.
 */
struct torn_cut {
	const char *preset; /* "ext4"; NULL: the power stays on. Of a real file system: what it is held against */
	uint32_t op;        /* 0: before the first */
	bool during;
	const struct torn_lost *lost; /* in program order */
	uint32_t lost_count;
	const char *disk; /* "ext4:noauto_da_alloc": a real file system; NULL: the crash model */
	uint32_t commit;  /* number of the op behind which a commit was forced; 0: none was */
	uint32_t write;   /* so many requests had the disk been given */
	const struct torn_dropped *dropped; /* of these, in their order */
	uint32_t dropped_count;
};

/* "data", "entry", ...: as a case names what was lost. */
const char *torn_effect_kind_name(uint32_t kind);

#define TORN_FAULTS_MAX 16
/* Runs of one case, the first among them. */
#define TORN_RUNS_MAX 4u

/*
 * What goes wrong in one run, and where that ends. A run may come after another
 * one: then it begins with what that one's end left.
 */
struct torn_plan {
	struct torn_fault faults[TORN_FAULTS_MAX]; /* sorted by when.first */
	uint32_t faults_count;
	uint64_t seed; /* of virtual randomness; 1 unless said */
	struct torn_cut cut;
	const struct torn_plan *before; /* of the run before; NULL: this is the first */
	bool recovers; /* it runs the target's recovery, not its operation */
};

/* A later run draws other names at random than those before it: by how many these are. */
#define TORN_SEED_AFTER(runs) (UINT64_C(0x746f726d) + (runs))

/* How many runs come before this one. */
uint32_t torn_plan_runs_before(const struct torn_plan *plan);
/* Faults of all runs, but for kills, which end them. */
uint32_t torn_plan_faults(const struct torn_plan *plan);
/* Return the fault of this run that takes a small disk; NULL: none does. */
const struct torn_fault *torn_plan_small_disk(const struct torn_plan *plan);
/* The real disk that the cuts of a plan and of those before it are made on, all on one; NULL: none is, or no plan. */
const char *torn_plan_disk(const struct torn_plan *plan);

const char *torn_fault_name(enum torn_fault_name name);
/* Write "7 fsync errno=EIO" (as in a case) and return its length as snprintf does. */
int torn_fault_print(const struct torn_fault *fault, char *buffer, size_t size);

/* ---------------------------------------------------------------- targets */

struct torn_arg {
	const char *name;
	struct torn_bytes value;
};

/* What the engine hands to an operation. */
struct torn_run {
	const struct torn_arg *args;
	size_t args_count;
};

/* Return an argument's bytes; aborts when the target never declared it. */
struct torn_bytes torn_run_arg(const struct torn_run *run, const char *name);
/* The same as a C string: a NUL follows the bytes. */
const char *torn_run_text(const struct torn_run *run, const char *name);

enum torn_promise {
	/* a reported failure leaves old, also when it came after the commit point */
	TORN_PROMISES_ERROR_MEANS_OLD = 1 << 0,
	/* a later run clears what a killed one left under a temporary name */
	TORN_PROMISES_NO_STALE_TEMP = 1 << 1,
	/* it is meant to be run again after it was killed, and then ends as it should */
	TORN_PROMISES_RETRY = 1 << 2,
	/* what failed is taken back: it returns TORN_ROLLED_BACK where that was done */
	TORN_PROMISES_ROLLBACK = 1 << 3,
	/* the watched paths are all old or all new */
	TORN_PROMISES_TOGETHER = 1 << 7,
	/* its twin is the real thing, and it is a fake of that: `fake-agrees` in place of `paths-agree` */
	TORN_IS_FAKE = 1 << 8,
	/* what it returns is a status that people go by: 0, those below, all else: nothing was applied */
	TORN_REPORTS_STATUS = 1 << 9,
	/* what a watched file keeps of the old one whose place it takes */
	TORN_KEEPS_MODE = 1 << 4,
	TORN_KEEPS_OWNER = 1 << 5,
	TORN_KEEPS_XATTRS = 1 << 6,
};

/* What an operation with rollback returns: it failed, and its rollback succeeded. */
#define TORN_ROLLED_BACK 64
/* It failed, its rollback ran, and some step of that failed too. */
#define TORN_ROLLBACK_FAILED 65
/* It failed with some of it applied, and says so. */
#define TORN_PARTIALLY_APPLIED 66

struct torn_variant {
	const char *name;
	/* The operation: 0 is success, all else is failure reported. */
	int (*operation)(const struct torn_run *run);
	/*
	 * What is run after a crash, or after a failure, before anybody looks at the files: 0 where
	 * they are old or new by then. NULL: there is none, and what a crash leaves is what is there.
	 */
	int (*recovery)(const struct torn_run *run);
};

/*
 * An old state, in the words of a case: lines "old PATH ..." and, where it goes
 * with other arguments than the target's defaults, "arg NAME VALUE".
 */
struct torn_world {
	const char *name;
	const char *old;
	/* The operation is not meant for it: it must fail and leave old, or roll back. */
	bool refuses;
};

struct torn_default {
	const char *name, *value; /* value as it stands in a case: bare or quoted */
};

/*
 * A content that a watched path may have on the way, beside old and new: of a
 * file that is saved more than once, or published and then taken back.
 */
struct torn_between {
	const char *path;    /* as in `watch` */
	const char *content; /* "$NAME" stands for that argument's bytes; "@PATH": what old has there */
};

/*
 * Code under test. Arrays end with an entry whose first member is NULL.
 * The first variant and the first world are the defaults.
 */
struct torn_target {
	const char *name;    /* "urunc.state_json": also its folder in corpus/ */
	const char *summary; /* one line for `torn list` */
	const struct torn_variant *variants;
	const struct torn_world *worlds;
	const struct torn_default *args; /* NULL: none */
	/* Paths that must be old or new. "$NAME" in one stands for that argument's value. */
	const char *const *watch;
	const struct torn_between *between; /* NULL: nothing but old and new */
	unsigned promises;  /* enum torn_promise */
	/* That a new file gets: "0644", "$NAME", or "@PATH": the nine bits of the file that old
	 * has there, and nothing where it has none. NULL: not promised. */
	const char *mode;
	const char *backup; /* where an updater keeps the first watched file; NULL: it keeps none */
	/* Output that this extended regular expression matches acknowledges success; NULL: the return does. */
	const char *ack;
	/* Paths of somebody else in one of `worlds`, to be left as they are; NULL: none is named. */
	const char *const *spares;
	/* Another argument with which the clean run must come to the same, in files and output; {NULL}: none. */
	struct torn_default twin;
	/* Its own points of failure, between calls: fiu_fail("kensa/after_capture"). Each is an op. NULL: none. */
	const char *const *points;
	void *state; /* what the target keeps for its process's life; reset before each trial */
	size_t state_size;
	/*
	 * Its operation starts programs (/bin/sh): it is called in a process of its own, which is traced with all
	 * that it starts, where the trial's root is "/", beside a host's /usr, /bin, /sbin, /lib64 and /dev.
	 */
	bool starts_programs;
	bool is_program; /* its root is a directory of somebody's: paths are told from there */
};

/* What stands before a path below the root where people read it: "/"; of a program nothing, or "." for the root. */
static inline const char *torn_path_lead(const struct torn_target *target, struct torn_bytes path)
{
	return !target || !target->is_program ? "/" : path.size == 0 ? "." : "";
}

/* Put a target into the registry: one of these a file. */
#define TORN_TARGET(identifier)                                                                    \
	static const struct torn_target *const torn_target_##identifier                            \
		__attribute__((used, retain, section("torn_targets"))) = &identifier

/*
 * A command by a stand-in: targets that start programs find it first on their PATH, under that name. It is run
 * in a process of its own, with argv[0] its name, and returns the exit status.
 */
struct torn_command {
	const char *name; /* "sysctl" */
	int (*run)(int argc, char **argv);
};

#define TORN_COMMAND(identifier)                                                                   \
	static const struct torn_command *const torn_command_##identifier                          \
		__attribute__((used, retain, section("torn_commands"))) = &identifier

/* --------------------------------------------------------------- verdicts */

enum torn_end {
	TORN_RETURNED,  /* the operation returned: `code` is what */
	TORN_EXITED,    /* it called exit: `code` is with what */
	TORN_CRASHED,   /* a signal that no plan sent: `code` is which */
	TORN_HUNG,      /* it would never have ended: `code` is enum torn_hang */
	TORN_ENDED_BY_PLAN, /* killed, or by a planned signal */
	TORN_END_COUNT
};

/* How that was seen. */
enum torn_hang {
	TORN_HANG_WAITS,     /* it waits for what cannot come */
	TORN_HANG_OPS,       /* it made more calls on files than torn follows */
	TORN_HANG_CROSSINGS, /* it made more system calls than torn follows */
	TORN_HANG_TIME,      /* it used up its time */
};

/* Beyond these a run is taken to go on for ever: they are no measure of a clock. */
#define TORN_OPS_MAX 65536u
#define TORN_CROSSINGS_MAX 4000000u

enum torn_verdict { TORN_HELD, TORN_VIOLATED, TORN_SKIPPED, TORN_INVALID, TORN_VERDICT_COUNT };

const char *torn_verdict_name(enum torn_verdict verdict);

/* Something of the process that should be as it was and is not. */
struct torn_leak {
	const char *what; /* "descriptor", "working directory", "umask", ... */
	char detail[160];
	uint32_t op; /* where it came from; 0 unknown */
};

#define TORN_LEAKS_MAX 4

/* How a run without a fault ended that began with what another one had left. */
struct torn_rerun {
	enum torn_end end;
	int code;
	const struct torn_node *tree;
	const struct torn_log *log; /* of a twin's; else NULL */
};

/* A file that a watched path may be on the way. */
struct torn_version {
	struct torn_bytes path;
	const struct torn_node *node;
};

/* What a power cut made of an effect. */
enum torn_fate {
	TORN_FATE_DURABLE, /* a sync had made it so: it could not be lost */
	TORN_FATE_KEPT,    /* it was pending, and happens to be there */
	TORN_FATE_LOST,
	TORN_FATE_COUNT
};

/* An effect that had happened when the power went, and whether it is there. */
struct torn_fated {
	struct torn_lost what; /* whatever its fate */
	enum torn_fate fate;
	uint64_t offset, length; /* of data: which bytes of the file; of a size: length is the new one */
};

/* What a target says of its files, with the arguments of a run put in. Paths have no leading slash. */
struct torn_promised {
	const struct torn_bytes *watch;
	size_t watch_count;
	const struct torn_version *between;
	size_t between_count;
	struct torn_bytes backup; /* data NULL: none */
	const struct torn_bytes *spares;
	size_t spares_count;
	bool sets_mode;
	uint32_t mode;
};

/* What a command that was to accept a state said in place of that. */
struct torn_refusal {
	bool is_refused;
	int exit_code;
	char words[120]; /* its first line; "" where it said nothing */
};

/*
 * A run of an operation under a plan, as an invariant and a report see it.
 * Old and new are the trees before the run and after a clean one; `now` is the
 * tree at the moment that is judged: at the end of the run, or at a kill.
 */
struct torn_trial {
	const struct torn_target *target;
	const struct torn_variant *variant;
	const struct torn_world *world; /* NULL: an old state of a case's own */
	const struct torn_promised *promised;
	const struct torn_plan *plan;
	const struct torn_log *log;
	const struct torn_node *old_tree, *new_tree; /* new_tree is NULL in the clean run */
	const struct torn_node *old_booted; /* old, with what the kernel keeps as boot loads it; NULL: the same */
	const struct torn_node *now;
	bool rolls_back;  /* without a fault it applies and rolls back: nobody has seen what it applies */
	bool killed;      /* `now` is what a kill left: nothing was reported */
	uint32_t kill_op; /* after which op, 0: before the first */
	uint64_t kill_bytes; /* how much of that op's write was done, where part of it */
	/* The power went: `killed` too, and `now` is what was left under that preset's rules. */
	const struct torn_cut *cut; /* NULL: it stayed on */
	bool acknowledged; /* before the power went: whoever waited knows `code` */
	const struct torn_fated *fates; /* at that cut, in program order: for a report; NULL: nobody asked */
	uint32_t fates_count;
	const struct torn_trial *before; /* the run before, with its log: for a report; NULL: the same */
	const struct torn_log *log_before; /* of earlier runs since boot; NULL: there were none */
	/* A clean run from `now`, and one from new: both NULL where none was made. */
	const struct torn_rerun *rerun, *rerun_of_new;
	/* The target's recovery from `now`, and once more from there: NULL where there is none. */
	const struct torn_rerun *recovered, *recovered_twice;
	const struct torn_rerun *twin; /* in the clean run, of a target that has one; else NULL */
	struct torn_refusal refusal; /* of `now`, by --check of `torn exec` */
	/* Who made the call where it goes wrong, innermost first: of a program, for `torn explain`. */
	uint32_t stack_op;
	const struct torn_bytes *stack;
	size_t stack_count, stack_own; /* own: the first of the program itself */
	enum torn_end end;
	int code;
	const char *remark; /* on what its cut showed of torn itself, for a report; NULL: none */
	struct torn_leak leaks[TORN_LEAKS_MAX];
	uint32_t leaks_count;
};

struct torn_judgement {
	enum torn_verdict verdict;
	bool is_label;    /* worth knowing, no finding: `label` says which */
	const char *label;
	bool has_case;    /* of a label: torn or a disk is wrong, and whoever looks into that wants its case */
	uint32_t op;      /* where it went wrong: a number of the log, or 0 */
	enum torn_call call; /* which call is to blame where no fault is */
	char path[512];   /* which path, "" for none */
	char role[64];    /* what it is to the target: "watched", "litter", ... */
	bool is_any_fault; /* which step was left out makes the finding, not which call failed before it */
	char summary[384];/* one sentence; for SKIPPED: why it did not apply */
};

struct torn_invariant {
	const char *id;      /* "old-or-new" */
	const char *promise; /* one line for `torn list` */
	/* Of a target that reports a status, what is left so at a path is one finding, whatever failed before. */
	bool one_a_path;
	bool later_runs;     /* it can be asked of a run that begins with what another one left, too */
	void (*judge)(const struct torn_trial *trial, struct torn_judgement *ret_judgement);
};

#define TORN_INVARIANT(identifier)                                                                 \
	static const struct torn_invariant *const torn_invariant_##identifier                      \
		__attribute__((used, retain, section("torn_invariants"))) = &identifier

/* ------------------------------------------------------------------ cases */

/* How the content of an `old` line was written. */
struct torn_old {
	struct torn_bytes path; /* no leading slash */
	bool absent;
	bool is_link;           /* a hard link to another `old` path: `text` */
	enum torn_type type;
	uint32_t mode, uid, gid;
	uint32_t mount;         /* enum torn_mount, of a directory */
	struct torn_bytes text; /* a file's bytes, a symlink's text, a hard link's other path */
	struct torn_bytes file; /* where the bytes were read from: "@NAME"; empty: inline */
	const struct torn_xattr *xattrs;
	uint32_t xattrs_count;
};

struct torn_case_arg {
	struct torn_bytes name, value;
};

enum torn_expect { TORN_EXPECT_NOTHING, TORN_EXPECT_HELD, TORN_EXPECT_VIOLATED };

/* A trial as text says it. The arena that it was parsed into owns everything. */
struct torn_case {
	struct torn_bytes target, variant;
	struct torn_case_arg *args; /* sorted by name */
	size_t args_count;
	struct torn_old *olds; /* sorted by path */
	size_t olds_count;
	/* Of the target `exec`: a program's argv, and what must be old or new. All with a NUL behind. */
	struct torn_bytes *command; /* as it is given */
	size_t command_count;
	struct torn_bytes *watches; /* sorted; no leading slash */
	size_t watches_count;
	struct torn_plan plan;
	enum torn_expect expect;
	struct torn_bytes invariant;
};

/* --------------------------------------------------------------- findings */

#define TORN_PRESETS_MAX 12u

/* A violated invariant, or a label, with the smallest case that shows it. */
struct torn_finding {
	const char *id; /* an invariant's or a label's */
	bool is_label, has_case; /* has_case: of a label, too, a file is written */
	const char *target, *variant, *world;
	uint32_t op;
	const char *call; /* "" where no op is to blame */
	const char *path, *role, *fault; /* fault: name of the last one, "" for none */
	const char *const *faults;       /* as in a case */
	size_t faults_count;
	/* What can show it, the strongest first: "kill", or names of presets; none: no crash is needed. */
	const char *presets[TORN_PRESETS_MAX];
	size_t presets_count;
	bool is_any_fault; /* it takes a fault, and whichever that is: `call` and `fault` are "" */
	bool takes_faults; /* a power cut's: other faults, or a run before, come first */
	/* Another part of the check tells it; here it is known only because it shows without a fault. */
	bool is_elsewhere;
	const char *summary;
	const char *case_text; /* canonical */
	size_t case_size;
	const char *case_file; /* where it was written; NULL: nowhere */
	uint64_t times;        /* how many trials showed it, later runs and power cuts not counted */
	double seconds;        /* of fuzzing, until it was first seen; 0: a sweep saw it */
};

/* Nobody counts further than this. */
#define TORN_STATES_MAX (UINT64_C(1) << 62)

/* States that a power cut may leave, each by what of a run's effects it loses. */
struct torn_states {
	uint64_t legal, seen; /* seen: looked at */
	uint64_t distinct;    /* trees among them and those that kills leave */
	bool is_bound;        /* so many are legal, or more */
	bool left_out;        /* there were more than were seen, or none ran on from some of them */
	/* Of a real file system: trees that the model allows after each run, and those of them that the disk left. */
	uint64_t modelled, shown;
	uint64_t unchecked; /* states of a disk that are not among the model's as far as these were looked at: there are more */
};

/* Add the states of another run, or of others, but for the distinct ones: their trees may be the same. */
static inline void torn_states_add(struct torn_states *states, const struct torn_states *more)
{
	const bool fits = states->legal <= TORN_STATES_MAX - more->legal;
	states->legal = fits ? states->legal + more->legal : TORN_STATES_MAX;
	states->seen += more->seen;
	states->is_bound |= more->is_bound || !fits;
	states->left_out |= more->left_out;
	states->modelled += more->modelled;
	states->shown += more->shown;
	states->unchecked += more->unchecked;
}

#define TORN_PARTIALS_MAX 64u
#define TORN_WATCHED_STEPS_MAX 16u

/* A change that a first fault found on the way, over all old states: how these trials ended. */
struct torn_partial {
	uint32_t in_place; /* a bit each watched path */
	char effects[256]; /* these, in words; "" for none */
	uint64_t trials;   /* 0: no fault met it there */
	uint64_t done, rolled_back, rollback_failed; /* the rest told that nothing was applied, or part, or told nothing */
	uint64_t calls[(TORN_CALL_COUNT + 63) / 64]; /* at which the fault came: a bit each enum torn_call */
};

/* Of a source file of the target, while it was fuzzed: which branches of it were reached. */
struct torn_covered {
	const char *file; /* its last two parts: "kensa/audit_rule.c" */
	uint64_t edges, seen;
};

/* What a check of one target@variant came to. */
struct torn_result {
	const char *target, *variant;
	uint64_t plans, trials;      /* plans: those of which another one ran alike too */
	uint64_t ops, kills, trees;  /* trees: distinct ones judged */
	uint64_t kills_confirmed;           /* by a real SIGKILL */
	uint64_t later_runs; /* that began with what a crash had left */
	struct torn_states states;
	bool is_part; /* of what there is to try: fuzzed, or one shard */
	double seconds;
	struct torn_finding *findings; /* sorted; labels among them */
	size_t findings_count;
	const struct torn_partial *partials; /* of a target that promises rollback */
	size_t partials_count;
	const struct torn_covered *covered; /* of fuzzing: sorted by file; none where it cannot be told */
	size_t covered_count;
	uint64_t unjudged;        /* trials that torn could not judge, among those that it could: */
	const char *unjudged_why; /* why not, of the first; NULL where there are none */
	const char *failure; /* why torn could not judge it; NULL: it could */
};

/* ----------------------------------------------------------------- litmus */

#define TORN_LITMUS_LETTERS 16

/* What a row of the litmus table came to on one file system. */
struct torn_litmus_cell {
	const char *row, *path; /* what may be at the path after a power cut? */
	/*
	 * A letter each for what was there: after the run's end, in what the disk left and in what its preset allows; at
	 * any moment, in what the disk left and the preset forbids.
	 */
	char left[TORN_LITMUS_LETTERS], allowed[TORN_LITMUS_LETTERS], forbidden[TORN_LITMUS_LETTERS];
	uint64_t cuts, unmountable; /* of the disk; unmountable: of them */
	uint64_t modelled, trees;   /* whole trees: that the preset allows, that the disk left */
	uint64_t shown, lacking;    /* of the first those that the disk left; of the second those that are forbidden */
	char first[192];            /* forbidden one, in a sentence; "" for none */
	char left_out[192];         /* why no power was cut; "": it was */
};

/* The rows of one file system, which is held against a preset. */
struct torn_litmus_column {
	const char *file_system, *preset;
	struct torn_litmus_cell *cells; /* of all columns the same rows */
	size_t cells_count;
	bool is_held; /* else nobody looked, or not at all of them */
};

struct torn_litmus_table {
	const char *kernel; /* its release */
	struct torn_litmus_column *columns;
	size_t columns_count;
	double seconds;
};

/* Return what a letter says, static. */
const char *torn_litmus_word(char letter);

/* Is there a state that its preset forbids, or one that cannot be mounted? */
static inline bool torn_litmus_cell_lacks(const struct torn_litmus_cell *cell)
{
	return cell->lacking > 0 || cell->unmountable > 0;
}

/* ---------------------------------------------------------------- reports */

/* A way to tell results: one file in reports/ each. It never runs anything. */
struct torn_report {
	const char *name; /* "json": the option --json FILE */
	/* Write all results; returns 0 or -errno (ferror of `out` is the caller's to check too). */
	int (*write)(FILE *out, const struct torn_result *results, size_t results_count);
	/* The same of a litmus table. */
	int (*write_litmus)(FILE *out, const struct torn_litmus_table *table);
};

#define TORN_REPORT(identifier)                                                                    \
	static const struct torn_report *const torn_report_##identifier                            \
		__attribute__((used, retain, section("torn_reports"))) = &identifier

/*
 * Tell one trial in words: its log with the op where it went wrong marked,
 * what was reported, and the bytes that differ from old and from new.
 */
void torn_explain(FILE *out, const struct torn_trial *trial, const struct torn_invariant *invariant,
		  const struct torn_judgement *judgement);

#endif
