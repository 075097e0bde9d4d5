/*
 * recorder.h: one run as it is written down. Both gates fill it: they decode a
 * call, have it located here, ask the plan, perform it their own way, and hand
 * it back to be logged and folded.
 *
 * All of it lies in memory that is shared with children, so that what a child
 * did before it died can be read.
 */
#ifndef TORN_RECORDER_H
#define TORN_RECORDER_H

#include "calls.h"
#include "faults.h"
#include "view.h"

/* The clock that a target sees starts here: 2001-09-09 01:46:40 UTC. */
#define TORN_CLOCK_START_NS INT64_C(1000000000000000000)
/* Each look at it takes a microsecond. */
#define TORN_CLOCK_TICK_NS 1000

enum torn_trouble {
	TORN_TROUBLE_NONE,
	TORN_TROUBLE_PROCESS,    /* it started a process: this gate cannot judge it */
	TORN_TROUBLE_INCOMPLETE, /* it did what torn does not model */
	TORN_TROUBLE_BROKEN,     /* torn itself failed */
};

struct torn_recorder {
	struct torn_arena arena;
	size_t arena_begin;     /* where the run's own part starts */
	struct torn_view view;
	const struct torn_fold_base *base; /* that the run began with: its maker's */
	struct torn_log log;
	uint32_t log_room;
	struct torn_armed armed;
	uint64_t random;        /* state of the run's PRNG */
	int64_t clock_ns;
	struct torn_bytes replies; /* of the simulated kernel, to be received: netlink(7) */
	volatile bool running;  /* the target has control, or died with it */
	enum torn_end end;
	int code;
	enum torn_trouble trouble;
	char trouble_text[200];
	long trouble_number; /* of a system call that calls.def lacks; else -1 */
};

/*
 * Map storage for runs: `bytes` for the tree, the paths and the data of one.
 * The recorder itself lies in it. Returns 0 or -errno.
 */
int torn_recorder_open(size_t bytes, struct torn_recorder **ret_recorder);
void torn_recorder_close(struct torn_recorder *recorder);

/* Begin a run from an old tree. Forgets the one before. Returns 0 or -ENOMEM. */
int torn_recorder_begin(struct torn_recorder *recorder, const struct torn_fold_base *base,
			const struct torn_plan *plan);

/* Note the first thing that makes the run unfit to judge. printf-like. */
void torn_recorder_trouble(struct torn_recorder *recorder, enum torn_trouble trouble,
			   const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Where a call belongs. */
enum torn_where {
	TORN_WHERE_ROOT,  /* it is a numbered op: perform it on the root */
	TORN_WHERE_ERROR, /* numbered too, but its names lead nowhere: op->result says how */
	TORN_WHERE_OUTPUT,
	TORN_WHERE_RANDOM,
	TORN_WHERE_PASS,  /* not ours: perform it as it is */
	TORN_WHERE_HOST,  /* a file of the loader's or of libc's: perform it as it is, to read only */
};

/* The strings of a request, read from its caller's memory. */
struct torn_strings {
	struct torn_bytes path, path_to, text, xattr;
};

/*
 * Resolve what a request names and fill an op with it: objects, directories,
 * paths, names, whether it creates; offsets, lengths and permission bits as
 * they will apply. `how` of the request holds the flags (also openat2's).
 * The op is new and counted by torn_recorder_number().
 */
enum torn_where torn_recorder_locate(struct torn_recorder *recorder, struct torn_request *request,
				     const struct torn_strings *strings, struct torn_op *op);

/*
 * The same of a call of class RUNTIME: what it makes of a file below the runtime mount is in op->data.
 * Of sendto(2) the message is in strings->text. TORN_WHERE_PASS where the root has no such thing, or it
 * is a socket of another kind: the call would act on this machine.
 */
enum torn_where torn_recorder_locate_runtime(struct torn_recorder *recorder,
					     const struct torn_request *request,
					     const struct torn_strings *strings, struct torn_op *op);
/*
 * Refuse what procfs refuses of an op that is located below the runtime mount, and mark it as such; a
 * write becomes one of kind `runtime`. Returns 0, also for an op elsewhere, or -errno.
 */
int torn_recorder_refuse_runtime(struct torn_recorder *recorder, struct torn_op *op);
/*
 * The bytes that such a write was given (op->data) become the file's content then. Returns the bytes
 * that the writer is told, and whether the file's offset moves on by them; or -errno as the kernel
 * refuses the value.
 */
int torn_recorder_write_runtime(struct torn_recorder *recorder, struct torn_op *op, bool *ret_moves);
/* The directory that is marked as runtime in the run's tree; 0: there is none. */
torn_object torn_recorder_runtime(const struct torn_recorder *recorder);
/* Is an inode of that file system? */
bool torn_recorder_is_runtime(const struct torn_recorder *recorder, torn_object object);
/* A file's bytes, in the recorder's arena; data NULL: there was no room. */
struct torn_bytes torn_recorder_content(struct torn_recorder *recorder, const struct torn_node *file);

/* Is a symlink at the end of a request's path followed? */
bool torn_request_follows(const struct torn_request *request);

/* Is a path one that libc looks for on its own account, and that no run finds? (TORN_WHERE_HOST) */
bool torn_path_is_absent(struct torn_bytes path);

/* Append an op to the log and give it its number. NULL: no room (noted as trouble or end). */
struct torn_op *torn_recorder_number(struct torn_recorder *recorder, const struct torn_op *op);
/* Record bytes for stdout or stderr. */
void torn_recorder_output(struct torn_recorder *recorder, enum torn_call call, int fd,
			  struct torn_bytes bytes);
/* The op is done, `result` and `told` are set: fold it. */
void torn_recorder_done(struct torn_recorder *recorder, struct torn_op *op);

/* Fill with the run's own randomness. */
void torn_recorder_random(struct torn_recorder *recorder, void *buffer, size_t size);
/* Look at the run's clock. */
int64_t torn_recorder_now(struct torn_recorder *recorder);

#endif
