/*
 * rehearsal.h: what a program does when nothing goes wrong, before anything is made to go wrong: is it one that
 * can be judged at all?
 */
#ifndef TORN_REHEARSAL_H
#define TORN_REHEARSAL_H

#include "worker.h"

/* Bytes of its output that are kept. */
#define TORN_REHEARSED_OUTPUT_MAX ((size_t)32 << 20)

/* Shared with the worker that runs it. */
struct torn_rehearsal {
	bool failed;        /* torn itself did: `text` */
	char text[600];     /* what is wrong, and what to do; "" where it can be judged */
	enum torn_end end;
	int code;
	uint32_t ops;
	unsigned notes;     /* enum torn_trace_note */
	char note[160];     /* what it tried outside, the first */
	struct torn_old *olds; /* what --setup left, in the arena that was given; NULL: nothing was set up */
	size_t olds_count;
	struct torn_bytes *watches; /* what is watched: said, or all that it changed; in the arena that was given */
	size_t watches_count;
	size_t outputs[2];  /* bytes written to stdout, stderr */
	uint8_t output[2][TORN_REHEARSED_OUTPUT_MAX];
};

/* Returns 0 or -errno. */
int torn_rehearsal_open(struct torn_rehearsal **ret_rehearsal);
void torn_rehearsal_close(struct torn_rehearsal *rehearsal);

/*
 * Run a program three times in a worker: twice the same, and once on another day with other randomness, to see
 * whether what it writes depends on that. `arena` has to be mapped shared and is the worker's meanwhile. Returns
 * 0, with what it came to in the rehearsal; -EINTR; -EPROTO with one sentence in `ret_message`.
 */
int torn_rehearse(struct torn_worker *worker, const struct torn_case *c, bool only_once,
		  struct torn_arena *arena, struct torn_rehearsal *rehearsal, char *ret_message, size_t size);

/*
 * Run a shell's command in the program's directory, behind the same walls; what it leaves is the old state from
 * then on: the rehearsal's olds, in `arena`. Returns as torn_rehearse().
 */
int torn_rehearse_setup(struct torn_worker *worker, const struct torn_case *c, const char *command,
			struct torn_arena *arena, struct torn_rehearsal *rehearsal, char *ret_message,
			size_t size);

#endif
