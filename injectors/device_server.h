/*
 * device_server.h: a process that stays root and keeps a disk, for workers that gave up root before they ran
 * anything. It is asked for what cuts of a run leave, one run after another, and answers tree by tree.
 *
 * Questions and answers lie in memory that is shared; a socket says when. It ends when whoever started it does.
 */
#ifndef TORN_DEVICE_SERVER_H
#define TORN_DEVICE_SERVER_H

#include "device_cuts.h"

struct torn_device_server;

/*
 * Start one, before the process that asks. Returns 0; -errno with one sentence in `ret_message`, as
 * torn_device_enter() and torn_device_open() have them.
 */
int torn_device_server_start(struct torn_device_server **ret_server, const struct torn_device_choice *choice,
			     char *ret_message, size_t size);
/* End it, and wait until all that it mounted is gone. */
void torn_device_server_stop(struct torn_device_server *server);
const struct torn_device_choice *torn_device_server_choice(const struct torn_device_server *server);
/* The same as a case says it; lives as long as the server. */
const char *torn_device_server_name(const struct torn_device_server *server);
/*
 * Where this process has several servers, have this one keep to a processor of its own: what is mounted there, and what the
 * kernel's threads do for it, goes a quarter faster (measured). A single one is left to the scheduler, which knows who else is there.
 */
void torn_device_server_spread(const struct torn_device_server *server);
/* Keep this process to the same: one of them works at a time. */
void torn_device_server_stay_near(const struct torn_device_server *server);
/*
 * Has somebody asked who did not wait for the end of the answer? Then that process died, or the server did: what is
 * asked next might get the answer to that. It is to be stopped, and another one started.
 */
bool torn_device_server_is_amid(const struct torn_device_server *server);
/* Whoever asks keeps this descriptor, or has given it another number: says which it is now. */
int torn_device_server_fd(const struct torn_device_server *server);
void torn_device_server_set_fd(struct torn_device_server *server, int fd);

/* A run that is to be done again: torn_device_begin() and torn_device_record(). */
struct torn_device_run {
	const struct torn_fold_base *base;
	const struct torn_log *log;
	uint32_t commit;
};

/*
 * Look at its cuts, as torn_device_states() does. Returns as that, or -ENOTSUP where the file system cannot do
 * the run.
 */
int torn_device_ask_states(struct torn_device_server *server, const struct torn_device_run *run,
			   const struct torn_device_how *how, torn_device_visit *visit, void *context,
			   struct torn_device_count *count, char *ret_message, size_t size);
/* Look at one of them, as torn_device_look() does; ret_state->tree lies in `arena`, the cut is the caller's. */
int torn_device_ask(struct torn_device_server *server, const struct torn_device_run *run,
		    const struct torn_device_cut *cut, struct torn_arena *arena, struct torn_device_state *ret_state,
		    char *ret_message, size_t size);

#endif
