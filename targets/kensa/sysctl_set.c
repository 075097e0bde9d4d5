/*
 * sysctl_set.c: a value of the kernel, and a drop-in by which the next boot sets it
 * (seeds/kensa.md, "sysctl_set"). The kernel path.
 *
 * Apply: the runtime value first, so that a value which the kernel rejects leaves no file; a
 * file step that fails leaves the runtime value changed, which is rollback's to take
 * back. Rollback of kensa's: the file first, and where that fails an early return.
 */
#include <limits.h>
#include <string.h>

#include "handling.h"
#include "kernelio_sysctl.h"

#define MODE 0644
#define SHARED_FILE "/etc/sysctl.d/99-kensa.conf"
#define FILE_OF_KEY "/etc/sysctl.d/99-kensa_%s.conf"

/* HEAD: a file for each key; what no name should have is '_'. */
static bool file_of_key(struct torn_bytes key, char *ret_path, size_t size)
{
	char name[NAME_MAX + 1];

	if (key.size >= sizeof(name))
		return false;
	for (size_t i = 0; i < key.size; i++) {
		const char c = (char)key.data[i];
		const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				      (c >= 'a' && c <= 'z') || c == '-' || c == '_';
		name[i] = is_plain ? c : '_';
	}
	name[key.size] = '\0';
	return snprintf(ret_path, size, FILE_OF_KEY, name) < (int)size;
}

/* The parameter, or the default of the version. */
static bool persist_file(const struct kensa_context *context, const struct kensa_step *step,
			 char *ret_path, size_t size)
{
	const struct torn_bytes given = kensa_param(step, "persist_file");

	if (given.size > 0)
		return snprintf(ret_path, size, "%s", (const char *)given.data) < (int)size;
	if (context->version >= KENSA_HEAD)
		return file_of_key(kensa_param(step, "key"), ret_path, size);
	return snprintf(ret_path, size, "%s", SHARED_FILE) < (int)size;
}

/* HEAD refuses what would be more than a line of the drop-in. */
static bool accepts(const struct kensa_context *context, const struct kensa_step *step)
{
	return context->version < KENSA_HEAD || (!kensa_has_control(kensa_param(step, "key")) &&
						 !kensa_has_control(kensa_param(step, "value")) &&
						 !kensa_has_control(kensa_param(step, "persist_file")));
}

static bool add(struct kensa_prestate *state, const char *name, struct torn_bytes value)
{
	return kensa_prestate_add(state, name, (const char *)value.data, value.size) == 0;
}

static enum kensa_outcome look(const struct kensa_context *context, const struct kensa_step *step,
			       struct kensa_prestate *state)
{
	const struct torn_bytes key = kensa_param(step, "key");
	char path[PATH_MAX];
	char *value = NULL;
	size_t size = 0;

	if (!accepts(context, step) || !persist_file(context, step, path, sizeof(path)) ||
	    !add(state, "key", key) || !add(state, "persist_file", torn_bytes_of(path)))
		return KENSA_CAPTURE_INCOMPLETE;
	if (kernelio_sysctl_read(key, &value, &size) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	bool added = kensa_prestate_add(state, "runtime_value", value, size) == 0;
	free(value);
	if (!added)
		return KENSA_CAPTURE_INCOMPLETE;
	return kensa_file_capture(context, state, "persist_file_content", path);
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	return kensa_captured(look(context, step, ret_state), ret_state);
}

/* "# Managed by Kensa.", and the line. `ret_body` is malloc'ed. */
static bool compose(const struct kensa_step *step, char **ret_body, size_t *ret_size)
{
	const struct torn_bytes key = kensa_param(step, "key"), value = kensa_param(step, "value");

	FILE *body = open_memstream(ret_body, ret_size);
	if (!body)
		return false;
	fputs("# Managed by Kensa.\n", body);
	fwrite(key.data, 1, key.size, body);
	fputs(" = ", body);
	fwrite(value.data, 1, value.size, body);
	fputc('\n', body);
	return fclose(body) == 0;
}

static enum kensa_outcome persist(const struct kensa_context *context, const struct kensa_step *step,
				  const struct kensa_prestate *state)
{
	char *body = NULL;
	size_t size = 0;

	if (!compose(step, &body, &size))
		return KENSA_ERROR;
	enum kensa_outcome outcome =
		kensa_file_write(context, kensa_fact_text(state, "persist_file"), MODE,
				 (struct torn_bytes){(const uint8_t *)body, size});
	free(body);
	return outcome;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	if (kernelio_sysctl_write(kensa_param(step, "key"), kensa_param(step, "value")) < 0)
		return KENSA_FAILED; /* the kernel rejects it: the file stays as it is */
	if (kensa_cancelled("kensa/after_runtime_write"))
		return KENSA_ERROR;
	enum kensa_outcome outcome = persist(context, step, state);
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_file_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

static enum kensa_outcome restore_file(const struct kensa_context *context,
				       const struct kensa_prestate *state)
{
	return kensa_file_restore(context, state, "persist_file_content",
				  kensa_fact_text(state, "persist_file"), MODE);
}

static enum kensa_outcome restore_runtime(const struct kensa_context *context,
					  const struct kensa_prestate *state)
{
	(void)context;
	return kernelio_sysctl_write(kensa_fact_bytes(state, "key"),
				     kensa_fact_bytes(state, "runtime_value")) == 0
		       ? KENSA_SUCCESS
		       : KENSA_PARTIAL_RESTORE;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	(void)step;
	if (context->version == KENSA_FIXED)
		return kensa_restore_both(context, state, restore_file, restore_runtime);
	enum kensa_outcome outcome = restore_file(context, state);
	if (outcome)
		return outcome; /* and the runtime value stays changed */
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	return restore_runtime(context, state);
}

const struct kensa_handler kensa_sysctl_set = {
	.mechanism = "sysctl_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
