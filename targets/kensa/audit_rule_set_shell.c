/*
 * audit_rule_set_shell.c: `printf … > f && augenrules --load`, rollback `rm -f f && augenrules --load`. What the
 * kernel has loaded is neither captured nor taken back by itself: where no file of rules.d begins with -D, loading
 * the files again only adds to it.
 *
 * FIXED loads and unloads its own rules, one by one (audit_commands.h), before it writes the file.
 */
#include <stdlib.h>
#include <string.h>

#include "audit_commands.h"
#include "audit_lines.h"
#include "shell_handlers.h"

#define MODE "0640"
#define LOAD "augenrules --load"

static bool add(struct kensa_prestate *state, const char *name, struct torn_bytes value)
{
	return kensa_prestate_add(state, name, (const char *)value.data, value.size) == 0;
}

static enum kensa_outcome look(const struct kensa_context *context, const struct kensa_step *step,
			       struct kensa_prestate *state)
{
	const struct torn_bytes file = kensa_param(step, "persist_file");

	if (kensa_param(step, "rule").size == 0 || !add(state, "path", file))
		return KENSA_CAPTURE_INCOMPLETE;
	if (context->version == KENSA_FIXED && !shell_takes(kensa_param(step, "rule")))
		return KENSA_CAPTURE_INCOMPLETE;
	if (context->version == KENSA_FIXED &&
	    audit_commands_look(context, kensa_param(step, "rule"), state) != KENSA_SUCCESS)
		return KENSA_CAPTURE_INCOMPLETE;
	return shell_file_capture(context, state, "prior_content", (const char *)file.data);
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	return kensa_captured(look(context, step, ret_state), ret_state);
}

/* The captured file, without the byte that FIXED has behind it. */
static struct torn_bytes prior_of(const struct kensa_context *context, const struct kensa_prestate *state)
{
	struct torn_bytes prior = kensa_fact_bytes(state, "prior_content");

	if (context->version == KENSA_FIXED && prior.size > 0)
		prior.size--;
	return prior;
}

/* HEAD merges its lines into the file. `ret_body` is malloc'ed. */
static bool compose(const struct kensa_context *context, const struct kensa_prestate *state,
		    struct torn_bytes rules, char **ret_body, size_t *ret_size)
{
	if (context->version >= KENSA_HEAD)
		return audit_lines_merge(prior_of(context, state), rules, ret_body, ret_size, NULL) == 0;
	int length = asprintf(ret_body, "# Managed by Kensa.\n%.*s\n", (int)rules.size, (const char *)rules.data);
	*ret_size = (size_t)length;
	return length >= 0;
}

static enum kensa_outcome write_and_load(const struct kensa_context *context, const char *path,
					 struct torn_bytes body)
{
	return shell_run(context, NULL, "printf '%%s' %q > %q && " LOAD, body, torn_bytes_of(path)) == 0 ? KENSA_SUCCESS
												 : KENSA_FAILED;
}

static enum kensa_outcome load_and_write(const struct kensa_context *context, const struct kensa_prestate *state,
					 struct torn_bytes body)
{
	enum kensa_outcome outcome = audit_commands_load(context, state);

	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_runtime_write"))
		outcome = KENSA_ERROR;
	if (outcome == KENSA_SUCCESS)
		outcome = shell_file_write(context, kensa_fact_text(state, "path"), MODE, body);
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_file_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	char *body = NULL;
	size_t size = 0;

	if (!compose(context, state, kensa_param(step, "rule"), &body, &size))
		return KENSA_ERROR;
	const struct torn_bytes text = {(const uint8_t *)body, size};
	enum kensa_outcome outcome;
	if (context->version == KENSA_FIXED)
		outcome = load_and_write(context, state, text);
	else
		outcome = write_and_load(context, kensa_fact_text(state, "path"), text);
	free(body);
	if (outcome == KENSA_SUCCESS && context->version != KENSA_FIXED &&
	    kensa_cancelled("kensa/after_runtime_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

static enum kensa_outcome restore_file(const struct kensa_context *context, const struct kensa_prestate *state)
{
	return shell_file_restore(context, state, "prior_content", kensa_fact_text(state, "path"), MODE);
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	const struct torn_bytes prior = kensa_fact_bytes(state, "prior_content");

	(void)step;
	if (context->version == KENSA_FIXED)
		return kensa_restore_both(context, state, restore_file, audit_commands_unload);
	if (prior.data)
		return write_and_load(context, kensa_fact_text(state, "path"), prior);
	return shell_run(context, NULL, "rm -f %q && " LOAD, kensa_fact_bytes(state, "path")) == 0
		       ? KENSA_SUCCESS
		       : KENSA_FAILED;
}

const struct kensa_handler kensa_audit_rule_set_shell = {
	.mechanism = "audit_rule_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
