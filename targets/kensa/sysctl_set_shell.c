/*
 * sysctl_set_shell.c: `sysctl -w k=v`, then `printf '%s' body > file`; rollback the file first, and where that
 * fails an early return, as by calls.
 */
#include <stdlib.h>
#include <string.h>

#include "shell_handlers.h"

#define MODE "0644"

static bool is_accepted(const struct kensa_context *context, const struct kensa_step *step)
{
	return context->version < KENSA_HEAD || (!kensa_has_control(kensa_param(step, "key")) &&
						 !kensa_has_control(kensa_param(step, "value")) &&
						 !kensa_has_control(kensa_param(step, "persist_file")));
}

static bool capture_value(const struct kensa_context *context, struct torn_bytes key,
			  struct kensa_prestate *state)
{
	char *value = NULL;

	if (shell_run(context, &value, "sysctl -n %q", key) != 0)
		return false;
	bool is_added = kensa_prestate_add(state, "runtime_value", value, strlen(value)) == 0;
	free(value);
	return is_added;
}

static enum kensa_outcome look(const struct kensa_context *context, const struct kensa_step *step,
			       struct kensa_prestate *state)
{
	const struct torn_bytes key = kensa_param(step, "key"), file = kensa_param(step, "persist_file");

	if (!is_accepted(context, step) ||
	    (context->version == KENSA_FIXED && !shell_takes(kensa_param(step, "value"))) ||
	    kensa_prestate_add(state, "key", (const char *)key.data, key.size) < 0 ||
	    kensa_prestate_add(state, "persist_file", (const char *)file.data, file.size) < 0 ||
	    !capture_value(context, key, state))
		return KENSA_CAPTURE_INCOMPLETE;
	return shell_file_capture(context, state, "persist_file_content", (const char *)file.data);
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	return kensa_captured(look(context, step, ret_state), ret_state);
}

static enum kensa_outcome set(const struct kensa_context *context, struct torn_bytes key,
			      struct torn_bytes value)
{
	return shell_run(context, NULL, "sysctl -w %q=%q", key, value) == 0 ? KENSA_SUCCESS : KENSA_FAILED;
}

static enum kensa_outcome persist(const struct kensa_context *context, const struct kensa_step *step)
{
	char *body = NULL;
	size_t size = 0;

	FILE *to = open_memstream(&body, &size);
	if (!to)
		return KENSA_ERROR;
	fprintf(to, "# Managed by Kensa.\n%s = %s\n", (const char *)kensa_param(step, "key").data,
		(const char *)kensa_param(step, "value").data);
	enum kensa_outcome outcome = KENSA_ERROR;
	if (fclose(to) == 0)
		outcome = shell_file_write(context, (const char *)kensa_param(step, "persist_file").data, MODE,
					   (struct torn_bytes){(const uint8_t *)body, size});
	free(body);
	return outcome;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	(void)state;
	enum kensa_outcome outcome = set(context, kensa_param(step, "key"), kensa_param(step, "value"));
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_runtime_write"))
		return KENSA_ERROR;
	if (outcome == KENSA_SUCCESS)
		outcome = persist(context, step);
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_file_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

static enum kensa_outcome restore_file(const struct kensa_context *context, const struct kensa_prestate *state)
{
	return shell_file_restore(context, state, "persist_file_content", kensa_fact_text(state, "persist_file"),
				  MODE);
}

static enum kensa_outcome restore_value(const struct kensa_context *context, const struct kensa_prestate *state)
{
	enum kensa_outcome outcome =
		set(context, kensa_fact_bytes(state, "key"), kensa_fact_bytes(state, "runtime_value"));
	return outcome ? KENSA_PARTIAL_RESTORE : KENSA_SUCCESS;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	(void)step;
	if (context->version == KENSA_FIXED)
		return kensa_restore_both(context, state, restore_file, restore_value);
	enum kensa_outcome outcome = restore_file(context, state);
	if (outcome)
		return outcome; /* and the runtime value stays changed */
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	return restore_value(context, state);
}

const struct kensa_handler kensa_sysctl_set_shell = {
	.mechanism = "sysctl_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
