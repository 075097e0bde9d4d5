/*
 * kernel_module_disable.c: a module that shall not be loaded: a file for modprobe, and the module is
 * unloaded (seeds/kensa.md, "kernel_module_disable"). The kernel path.
 *
 * Apply: the file first, then delete_module(2), whose result nobody looks at. Rollback: the file;
 * of HEAD also the module, if it was loaded.
 *
 * FIXED differs: the kernel's name of a module has no '-'; that a module cannot be unloaded is a
 * failure; one that could not be loaded again is not unloaded (no capture); rollback loads it
 * whatever became of the file, and whatever an `install` line says.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "handling.h"
#include "kernelio_module.h"

#define MODE 0644
#define FILE_OF_MODULE "/etc/modprobe.d/kensa-disable-%s.conf"
/* `modprobe -i NAME`, `modinfo -n NAME` */
#define COMMAND_MAX (NAME_MAX + 32)

/* A kernel that was updated since it booted may have no modules on disk: what is unloaded stays so. */
static bool could_be_loaded_again(const struct kensa_context *context, const char *module)
{
	char command[COMMAND_MAX], *path = NULL;

	snprintf(command, sizeof(command), "modinfo -n %s", module);
	const int status = kensa_run(context, command, &path);
	if (status < 0)
		return false;
	const bool is_it = status == 0 && kernelio_module_is_in(module, path);
	free(path);
	return is_it;
}

static enum kensa_outcome add_loaded(const struct kensa_context *context,
				     struct kensa_prestate *state, const char *module)
{
	bool is_loaded = false;

	if (kernelio_module_is_loaded(module, &is_loaded) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	if (is_loaded && context->version == KENSA_FIXED && !could_be_loaded_again(context, module))
		return KENSA_CAPTURE_INCOMPLETE;
	const struct torn_bytes text = torn_bytes_of(is_loaded ? "true" : "false");
	return kensa_prestate_add(state, "was_loaded", (const char *)text.data, text.size) == 0
		       ? KENSA_SUCCESS
		       : KENSA_CAPTURE_INCOMPLETE;
}

static enum kensa_outcome look(const struct kensa_context *context, const struct kensa_step *step,
			       struct kensa_prestate *state)
{
	const struct torn_bytes module = kensa_param(step, "name");
	char path[PATH_MAX];

	if (module.size == 0 || module.size > NAME_MAX)
		return KENSA_CAPTURE_INCOMPLETE;
	if (context->version >= KENSA_HEAD && kensa_has_control(module))
		return KENSA_CAPTURE_INCOMPLETE;
	snprintf(path, sizeof(path), FILE_OF_MODULE, (const char *)module.data);
	if (kensa_prestate_add(state, "module", (const char *)module.data, module.size) < 0 ||
	    kensa_prestate_add(state, "path", path, strlen(path)) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	enum kensa_outcome outcome = kensa_file_capture(context, state, "prior_content", path);
	if (outcome == KENSA_SUCCESS && context->version >= KENSA_HEAD)
		outcome = add_loaded(context, state, kensa_fact_text(state, "module"));
	return outcome;
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	return kensa_captured(look(context, step, ret_state), ret_state);
}

static enum kensa_outcome write_file(const struct kensa_context *context,
				     const struct kensa_prestate *state)
{
	const char *module = kensa_fact_text(state, "module");
	char body[2 * NAME_MAX + 64];

	int size = snprintf(body, sizeof(body),
			    "# Managed by Kensa.\nblacklist %s\ninstall %s /bin/true\n", module, module);
	return kensa_file_write(context, kensa_fact_text(state, "path"), MODE,
				(struct torn_bytes){(const uint8_t *)body, (size_t)size});
}

/* FIXED: it is gone, or was not there. */
static enum kensa_outcome unload(const struct kensa_context *context, const struct kensa_prestate *state)
{
	const char *module = kensa_fact_text(state, "module");
	char name[NAME_MAX + 1];

	if (context->version != KENSA_FIXED) {
		(void)kernelio_delete_module(module);
		return KENSA_SUCCESS;
	}
	if (!kernelio_module_name(module, name, sizeof(name)))
		return KENSA_FAILED;
	return kernelio_delete_module(name) == 0 || errno == ENOENT ? KENSA_SUCCESS : KENSA_FAILED;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	(void)step;
	enum kensa_outcome outcome = write_file(context, state);
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_file_write"))
		outcome = KENSA_ERROR;
	if (outcome)
		return outcome;
	outcome = unload(context, state);
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_runtime_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

static enum kensa_outcome restore_file(const struct kensa_context *context,
				       const struct kensa_prestate *state)
{
	return kensa_file_restore(context, state, "prior_content", kensa_fact_text(state, "path"), MODE);
}

/* `modprobe M`, and a look whether it is there then. */
static enum kensa_outcome restore_module(const struct kensa_context *context,
					 const struct kensa_prestate *state)
{
	const char *module = kensa_fact_text(state, "module");
	char command[COMMAND_MAX];
	bool is_loaded = false;

	if (strcmp(kensa_fact_text(state, "was_loaded"), "true") != 0)
		return KENSA_SUCCESS;
	snprintf(command, sizeof(command), "modprobe %s%s", context->version == KENSA_FIXED ? "-i " : "",
		 module);
	(void)kensa_run(context, command, NULL);
	return kernelio_module_is_loaded(module, &is_loaded) == 0 && is_loaded ? KENSA_SUCCESS
									       : KENSA_PARTIAL_RESTORE;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	(void)step;
	if (context->version == KENSA_FIXED)
		return kensa_restore_both(context, state, restore_file, restore_module);
	enum kensa_outcome outcome = restore_file(context, state);
	if (outcome)
		return outcome;
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	return context->version == KENSA_HEAD ? restore_module(context, state) : KENSA_SUCCESS;
}

const struct kensa_handler kensa_kernel_module_disable = {
	.mechanism = "kernel_module_disable",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
