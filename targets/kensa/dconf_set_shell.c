/*
 * dconf_set_shell.c: the files of dconf_set.c by `printf … >` and `mkdir -p`, then `dconf update`.
 *
 * PR115 takes back the snippet only; HEAD the lock, the snippet, what is empty of the directories that were made,
 * and the profile. FIXED does each step whatever became of the others, all of them twice where one failed; it looks
 * at the database that it compiles, and puts back the one that was there.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "shell_handlers.h"

#define MODE "0644"
#define PATH_SIZE (NAME_MAX + 64)
/* FIXED: of a parameter, in bytes: the snippet and the lock fit into one command, whatever is to be quoted. */
#define VALUE_MAX ((size_t)4 << 10)

struct paths {
	char profile[PATH_SIZE], database[PATH_SIZE], directory[PATH_SIZE], locks[PATH_SIZE];
	char snippet[2 * PATH_SIZE], lock[2 * PATH_SIZE];
};

static const char *text_of(const struct kensa_step *step, const char *name)
{
	return (const char *)kensa_param(step, name).data;
}

static bool locks(const struct kensa_step *step)
{
	return strcmp(text_of(step, "lock"), "true") == 0;
}

static bool paths_of(const struct kensa_context *context, const struct kensa_step *step, struct paths *ret_paths)
{
	const char *db = text_of(step, "db"), *file = text_of(step, "file");

	if (strlen(db) > NAME_MAX - 2 || strlen(file) > NAME_MAX || !*db || !*file)
		return false;
	if (context->version == KENSA_FIXED && (!*text_of(step, "schema") || !*text_of(step, "key")))
		return false;
	for (size_t i = 0; context->version == KENSA_FIXED && i < step->params_count; i++)
		if (kensa_has_control(step->params[i].value) || step->params[i].value.size > VALUE_MAX)
			return false;
	if (context->version == KENSA_FIXED && (!kensa_is_dconf_name(db) || !kensa_is_dconf_name(file)))
		return false;
	if (context->version >= KENSA_HEAD &&
	    (strchr(db, '/') || strstr(db, "..") || strchr(file, '/') || strstr(file, "..")))
		return false;
	snprintf(ret_paths->profile, PATH_SIZE, "/etc/dconf/profile/%s", db);
	snprintf(ret_paths->database, PATH_SIZE, "/etc/dconf/db/%s", db);
	snprintf(ret_paths->directory, PATH_SIZE, "/etc/dconf/db/%s.d", db);
	snprintf(ret_paths->locks, PATH_SIZE, "/etc/dconf/db/%s.d/locks", db);
	snprintf(ret_paths->snippet, sizeof(ret_paths->snippet), "%s/%s", ret_paths->directory, file);
	snprintf(ret_paths->lock, sizeof(ret_paths->lock), "%s/%s", ret_paths->locks, file);
	return context->version != KENSA_FIXED ||
	       (kensa_path_leads_down(ret_paths->profile) && kensa_path_leads_down(ret_paths->snippet));
}

/* ---------------------------------------------------------------- capture */

/*
 * FIXED: by its name in its directory, as `test -e` says no of what cannot be looked at, too; `look` says what it is to be.
 * Returns 1: it is there, 0: it is not, -1: not known.
 */
static int find(const struct kensa_context *context, const char *path,
		int (*look)(const struct kensa_context *context, const char *path))
{
	if (context->version != KENSA_FIXED)
		return shell_run(context, NULL, "test -e %q", torn_bytes_of(path)) == 0;
	int status = look(context, path);
	return status == 0 ? 1 : status == 1 ? 0 : -1;
}

/* FIXED: is there a directory, or nothing? Also where the step has no lock: dconf looks into it. */
static bool may_be_directory(const struct kensa_context *context, const char *path)
{
	const struct torn_bytes at = torn_bytes_of(path);

	return shell_run(context, NULL, "test ! -L %q && { test -d %q || test ! -e %q; }", at, at, at) == 0;
}

static bool add(struct kensa_prestate *state, const char *name, const char *text)
{
	return kensa_prestate_add(state, name, text, strlen(text)) == 0;
}

static bool add_head(const struct kensa_context *context, const struct kensa_step *step,
		     const struct paths *paths, struct kensa_prestate *state)
{
	const int has_profile = find(context, paths->profile, shell_look_for_file);
	const int has_directory = find(context, paths->directory, shell_look_for);
	const int has_locks = !locks(step) ? 1 : has_directory == 0 ? 0 : find(context, paths->locks, shell_look_for);

	if (has_profile < 0 || has_directory < 0 || has_locks < 0)
		return false;
	if (context->version == KENSA_FIXED && has_directory && !may_be_directory(context, paths->locks))
		return false;
	/* Where there is no directory there is no lock: FIXED refuses to look for one in it. */
	if (locks(step) && has_locks &&
	    shell_file_capture(context, state, "lock_content", paths->lock) != KENSA_SUCCESS)
		return false;
	return add(state, "profile_existed", has_profile ? "true" : "false") &&
	       add(state, "made_db_dir", has_directory ? "false" : "true") &&
	       add(state, "made_locks", has_locks ? "false" : "true");
}

static bool look(const struct kensa_context *context, const struct kensa_step *step,
		 struct kensa_prestate *state)
{
	struct paths paths;

	/* the real one's database is GVDB, with NULs: FIXED can neither capture it nor look into it */
	if (!paths_of(context, step, &paths) ||
	    (context->version == KENSA_FIXED && context->path == KENSA_SHELL_REAL_DCONF))
		return false;
	if (context->version != KENSA_FIXED || find(context, paths.directory, shell_look_for) != 0) {
		if (shell_file_capture(context, state, "prior_content", paths.snippet) != KENSA_SUCCESS)
			return false;
	} else if (kensa_prestate_add(state, "prior_content", NULL, 0) < 0) {
		return false;
	}
	if (context->version >= KENSA_HEAD && !add_head(context, step, &paths, state))
		return false;
	return context->version != KENSA_FIXED ||
	       shell_file_capture(context, state, "database", paths.database) == KENSA_SUCCESS;
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	bool is_complete = look(context, step, ret_state);

	return kensa_captured(is_complete ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE, ret_state);
}

/* ------------------------------------------------------------------ apply */

static bool write_text(const struct kensa_context *context, const char *path, char *text)
{
	bool is_written = text && shell_file_write(context, path, MODE, torn_bytes_of(text)) == KENSA_SUCCESS;

	free(text);
	return is_written;
}

static char *snippet_of(const struct kensa_step *step)
{
	const char *type = text_of(step, "value_type");
	char *text = NULL;

	if (asprintf(&text, *type ? "[%s]\n%s=%s(%s)\n" : "[%s]\n%s=%s%s\n", text_of(step, "schema"),
		     text_of(step, "key"), type, text_of(step, "value")) < 0)
		return NULL;
	return text;
}

static char *formatted(const char *format, const char *first, const char *second)
{
	char *text = NULL;
	return asprintf(&text, format, first, second) < 0 ? NULL : text;
}

static bool make_directory(const struct kensa_context *context, const char *path)
{
	const struct torn_bytes at = torn_bytes_of(path);

	if (context->version == KENSA_FIXED)
		return shell_run(context, NULL, "mkdir -p %q && sync %q/..", at, at) == 0;
	return shell_run(context, NULL, "mkdir -p %q", at) == 0;
}

static bool write_files(const struct kensa_context *context, const struct kensa_step *step,
			const struct paths *paths)
{
	const int has_profile = find(context, paths->profile, shell_look_for_file);

	if (has_profile < 0)
		return false;
	if (!has_profile &&
	    !write_text(context, paths->profile, formatted("user\nsystem-db:%s\n%s", text_of(step, "db"), "")))
		return false;
	if (!make_directory(context, paths->directory) ||
	    !write_text(context, paths->snippet, snippet_of(step)))
		return false;
	return !locks(step) ||
	       (make_directory(context, paths->locks) &&
		write_text(context, paths->lock,
			   formatted("/%s/%s\n", text_of(step, "schema"), text_of(step, "key"))));
}

/*
 * FIXED: `dconf update` passes over what it cannot ask for its type, puts what is left into place, and exits
 * with 0. So the database is compiled beside its name, and what is in it looked for by content, before it is
 * renamed: that of the step itself, and of what else the directory has. This database is the stand-in's; a real
 * one is held against what a second `dconf compile` makes.
 */
#define LOOK                                                                                       \
	"c=$(cat \"$T\" && printf x) || exit 1; case $c in *%q*%q*) ;; *) exit 1;; esac;"              \
	" for f in %q/* %q/*; do"                                                                  \
	" case $f in */\\*) continue;; esac;"                                                      \
	" if [ -f \"$f\" ]; then b=$(cat \"$f\" && printf x) || exit 1; b=${b%%x};"                \
	" case $c in *\" ${f##*/} \"*\"$b\"*) ;; *) exit 1;; esac;"                                \
	" elif [ ! -e \"$f\" ] && [ ! -L \"$f\" ]; then exit 1; fi; done"

/* The command that looks at "$T". The caller frees. */
static char *look_of(const struct kensa_step *step, const struct paths *paths)
{
	char *snippet = snippet_of(step), *look = NULL;
	char *lock = formatted(locks(step) ? "/%s/%s\n" : "%.0s%.0s", text_of(step, "schema"),
			       text_of(step, "key"));

	if (snippet && lock)
		look = shell_compose(LOOK, torn_bytes_of(snippet), torn_bytes_of(lock), torn_bytes_of(paths->directory),
				     torn_bytes_of(paths->locks));
	free(snippet);
	free(lock);
	return look;
}

static bool compile(const struct kensa_context *context, const struct kensa_step *step,
		    const struct paths *paths)
{
	char *look = look_of(step, paths);
	const struct torn_bytes database = torn_bytes_of(paths->database);
	const bool done = look && shell_run_beside(context, paths->database,
						   "dconf compile \"$T\" %q && ( %s ) && sync \"$T\" && mv -f \"$T\" %q &&"
						   " sync /etc/dconf/db",
						   torn_bytes_of(paths->directory), look, database) == 0;
	free(look);
	return done;
}

static bool update(const struct kensa_context *context)
{
	const char *command = context->path == KENSA_SHELL_REAL_DCONF ? "/usr/bin/dconf update" : "dconf update";

	return shell_run(context, NULL, command) == 0;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	struct paths paths;

	(void)state;
	if (!paths_of(context, step, &paths) || !write_files(context, step, &paths) ||
	    kensa_cancelled("kensa/after_file_write"))
		return KENSA_ERROR;
	if (context->version == KENSA_FIXED ? !compile(context, step, &paths) : !update(context))
		return KENSA_FAILED;
	return kensa_cancelled("kensa/after_runtime_write") ? KENSA_ERROR : KENSA_SUCCESS;
}

/* --------------------------------------------------------------- rollback */

static bool is_true(const struct kensa_prestate *state, const char *name)
{
	return strcmp(kensa_fact_text(state, name), "true") == 0;
}

static enum kensa_outcome restore_lock(const struct kensa_context *context, const struct kensa_prestate *state,
				       const struct paths *paths)
{
	if (!kensa_prestate_fact(state, "lock_content"))
		return shell_run(context, NULL, "rm -f %q", torn_bytes_of(paths->lock)) == 0 ? KENSA_SUCCESS
											     : KENSA_ERROR;
	return shell_file_restore(context, state, "lock_content", paths->lock, MODE);
}

/* HEAD: best effort. */
static void clean_up(const struct kensa_context *context, const struct kensa_prestate *state,
		     const struct paths *paths)
{
	const struct torn_bytes directory = torn_bytes_of(paths->directory);

	if (is_true(state, "made_locks"))
		(void)shell_run(context, NULL, "rmdir %q", torn_bytes_of(paths->locks));
	if (is_true(state, "made_db_dir") && shell_run(context, NULL, "rmdir %q", directory) == 0 &&
	    !is_true(state, "profile_existed"))
		(void)shell_run(context, NULL, "rm -f %q", torn_bytes_of(paths->profile));
}

static enum kensa_outcome rollback_published(const struct kensa_context *context,
					     const struct kensa_prestate *state, const struct paths *paths)
{
	enum kensa_outcome outcome = KENSA_SUCCESS;

	if (context->version >= KENSA_HEAD)
		outcome = restore_lock(context, state, paths);
	if (outcome == KENSA_SUCCESS)
		outcome = shell_file_restore(context, state, "prior_content", paths->snippet, MODE);
	if (outcome)
		return outcome;
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	if (context->version >= KENSA_HEAD)
		clean_up(context, state, paths);
	return update(context) ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

/* A directory that is gone is no failure, and neither is it to ask whether it is. */
#define REMOVE "rm -f %q && { e=$(LC_ALL=C rmdir %q 2>&1) || case $e in *'No such file'*) ;; *) exit 1;; esac; }"

/* A directory that was made goes with all that was made in it, and its own is synced. */
static bool remove_made(const struct kensa_context *context, const struct kensa_prestate *state,
			const struct paths *paths)
{
	const struct torn_bytes lock = torn_bytes_of(paths->lock), locks_at = torn_bytes_of(paths->locks),
				snippet = torn_bytes_of(paths->snippet), at = torn_bytes_of(paths->directory),
				profile = torn_bytes_of(paths->profile);
	bool done = true;

	if (is_true(state, "made_locks"))
		done &= shell_run(context, NULL, REMOVE, lock, locks_at) == 0;
	if (is_true(state, "made_db_dir"))
		done &= shell_run(context, NULL, REMOVE " && sync /etc/dconf/db", snippet, at) == 0;
	else if (is_true(state, "made_locks"))
		done &= shell_run(context, NULL, "sync %q", at) == 0;
	if (!is_true(state, "profile_existed"))
		done &= shell_run(context, NULL, "rm -f %q && sync /etc/dconf/profile", profile) == 0;
	return done;
}

static bool restore_once(const struct kensa_context *context, const struct kensa_prestate *state,
			 const struct paths *paths)
{
	bool done = true;

	if (kensa_prestate_fact(state, "lock_content"))
		done &= restore_lock(context, state, paths) == KENSA_SUCCESS;
	if (!is_true(state, "made_db_dir"))
		done &= shell_file_restore(context, state, "prior_content", paths->snippet, MODE) ==
			KENSA_SUCCESS;
	done &= remove_made(context, state, paths);
	/* No `dconf update`: the database is what it was, whatever that was compiled from. */
	return done & (shell_file_restore(context, state, "database", paths->database, MODE) == KENSA_SUCCESS);
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	struct paths paths;

	if (!paths_of(context, step, &paths))
		return KENSA_ERROR;
	if (context->version != KENSA_FIXED)
		return rollback_published(context, state, &paths);
	bool done = restore_once(context, state, &paths);
	bool is_cancelled = kensa_cancelled("kensa/after_rollback_step");
	if (!done)
		done = restore_once(context, state, &paths);
	return done && !is_cancelled ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

const struct kensa_handler kensa_dconf_set_shell = {
	.mechanism = "dconf_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
