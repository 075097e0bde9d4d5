/*
 * mount_option_set_shell.c: `awk … /etc/fstab > /etc/fstab.kensa.tmp && mv /etc/fstab.kensa.tmp /etc/fstab &&
 * mount -o remount MP`, and the same with the prior line in rollback.
 *
 * Of PR115 the awk program is a syntax error, which upstream found later (9bda82b): its words are quoted as those of
 * the shell are, and awk knows no single quotes. The shell makes an empty /etc/fstab.kensa.tmp, and nothing more
 * happens, in apply and in rollback. awk ends the last line, too, where it had no newline: the kernel path does not.
 *
 * FIXED: the last line ends as it did; the other file has fstab's mode and owner, and is synced; it goes where a
 * step fails; the live options come back whatever became of the table; where they could not, nothing is begun
 * (mount_options.h).
 */
#include <stdlib.h>
#include <string.h>

#include "mount_options.h"
#include "shell_handlers.h"

#define TEMP "/etc/fstab.kensa.tmp"

/* FindLine and AddOptions of kernelio: fields by white space, joined by single blanks. */
#define IS_LINE "$1 !~ /^#/ && $2 == ENVIRON[\"MP\"]"
#define CHANGE_LINE(is_option)                                                                    \
	IS_LINE " && NF >= 4 { n = split(ENVIRON[\"OPTS\"], add, \",\");"                          \
		" for (i = 1; i <= n; i++) if (" is_option "index(\",\" $4 \",\", \",\" add[i] \",\") == 0)" \
		" $4 = $4 \",\" add[i]; $1 = $1 }"
#define ADD_OPTIONS CHANGE_LINE("") " { print }"
/* FIXED: `print` ends a last line that had no newline (paths-agree); only the caller knows whether it had one. */
#define ADD_OPTIONS_FIXED                                                                          \
	CHANGE_LINE("add[i] != \"\" && ")                                                          \
	" NR > 1 { printf \"\\n\" } { printf \"%%s\", $0 } END { printf \"%%s\", ENVIRON[\"LAST\"] }"
#define REPLACE IS_LINE " { print ENVIRON[\"LINE\"]; next } { print }"
/* PR115: mount point and option, or line, stand in the program, quoted for the shell. */
#define ADD_OPTIONS_BROKEN "$1 !~ /^#/ && $2 == '%s' && NF >= 4 { $4 = $4 \",\" '%s' } { print }"
#define REPLACE_BROKEN "$2 == '%s' { print '%s'; next } { print }"

static bool add(struct kensa_prestate *state, const char *name, struct torn_bytes value)
{
	return kensa_prestate_add(state, name, (const char *)value.data, value.size) == 0;
}

static bool add_output(struct kensa_prestate *state, const char *name, int status, char *output)
{
	bool is_added = status == 0 && *output && add(state, name, torn_bytes_of(output));

	if (status >= 0)
		free(output);
	return is_added;
}

/* FIXED: nor does the kernel path take none. */
static bool has_option(struct torn_bytes options)
{
	for (size_t i = 0; i < options.size; i++)
		if (!strchr(", \t\n", options.data[i]))
			return true;
	return false;
}

/* FIXED: fields are told apart by other white space in awk than in the kernel path; and awk waits for a FIFO. */
static bool capture_table(const struct kensa_context *context, struct kensa_prestate *state)
{
	if (shell_file_capture(context, state, "fstab", "/etc/fstab") != KENSA_SUCCESS)
		return false;
	for (const char *at = kensa_fact_text(state, "fstab"); *at; at++)
		if ((uint8_t)*at < 0x20 && *at != '\t' && *at != '\n')
			return false;
	return true;
}

static bool look(const struct kensa_context *context, const struct kensa_step *step,
		 struct kensa_prestate *state)
{
	const struct torn_bytes at = kensa_param(step, "mount_point");
	char *output = NULL;

	if (at.size == 0 || !add(state, "mount_point", at) || !add(state, "option", kensa_param(step, "options")))
		return false;
	if (context->version == KENSA_FIXED &&
	    (!has_option(kensa_param(step, "options")) || !shell_takes(kensa_param(step, "options")) ||
	     !capture_table(context, state)))
		return false;
	int status = shell_run(context, &output, "MP=%q awk '" IS_LINE " { print; exit }' /etc/fstab", at);
	if (!add_output(state, "prior_line", status, output))
		return false;
	if (context->version != KENSA_FIXED)
		return true;
	static const struct {
		const char *name, *column;
	} facts[] = {{"mounted_source", "SOURCE"},
		     {"mounted_options", "OPTIONS"},
		     {"mounted_options.of_mount", "VFS-OPTIONS"},
		     {"mounted_options.of_filesystem", "FS-OPTIONS"}};
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		status = shell_run(context, &output, "findmnt -n -o %q %q", torn_bytes_of(facts[i].column), at);
		if (!add_output(state, facts[i].name, status, output))
			return false;
	}
	return mount_options_can_come_back(state);
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	bool is_complete = look(context, step, ret_state);

	return kensa_captured(is_complete ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE, ret_state);
}

/* FIXED: beside, synced, with the owner, attributes and mode that are there; nothing is left where a step fails. */
#define REPLACE_FSTAB                                                                              \
	" /etc/fstab > \"$T\" && chown --reference=/etc/fstab \"$T\""                              \
	" && %s chmod --reference=/etc/fstab \"$T\" && sync \"$T\" && mv -f \"$T\" /etc/fstab && sync /etc"

/* What stands behind the last line of the captured table, which has an "x" behind it. */
static struct torn_bytes newline_of(const struct kensa_prestate *state)
{
	const struct torn_bytes fstab = kensa_fact_bytes(state, "fstab");

	return torn_bytes_of(fstab.size > 1 && fstab.data[fstab.size - 2] == '\n' ? "\n" : "");
}

static enum kensa_outcome apply_fixed(const struct kensa_context *context, const struct kensa_prestate *state)
{
	char *attributes = shell_set_attributes(state, "fstab");
	if (!attributes)
		return KENSA_ERROR;
	const int status = shell_run_beside(
		context, "/etc/fstab", "MP=%q OPTS=%q LAST=%q awk '" ADD_OPTIONS_FIXED "'" REPLACE_FSTAB,
		kensa_fact_bytes(state, "mount_point"), kensa_fact_bytes(state, "option"), newline_of(state), attributes);
	free(attributes);
	if (status != 0)
		return KENSA_FAILED;
	if (kensa_cancelled("kensa/after_file_write"))
		return KENSA_ERROR;
	return shell_run(context, NULL, "mount -o remount %q", kensa_fact_bytes(state, "mount_point")) == 0
		       ? KENSA_SUCCESS
		       : KENSA_FAILED;
}

#define PUBLISH " /etc/fstab > " TEMP " && mv " TEMP " /etc/fstab && mount -o remount %q"

static enum kensa_outcome run_broken(const struct kensa_context *context, const struct kensa_prestate *state,
				     const char *format, const char *fact)
{
	char *program = NULL;

	if (asprintf(&program, format, kensa_fact_text(state, "mount_point"), kensa_fact_text(state, fact)) < 0)
		return KENSA_ERROR;
	int status = shell_run(context, NULL, "awk %q" PUBLISH, torn_bytes_of(program),
			       kensa_fact_bytes(state, "mount_point"));
	free(program);
	return status == 0 ? KENSA_SUCCESS : KENSA_FAILED;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	const struct torn_bytes at = kensa_fact_bytes(state, "mount_point");
	enum kensa_outcome outcome;

	(void)step;
	if (context->version == KENSA_FIXED)
		outcome = apply_fixed(context, state);
	else if (context->version < KENSA_HEAD)
		outcome = run_broken(context, state, ADD_OPTIONS_BROKEN, "option");
	else
		outcome = shell_run(context, NULL, "MP=%q OPTS=%q awk '" ADD_OPTIONS "'" PUBLISH, at,
				    kensa_fact_bytes(state, "option"), at) == 0
				  ? KENSA_SUCCESS
				  : KENSA_FAILED;
	if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_runtime_write"))
		outcome = KENSA_ERROR;
	return outcome;
}

/* HEAD: what cannot be read is not as before, either. */
static enum kensa_outcome verify(const struct kensa_context *context, const struct kensa_prestate *state)
{
	char *live = NULL;

	int status =
		shell_run(context, &live, "findmnt -n -o OPTIONS %q", kensa_fact_bytes(state, "mount_point"));
	bool is_as_before = status == 0 && *live && mount_options_are_as_before(state, live);
	if (status >= 0)
		free(live);
	return is_as_before ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

static enum kensa_outcome rollback_published(const struct kensa_context *context,
					     const struct kensa_prestate *state)
{
	const struct torn_bytes at = kensa_fact_bytes(state, "mount_point");

	if (context->version < KENSA_HEAD)
		return run_broken(context, state, REPLACE_BROKEN, "prior_line");
	if (shell_run(context, NULL, "MP=%q LINE=%q awk '" REPLACE "'" PUBLISH, at,
		      kensa_fact_bytes(state, "prior_line"), at) != 0)
		return KENSA_FAILED;
	return verify(context, state);
}

static bool is_mounted_as_before(const struct kensa_context *context, const struct kensa_prestate *state)
{
	char *live = NULL;

	if (shell_run(context, &live, "findmnt -n -o OPTIONS %q", kensa_fact_bytes(state, "mount_point")) < 0)
		return false;
	bool is = strcmp(live, kensa_fact_text(state, "mounted_options")) == 0;
	free(live);
	return is;
}

/* `mount -o remount,OPTIONS SOURCE DIRECTORY`: mount(8) does not look into fstab then. */
static bool restore_mounted(const struct kensa_context *context, const struct kensa_prestate *state)
{
	if (is_mounted_as_before(context, state))
		return true;
	(void)shell_run(context, NULL, "mount -o remount,%q %q %q", kensa_fact_bytes(state, "mounted_options"),
			kensa_fact_bytes(state, "mounted_source"), kensa_fact_bytes(state, "mount_point"));
	return is_mounted_as_before(context, state);
}

static bool restore_table(const struct kensa_context *context, const struct kensa_prestate *state)
{
	return shell_file_restore(context, state, "fstab", "/etc/fstab", "0644") == KENSA_SUCCESS;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	(void)step;
	if (context->version != KENSA_FIXED)
		return rollback_published(context, state);
	bool table = restore_table(context, state);
	bool is_cancelled = kensa_cancelled("kensa/after_rollback_step");
	bool mounted = restore_mounted(context, state) || restore_mounted(context, state);
	table = table || restore_table(context, state);
	return table && mounted && !is_cancelled ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

const struct kensa_handler kensa_mount_option_set_shell = {
	.mechanism = "mount_option_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
