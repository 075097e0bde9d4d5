/*
 * audit_rule_set.c: rules of the kernel's audit subsystem, and a file in rules.d by which the next boot loads
 * them (seeds/kensa.md, "audit_rule_set"). The kernel path.
 *
 * Apply: each rule into the kernel, then the file. One that is loaded already is meant to be no error, and is one:
 * go-libaudit makes errors.New("rule exists") of EEXIST, which errors.Is(err, EEXIST) does not know.
 * Rollback: the file first, and where that fails an early return; then the rules that were not loaded before,
 * up to the first error. Where no client can be had, the shell's commands: after the file step.
 *
 * HEAD merges its lines into the file, refuses a rule that is loaded under another key, and where nothing may
 * be changed until the next boot (enabled 2) writes the file only.
 *
 * FIXED differs from HEAD: a rule that is loaded is none to be loaded; whether a watched path is a
 * directory is looked up once; the file comes back as it was, where nobody
 * else changed it, also one without a rule in it; every step of a rollback is done, whatever became of the others;
 * there is no fall-back to commands that write a file in place and load what all other files say.
 */
#include <errno.h>
#include <string.h>

#include "audit_fallback.h"
#include "audit_kernel.h"
#include "audit_lines.h"
#include "handling.h"
#include "kernelio_files.h"
#include "kernelio_restore.h"

#define MODE 0640
#define FILE_DEFAULT "/etc/audit/rules.d/99-kensa.rules"
#define IMMUTABLE 2u

static struct torn_bytes text_bytes(const char *text)
{
	return text ? torn_bytes_of(text) : (struct torn_bytes){NULL, 0};
}

/* ---------------------------------------------------------------- capture */

static bool add_lines(struct kensa_prestate *state, const char *name, const char *lines)
{
	return *lines == '\0' || kensa_prestate_add(state, name, lines, strlen(lines)) == 0;
}

/* The rules that the kernel is told, of a text of the step's or of its state's. */
static struct audit_text for_kernel(const struct kensa_context *context, struct torn_bytes rules)
{
	return (struct audit_text){rules, context->version == KENSA_FIXED};
}

/*
 * FIXED: whether a watched path is a directory is looked up once. Where it is asked again a failing stat(2), or
 * somebody's mkdir, makes another rule of the same line: what is unloaded is not what was loaded.
 */
static enum kensa_outcome resolve(const struct kensa_context *context, struct torn_bytes rules,
				  struct kensa_prestate *state)
{
	char *resolved = NULL;

	if (audit_kernel_resolve(rules, audit_rule_is_directory, context, &resolved) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	const bool added =
		kensa_prestate_add(state, "resolved_rules", resolved, strlen(resolved)) == 0;
	free(resolved);
	return added ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE;
}

/* Which rules rollback has to unload: none where nothing may be changed. Returns 0 or -errno. */
static int look_at_kernel(const struct kensa_context *context, struct audit_client *client,
			  struct torn_bytes rules, struct kensa_prestate *state)
{
	uint32_t enabled = 0;
	char *missing = NULL;

	int result = audit_kernel_missing(client, for_kernel(context, rules), &missing, NULL);
	if (result < 0)
		return result;
	if (context->version >= KENSA_HEAD)
		result = audit_client_enabled(client, &enabled);
	bool added = true;
	if (result == 0 && enabled == IMMUTABLE)
		added = kensa_prestate_add(state, "immutable_staged", "true", strlen("true")) == 0;
	else if (result == 0)
		added = add_lines(state, "added_rules", missing);
	free(missing);
	return result < 0 ? result : added ? 0 : -ENOMEM;
}

static enum kensa_outcome capture_kernel(const struct kensa_context *context, struct torn_bytes rules,
					 struct kensa_prestate *state)
{
	struct audit_client client;

	if (audit_client_open(&client) < 0) /* the shell's capture looks at the file alone */
		return context->version == KENSA_FIXED ? KENSA_CAPTURE_INCOMPLETE : KENSA_SUCCESS;
	int result = look_at_kernel(context, &client, rules, state);
	audit_client_close(&client);
	return result < 0 ? KENSA_CAPTURE_INCOMPLETE : KENSA_SUCCESS;
}

/* HEAD: which lines the file has not. */
static enum kensa_outcome add_file_lines(struct torn_bytes rules, struct kensa_prestate *state)
{
	char *merged = NULL, *added = NULL;
	size_t size = 0;

	if (audit_lines_merge(kensa_fact_bytes(state, "prior_content"), rules, &merged, &size, &added) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	bool is_added = add_lines(state, "file_added_lines", added);
	free(merged);
	free(added);
	return is_added ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE;
}

static enum kensa_outcome look(const struct kensa_context *context, const struct kensa_step *step,
			       struct kensa_prestate *state)
{
	const struct torn_bytes rules = kensa_param(step, "rule"), given = kensa_param(step, "persist_file");
	const char *path = given.size > 0 ? (const char *)given.data : FILE_DEFAULT;
	const bool is_fixed = context->version == KENSA_FIXED;

	if (rules.size == 0 || kensa_prestate_add(state, "path", path, strlen(path)) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	/* of lines with a NUL a state would have the part before it */
	if (is_fixed && memchr(rules.data, '\0', rules.size))
		return KENSA_CAPTURE_INCOMPLETE;
	enum kensa_outcome outcome = is_fixed ? resolve(context, rules, state) : KENSA_SUCCESS;
	if (outcome == KENSA_SUCCESS)
		outcome = capture_kernel(
			context, is_fixed ? kensa_fact_bytes(state, "resolved_rules") : rules,
			state);
	if (outcome == KENSA_SUCCESS)
		outcome = kensa_file_capture(context, state, "prior_content", path);
	if (outcome == KENSA_SUCCESS && context->version >= KENSA_HEAD)
		outcome = add_file_lines(rules, state);
	return outcome;
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	return kensa_captured(look(context, step, ret_state), ret_state);
}

/* ------------------------------------------------------------------ apply */

/* What the file is to be: HEAD reads it again, and merges. `ret_body` is malloc'ed. */
static bool compose(const struct kensa_context *context, const struct kensa_prestate *state,
		    struct torn_bytes rules, char **ret_body, size_t *ret_size)
{
	char *current = NULL;
	size_t size = 0;

	if (context->version < KENSA_HEAD) {
		int length = asprintf(ret_body, "# Managed by Kensa.\n%.*s\n", (int)rules.size,
				      (const char *)rules.data);
		*ret_size = (size_t)length;
		return length >= 0;
	}
	if (kensa_file_read(context, kensa_fact_text(state, "path"), &current, &size) < 0)
		return false;
	int result = audit_lines_merge((struct torn_bytes){(const uint8_t *)current, size}, rules, ret_body,
				       ret_size, NULL);
	free(current);
	return result == 0;
}

static enum kensa_outcome persist(const struct kensa_context *context, const struct kensa_prestate *state,
				  struct torn_bytes rules)
{
	char *body = NULL;
	size_t size = 0;

	if (!compose(context, state, rules, &body, &size))
		return KENSA_ERROR;
	enum kensa_outcome outcome = kensa_file_write(context, kensa_fact_text(state, "path"), MODE,
						      (struct torn_bytes){(const uint8_t *)body, size});
	free(body);
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_file_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

/* HEAD: is one loaded under another key? It would be there twice, and the next boot's load stops at it. */
static bool is_free_of_conflicts(struct audit_client *client, struct audit_text rules)
{
	char *missing = NULL;
	bool conflicts = false;

	if (audit_kernel_missing(client, rules, &missing, &conflicts) < 0)
		return false;
	free(missing);
	return !conflicts;
}

/* Returns whether the rules are in the kernel then, or are left to the next boot. */
static enum kensa_outcome load(const struct kensa_context *context, struct audit_client *client,
			       struct audit_text rules)
{
	uint32_t enabled = 0;

	if (context->version >= KENSA_HEAD) {
		if (!is_free_of_conflicts(client, rules) || audit_client_enabled(client, &enabled) < 0)
			return KENSA_FAILED;
		if (enabled == IMMUTABLE)
			return KENSA_SUCCESS; /* staged */
	}
	if (audit_kernel_load(client, rules, context->version == KENSA_FIXED) < 0)
		return KENSA_FAILED; /* those before it stay loaded */
	return kensa_cancelled("kensa/after_runtime_write") ? KENSA_ERROR : KENSA_SUCCESS;
}

static enum kensa_outcome apply_by_commands(const struct kensa_context *context,
					    const struct kensa_prestate *state, struct torn_bytes rules)
{
	char *body = NULL;
	size_t size = 0;

	if (!compose(context, state, rules, &body, &size))
		return KENSA_ERROR;
	enum kensa_outcome outcome = audit_fallback_write(context, kensa_fact_text(state, "path"),
							  (struct torn_bytes){(const uint8_t *)body, size});
	free(body);
	return outcome;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	const struct torn_bytes rules = kensa_param(step, "rule");
	struct audit_client client;

	if (audit_client_open(&client) < 0)
		return context->version == KENSA_FIXED ? KENSA_ERROR
						       : apply_by_commands(context, state, rules);
	const struct torn_bytes resolved = kensa_fact_bytes(state, "resolved_rules");
	enum kensa_outcome outcome =
		load(context, &client, for_kernel(context, resolved.data ? resolved : rules));
	if (outcome == KENSA_SUCCESS)
		outcome = persist(context, state, rules);
	audit_client_close(&client);
	return outcome;
}

/* --------------------------------------------------------------- rollback */

/* What rollback makes of the file: malloc'ed, NULL: no file. */
struct reduced {
	char *text;
	size_t size;
};

/* HEAD: the current file without the lines that were added; without a rule left there is no file. */
static bool reduce(const struct kensa_context *context, const struct kensa_prestate *state,
		   struct reduced *ret_reduced)
{
	char *current = NULL;
	size_t size = 0;
	bool remains = false;

	if (kensa_file_read(context, kensa_fact_text(state, "path"), &current, &size) < 0)
		return false;
	int result = audit_lines_remove((struct torn_bytes){(const uint8_t *)current, size},
					kensa_fact_bytes(state, "file_added_lines"), &ret_reduced->text,
					&ret_reduced->size, &remains);
	free(current);
	/* FIXED: one that was there before is there after, whatever is in it */
	const bool stays = context->version == KENSA_FIXED && kensa_fact_bytes(state, "prior_content").data;
	if (result == 0 && !remains && !stays) {
		free(ret_reduced->text);
		*ret_reduced = (struct reduced){NULL, 0};
	}
	return result == 0;
}

static bool restore_reduced(const struct kensa_context *context, const struct kensa_prestate *state,
			    bool by_commands)
{
	const char *path = kensa_fact_text(state, "path");
	const enum kernelio_version primitives = kensa_primitives(context);
	struct reduced reduced = {NULL, 0};
	bool done = false;

	if (!reduce(context, state, &reduced))
		return false;
	const struct torn_bytes body = {(const uint8_t *)reduced.text, reduced.size};
	if (by_commands)
		done = (body.data ? audit_fallback_write(context, path, body)
				  : audit_fallback_remove(context, path)) == KENSA_SUCCESS;
	else if (body.data)
		done = kernelio_write_file(primitives, path, MODE, body) == FSATOMIC_OK;
	else
		done = kernelio_remove_file(primitives, path) == FSATOMIC_OK;
	free(reduced.text);
	return done;
}

/*
 * FIXED: is the file what it was, or what apply makes of that? Then nobody else changed it. False where
 * that cannot be known.
 */
static bool look_whose(const struct kensa_context *context, const struct kensa_prestate *state,
		       bool *ret_is_ours)
{
	const struct torn_bytes prior = kensa_fact_bytes(state, "prior_content");
	char *current = NULL, *merged = NULL;
	size_t current_size = 0, merged_size = 0;

	if (kensa_file_read(context, kensa_fact_text(state, "path"), &current, &current_size) < 0)
		return false;
	const struct torn_bytes now = {(const uint8_t *)current, current_size};
	int result = audit_lines_merge(prior, kensa_fact_bytes(state, "file_added_lines"), &merged,
				       &merged_size, NULL);
	bool is_old = now.data ? prior.data && torn_bytes_equal(now, prior) : !prior.data;
	bool is_new = now.data && result == 0 &&
		      torn_bytes_equal(now, (struct torn_bytes){(const uint8_t *)merged, merged_size});
	*ret_is_ours = is_old || is_new;
	free(current);
	free(merged);
	return result == 0;
}

static enum kensa_outcome restore_file(const struct kensa_context *context,
				       const struct kensa_prestate *state)
{
	bool is_ours = context->version < KENSA_HEAD;

	if (context->version == KENSA_FIXED && !look_whose(context, state, &is_ours))
		return KENSA_ERROR;
	if (is_ours)
		return kensa_file_restore(context, state, "prior_content",
					  kensa_fact_text(state, "path"), MODE);
	return restore_reduced(context, state, false) ? KENSA_SUCCESS : KENSA_ERROR;
}

static enum kensa_outcome rollback_by_commands(const struct kensa_context *context,
					       const struct kensa_prestate *state)
{
	const char *path = kensa_fact_text(state, "path");
	const struct torn_bytes prior = kensa_fact_bytes(state, "prior_content");

	if (context->version >= KENSA_HEAD)
		return restore_reduced(context, state, true) ? KENSA_SUCCESS : KENSA_FAILED;
	return prior.data ? audit_fallback_write(context, path, prior) : audit_fallback_remove(context, path);
}

/* Is none of them loaded any more? */
static bool are_gone(struct audit_client *client, struct audit_text added)
{
	char *missing = NULL;

	if (audit_kernel_missing(client, added, &missing, NULL) < 0)
		return false;
	struct torn_bytes rest = added.lines, left = text_bytes(missing), line;
	size_t wanted = 0, found = 0;
	while (audit_lines_next_rule(&rest, &line))
		wanted++;
	while (audit_lines_next_rule(&left, &line))
		found++;
	free(missing);
	return wanted == found;
}

static enum kensa_outcome unload(const struct kensa_context *context, const struct kensa_prestate *state,
				 struct audit_client *client)
{
	const struct audit_text added = for_kernel(context, kensa_fact_bytes(state, "added_rules"));

	if (!added.lines.data)
		return KENSA_SUCCESS;
	if ((context->version == KENSA_FIXED ? audit_kernel_unload_all(client, added)
					     : audit_kernel_unload(client, added)) < 0)
		return KENSA_PARTIAL_RESTORE;
	if (context->version >= KENSA_HEAD && !are_gone(client, added))
		return KENSA_PARTIAL_RESTORE;
	return KENSA_SUCCESS;
}

/* With a client of its own: an answer that one did not get is not taken for the next one's. */
static enum kensa_outcome restore_kernel(const struct kensa_context *context,
					 const struct kensa_prestate *state)
{
	struct audit_client client;

	if (audit_client_open(&client) < 0)
		return KENSA_PARTIAL_RESTORE;
	enum kensa_outcome outcome = unload(context, state, &client);
	audit_client_close(&client);
	return outcome;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	struct audit_client client;

	(void)step;
	if (context->version == KENSA_FIXED)
		return kensa_restore_both(context, state, restore_file, restore_kernel);
	enum kensa_outcome outcome = restore_file(context, state);
	if (outcome)
		return outcome;
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	if (audit_client_open(&client) < 0)
		return rollback_by_commands(context, state);
	outcome = unload(context, state, &client);
	audit_client_close(&client);
	return outcome;
}

const struct kensa_handler kensa_audit_rule_set = {
	.mechanism = "audit_rule_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
