/*
 * kernel_module_disable_shell.c: `printf … > path && modprobe -r M 2>/dev/null || true`, which succeeds whatever
 * became of the file, too. HEAD loads the module again in rollback.
 *
 * FIXED: the file and the module are steps of their own, each of which can fail, and rollback goes on behind one;
 * nothing is begun where the module could not be loaded again.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "shell_handlers.h"

#define MODE "0644"

enum loaded { LOADED, NOT_LOADED, NOT_KNOWN };

/* The kernel's name of a module has no '-'. */
static char *put_kernel_name(struct torn_bytes module, char name[static NAME_MAX + 1])
{
	snprintf(name, NAME_MAX + 1, "%s", (const char *)module.data);
	for (char *dash = name; (dash = strchr(dash, '-'));)
		*dash = '_';
	return name;
}

/* FIXED: a name is no regular expression. */
static void put_escaped(const char *name, char pattern[static 2 * NAME_MAX + 1])
{
	for (; *name; *pattern++ = *name++)
		if (strchr(".[*^$\\", *name))
			*pattern++ = '\\';
	*pattern = '\0';
}

static enum loaded look_for(const struct kensa_context *context, struct torn_bytes module)
{
	char pattern[2 * NAME_MAX + 3], name[NAME_MAX + 1], escaped[2 * NAME_MAX + 1];

	put_escaped(put_kernel_name(module, name), escaped);
	snprintf(pattern, sizeof(pattern), "^%s ", context->version == KENSA_FIXED ? escaped : name);
	int status = shell_run(context, NULL, "grep -q %q /proc/modules", torn_bytes_of(pattern));
	return status == 0 ? LOADED : status == 1 ? NOT_LOADED : NOT_KNOWN; /* grep(1), "EXIT STATUS" */
}

/* FIXED: is there a regular file of a module of that name, where `modprobe` would look? */
static bool could_be_loaded_again(const struct kensa_context *context, struct torn_bytes module)
{
	char name[NAME_MAX + 1];

	return shell_run(context, NULL,
			 "f=$(modinfo -n %q) && f=$(readlink -f \"$f\") && test -f \"$f\" || exit 1; f=${f##*/}; n=${f%%.ko*};"
			 " case ${f#\"$n\"} in .ko | .ko.*) test \"$(printf '%%s' \"$n\" | tr - _)\" = %q;; *) exit 1;; esac",
			 module, torn_bytes_of(put_kernel_name(module, name))) == 0;
}

static bool add(struct kensa_prestate *state, const char *name, const char *text)
{
	return kensa_prestate_add(state, name, text, strlen(text)) == 0;
}

static enum kensa_outcome look(const struct kensa_context *context, const struct kensa_step *step,
			       struct kensa_prestate *state)
{
	const struct torn_bytes module = kensa_param(step, "name");
	char path[PATH_MAX];

	if (module.size == 0 || module.size > NAME_MAX ||
	    (context->version >= KENSA_HEAD && kensa_has_control(module)))
		return KENSA_CAPTURE_INCOMPLETE;
	snprintf(path, sizeof(path), "/etc/modprobe.d/kensa-disable-%s.conf", (const char *)module.data);
	if (!add(state, "module", (const char *)module.data) || !add(state, "path", path))
		return KENSA_CAPTURE_INCOMPLETE;
	enum kensa_outcome outcome = shell_file_capture(context, state, "prior_content", path);
	if (outcome || context->version < KENSA_HEAD)
		return outcome;
	enum loaded loaded = look_for(context, module);
	if (context->version == KENSA_FIXED &&
	    (loaded == NOT_KNOWN || (loaded == LOADED && !could_be_loaded_again(context, module))))
		return KENSA_CAPTURE_INCOMPLETE;
	return add(state, "was_loaded", loaded == LOADED ? "true" : "false") ? KENSA_SUCCESS
									      : KENSA_CAPTURE_INCOMPLETE;
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	return kensa_captured(look(context, step, ret_state), ret_state);
}

static struct torn_bytes body_of(const char *module, char *buffer, size_t size)
{
	snprintf(buffer, size, "# Managed by Kensa.\nblacklist %s\ninstall %s /bin/true\n", module, module);
	return torn_bytes_of(buffer);
}

static enum kensa_outcome apply_fixed(const struct kensa_context *context, const struct kensa_prestate *state,
				      struct torn_bytes body)
{
	const struct torn_bytes module = kensa_fact_bytes(state, "module");

	enum kensa_outcome outcome = shell_file_write(context, kensa_fact_text(state, "path"), MODE, body);
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_file_write"))
		outcome = KENSA_ERROR;
	if (outcome == KENSA_SUCCESS && look_for(context, module) != NOT_LOADED &&
	    shell_run(context, NULL, "modprobe -r %q", module) != 0)
		outcome = KENSA_FAILED;
	return outcome;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	char buffer[2 * NAME_MAX + 64];
	const struct torn_bytes body = body_of(kensa_fact_text(state, "module"), buffer, sizeof(buffer));

	(void)step;
	enum kensa_outcome outcome;
	if (context->version == KENSA_FIXED)
		outcome = apply_fixed(context, state, body);
	else
		outcome = shell_run(context, NULL,
				    "printf '%%s' %q > %q && modprobe -r %q 2>/dev/null || true", body,
				    kensa_fact_bytes(state, "path"), kensa_fact_bytes(state, "module")) == 0
				  ? KENSA_SUCCESS
				  : KENSA_FAILED;
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_runtime_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

static enum kensa_outcome restore_file(const struct kensa_context *context, const struct kensa_prestate *state)
{
	return shell_file_restore(context, state, "prior_content", kensa_fact_text(state, "path"), MODE);
}

/* `modprobe M`, and a look whether it is there then. FIXED: whatever an `install` line says. */
static enum kensa_outcome restore_module(const struct kensa_context *context, const struct kensa_prestate *state)
{
	const struct torn_bytes module = kensa_fact_bytes(state, "module");

	if (strcmp(kensa_fact_text(state, "was_loaded"), "true") != 0)
		return KENSA_SUCCESS;
	(void)shell_run(context, NULL, "modprobe %s%q", context->version == KENSA_FIXED ? "-i " : "", module);
	return look_for(context, module) == LOADED ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	(void)step;
	if (context->version == KENSA_FIXED)
		return kensa_restore_both(context, state, restore_file, restore_module);
	enum kensa_outcome outcome = restore_file(context, state);
	if (outcome || context->version < KENSA_HEAD)
		return outcome;
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	return restore_module(context, state);
}

const struct kensa_handler kensa_kernel_module_disable_shell = {
	.mechanism = "kernel_module_disable",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
