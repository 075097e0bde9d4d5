/*
 * dconf_set.c: a key of a dconf database for all users, and a lock that keeps them from changing it
 * (seeds/kensa.md, "dconf_set"). The kernel path: files and directories are made by system calls; compiling
 * them into the database is `dconf update` on either.
 *
 * Apply: profile where there is none, directory, snippet, directory of locks, lock, `dconf update`. Rollback:
 * PR115: the snippet, and `dconf update`. HEAD: the lock, the snippet (each with an early return), the directories
 * that were made, as far as they are empty; the profile, if the database's directory was made and is gone
 * again; `dconf update`.
 *
 * A directory of locks that was never made is ErrParentDirMissing to RemoveFile, not ErrNotExist: HEAD's rollback
 * of a rule without `lock` fails at its first step.
 *
 * FIXED differs from HEAD: what is not there needs no directory to be gone; every step is done whatever became
 * of the others; files come back with all that belongs to them; a profile that was made goes, and the compiled
 * database is what it was; directories are synced where one is made or removed, and where the database is renamed;
 * that is made by `dconf compile`, and looked at before it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../go/go_os.h"
#include "fsatomic_walk.h"
#include "handling.h"
#include "kernelio_files.h"
#include "quoting.h"
#include "sorted_files.h"

#define MODE 0644
#define DIRECTORY_MODE 0755
#define DATABASES "/etc/dconf/db"

struct paths {
	char profile[PATH_MAX], database[PATH_MAX], directory[PATH_MAX], snippet[PATH_MAX], locks[PATH_MAX],
		lock[PATH_MAX];
};

static const char *text_of(const struct kensa_step *step, const char *name)
{
	const struct torn_bytes value = kensa_param(step, name);

	return value.data ? (const char *)value.data : "";
}

static const char *database_of(const struct kensa_step *step)
{
	const char *name = text_of(step, "db");

	return *name ? name : "local";
}

static bool locks(const struct kensa_step *step)
{
	return strcmp(text_of(step, "lock"), "true") == 0;
}

/* False where one is too long. */
static bool paths_of(const struct kensa_step *step, struct paths *ret_paths)
{
	const char *db = database_of(step), *file = text_of(step, "file");

	if (strlen(db) > NAME_MAX || strlen(file) > NAME_MAX)
		return false;
	snprintf(ret_paths->profile, PATH_MAX, "/etc/dconf/profile/%s", db);
	snprintf(ret_paths->database, PATH_MAX, DATABASES "/%s", db);
	snprintf(ret_paths->directory, PATH_MAX, DATABASES "/%s.d", db);
	snprintf(ret_paths->snippet, PATH_MAX, DATABASES "/%s.d/%s", db, file);
	snprintf(ret_paths->locks, PATH_MAX, DATABASES "/%s.d/locks", db);
	snprintf(ret_paths->lock, PATH_MAX, DATABASES "/%s.d/locks/%s", db, file);
	return true;
}

/* FIXED: a line of created_dirs is a directory, and one of the snippet a key. */
static bool has_control(const struct kensa_step *step)
{
	for (size_t i = 0; i < step->params_count; i++)
		if (kensa_has_control(step->params[i].value))
			return true;
	return false;
}

/* HEAD refuses names that lead elsewhere. */
static bool accepts(const struct kensa_context *context, const struct kensa_step *step)
{
	const char *db = database_of(step), *file = text_of(step, "file");

	if (*text_of(step, "schema") == '\0' || *text_of(step, "key") == '\0' || *file == '\0')
		return false;
	const struct torn_bytes given = kensa_param(step, "db");
	const bool is_empty = given.data && given.size == 0; /* no other word for "local" */
	if (context->version == KENSA_FIXED &&
	    (is_empty || has_control(step) || !kensa_is_dconf_name(db) || !kensa_is_dconf_name(file)))
		return false;
	return context->version < KENSA_HEAD || (!strchr(db, '/') && !strstr(db, "..") &&
						 !strchr(file, '/') && !strstr(file, ".."));
}

/* ---------------------------------------------------------------- capture */

static bool add(struct kensa_prestate *state, const char *name, const char *text)
{
	return kensa_prestate_add(state, name, text, strlen(text)) == 0;
}

/* Is there no directory? An error that says nothing of that is one of capture's. Returns 1, 0 or -1. */
static int is_missing(const char *path)
{
	struct stat status;

	if (go_stat(path, &status) == 0)
		return !S_ISDIR(status.st_mode);
	return errno == ENOENT || errno == ENOTDIR ? 1 : -1;
}

/* The directories that apply will make, the deepest first, a line each. */
static bool add_created(const struct kensa_step *step, const struct paths *paths,
			struct kensa_prestate *state)
{
	char path[PATH_MAX], created[4 * PATH_MAX] = "";
	int missing = 0;

	strcpy(path, locks(step) ? paths->locks : paths->directory);
	while (path[0] && (missing = is_missing(path)) > 0) {
		strcat(strcat(created, path), "\n");
		*strrchr(path, '/') = '\0';
	}
	return missing >= 0 && add(state, "created_dirs", created);
}

static bool add_profile(const struct kensa_context *context, const struct paths *paths,
			struct kensa_prestate *state)
{
	char *profile = NULL;
	size_t size = 0;

	if (kensa_file_read(context, paths->profile, &profile, &size) < 0)
		return false;
	const bool existed = profile != NULL;
	free(profile);
	return add(state, "profile_path", paths->profile) &&
	       add(state, "profile_existed", existed ? "true" : "false");
}

static bool add_head(const struct kensa_context *context, const struct kensa_step *step,
		     const struct paths *paths, struct kensa_prestate *state)
{
	return add_created(step, paths, state) && add(state, "lock_path", paths->lock) &&
	       kensa_file_capture_below(context, state, "lock_content", paths->lock) == KENSA_SUCCESS &&
	       add_profile(context, paths, state) && add(state, "db_dir", paths->directory);
}

static bool look(const struct kensa_context *context, const struct kensa_step *step,
		 struct kensa_prestate *state)
{
	struct paths paths;

	if (!accepts(context, step) || !paths_of(step, &paths))
		return false;
	if (!add(state, "file_path", paths.snippet) ||
	    kensa_file_capture_below(context, state, "prior_content", paths.snippet) != KENSA_SUCCESS)
		return false;
	if (context->version >= KENSA_HEAD && !add_head(context, step, &paths, state))
		return false;
	return context->version != KENSA_FIXED ||
	       kensa_file_capture(context, state, "database", paths.database) == KENSA_SUCCESS;
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	bool is_complete = look(context, step, ret_state);

	return kensa_captured(is_complete ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE, ret_state);
}

/* ------------------------------------------------------------------ apply */

/* Write what a format makes of a file. */
__attribute__((format(printf, 3, 4))) static bool
write_text(const struct kensa_context *context, const char *path, const char *format, ...)
{
	char *text = NULL;
	va_list words;

	va_start(words, format);
	int size = vasprintf(&text, format, words);
	va_end(words);
	if (size < 0)
		return false;
	bool done = kensa_file_write(context, path, MODE,
				     (struct torn_bytes){(const uint8_t *)text, (size_t)size}) ==
		    KENSA_SUCCESS;
	free(text);
	return done;
}

#define PROFILE "user\nsystem-db:%s\n"

static bool write_profile(const struct kensa_context *context, const struct kensa_step *step,
			  const struct paths *paths)
{
	char *profile = NULL;
	size_t size = 0;

	if (kensa_file_read(context, paths->profile, &profile, &size) < 0)
		return false;
	const bool existed = profile != NULL;
	free(profile);
	return existed || write_text(context, paths->profile, PROFILE, database_of(step));
}

static bool write_snippet(const struct kensa_context *context, const struct kensa_step *step,
			  const struct paths *paths)
{
	const char *type = text_of(step, "value_type");

	if (*type)
		return write_text(context, paths->snippet, "[%s]\n%s=%s(%s)\n", text_of(step, "schema"),
				  text_of(step, "key"), type, text_of(step, "value"));
	return write_text(context, paths->snippet, "[%s]\n%s=%s\n", text_of(step, "schema"),
			  text_of(step, "key"), text_of(step, "value"));
}

/* FIXED: what was made or removed in the directory that holds `path` is there after a power cut, too. */
static bool sync_parent(const char *path)
{
	int parent = go_open_parent(path);

	if (parent < 0)
		return errno == ENOENT; /* it is gone itself, and its own parent is synced */
	bool done = go_sync(parent) == 0;
	(void)close(parent);
	return done;
}

/* FIXED: of each directory that was made. */
static bool sync_created(const struct kensa_context *context, const struct kensa_prestate *state)
{
	char path[PATH_MAX];

	if (context->version != KENSA_FIXED)
		return true;
	for (const char *line = kensa_fact_text(state, "created_dirs"); *line;) {
		const size_t length = strcspn(line, "\n");
		snprintf(path, sizeof(path), "%.*s", (int)length, line);
		if (!sync_parent(path))
			return false;
		line += length + 1;
	}
	return true;
}

static bool write_files(const struct kensa_context *context, const struct kensa_step *step,
			const struct paths *paths, const struct kensa_prestate *state)
{
	if (!write_profile(context, step, paths) ||
	    kernelio_mkdir_all(paths->directory, DIRECTORY_MODE) < 0 || !write_snippet(context, step, paths))
		return false;
	if (locks(step) && (kernelio_mkdir_all(paths->locks, DIRECTORY_MODE) < 0 ||
			    !write_text(context, paths->lock, "/%s/%s\n", text_of(step, "schema"),
					text_of(step, "key"))))
		return false;
	return sync_created(context, state);
}

/* Of a name in a directory of dconf's: 1 a file, 0 what dconf leaves out, -1 not known. */
static int is_file(const char *path)
{
	struct stat status;

	if (go_stat(path, &status) == 0)
		return S_ISREG(status.st_mode);
	return go_lstat(path, &status) == 0 && S_ISLNK(status.st_mode) ? 0
								       : -1; /* it leads nowhere */
}

/* Is it in the database, whole? Its size there is added to `size`. */
static bool has_file(struct torn_bytes database, const char *kind, const char *path, size_t *size)
{
	char *text = NULL, *wanted = NULL;
	size_t text_size = 0;

	const int is = is_file(path);
	if (is <= 0)
		return is == 0;
	if (kernelio_read_file(path, &text, &text_size) < 0)
		return false;
	const int head =
		asprintf(&wanted, "%s %s %zu\n%s", kind, strrchr(path, '/') + 1, text_size, text);
	const bool has = head >= 0 && memmem(database.data, database.size, wanted, (size_t)head);
	*size += has ? (size_t)head : 0;
	free(wanted);
	free(text);
	return has;
}

static bool has_files(struct torn_bytes database, const char *kind, const char *directory,
		      size_t *size)
{
	struct sorted_files files;
	char path[PATH_MAX];
	bool has = true;

	if (sorted_files_list(directory, "", &files) < 0)
		return false;
	for (size_t i = 0; has && i < files.count; i++)
		has = snprintf(path, sizeof(path), "%s/%s", directory, files.names[i]) <
			      (int)sizeof(path) &&
		      has_file(database, kind, path, size);
	sorted_files_free(&files);
	return has;
}

/*
 * FIXED: has the database what its directory has, and nothing else? This database is the stand-in's. A real one is held
 * against what a second `dconf compile` makes.
 */
static bool is_complete(const char *database, const struct paths *paths)
{
	char *text = NULL;
	size_t size = 0, wanted = 0;

	if (kernelio_read_file(database, &text, &size) < 0)
		return false;
	const struct torn_bytes bytes = {(const uint8_t *)text, size};
	const bool is = has_files(bytes, "file", paths->directory, &wanted) &&
			has_files(bytes, "lock", paths->locks, &wanted) && size == wanted;
	free(text);
	return is;
}

static bool sync_file(const char *path)
{
	int file = go_open(path, O_RDONLY, 0);

	if (file < 0)
		return false;
	bool done = go_sync(file) == 0;
	(void)close(file);
	return done;
}

/*
 * FIXED: `dconf update` passes over what it cannot ask for its type, and over names that it is not told, puts what
 * is left into place, and exits with 0; it does so with the databases of others, too. So this one alone is compiled
 * beside its name, and looked at before it is renamed. (Programs that have the old one open are told by marking that
 * one invalid, as dconf does; nobody has it open here.)
 */
static bool compile_at(const struct kensa_context *context, const struct paths *paths, const char *compiled)
{
	char *command = quoting_command("dconf compile %s %s", compiled, paths->directory);
	bool done = command && kensa_run(context, command, NULL) == 0;
	free(command);
	return done && is_complete(compiled, paths) && sync_file(compiled) &&
	       go_rename(compiled, paths->database) == 0 && sync_parent(paths->database);
}

/* Beside the database, under a name that nothing has. */
static bool name_beside(const char *path, char *name, size_t size)
{
	char suffix[FSATOMIC_SUFFIX_SIZE];
	struct stat status;

	for (unsigned i = 0; i < FSATOMIC_TEMP_TRIES; i++) {
		fsatomic_random_suffix(suffix);
		snprintf(name, size, "%s.kensa.%s", path, suffix);
		if (lstat(name, &status) < 0)
			return errno == ENOENT;
	}
	return false;
}

static bool compile(const struct kensa_context *context, const struct paths *paths)
{
	char compiled[PATH_MAX + sizeof(".kensa.") + FSATOMIC_SUFFIX_SIZE];

	if (!name_beside(paths->database, compiled, sizeof(compiled)))
		return false;
	if (compile_at(context, paths, compiled))
		return true;
	if (TEMP_FAILURE_RETRY(unlink(compiled)) < 0 && errno != ENOENT)
		(void)unlink(compiled); /* what failed once need not fail again */
	return false;
}

/* `dconf update` renames the database into place and does not sync its directory. */
static bool update(const struct kensa_context *context)
{
	return kensa_run(context, "dconf update", NULL) == 0;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	struct paths paths;

	if (!paths_of(step, &paths) || !write_files(context, step, &paths, state))
		return KENSA_ERROR;
	if (kensa_cancelled("kensa/after_file_write"))
		return KENSA_ERROR;
	if (context->version == KENSA_FIXED ? !compile(context, &paths) : !update(context))
		return KENSA_FAILED;
	return kensa_cancelled("kensa/after_runtime_write") ? KENSA_ERROR : KENSA_SUCCESS;
}

/* --------------------------------------------------------------- rollback */

static enum kensa_outcome restore_snippet(const struct kensa_context *context,
					  const struct kensa_prestate *state)
{
	return kensa_file_restore(context, state, "prior_content", kensa_fact_text(state, "file_path"), MODE);
}

static enum kensa_outcome restore_lock(const struct kensa_context *context,
				       const struct kensa_prestate *state)
{
	return kensa_file_restore(context, state, "lock_content", kensa_fact_text(state, "lock_path"), MODE);
}

/* Remove what is empty of the directories that were made. Is the database's own among them? */
static bool remove_created(const struct kensa_prestate *state)
{
	char path[PATH_MAX];
	bool is_removed = false;

	for (const char *line = kensa_fact_text(state, "created_dirs"); *line;) {
		const size_t length = strcspn(line, "\n");
		snprintf(path, sizeof(path), "%.*s", (int)length, line);
		if (rmdir(path) == 0 && strcmp(path, kensa_fact_text(state, "db_dir")) == 0)
			is_removed = true;
		line += length + 1;
	}
	return is_removed;
}

/* HEAD: best effort, `rmdir` and `rm -f`. */
static void clean_up(const struct kensa_prestate *state)
{
	if (remove_created(state) && strcmp(kensa_fact_text(state, "profile_existed"), "false") == 0)
		(void)unlink(kensa_fact_text(state, "profile_path"));
}

static enum kensa_outcome rollback_published(const struct kensa_context *context,
					     const struct kensa_prestate *state)
{
	enum kensa_outcome outcome = KENSA_SUCCESS;

	if (context->version == KENSA_HEAD) {
		outcome = restore_lock(context, state);
		if (outcome == KENSA_SUCCESS && kensa_cancelled("kensa/after_rollback_step"))
			outcome = KENSA_ERROR;
	}
	if (outcome == KENSA_SUCCESS)
		outcome = restore_snippet(context, state);
	if (outcome)
		return outcome;
	if (kensa_cancelled("kensa/after_rollback_step"))
		return KENSA_ERROR;
	if (context->version == KENSA_HEAD)
		clean_up(state);
	return update(context) ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

/* FIXED: a directory in which somebody has put something since is left, and that is no failure. */
static bool remove_directories(const struct kensa_context *context, const struct kensa_prestate *state)
{
	char path[PATH_MAX];

	for (const char *line = kensa_fact_text(state, "created_dirs"); *line;) {
		const size_t length = strcspn(line, "\n");
		snprintf(path, sizeof(path), "%.*s", (int)length, line);
		if (TEMP_FAILURE_RETRY(rmdir(path)) < 0 && errno != ENOENT && errno != ENOTEMPTY)
			return false;
		line += length + 1;
	}
	return sync_created(context, state);
}

/* FIXED: the profile that apply made, if it is still that. */
static bool remove_profile(const struct kensa_context *context, const struct kensa_step *step,
			   const struct kensa_prestate *state)
{
	const char *path = kensa_fact_text(state, "profile_path");
	char *profile = NULL, *ours = NULL;
	size_t size = 0;

	if (strcmp(kensa_fact_text(state, "profile_existed"), "false") != 0)
		return true;
	if (kensa_file_read(context, path, &profile, &size) < 0)
		return false;
	if (!profile)
		return sync_parent(path);
	if (asprintf(&ours, PROFILE, database_of(step)) < 0)
		ours = NULL;
	bool is_ours = ours && strcmp(profile, ours) == 0;
	free(profile);
	free(ours);
	return !is_ours || kernelio_remove_file(KERNELIO_FIXED, path) == FSATOMIC_OK;
}

/* FIXED: what it was, whatever that was compiled from. */
static bool restore_database(const struct kensa_context *context, const struct kensa_step *step,
			     const struct kensa_prestate *state)
{
	struct paths paths;

	return paths_of(step, &paths) &&
	       kensa_file_restore(context, state, "database", paths.database, MODE) == KENSA_SUCCESS;
}

/* FIXED: the steps of a rollback, and which of them are done. */
struct progress {
	bool lock, snippet, directories, profile, database;
};

static bool is_done(const struct progress *progress)
{
	return progress->lock && progress->snippet && progress->directories && progress->profile &&
	       progress->database;
}

/* Do what is not done, whatever becomes of the others. A directory is empty only behind its files. */
static void go_on(const struct kensa_context *context, const struct kensa_step *step,
		  const struct kensa_prestate *state, struct progress *progress)
{
	if (!progress->lock)
		progress->lock = restore_lock(context, state) == KENSA_SUCCESS;
	if (!progress->snippet)
		progress->snippet = restore_snippet(context, state) == KENSA_SUCCESS;
	if (!progress->directories)
		progress->directories = remove_directories(context, state) && progress->lock &&
					progress->snippet;
	if (!progress->profile)
		progress->profile = remove_profile(context, step, state);
	if (!progress->database)
		progress->database = restore_database(context, step, state);
}

/* FIXED: each step whatever became of the others, and what failed once more. */
static enum kensa_outcome rollback_all(const struct kensa_context *context, const struct kensa_step *step,
				       const struct kensa_prestate *state)
{
	struct progress progress = {.lock = false};

	go_on(context, step, state, &progress);
	bool is_cancelled = kensa_cancelled("kensa/after_rollback_step");
	if (!is_done(&progress))
		go_on(context, step, state, &progress);
	return is_done(&progress) && !is_cancelled ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	return context->version == KENSA_FIXED ? rollback_all(context, step, state)
					       : rollback_published(context, state);
}

const struct kensa_handler kensa_dconf_set = {
	.mechanism = "dconf_set",
	.capture = capture,
	.apply = apply,
	.rollback = rollback,
};
