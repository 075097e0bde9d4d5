/*
 * mount_option_set.c: options of a mount point in /etc/fstab, and of what is mounted there (seeds/kensa.md,
 * "mount_option_set"). The kernel path: the table is parsed and replaced; remounting is mount(8)'s on either.
 *
 * Apply: the table, then `mount -o remount`, whose failure leaves the table changed. Rollback: every line of the
 * mount point becomes the first one's prior text, then a remount with what the table says then. HEAD leaves out
 * both where the table is as it was, and looks afterwards at what is mounted.
 *
 * FIXED differs from HEAD: each line of the mount point comes back as it was, and the table's owner and mode;
 * what is mounted gets the options that it had, which need not be the table's; each of both whatever became
 * of the other; nothing is begun where nothing is mounted, or where a remount could not bring back what is live
 * (mount_options.h).
 */
#include <errno.h>
#include <string.h>

#include "handling.h"
#include "kernelio_files.h"
#include "kernelio_fstab.h"
#include "kernelio_restore.h"
#include "mount_options.h"
#include "quoting.h"

#define FSTAB "/etc/fstab"
#define MODE 0644

static struct torn_bytes bytes_of(const char *text, size_t size)
{
	return (struct torn_bytes){(const uint8_t *)text, size};
}

static const char *mount_point_of(const struct kensa_prestate *state)
{
	return kensa_fact_text(state, "mount_point");
}

/* Run a command about the mount point; `ret_output` may be NULL. Returns its exit status, or -1. */
static int run_about(const struct kensa_context *context, const char *what, const char *mount_point,
		     char **ret_output)
{
	char *command = NULL, *word = quoting_command("%s", mount_point);
	if (!word || asprintf(&command, "%s %s", what, word) < 0)
		command = NULL;
	free(word);
	if (!command)
		return -1;
	int status = kensa_run(context, command, ret_output);
	free(command);
	return status;
}

/* ---------------------------------------------------------------- capture */

/* "nodev, nosuid": without blanks, and without options that are none. `ret_options` is malloc'ed. */
static bool normalise(struct torn_bytes given, char **ret_options)
{
	char *options = malloc(given.size + 1);
	size_t size = 0;

	if (!options)
		return false;
	for (size_t i = 0; i <= given.size; i++) {
		const char c = i < given.size ? (char)given.data[i] : ',';
		if (c == ',' && (size == 0 || options[size - 1] == ','))
			continue;
		if (!strchr(" \t\r\n", c) || c == '\0')
			options[size++] = c;
	}
	options[size > 0 ? size - 1 : 0] = '\0'; /* the last comma */
	*ret_options = options;
	return true;
}

static bool add_options(const struct kensa_step *step, struct kensa_prestate *state)
{
	char *options = NULL;

	if (!normalise(kensa_param(step, "options"), &options))
		return false;
	bool added = options[0] != '\0' &&
		     kensa_prestate_add(state, "option", options, strlen(options)) == 0;
	free(options);
	return added;
}

static bool add_line(const struct kensa_context *context, struct kensa_prestate *state)
{
	char *fstab = NULL;
	size_t size = 0;

	if (kensa_file_read(context, FSTAB, &fstab, &size) < 0)
		return false;
	const struct torn_bytes line = kernelio_fstab_find_line(bytes_of(fstab, size),
								torn_bytes_of(mount_point_of(state)));
	bool added = line.data &&
		     kensa_prestate_add(state, "prior_line", (const char *)line.data, line.size) == 0;
	free(fstab);
	return added;
}

/* FIXED: what is mounted there: where nothing is, apply would fail. */
static bool add_mounted(const struct kensa_context *context, struct kensa_prestate *state,
			const char *name, const char *what)
{
	char *output = NULL;

	int status = run_about(context, what, mount_point_of(state), &output);
	if (status < 0)
		return false;
	bool added = status == 0 && kensa_prestate_add(state, name, output, strlen(output)) == 0;
	free(output);
	return added;
}

#define FIND_OPTIONS "findmnt -n -o OPTIONS"
#define FIND_OPTIONS_OF_MOUNT "findmnt -n -o VFS-OPTIONS"
#define FIND_OPTIONS_OF_FILESYSTEM "findmnt -n -o FS-OPTIONS"
#define FIND_SOURCE "findmnt -n -o SOURCE"

static bool look(const struct kensa_context *context, const struct kensa_step *step,
		 struct kensa_prestate *state)
{
	const struct torn_bytes mount_point = kensa_param(step, "mount_point");

	if (mount_point.size == 0 ||
	    kensa_prestate_add(state, "mount_point", (const char *)mount_point.data,
			       mount_point.size) < 0 ||
	    !add_options(step, state) || !add_line(context, state))
		return false;
	return context->version != KENSA_FIXED ||
	       (kensa_file_capture(context, state, "fstab", FSTAB) == KENSA_SUCCESS &&
		add_mounted(context, state, "mounted_source", FIND_SOURCE) &&
		add_mounted(context, state, "mounted_options", FIND_OPTIONS) &&
		add_mounted(context, state, "mounted_options.of_mount", FIND_OPTIONS_OF_MOUNT) &&
		add_mounted(context, state, "mounted_options.of_filesystem", FIND_OPTIONS_OF_FILESYSTEM) &&
		mount_options_can_come_back(state));
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	bool is_complete = look(context, step, ret_state);

	return kensa_captured(is_complete ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE, ret_state);
}

/* ------------------------------------------------------------------ apply */

/* FIXED: mode, owner and extended attributes are not this handler's to change. */
static bool replace_fstab(const struct kensa_context *context, const struct kensa_prestate *state,
			  struct torn_bytes content)
{
	if (context->version == KENSA_FIXED)
		return kernelio_restore_file(FSTAB, kensa_fact_bytes(state, "fstab.attributes"), content) == FSATOMIC_OK;
	return fsatomic_replace(FSATOMIC_PUBLISHED, FSTAB, MODE, content) == FSATOMIC_OK;
}

static bool remount(const struct kensa_context *context, const struct kensa_prestate *state)
{
	return run_about(context, "mount -o remount", mount_point_of(state), NULL) == 0;
}

static enum kensa_outcome change_fstab(const struct kensa_context *context,
				       const struct kensa_prestate *state)
{
	char *fstab = NULL, *changed = NULL;
	size_t size = 0, changed_size = 0;

	if (kensa_file_read(context, FSTAB, &fstab, &size) < 0)
		return KENSA_ERROR;
	if (!fstab)
		return KENSA_FAILED;
	int result = kernelio_fstab_add_options(bytes_of(fstab, size),
						torn_bytes_of(mount_point_of(state)),
						kensa_fact_bytes(state, "option"), &changed, &changed_size);
	free(fstab);
	if (result < 0)
		return KENSA_FAILED;
	bool done = replace_fstab(context, state, bytes_of(changed, changed_size));
	free(changed);
	return done ? KENSA_SUCCESS : KENSA_ERROR;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	(void)step;
	enum kensa_outcome outcome = change_fstab(context, state);
	if (outcome)
		return outcome;
	if (kensa_cancelled("kensa/after_file_write"))
		return KENSA_ERROR;
	if (!remount(context, state))
		return KENSA_FAILED; /* and the table stays changed */
	return kensa_cancelled("kensa/after_runtime_write") ? KENSA_ERROR : KENSA_SUCCESS;
}

/* --------------------------------------------------- rollback, as published */

static enum kensa_outcome verify(const struct kensa_context *context, const struct kensa_prestate *state)
{
	char *live = NULL;

	int status = run_about(context, FIND_OPTIONS, mount_point_of(state), &live);
	bool is_as_before = status == 0 && mount_options_are_as_before(state, live);
	free(live);
	return is_as_before ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

/* `ret_is_done`: HEAD: the table is as it was, and no remount is needed. */
static enum kensa_outcome restore_line(const struct kensa_context *context,
				       const struct kensa_prestate *state, bool *ret_is_done)
{
	char *fstab = NULL, *changed = NULL;
	size_t size = 0, changed_size = 0;

	if (kensa_file_read(context, FSTAB, &fstab, &size) < 0)
		return KENSA_ERROR;
	if (!fstab)
		return KENSA_FAILED;
	int result = kernelio_fstab_replace_line(bytes_of(fstab, size),
						 torn_bytes_of(mount_point_of(state)),
						 kensa_fact_bytes(state, "prior_line"), &changed,
						 &changed_size);
	bool is_same = result == 0 && torn_bytes_equal(bytes_of(fstab, size), bytes_of(changed, changed_size));
	free(fstab);
	if (result < 0)
		return KENSA_FAILED;
	*ret_is_done = is_same && context->version == KENSA_HEAD;
	bool done = *ret_is_done || replace_fstab(context, state, bytes_of(changed, changed_size));
	free(changed);
	return done ? KENSA_SUCCESS : KENSA_ERROR;
}

static enum kensa_outcome rollback_published(const struct kensa_context *context,
					     const struct kensa_prestate *state)
{
	bool is_done = false;

	enum kensa_outcome outcome = restore_line(context, state, &is_done);
	if (outcome || is_done)
		return outcome;
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	if (!remount(context, state))
		return KENSA_FAILED;
	return context->version == KENSA_HEAD ? verify(context, state) : KENSA_SUCCESS;
}

/* --------------------------------------------------------- rollback, fixed */

/* The captured table with the options added: what apply made of it. */
static bool is_what_apply_wrote(const struct kensa_prestate *state, struct torn_bytes fstab)
{
	char *changed = NULL;
	size_t size = 0;

	if (kernelio_fstab_add_options(kensa_fact_bytes(state, "fstab"), torn_bytes_of(mount_point_of(state)),
				       kensa_fact_bytes(state, "option"), &changed, &size) < 0)
		return false;
	bool is = torn_bytes_equal(fstab, bytes_of(changed, size));
	free(changed);
	return is;
}

/* Somebody else changed the table, too: only what is of the mount point is put back. */
static bool put_lines_back(const struct kensa_context *context, const struct kensa_prestate *state,
			   struct torn_bytes fstab)
{
	char *changed = NULL;
	size_t size = 0;

	if (kernelio_fstab_put_back(fstab, torn_bytes_of(mount_point_of(state)),
				    kensa_fact_bytes(state, "fstab"), &changed, &size) < 0)
		return false;
	bool done = replace_fstab(context, state, bytes_of(changed, size));
	free(changed);
	return done;
}

static enum kensa_outcome restore_table(const struct kensa_context *context,
					const struct kensa_prestate *state)
{
	char *text = NULL;
	size_t size = 0;

	if (kensa_file_read(context, FSTAB, &text, &size) < 0 || !text)
		return KENSA_ERROR;
	const struct torn_bytes fstab = bytes_of(text, size);
	const bool is_ours = torn_bytes_equal(fstab, kensa_fact_bytes(state, "fstab")) ||
			     is_what_apply_wrote(state, fstab);
	bool done = is_ours ? kensa_file_restore(context, state, "fstab", FSTAB, MODE) == KENSA_SUCCESS
			    : put_lines_back(context, state, fstab);
	free(text);
	return done ? KENSA_SUCCESS : KENSA_ERROR;
}

/* Is what is mounted there as it was? */
static bool is_mounted_as_before(const struct kensa_context *context, const struct kensa_prestate *state)
{
	const struct torn_bytes before = kensa_fact_bytes(state, "mounted_options");
	char *live = NULL;

	int status = run_about(context, FIND_OPTIONS, mount_point_of(state), &live);
	bool is = status == 0 && torn_bytes_equal(before, torn_bytes_of(live));
	free(live);
	return is;
}

/* `mount -o remount,OPTIONS SOURCE DIRECTORY`: mount(8) does not look into fstab then. */
static enum kensa_outcome restore_mounted(const struct kensa_context *context,
					  const struct kensa_prestate *state)
{
	char *option = NULL;

	if (is_mounted_as_before(context, state))
		return KENSA_SUCCESS;
	if (asprintf(&option, "remount,%s", kensa_fact_text(state, "mounted_options")) < 0)
		return KENSA_PARTIAL_RESTORE;
	char *command = quoting_command("mount -o %s %s %s", option,
					kensa_fact_text(state, "mounted_source"), mount_point_of(state));
	if (command)
		(void)kensa_run(context, command, NULL);
	free(command);
	free(option);
	return is_mounted_as_before(context, state) ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

/* Whatever becomes of one, the other is put back, too; and what failed is tried once more. */
static enum kensa_outcome rollback_all(const struct kensa_context *context,
				       const struct kensa_prestate *state)
{
	enum kensa_outcome table = restore_table(context, state);
	bool is_cancelled = kensa_cancelled("kensa/after_rollback_step");
	enum kensa_outcome mounted = restore_mounted(context, state);

	if (mounted)
		mounted = restore_mounted(context, state);
	if (table)
		table = restore_table(context, state);
	return table || mounted || is_cancelled ? KENSA_PARTIAL_RESTORE : KENSA_SUCCESS;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	(void)step;
	return context->version == KENSA_FIXED ? rollback_all(context, state)
					       : rollback_published(context, state);
}

const struct kensa_handler kensa_mount_option_set = {
	.mechanism = "mount_option_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
