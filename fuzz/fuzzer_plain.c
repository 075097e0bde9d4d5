/*
 * fuzzer_plain.c: fuzz_<target> as a libFuzzer program: its options, its corpus
 * folders, its artifacts; it ends at the first finding (but for --keep-going).
 *
 * libFuzzer runs in a worker, where a trial has a child of its own, on copies
 * of the files that it is given: who it becomes there may not read or write
 * the originals. What it prints of them is told of the originals.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzzer.h"
#include "mirror.h"
#include "registry.h"
#include "renamed.h"
#include "sandbox.h"
#include "runner.h"
#include "worker.h"

/* The flag that says where inputs go that show something. */
#define ARTIFACTS "-artifact_prefix="
/* torn's own flags. */
#define VARIANT "--variant="
#define KEEP_GOING "--keep-going"
#define TRIAL_SECONDS 10

#define ARGUMENTS_MAX 256

/* An argument of libFuzzer. Where it names a file, it is told the copy's name. */
struct argument {
	const char *text;    /* as it was given; of a flag with a path: up to its "=" */
	bool is_copy;        /* it names a file or a folder: */
	const char *path;    /* NULL: one that is only there meanwhile */
	char copy[32];       /* the folder of the copy, below folder_fd */
	bool is_folder;
};

struct plain {
	const struct torn_fuzzer *fuzzer;
	struct torn_worker worker;
	struct torn_fuzzed *fuzzed;
	int folder_fd;
	struct argument arguments[ARGUMENTS_MAX];
	unsigned count;
	bool has_folder; /* of inputs */
	bool keeps_going; /* past findings: what is asked for is coverage */
};

/* ---------------------------------------------------------- in the worker */

static int error_descriptor = -1;
static bool keeps_going;

/* Found again where nothing is remembered of the first time? */
static void stop_at(struct torn_fuzzing *fuzzing, const struct torn_finding *finding)
{
	const bool again = torn_fuzzing_confirm(fuzzing, finding);
	dprintf(error_descriptor, "torn: %s%s@%s: %s: %s\n%s", again ? "" : "found, and not found again: ",
		finding->target, finding->variant, finding->id, finding->summary, finding->case_text);
	abort(); /* libFuzzer writes the artifact */
}

static int run_one(const uint8_t *data, size_t size)
{
	struct torn_fuzzing *fuzzing = torn_fuzzer_fuzzing();
	torn_fuzzer_own_exit();
	const struct torn_fuzzed *fuzzed = torn_fuzzing_fuzzed(fuzzing);
	const int r = torn_fuzzing_run(fuzzing, (struct torn_bytes){data, size});
	if (r == -EPROTO) {
		dprintf(error_descriptor, "torn: failed: %s\n", fuzzed->failure);
		_exit(TORN_EXIT_FAILED);
	}
	if (fuzzed->findings.count > 0 && !keeps_going)
		stop_at(fuzzing, &fuzzed->findings.items[0]);
	return 0;
}

/* "-flag=/proc/self/fd/1001/3/name", "/proc/self/fd/1001/3", or as it was given. */
static char *as_told(const struct argument *argument, int folder_fd)
{
	char text[PATH_MAX + 64];
	if (!argument->is_copy)
		return strdup(argument->text);
	const char *slash = argument->path ? strrchr(argument->path, '/') : NULL;
	const char *name = argument->is_folder ? "" : slash ? slash + 1 : argument->path;
	snprintf(text, sizeof text, "%s/proc/self/fd/%d/%s/%s", argument->text, folder_fd, argument->copy,
		 name);
	return strdup(text);
}

static void drive_in_worker(void *context, struct torn_lab *lab)
{
	struct plain *plain = context;
	char *told[ARGUMENTS_MAX + 2] = {(char *)plain->fuzzer->target};
	int argc = 1;
	error_descriptor = lab->stderr_fd;
	keeps_going = plain->keeps_going;
	dup2(lab->stderr_fd, STDERR_FILENO); /* libFuzzer's own; what a target writes there is recorded */
	for (unsigned i = 0; i < plain->count; i++)
		told[argc++] = as_told(&plain->arguments[i], lab->folder_fd);
	char **argv = told;
	torn_fuzzer_begin(plain->fuzzer, plain->fuzzed, lab);
	exit(plain->fuzzer->drive(&argc, &argv, run_one));
}

static void never_again(void *context)
{
	(void)context;
}

/* --------------------------------------------------------------- arguments */

static bool begins_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_asked(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

/* The argument that sets a flag to another number than 0; NULL: none. */
static const char *turned_on(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (begins_with(argv[i], flag) && atoi(argv[i] + strlen(flag)) != 0)
			return argv[i];
	return NULL;
}

/* It starts others that run the target, and runs none itself. */
static bool only_starts_others(int argc, char **argv)
{
	return (is_asked(argc, argv, "-merge=1") && !is_asked(argc, argv, "-merge_inner=1")) ||
	       turned_on(argc, argv, "-cleanse_crash=") || turned_on(argc, argv, "-jobs=");
}

/*
 * What libFuzzer has and this program does not: to change a case runs others, so
 * that of an input that -minimize_crash makes it cannot be said what it shows;
 * and the processes of -fork hand each other files that no worker may read.
 * Returns whether one of them is asked for, and was refused.
 */
static bool is_refused(const char *program, int argc, char **argv)
{
	static const struct {
		const char *flag, *instead;
	} refused[] = {
		{"-minimize_crash=", "the input alone, which tells its finding with the fewest faults"},
		{"-minimize_crash_internal_step=", "the input alone"},
		{"-fork=", "-jobs=N, or torn fuzz TARGET --jobs N, for several processes"},
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const char *argument = turned_on(argc, argv, refused[i].flag);
		if (!argument)
			continue;
		torn_mistake(program, argument, refused[i].instead);
		return true;
	}
	return false;
}

static void add(struct plain *plain, const char *text)
{
	if (plain->count < ARGUMENTS_MAX)
		plain->arguments[plain->count++] = (struct argument){.text = text};
}

/* `path` NULL: an empty folder. Returns 0, or -errno after telling the path. */
static int add_path(struct plain *plain, const char *flag, const char *path)
{
	struct stat status;
	struct argument *argument = &plain->arguments[plain->count];
	add(plain, flag);
	argument->path = path;
	argument->is_copy = true;
	snprintf(argument->copy, sizeof argument->copy, "%u", plain->count);
	argument->is_folder = !path || (path[0] && path[strlen(path) - 1] == '/');
	const int folder_fd = torn_sandbox_folder(plain->folder_fd, argument->copy);
	int r = folder_fd < 0 ? folder_fd : 0;
	if (path && stat(path, &status) == 0) {
		argument->is_folder = S_ISDIR(status.st_mode);
		if (r == 0 && strcmp(flag, ARTIFACTS) != 0)
			r = torn_mirror_in(path, folder_fd);
	} else if (path && !flag[0]) {
		r = -errno;
	}
	if (r == 0 && !flag[0] && argument->is_folder && !plain->has_folder) {
		plain->has_folder = true;
		r = torn_fuzzing_seed(plain->fuzzed->target, plain->fuzzed->variant, folder_fd);
	}
	if (folder_fd >= 0)
		close(folder_fd);
	if (r < 0)
		fprintf(stderr, "torn: %s: %s\n", path ? path : "corpus", strerror(-r));
	return r;
}

static int add_arguments(struct plain *plain, int argc, char **argv)
{
	static const char *const with_paths[] = {ARTIFACTS, "-merge_control_file=", "-exact_artifact_path="};
	/* The gate's signals and clocks are not libFuzzer's; what is given after these counts. */
	static const char *const first[] = {"-error_exitcode=86", "-timeout=0", "-rss_limit_mb=0",
					    "-malloc_limit_mb=0", "-detect_leaks=0", "-len_control=0",
					    "-reload=0", "-max_len=65535", "-print_funcs=0"};
	bool has_artifacts = false, has_inputs = false;
	plain->keeps_going = is_asked(argc, argv, KEEP_GOING);
	int r = 0;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		add(plain, first[i]);
	for (int i = 1; r == 0 && i < argc; i++) {
		const char *flag = NULL;
		for (size_t k = 0; k < sizeof with_paths / sizeof *with_paths; k++)
			if (begins_with(argv[i], with_paths[k]))
				flag = with_paths[k];
		has_artifacts |= flag == with_paths[0];
		has_inputs |= argv[i][0] != '-';
		if (flag)
			r = add_path(plain, flag, argv[i] + strlen(flag));
		else if (argv[i][0] != '-')
			r = add_path(plain, "", argv[i]);
		else if (!begins_with(argv[i], "--"))
			add(plain, argv[i]);
	}
	if (r == 0 && !has_inputs)
		r = add_path(plain, "", NULL);
	return r < 0 || has_artifacts ? r : add_path(plain, ARTIFACTS, "./");
}

/* libFuzzer says nothing of a word with two dashes: a misspelt one would be as if it were not there. */
static const char *unknown_flag(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (begins_with(argv[i], "--") && !begins_with(argv[i], VARIANT) &&
		    strcmp(argv[i], KEEP_GOING) != 0)
			return argv[i];
	return NULL;
}

static int help(const struct torn_fuzzer *fuzzer)
{
	printf("usage: fuzz_%s [" VARIANT "NAME] [" KEEP_GOING "] [-FLAG=VALUE...] "
	       "[FOLDER...|FILE...]\n"
	       "       fuzz_%s fuzz --help\n\n"
	       "  " VARIANT "NAME  what is fuzzed (see torn list targets; default: the first)\n"
	       "  " KEEP_GOING "    do not end at the first finding: for coverage\n"
	       "  -help=1         the flags of libFuzzer\n",
	       fuzzer->target, fuzzer->target);
	return fflush(stdout) == 0 ? TORN_EXIT_CLEAN : TORN_EXIT_FAILED;
}

/* ------------------------------------------------------------------ the end */

/* What libFuzzer wrote goes where it was meant to go. Returns 0 or -errno after telling. */
static int copy_back(const struct plain *plain)
{
	bool is_first = true;
	for (unsigned i = 0; i < plain->count; i++) {
		const struct argument *argument = &plain->arguments[i];
		char folder[PATH_MAX], path[PATH_MAX];
		if (!argument->is_copy || !argument->path)
			continue;
		/* Only the first folder of inputs is added to. */
		if (!argument->text[0] && (!argument->is_folder || !is_first))
			continue;
		is_first &= argument->text[0] != '\0';
		snprintf(folder, sizeof folder, "%s", argument->path[0] ? argument->path : ".");
		char *slash = strrchr(folder, '/');
		if (!argument->is_folder)
			snprintf(slash ? slash + 1 : folder, 2, "%s", slash ? "" : ".");
		const int from_fd = openat(plain->folder_fd, argument->copy,
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r = from_fd < 0 ? -errno : torn_mirror_out(from_fd, folder, !argument->is_folder,
							     path, sizeof path);
		if (from_fd >= 0)
			close(from_fd);
		if (r < 0) {
			fprintf(stderr, "torn: %s: %s\n", path, strerror(-r));
			return r;
		}
	}
	return 0;
}

static const struct torn_variant *chosen_variant(const struct torn_fuzzer *fuzzer, int argc, char **argv)
{
	const struct torn_target *target = torn_target_named(torn_bytes_of(fuzzer->target));
	const struct torn_variant *variant = &target->variants[0];
	for (int i = 1; i < argc; i++) {
		if (!begins_with(argv[i], VARIANT))
			continue;
		variant = torn_variant_named(target, torn_bytes_of(argv[i] + strlen(VARIANT)));
		if (!variant)
			torn_mistake(fuzzer->target, argv[i], "a variant (see torn list targets)");
	}
	return variant;
}

/* The original of the folder of its copy, as the user named it; NULL: no memory. */
static char *name_of(const struct argument *argument)
{
	const char *slash = strrchr(argument->path, '/');
	char *name;
	if (!argument->is_folder)
		return strndup(argument->path, slash ? (size_t)(slash + 1 - argument->path) : 0);
	const bool ends_in_slash = slash && !slash[1];
	return asprintf(&name, "%s%s", argument->path, ends_in_slash ? "" : "/") < 0 ? NULL : name;
}

/* As torn_renamed_begin(), for all that were copied. */
static int rename_copies(const struct plain *plain, struct torn_renamed *renamed)
{
	struct torn_renaming renamings[ARGUMENTS_MAX];
	char *names[ARGUMENTS_MAX];
	size_t count = 0;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < plain->count; i++) {
		const struct argument *argument = &plain->arguments[i];
		if (!argument->is_copy || !argument->path)
			continue;
		names[count] = name_of(argument);
		renamings[count] = (struct torn_renaming){argument->copy, names[count]};
		r = names[count] ? 0 : -ENOMEM;
		count++;
	}
	if (r == 0)
		r = torn_renamed_begin(renamed, renamings, count); /* has a copy of them from here on */
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	return r;
}

static int run(struct plain *plain)
{
	struct torn_renamed renamed;
	char message[256];
	const struct torn_job job = {.job = drive_in_worker, .again = never_again, .context = plain,
				     .isolated = true, .once = true};
	plain->worker.folder_fd = plain->folder_fd;
	plain->worker.starts_programs = plain->fuzzed->target->starts_programs;
	int r = rename_copies(plain, &renamed);
	if (r < 0) {
		fprintf(stderr, "torn: stderr: %s\n", strerror(-r));
		return TORN_EXIT_FAILED;
	}
	r = torn_worker_do(&plain->worker, &job, message, sizeof message);
	torn_renamed_end(&renamed);
	if (r == -EPROTO)
		fprintf(stderr, "torn: %s\n", message);
	const int copied = copy_back(plain);
	if (r < 0 || copied < 0)
		return r == -EINTR ? TORN_EXIT_INTERRUPTED : TORN_EXIT_FAILED;
	if (WIFEXITED(plain->worker.status))
		return WEXITSTATUS(plain->worker.status);
	fprintf(stderr, "torn: the worker died of signal %d\n", WTERMSIG(plain->worker.status));
	return TORN_EXIT_FAILED;
}

/* Where there is none, another file would get its number, and what is written to stderr. */
static void have_stderr(void)
{
	if (fcntl(STDERR_FILENO, F_GETFD) >= 0)
		return;
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || null == STDERR_FILENO)
		return;
	dup2(null, STDERR_FILENO);
	close(null);
}

int torn_fuzzer_plain(const struct torn_fuzzer *fuzzer, int argc, char **argv)
{
	torn_runner_take_over(argc, argv);
	if (is_asked(argc, argv, "--help"))
		return help(fuzzer);
	const char *unknown = unknown_flag(argc, argv);
	if (unknown)
		return torn_mistake(fuzzer->target, unknown, "a flag of this program (see --help)");
	if (is_refused(fuzzer->target, argc, argv))
		return TORN_EXIT_USAGE;
	const struct torn_variant *variant = chosen_variant(fuzzer, argc, argv);
	if (!variant)
		return TORN_EXIT_USAGE;
	if (only_starts_others(argc, argv))
		return fuzzer->drive(&argc, &argv, run_one);
	char message[256];
	static struct plain plain;
	plain.fuzzer = fuzzer;
	torn_worker_catch_interrupts();
	have_stderr();
	if (torn_worker_open(&plain.worker, TRIAL_SECONDS, message, sizeof message) < 0) {
		fprintf(stderr, "torn: %s\n", message);
		return TORN_EXIT_FAILED;
	}
	int status = TORN_EXIT_FAILED;
	if (torn_fuzzed_open(&plain.fuzzed) == 0) {
		torn_fuzzed_begin(plain.fuzzed, torn_target_named(torn_bytes_of(fuzzer->target)), variant);
		plain.folder_fd = torn_sandbox_folder(plain.worker.workspace.dir_fd, "files");
		if (plain.folder_fd >= 0 && add_arguments(&plain, argc, argv) == 0)
			status = run(&plain);
		torn_fuzzed_close(plain.fuzzed);
	}
	torn_worker_close(&plain.worker);
	return status;
}
