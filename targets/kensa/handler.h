/*
 * handler.h: what the engine asks of a mechanism (seeds/kensa.md, "Handlers"):
 * capture what is there, apply a change, roll it back.
 *
 * A handler is a row of three functions. It keeps nothing between them: what
 * capture saw is in the pre-state, which the engine keeps and may write down.
 */
#ifndef KENSA_HANDLER_H
#define KENSA_HANDLER_H

#include "kernelio.h"

/* Of the published code, and ours: `fixed` is `head` with what torn found repaired. */
enum kensa_version { KENSA_PRE115, KENSA_PR115, KENSA_HEAD, KENSA_FIXED };

/* By system calls, or by commands for /bin/sh: with stand-ins, or with the real dconf(1) where it is installed. */
enum kensa_path { KENSA_KERNEL, KENSA_SHELL, KENSA_SHELL_REAL_DCONF };

#define KENSA_PARAMS_MAX 8
#define KENSA_FACTS_MAX 12
/* A captured file is no larger: more is KENSA_CAPTURE_INCOMPLETE. */
#define KENSA_BYTES_MAX ((size_t)64 << 10)

/* A parameter of a rule's step: "key", "value". The caller owns the bytes. */
struct kensa_param {
	const char *name;
	struct torn_bytes value;
};

struct kensa_step {
	const char *mechanism; /* "sysctl_set" */
	struct kensa_param params[KENSA_PARAMS_MAX];
	size_t params_count;
};

/* Return a parameter's bytes, which have a NUL behind them; data NULL where it is not given. */
struct torn_bytes kensa_param(const struct kensa_step *step, const char *name);

/* One thing that capture saw. `text` is malloc'ed and has a NUL behind it; NULL: it was not there. */
struct kensa_fact {
	char name[32]; /* "persist_file_content" */
	char *text;
	size_t size;
};

/* PreState: what rollback goes by. */
struct kensa_prestate {
	struct kensa_fact facts[KENSA_FACTS_MAX];
	size_t facts_count;
};

/* Add a fact; text NULL: it is not there. Returns 0 or -ENOMEM (also where there is no room). */
int kensa_prestate_add(struct kensa_prestate *state, const char *name, const char *text, size_t size);
/* Return the fact of that name; NULL where capture did not look. */
const struct kensa_fact *kensa_prestate_fact(const struct kensa_prestate *state, const char *name);
void kensa_prestate_free(struct kensa_prestate *state);

enum kensa_outcome {
	KENSA_SUCCESS,
	KENSA_FAILED,             /* StepResult{Success: false} */
	KENSA_ERROR,              /* a Go error: transport, persisting */
	KENSA_PARTIAL_RESTORE,    /* of rollback: some of it was put back, and it says so */
	KENSA_CAPTURE_INCOMPLETE, /* of capture: nothing may be applied */
};

struct kensa_context {
	enum kensa_version version;
	enum kensa_path path;
};

struct kensa_handler {
	const char *mechanism;
	/* KENSA_SUCCESS, or KENSA_CAPTURE_INCOMPLETE with nothing in `ret_state`, which the caller frees. */
	enum kensa_outcome (*capture)(const struct kensa_context *context, const struct kensa_step *step,
				      struct kensa_prestate *ret_state);
	enum kensa_outcome (*apply)(const struct kensa_context *context, const struct kensa_step *step,
				    const struct kensa_prestate *state);
	enum kensa_outcome (*rollback)(const struct kensa_context *context, const struct kensa_step *step,
				       const struct kensa_prestate *state);
};

extern const struct kensa_handler kensa_sysctl_set, kensa_kernel_module_disable, kensa_audit_rule_set,
	kensa_dconf_set, kensa_mount_option_set;

/* Return the handler of a mechanism; NULL where there is none. */
const struct kensa_handler *kensa_handler_named(const char *mechanism);

/*
 * Capture, apply, and where that fails roll back: a handler by itself, as the engine
 * drives it with one step, without journal. Returns 0, TORN_ROLLED_BACK,
 * TORN_ROLLBACK_FAILED, or 1 where nothing was applied.
 */
int kensa_handler_run(const struct kensa_handler *handler, const struct kensa_context *context,
		      const struct kensa_step *step);

/*
 * Run a command as the local transport does (`sh -c`): output trimmed of trailing
 * newlines and malloc'ed into `ret_output` (may be NULL). Returns the exit status; -1 where it
 * could not be run. Without a shell (the gate in process starts none) the commands of
 * the kernel path (`mount -o remount`, `modprobe`, `modinfo`, `dconf update`, `findmnt`) are
 * called as functions: standins.h.
 */
int kensa_run(const struct kensa_context *context, const char *command, char **ret_output);

#endif
