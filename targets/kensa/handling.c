/* handling.c: see handling.h. */
#include "handling.h"

#include <errno.h>
#include <fiu.h>
#include <string.h>
#include <sys/stat.h>

#include "kernelio_files.h"
#include "kernelio_restore.h"

const char *const kensa_points[] = {
	"kensa/after_capture",
	"kensa/after_runtime_write",
	"kensa/after_file_write",
	"kensa/after_rollback_step",
	NULL,
};

bool kensa_cancelled(const char *point)
{
	return fiu_fail(point) != 0;
}

enum kensa_outcome kensa_captured(enum kensa_outcome outcome, struct kensa_prestate *state)
{
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_capture"))
		outcome = KENSA_CAPTURE_INCOMPLETE;
	if (outcome)
		kensa_prestate_free(state);
	return outcome;
}

enum kernelio_version kensa_primitives(const struct kensa_context *context)
{
	switch (context->version) {
	case KENSA_PRE115:
		return KERNELIO_PRE115;
	case KENSA_PR115:
	case KENSA_HEAD:
		return KERNELIO_PR115;
	case KENSA_FIXED:
		break;
	}
	return KERNELIO_FIXED;
}

int kensa_file_read(const struct kensa_context *context, const char *path, char **ret_text, size_t *ret_size)
{
	return context->version == KENSA_FIXED ? kernelio_read_regular_if_exists(path, ret_text, ret_size)
					       : kernelio_read_file_if_exists(path, ret_text, ret_size);
}

#define ATTRIBUTES ".attributes"

static bool capture_attributes(struct kensa_prestate *state, const char *name, const char *path,
			       bool makes_directory)
{
	char fact[sizeof(state->facts[0].name)];
	char *text = NULL;
	size_t size = 0;

	if (snprintf(fact, sizeof(fact), "%s" ATTRIBUTES, name) >= (int)sizeof(fact))
		return false;
	int result = kernelio_attributes_read(path, &text, &size);
	if (result < 0 || (result > 0 && !makes_directory))
		return false;
	bool added = kensa_prestate_add(state, fact, text, size) == 0;
	free(text);
	return added;
}

bool kensa_is_dconf_name(const char *name)
{
	return name[0] != '.' && strcmp(name, "locks") != 0;
}

bool kensa_path_leads_down(const char *path)
{
	if (path[0] != '/')
		return false;
	while (path[0] == '/') {
		const size_t size = strcspn(++path, "/");
		if (size == 0 || (size <= 2 && strncmp(path, "..", size) == 0))
			return false;
		path += size;
	}
	return path[0] == '\0';
}

static enum kensa_outcome capture_file(const struct kensa_context *context, struct kensa_prestate *state,
				       const char *name, const char *path, bool makes_directory)
{
	char *text = NULL;
	size_t size = 0;

	if (context->version == KENSA_FIXED &&
	    (!kensa_path_leads_down(path) || !capture_attributes(state, name, path, makes_directory)))
		return KENSA_CAPTURE_INCOMPLETE;
	if (kensa_file_read(context, path, &text, &size) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	bool added = kensa_prestate_add(state, name, text, size) == 0;
	free(text);
	return added ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE;
}

enum kensa_outcome kensa_file_capture(const struct kensa_context *context, struct kensa_prestate *state,
				      const char *name, const char *path)
{
	return capture_file(context, state, name, path, false);
}

enum kensa_outcome kensa_file_capture_below(const struct kensa_context *context,
					    struct kensa_prestate *state, const char *name,
					    const char *path)
{
	return capture_file(context, state, name, path, true);
}

/*
 * FIXED: on a file system without nameless files or hard links AtomicWrite makes no file, and a rename does. One that is
 * there is AtomicReplace's, and what that failed at is a failure.
 */
static bool is_of_new_file(const char *path)
{
	const int number = errno;
	struct stat status;

	if (number != EOPNOTSUPP && number != EPERM)
		return false;
	return lstat(path, &status) < 0 && errno == ENOENT;
}

static enum fsatomic_error write_by_rename(const char *path, mode_t mode, struct torn_bytes content)
{
	char attributes[64];

	snprintf(attributes, sizeof(attributes), "%04o 0 0\n", mode);
	return kernelio_restore_file(path, torn_bytes_of(attributes), content);
}

enum kensa_outcome kensa_file_write(const struct kensa_context *context, const char *path, mode_t mode,
				    struct torn_bytes content)
{
	enum fsatomic_error error = kernelio_write_file(kensa_primitives(context), path, mode, content);

	if (error == FSATOMIC_OTHER && context->version == KENSA_FIXED && is_of_new_file(path))
		error = write_by_rename(path, mode, content);
	return error == FSATOMIC_OK ? KENSA_SUCCESS : KENSA_ERROR;
}

static bool put_back(const struct kensa_context *context, const struct kensa_prestate *state,
		     const char *name, const char *path, mode_t mode)
{
	char fact[sizeof(state->facts[0].name)];
	const struct torn_bytes content = kensa_fact_bytes(state, name);

	if (context->version == KENSA_FIXED) {
		snprintf(fact, sizeof(fact), "%s" ATTRIBUTES, name);
		return kernelio_restore_file(path, kensa_fact_bytes(state, fact), content) == FSATOMIC_OK;
	}
	if (content.data)
		return kernelio_write_file(kensa_primitives(context), path, mode, content) == FSATOMIC_OK;
	return kernelio_remove_file(kensa_primitives(context), path) == FSATOMIC_OK;
}

enum kensa_outcome kensa_file_restore(const struct kensa_context *context,
				      const struct kensa_prestate *state, const char *name,
				      const char *path, mode_t mode)
{
	return put_back(context, state, name, path, mode) ? KENSA_SUCCESS : KENSA_ERROR;
}

struct torn_bytes kensa_fact_bytes(const struct kensa_prestate *state, const char *name)
{
	const struct kensa_fact *fact = kensa_prestate_fact(state, name);

	if (!fact || !fact->text)
		return (struct torn_bytes){NULL, 0};
	return (struct torn_bytes){(const uint8_t *)fact->text, fact->size};
}

const char *kensa_fact_text(const struct kensa_prestate *state, const char *name)
{
	const struct kensa_fact *fact = kensa_prestate_fact(state, name);

	return fact && fact->text ? fact->text : "";
}

bool kensa_has_control(struct torn_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] < 0x20 || bytes.data[i] == 0x7f)
			return true;
	return false;
}

enum kensa_outcome kensa_restore_both(const struct kensa_context *context, const struct kensa_prestate *state,
				      kensa_restore *file, kensa_restore *runtime)
{
	enum kensa_outcome of_file = file(context, state);
	const bool is_cancelled = kensa_cancelled("kensa/after_rollback_step");
	enum kensa_outcome of_runtime = runtime(context, state);

	if (of_runtime)
		of_runtime = runtime(context, state);
	if (of_file)
		of_file = file(context, state);
	return of_file || of_runtime || is_cancelled ? KENSA_PARTIAL_RESTORE : KENSA_SUCCESS;
}

int kensa_handler_operate(const struct kensa_handler *kernel, const struct kensa_handler *shell,
			  enum kensa_version version, const struct torn_run *run)
{
	struct kensa_context context = {.version = version, .path = KENSA_KERNEL};
	struct kensa_step step = {.mechanism = kernel->mechanism};

	for (size_t i = 0; i < run->args_count && step.params_count < KENSA_PARAMS_MAX; i++) {
		const struct torn_arg *arg = &run->args[i];
		if (strcmp(arg->name, "path") != 0)
			step.params[step.params_count++] = (struct kensa_param){arg->name, arg->value};
		else if (torn_bytes_equal(arg->value, torn_bytes_of("shell")))
			context.path = KENSA_SHELL;
		else if (torn_bytes_equal(arg->value, torn_bytes_of("real_dconf")))
			context.path = KENSA_SHELL_REAL_DCONF;
	}
	return kensa_handler_run(context.path == KENSA_KERNEL ? kernel : shell, &context, &step);
}
