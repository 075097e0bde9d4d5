/*
 * handling.h: what the handlers have in common: a file that is captured, written and
 * put back, and the moments between two changes at which their context may be cancelled.
 */
#ifndef KENSA_HANDLING_H
#define KENSA_HANDLING_H

#include "handler.h"

/* Points of failure between calls, of all handlers. NULL ends them. */
extern const char *const kensa_points[];

/* A moment at which the context may be cancelled: true where it was. Each is in kensa_points. */
bool kensa_cancelled(const char *point);

/*
 * The end of a capture: its outcome, or KENSA_CAPTURE_INCOMPLETE where the context is cancelled now. Whatever
 * is not KENSA_SUCCESS leaves nothing in `state`.
 */
enum kensa_outcome kensa_captured(enum kensa_outcome outcome, struct kensa_prestate *state);

/* Which primitives a version of the handlers calls. */
enum kernelio_version kensa_primitives(const struct kensa_context *context);

/*
 * Has an absolute path only names: no "", "." or ".."? The primitives clean a path by its text, open(2) follows it: of
 * "/a/../b" they come to two files where a is a symlink or is not there.
 */
bool kensa_path_leads_down(const char *path);
/* FIXED: may a file or a database of dconf be called so? It reads no names with a dot before them, and the locks have one of their own. */
bool kensa_is_dconf_name(const char *name);

/*
 * Read a file that a handler changes, as kernelio_read_file_if_exists(); FIXED refuses what is no regular
 * file. Returns 0, or -1 with errno.
 */
int kensa_file_read(const struct kensa_context *context, const char *path, char **ret_text, size_t *ret_size);

/*
 * Add what a file has, or that there is none, as the fact `name`. FIXED adds "NAME.attributes" (mode,
 * owner, extended attributes), and refuses what its own apply would refuse later: a symlink, what is no
 * regular file, a directory that is missing. Returns KENSA_SUCCESS or KENSA_CAPTURE_INCOMPLETE.
 */
enum kensa_outcome kensa_file_capture(const struct kensa_context *context, struct kensa_prestate *state,
				      const char *name, const char *path);
/* The same of a file whose directory apply makes. */
enum kensa_outcome kensa_file_capture_below(const struct kensa_context *context,
					    struct kensa_prestate *state, const char *name,
					    const char *path);
/* Write a file with the primitives of the version. Returns KENSA_SUCCESS or KENSA_ERROR. */
enum kensa_outcome kensa_file_write(const struct kensa_context *context, const char *path, mode_t mode,
				    struct torn_bytes content);
/*
 * Make a file what kensa_file_capture() saw: its bytes with `mode`, or none. FIXED puts back its
 * attributes, too, and touches nothing that is as it was. Returns KENSA_SUCCESS or KENSA_ERROR.
 */
enum kensa_outcome kensa_file_restore(const struct kensa_context *context,
				      const struct kensa_prestate *state, const char *name,
				      const char *path, mode_t mode);

/* A step of a rollback. */
typedef enum kensa_outcome kensa_restore(const struct kensa_context *context,
					 const struct kensa_prestate *state);
/*
 * The rollback of FIXED: whatever becomes of the file, the runtime is put back, too; what failed is tried
 * once more. Returns KENSA_SUCCESS, or KENSA_PARTIAL_RESTORE where one failed twice or the context is
 * cancelled between them.
 */
enum kensa_outcome kensa_restore_both(const struct kensa_context *context, const struct kensa_prestate *state,
				      kensa_restore *file, kensa_restore *runtime);

/* The bytes of a fact that is there; data NULL where it is not. */
struct torn_bytes kensa_fact_bytes(const struct kensa_prestate *state, const char *name);
/* The same as a string; "" where it is not. */
const char *kensa_fact_text(const struct kensa_prestate *state, const char *name);

/* Has it a byte that a line of a configuration file cannot have: a control character? */
bool kensa_has_control(struct torn_bytes bytes);

/*
 * Run a handler by itself, as kensa_handler_run(), in a target: each argument is a parameter of the step, but for
 * `path`, which says by which of the two: "shell", "real_dconf" or, as where there is none, "kernel". `shell` may
 * be NULL.
 */
int kensa_handler_operate(const struct kensa_handler *kernel, const struct kensa_handler *shell,
			  enum kensa_version version, const struct torn_run *run);

/* Define the operation of a variant, and those that all handlers' targets have. */
#define KENSA_HANDLER_VARIANT(name, version, kernel, shell)                                        \
	static int name(const struct torn_run *run)                                                \
	{                                                                                          \
		return kensa_handler_operate(&(kernel), shell, version, run);                      \
	}
#define KENSA_HANDLER_VARIANTS(kernel, shell)                                                      \
	KENSA_HANDLER_VARIANT(pr115, KENSA_PR115, kernel, shell)                                   \
	KENSA_HANDLER_VARIANT(head, KENSA_HEAD, kernel, shell)                                     \
	KENSA_HANDLER_VARIANT(fixed, KENSA_FIXED, kernel, shell)

#endif
