/*
 * command_exec.c: torn exec [OPTION...] -- COMMAND: any program, with no code
 * written. Its directory is read into a case, and from there on it is a target
 * like any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case.h"
#include "case_blobs.h"
#include "commands.h"
#include "confirm.h"
#include "output.h"
#include "program.h"
#include "program_text.h"
#include "rehearsal.h"
#include "setup.h"
#include "snapshot.h"
#include "tell.h"

#define ARENA_BYTES ((size_t)2 << 30)
#define WATCHED_BYTES ((size_t)8 << 20)
#define SNAPSHOT_BYTES_MAX (UINT64_C(256) << 20)
#define SNAPSHOT_FILES_MAX 20000u

struct executing {
	const struct torn_options *options;
	struct torn_arena arena;
	struct torn_arena told, watched; /* what workers say of its files after --setup, and of what it changes */
	char *dir, *cwd; /* malloc'ed by realpath(3) */
	struct torn_case c;
	struct torn_setup setup;
	struct torn_worker worker;
	struct torn_rehearsal *rehearsal;
	char message[600];
};

static int fail(const char *why)
{
	fprintf(stderr, "torn exec: %s\n", why);
	return TORN_EXIT_FAILED;
}

/* ----------------------------------------------------------------- the case */

static void add_arg(struct torn_case *c, const char *name, const char *value)
{
	if (value)
		c->args[c->args_count++] = (struct torn_case_arg){torn_bytes_of(name), torn_bytes_of(value)};
}

static int take_command(struct executing *e)
{
	const struct torn_options *options = e->options;
	struct torn_case *c = &e->c;
	char timeout[16];
	snprintf(timeout, sizeof timeout, "%u", options->timeout_s);
	c->target = torn_bytes_of(TORN_PROGRAM_TARGET);
	c->plan.seed = 1;
	c->command = torn_arena_take(&e->arena, options->names_count * sizeof *c->command);
	c->args = torn_arena_take(&e->arena, 16 * sizeof *c->args);
	if (!c->command || !c->args)
		return -ENOMEM;
	for (size_t i = 0; i < options->names_count; i++)
		c->command[i] = torn_bytes_of(options->names[i]);
	c->command_count = options->names_count;
	add_arg(c, "ack", options->ack);
	add_arg(c, "check", options->check);
	add_arg(c, "cwd", strcmp(e->cwd, e->dir) == 0 ? NULL : e->cwd);
	add_arg(c, "dir", e->dir);
	add_arg(c, "keep-metadata", options->keep_metadata ? "yes" : NULL);
	add_arg(c, "recover", options->recover);
	add_arg(c, "rerun", options->no_rerun ? "no" : NULL);
	add_arg(c, "timeout", (const char *)torn_arena_copy(&e->arena, timeout, strlen(timeout)).data);
	add_arg(c, "together", options->together ? "yes" : NULL);
	add_arg(c, "view", options->view);
	return 0;
}

/* As it is called below the directory: no "." or "..", no slash first. */
static int take_watch(struct executing *e, const char *said, struct torn_bytes *ret_path)
{
	char joined[8192];
	snprintf(joined, sizeof joined, "%s%s%s", said[0] == '/' ? "" : e->cwd, said[0] == '/' ? "" : "/", said);
	char plain[8192] = "";
	size_t size = 0;
	for (char *rest = joined, *word; (word = strsep(&rest, "/"));) {
		if (strcmp(word, "..") == 0) {
			while (size > 0 && plain[--size] != '/')
				;
			plain[size] = '\0';
		} else if (word[0] && strcmp(word, ".") != 0) {
			size += (size_t)snprintf(plain + size, sizeof plain - size, "/%s", word);
		}
	}
	const size_t root = strlen(e->dir);
	if (strncmp(plain, e->dir, root) != 0 || plain[root] != '/') {
		snprintf(e->message, sizeof e->message, "%.200s is not below %.200s: only what is in the directory can be watched",
			 said, e->dir);
		return -EINVAL;
	}
	*ret_path = torn_arena_copy(&e->arena, plain + root + 1, strlen(plain + root + 1));
	return ret_path->data ? 0 : -ENOMEM;
}

static int take_watches(struct executing *e)
{
	const struct torn_options *options = e->options;
	struct torn_case *c = &e->c;
	c->watches = torn_arena_take(&e->arena, (options->watches_count + 1) * sizeof *c->watches);
	for (size_t i = 0; c->watches && i < options->watches_count; i++) {
		const int r = take_watch(e, options->watches[i], &c->watches[c->watches_count]);
		if (r < 0)
			return r;
		c->watches_count++;
	}
	return c->watches ? 0 : -ENOMEM;
}

/* What torn itself writes there is no part of the program's directory. */
static void leave_out_cases(struct executing *e)
{
	char *folder = realpath(e->options->cases, NULL);
	const size_t root = strlen(e->dir), size = folder ? strlen(folder) : 0;
	size_t kept = 0;
	if (size > root + 1 && strncmp(folder, e->dir, root) == 0 && folder[root] == '/') {
		const struct torn_bytes below = {(const uint8_t *)folder + root + 1, size - root - 1};
		for (size_t i = 0; i < e->c.olds_count; i++) {
			const struct torn_bytes path = e->c.olds[i].path;
			if (path.size < below.size || memcmp(path.data, below.data, below.size) != 0 ||
			    (path.size > below.size && path.data[below.size] != '/'))
				e->c.olds[kept++] = e->c.olds[i];
		}
		e->c.olds_count = kept;
	}
	free(folder);
}

static int take_directory(struct executing *e)
{
	const struct torn_snapshot_limits limits = {SNAPSHOT_BYTES_MAX, SNAPSHOT_FILES_MAX};
	uint32_t root_mode;
	const int fd = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(e->message, sizeof e->message, "%.300s: %s", e->dir, strerror(errno));
		return -errno;
	}
	const int r = torn_snapshot_read(fd, &limits, &e->arena, &e->c.olds, &e->c.olds_count, &root_mode,
					 e->message, sizeof e->message);
	close(fd);
	if (r == 0)
		leave_out_cases(e);
	return r;
}

static int make_setup(struct executing *e)
{
	static const struct torn_case_lines nowhere;
	struct torn_case_error error;
	torn_case_sort(&e->c);
	const int r = torn_setup_case(&e->arena, &e->c, &nowhere, &e->setup, &error);
	if (r < 0)
		snprintf(e->message, sizeof e->message, "%s", error.message);
	return r;
}

static int find_places(struct executing *e)
{
	const char *dir = e->options->dir ? e->options->dir : ".";
	e->dir = realpath(dir, NULL);
	e->cwd = realpath(".", NULL);
	if (!e->dir || !e->cwd) {
		snprintf(e->message, sizeof e->message, "%.300s: %s", e->dir ? "." : dir, strerror(errno));
		return -errno;
	}
	return 0;
}

/* A mistyped expression is told before anything runs. */
static int check_ack(struct executing *e)
{
	regex_t expression;
	if (!e->options->ack)
		return 0;
	const int r = regcomp(&expression, e->options->ack, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		char why[200];
		regerror(r, &expression, why, sizeof why);
		snprintf(e->message, sizeof e->message, "--ack %.200s: %s", e->options->ack, why);
		return -EINVAL;
	}
	regfree(&expression);
	return 0;
}

/* -------------------------------------------------------------- what is run */

static int open_worker(struct executing *e)
{
	const int r = torn_worker_open(&e->worker, e->options->timeout_s, e->message, sizeof e->message);
	e->worker.program = e->setup.program;
	return r;
}

/* What --setup leaves in the copy is the old state. */
static int run_setup(struct executing *e)
{
	if (!e->options->setup)
		return 0;
	int r = open_worker(e);
	if (r < 0)
		return r;
	r = torn_rehearse_setup(&e->worker, &e->c, e->options->setup, &e->told, e->rehearsal, e->message,
				sizeof e->message);
	torn_worker_close(&e->worker);
	if (r == 0 && e->rehearsal->text[0]) {
		snprintf(e->message, sizeof e->message, "%s", e->rehearsal->text);
		return -EINVAL;
	}
	if (r < 0)
		return r;
	/* The worker's own count of what it took ended with it. */
	e->c.olds = e->rehearsal->olds;
	e->c.olds_count = e->rehearsal->olds_count;
	e->rehearsal->outputs[0] = e->rehearsal->outputs[1] = 0;
	return make_setup(e);
}

/* The program's own output and exit code. */
static int tell_clean_run(const struct torn_rehearsal *rehearsal)
{
	for (int which = 0; which < 2; which++) {
		FILE *out = which == 0 ? stdout : stderr;
		const size_t size = rehearsal->outputs[which];
		fwrite(rehearsal->output[which], 1,
		       size < TORN_REHEARSED_OUTPUT_MAX ? size : TORN_REHEARSED_OUTPUT_MAX, out);
		fflush(out);
	}
	return rehearsal->end == TORN_CRASHED ? 128 + rehearsal->code : rehearsal->code;
}

static void say_notes(const struct executing *e)
{
	const struct torn_rehearsal *rehearsal = e->rehearsal;
	if (e->options->quiet)
		return;
	if (rehearsal->notes & (TORN_NOTE_OUTSIDE | TORN_NOTE_ESCAPE))
		fprintf(stderr, "torn exec: it tried to get out, and was refused: %s\n", rehearsal->note);
	if (rehearsal->notes & TORN_NOTE_LEFT)
		fprintf(stderr, "torn exec: it leaves a process behind that waits: it is ended with the run\n");
	if (rehearsal->notes & TORN_NOTE_PREEMPTED)
		fprintf(stderr, "torn exec: its threads wait for each other by spinning: a run may not be the same twice\n");
}

/* The blobs of one case: those of the program's files that it names. */
static int store_referred(const struct executing *e, int folder_fd, const struct torn_finding *finding)
{
	int r = 0;
	for (size_t i = 0; finding->case_text && r == 0 && i < e->c.olds_count; i++) {
		const struct torn_old *old = &e->c.olds[i];
		const struct torn_case one = {.olds = (struct torn_old *)old, .olds_count = 1};
		if (old->file.size > 0 && strstr(finding->case_text, (const char *)old->file.data))
			r = torn_case_blobs_write(&one, folder_fd);
	}
	return r;
}

/* Contents that cases refer to, in the folder where they are to be. */
static int store_blobs(struct executing *e, const struct torn_result *result)
{
	bool is_any = false;
	for (size_t i = 0; i < result->findings_count; i++)
		is_any |= result->findings[i].case_text && strstr(result->findings[i].case_text, "@blobs/");
	if (!is_any)
		return 0;
	if (mkdir(e->options->cases, 0777) != 0 && errno != EEXIST)
		return -errno;
	const int fd = open(e->options->cases, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	for (size_t i = 0; r == 0 && i < result->findings_count; i++)
		r = store_referred(e, fd, &result->findings[i]);
	if (fd >= 0)
		close(fd);
	return r;
}

/* Nobody hears of what does not show again. Returns 0, or -errno after saying why. */
static int confirm(struct executing *e, struct torn_check *check)
{
	struct torn_result *result = &check->items[0].result;
	size_t unconfirmed = 0;
	if (result->findings_count == 0)
		return 0;
	int r = torn_case_blobs_refer(&e->c, &e->arena);
	if (r == 0 && !check->interrupted)
		r = open_worker(e);
	if (r == 0 && !check->interrupted) {
		if (r == 0)
			r = torn_case_blobs_write(&e->c, e->worker.workspace.dir_fd);
		if (r == 0)
			r = torn_confirm(&e->worker, &e->c, e->worker.workspace.dir_fd, result, &e->arena,
					 &unconfirmed);
		torn_worker_close(&e->worker);
	}
	if (r == -EINTR || check->interrupted)
		fprintf(stderr, "torn exec: interrupted: not all that is told was run again\n");
	const int stored = r == 0 || r == -EINTR ? store_blobs(e, result) : 0;
	r = stored < 0 ? stored : r;
	if (unconfirmed > 0)
		fprintf(stderr, "torn exec: %zu finding%s did not show again and %s not told: the program does not do the same twice\n",
			unconfirmed, unconfirmed == 1 ? "" : "s", unconfirmed == 1 ? "is" : "are");
	if (r == -EINTR) {
		check->interrupted = true;
		return 0;
	}
	if (r < 0)
		fail(e->message[0] ? e->message : strerror(-r));
	return r;
}

static int check_it(struct executing *e)
{
	struct torn_checked item = {
		.target = e->setup.target, .variant = e->setup.variant, .program_case = &e->c};
	struct torn_check check = {.count = 1, .program = e->setup.program};
	check.items = malloc(sizeof item);
	if (!check.items)
		return fail("no memory");
	check.items[0] = item;
	int status = TORN_EXIT_FAILED;
	if (torn_check_run(&check, e->options) == 0 && confirm(e, &check) == 0)
		status = torn_tell(&check.items[0].result, check.count, e->options) < 0
				 ? TORN_EXIT_FAILED
				 : torn_verdict(&check.items[0].result, check.count, check.interrupted, e->options);
	torn_check_free(&check);
	return status;
}

static int write_text(FILE *out, const void *context)
{
	const struct torn_bytes *text = context;
	return fwrite(text->data, 1, text->size, out) == text->size ? 0 : -EIO;
}

/* The clean run as a case: faults can be written into it by hand. */
static int emit_case(struct executing *e)
{
	const char *folder = e->options->emit_case;
	char path[4096];
	struct torn_case c = e->c;
	c.watches = e->rehearsal->watches;
	c.watches_count = e->rehearsal->watches_count;
	c.expect = TORN_EXPECT_HELD;
	c.invariant = torn_bytes_of("old-or-new");
	int r = mkdir(folder, 0777) == 0 || errno == EEXIST ? 0 : -errno;
	const int fd = r < 0 ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = -errno;
	if (r == 0)
		r = torn_case_blobs_refer(&c, &e->arena);
	if (r == 0)
		r = torn_case_blobs_write(&c, fd);
	if (fd >= 0)
		close(fd);
	torn_case_sort(&c);
	const struct torn_bytes text = r < 0 ? (struct torn_bytes){NULL, 0} : torn_case_text(&c, &e->arena);
	if (r == 0 && !text.data)
		r = -ENOMEM;
	snprintf(path, sizeof path, "%s/%s-clean.case", folder, e->setup.variant->name);
	if (r == 0)
		r = torn_output_write(path, write_text, &text);
	if (r < 0) {
		fprintf(stderr, "torn exec: %s: %s\n", path, strerror(-r));
		return TORN_EXIT_FAILED;
	}
	printf("%s: %u ops; put faults in as \"fault N CALL errno=E\" (torn explain shows the ops)\n", path,
	       e->rehearsal->ops);
	return TORN_EXIT_CLEAN;
}

static int rehearse(struct executing *e)
{
	int r = open_worker(e);
	if (r < 0)
		return r;
	r = torn_rehearse(&e->worker, &e->c, e->options->clean_only, &e->watched, e->rehearsal, e->message,
			  sizeof e->message);
	torn_worker_close(&e->worker);
	return r;
}

static int execute(struct executing *e)
{
	int r = find_places(e);
	torn_worker_catch_interrupts();
	if (r == 0)
		r = check_ack(e);
	if (r == 0)
		r = take_command(e);
	if (r == 0)
		r = take_watches(e);
	if (r == 0)
		r = take_directory(e);
	if (r == 0)
		r = make_setup(e);
	if (r == 0)
		r = run_setup(e);
	if (r == 0)
		r = rehearse(e);
	if (r == -EINTR)
		return TORN_EXIT_INTERRUPTED;
	if (r < 0)
		return fail(e->message[0] ? e->message : strerror(-r));
	if (e->options->clean_only && !e->rehearsal->failed && !e->rehearsal->text[0])
		return tell_clean_run(e->rehearsal);
	if (e->rehearsal->text[0])
		return fail(e->rehearsal->text);
	say_notes(e);
	return e->options->emit_case ? emit_case(e) : check_it(e);
}

int torn_command_exec(int argc, char **argv)
{
	const struct torn_options options = torn_options_exec(argc, argv);
	struct executing e = {.options = &options};
	/* Mapped, not filled; the process ends with them. */
	if (torn_arena_open(&e.arena, ARENA_BYTES) < 0 || torn_arena_open(&e.told, ARENA_BYTES) < 0 ||
	    torn_arena_open(&e.watched, WATCHED_BYTES) < 0 || torn_rehearsal_open(&e.rehearsal) < 0)
		return fail("no memory");
	const int status = execute(&e);
	torn_rehearsal_close(e.rehearsal);
	torn_arena_close(&e.watched);
	torn_arena_close(&e.told);
	torn_arena_close(&e.arena);
	free(e.dir);
	free(e.cwd);
	return status;
}
