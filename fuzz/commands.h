/* commands.h: what `torn NAME ...` does: one function and one file each. */
#ifndef TORN_COMMANDS_H
#define TORN_COMMANDS_H

#include "options.h"
#include "sweep.h"

/* Each takes its own argv (argv[0] is the command's name) and returns the exit code. */
int torn_command_list(int argc, char **argv);
int torn_command_check(int argc, char **argv);
int torn_command_replay(int argc, char **argv);
int torn_command_explain(int argc, char **argv);
int torn_command_gate(int argc, char **argv);
int torn_command_fuzz(int argc, char **argv);
int torn_command_exec(int argc, char **argv);
int torn_command_litmus(int argc, char **argv);

/* A variant that is to be checked, and what the check came to. */
struct torn_checked {
	const struct torn_target *target;
	const struct torn_variant *variant;
	const struct torn_case *program_case; /* of a program: the target is made of it; else NULL */
	unsigned depth; /* of its sweep; 0: as the options say */
	struct torn_sweep *sweep; /* owns the texts of the result */
	struct torn_result result;
};

struct torn_check {
	struct torn_checked *items;
	size_t count;
	/* Sweep each a second time, by single faults and power cuts; what both find is put together. */
	bool power_too;
	const struct torn_program *program; /* that all of them run; NULL: their functions are called */
	bool interrupted;
	/* Called after each; may be NULL. */
	void (*finished)(void *context, const struct torn_checked *item,
			 const struct torn_options *options);
	void *context;
};

/*
 * Choose what to check: all variants of all targets, or of those named
 * (TARGET or TARGET@VARIANT). Returns 0, or -EINVAL after saying in one line
 * which name does not exist.
 */
int torn_check_choose(struct torn_check *check, const struct torn_options *options);
/* Sweep them all. Returns 0, or -EPROTO after saying why torn cannot work here. */
int torn_check_run(struct torn_check *check, const struct torn_options *options);
void torn_check_free(struct torn_check *check);

/* What replaying one case came to. */
struct torn_replayed {
	enum torn_verdict verdict; /* INVALID: it no longer applies */
	bool failed;               /* torn failed: see text */
	bool is_skipped;           /* so it did, since the case's disk cannot be had here */
	char text[640];            /* one sentence */
	struct torn_trial trial;   /* trees and log live as long as the worker's recorder */
	struct torn_judgement judgement;
	const struct torn_invariant *invariant; /* that was judged; NULL: none is violated */
	const struct torn_case *c;
};

struct torn_worker;

/*
 * Replay a case: a clean run for new, the plan, and for a kill a real SIGKILL
 * that must leave the same tree. Returns 0; -EINVAL with one line told on stderr
 * where the case cannot be read; -EINTR; -EPROTO.
 */
int torn_replay(struct torn_worker *worker, const char *path, struct torn_arena *arena,
		struct torn_replayed **ret_replayed);

/* The same for a case that is at hand, and lies in the arena or longer. */
int torn_replay_case(struct torn_worker *worker, const struct torn_case *c, struct torn_arena *arena,
		     struct torn_replayed **ret_replayed);
/* The same for a text that is at hand. */
int torn_replay_text(struct torn_worker *worker, const char *text, struct torn_arena *arena,
		     struct torn_replayed **ret_replayed);

#endif
