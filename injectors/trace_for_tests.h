/*
 * trace_for_tests.h: small programs under the ptrace gate, and what came of them. For tests only.
 *
 *   static void saves(void) { CHECK(open("f", O_WRONLY) == 3); }
 *   ...
 *   run("saves", "old f file old\n", "fault 1 openat errno=EIO\n");
 *   assert_log("1 openat f = -EIO\n");
 *
 * A program is this test, started again with the name of a function of its own. It begins in the
 * root, which is no copy behind walls but a plain directory below /dev/shm; what is wrong there, or
 * seen, it writes to its output, which the log records. trace_test_main() has the table.
 */
#ifndef TORN_TRACE_FOR_TESTS_H
#define TORN_TRACE_FOR_TESTS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fuzz/case.h"
#include "../fuzz/world.h"
#include "arena_for_tests.h"
#include "directories.h"
#include "disk.h"
#include "trace_internal.h"

/* ------------------------------------------------------------- the programs */

/* Of the program and of the test: absolute, and where something stands that is not the program's. */
static char root[128], outside[128];

/* In a program: what must be so. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			dprintf(2, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, \
				errno);                                                            \
			_exit(99);                                                                 \
		}                                                                                  \
	} while (0)
#define CHECK_FAILS(call, number) CHECK((errno = 0, (call)) == -1 && errno == (number))

struct scenario {
	const char *name;
	void (*run)(void);
};

#define SCENARIO(name)                                                                             \
	{                                                                                          \
		#name, name                                                                        \
	}

/* A path below the directory outside, or below the root by its absolute name. */
static inline const char *below(const char *above, const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *to = path[turn++ % 4];
	snprintf(to, sizeof path[0], "%s/%s", above, name);
	return to;
}

/* Wait for a child that has to end well. */
static inline void child_ends(pid_t child)
{
	int status;
	CHECK(child > 0 && waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline void write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(close(fd) == 0);
}

/* ----------------------------------------------------------------- the test */

static struct {
	struct torn_recorder *recorder;
	struct torn_tracer *tracer;
	struct torn_directories directories;
	struct torn_disk disk;
	char above[64];
	struct torn_plan plan;
	struct torn_fold_base base;
	bool kill_for_real, unwatched;
	uint64_t seed;     /* 0: what the plan says */
	const char *cwd;   /* NULL: the root */
	const char *more;  /* one more argument; NULL: none */
} traced;

static inline int traced_directory(void *context, torn_object dir)
{
	(void)context;
	return torn_directories_fd(&traced.directories, dir);
}

static inline bool traced_mapped(void *context, torn_object file)
{
	(void)context;
	return torn_tracer_mapped(traced.tracer, file);
}

#define TIMEOUT_S 20u

static inline int open_tracer(void **state)
{
	(void)state;
	umask(0);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* as pid 1 of the namespace is: what is left behind is waited for */
	strcpy(traced.above, "/dev/shm/torn-trace-test-XXXXXX");
	if (!mkdtemp(traced.above))
		return -1;
	snprintf(root, sizeof root, "%s/root", traced.above);
	snprintf(outside, sizeof outside, "%s/outside", traced.above);
	if (mkdir(root, 0755) != 0 || mkdir(outside, 0755) != 0 ||
	    torn_recorder_open(256u << 20, &traced.recorder) < 0)
		return -1;
	const struct torn_tracing tracing = {
		.recorder = traced.recorder,
		.root_path = root,
		.timeout_s = TIMEOUT_S,
		.last_pid_fd = -1,
		.uid = geteuid(),
		.gid = getegid(),
	};
	char message[256];
	if (torn_tracer_open(&tracing, &traced.tracer, message, sizeof message) < 0) {
		fprintf(stderr, "%s\n", message);
		return -1;
	}
	traced.directories = (struct torn_directories){
		.root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.view = &traced.recorder->view,
	};
	traced.disk = (struct torn_disk){
		.root_fd = traced.directories.root_fd,
		.exact = true,
		.dirfd = traced_directory,
		.must_read = traced_mapped,
	};
	return traced.disk.root_fd < 0 ? -1 : 0;
}

static inline void clear_below(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		torn_disk_clear(fd);
		close(fd);
	}
}

static inline int close_tracer(void **state)
{
	(void)state;
	torn_tracer_close(traced.tracer);
	torn_recorder_close(traced.recorder);
	torn_directories_forget(&traced.directories);
	close(traced.disk.root_fd);
	clear_below(traced.above);
	return rmdir(traced.above);
}

static inline int open_run(void **state)
{
	traced.kill_for_real = traced.unwatched = false;
	traced.seed = 0;
	traced.cwd = traced.more = NULL;
	traced.tracer->tracing.timeout_s = TIMEOUT_S;
	clear_below(outside);
	return open_arena(state);
}

#define trace_test(function) cmocka_unit_test_setup_teardown(function, open_run, close_arena)

static inline void begin_from(const char *olds, const char *faults)
{
	char text[8192], message[256];
	struct torn_case c;
	struct torn_case_error error;
	const struct torn_node *tree;
	assert_true(snprintf(text, sizeof text, "torn-case 1\ntarget test.traced\n%s%s", olds, faults) <
		    (int)sizeof text);
	if (torn_case_parse("test", torn_bytes_of(text), &arena, &c, &error) < 0)
		fail_msg("line %u: %s", error.line, error.message);
	if (torn_world_build(&arena, c.olds, c.olds_count, &tree, &traced.base, message, sizeof message) < 0)
		fail_msg("%s", message);
	torn_directories_forget(&traced.directories);
	torn_disk_forget(&traced.disk);
	assert_int_equal(torn_disk_clear(traced.disk.root_fd), 0);
	assert_int_equal(torn_disk_make(&traced.disk, tree), 0);
	traced.plan = c.plan;
	if (traced.seed)
		traced.plan.seed = traced.seed;
}

/* All that was written to one of the standard descriptors. */
static inline const char *output_of(int fd)
{
	static char bytes[2][2 << 20];
	char *to = bytes[fd - 1];
	size_t size = 0;
	for (uint32_t i = 0; i < traced.recorder->log.count; i++) {
		const struct torn_op *record = &traced.recorder->log.ops[i];
		if (!(record->flags & TORN_OP_OUTPUT) || record->fd != fd)
			continue;
		assert_int_equal(record->number, 0);
		assert_true(size + record->data.size < sizeof bytes[0]);
		memcpy(to + size, record->data.data, record->data.size);
		size += record->data.size;
	}
	to[size] = '\0';
	return to;
}

static inline const struct torn_op *op(uint32_t number)
{
	const struct torn_op *found = torn_log_op(&traced.recorder->log, number);
	assert_non_null(found);
	return found;
}

static inline const char *number_text(int64_t number)
{
	static char text[4][32];
	static unsigned turn;
	char *to = text[turn++ % 4];
	if (number < 0 && number > -4096)
		snprintf(to, sizeof text[0], "-%s", torn_errno_name((int)-number));
	else
		snprintf(to, sizeof text[0], "%lld", (long long)number);
	return to;
}

static inline void print_op(FILE *to, const struct torn_op *op)
{
	if (op->number)
		fprintf(to, "%u ", op->number);
	fprintf(to, "%s", torn_call_name(op->call));
	if (op->number)
		fprintf(to, " %.*s", (int)op->path.size, (const char *)op->path.data);
	if (op->path_to.data && (op->kind == TORN_KIND_rename || op->kind == TORN_KIND_link ||
				 op->kind == TORN_KIND_symlink))
		fprintf(to, " -> %.*s", (int)op->path_to.size, (const char *)op->path_to.data);
	if (op->kind == TORN_KIND_write || op->kind == TORN_KIND_copy || op->kind == TORN_KIND_store)
		fprintf(to, " @%llu \"%.*s\"", (unsigned long long)op->offset, (int)op->data.size,
			(const char *)op->data.data);
	if (op->number)
		fprintf(to, " = %s", number_text(op->told));
	if (op->number && op->told != op->result)
		fprintf(to, " (%s)", number_text(op->result));
	fprintf(to, "\n");
}

/* Where the root is differs from test to test: it is "ROOT" here. */
static inline void hide_root(char *text)
{
	const size_t size = strlen(root);
	for (char *at; (at = strstr(text, root));) {
		memcpy(at, "ROOT", 4);
		memmove(at + 4, at + size, strlen(at + size) + 1);
	}
}

/*
 * The numbered ops: "NUMBER CALL PATH [-> PATH] [@OFFSET "BYTES"] = TOLD [(RESULT)]", a line each;
 * `whole`: output too, in its place. To be freed.
 */
static inline char *log_text(bool whole)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	for (uint32_t i = 0; i < traced.recorder->log.count; i++)
		if (whole || traced.recorder->log.ops[i].number)
			print_op(to, &traced.recorder->log.ops[i]);
	assert_int_equal(fclose(to), 0);
	hide_root(text);
	return text;
}

/* What the log makes of old: by a fold of the test's own. */
static inline const struct torn_node *folded(void)
{
	static struct torn_fold fold;
	const struct torn_log *log = &traced.recorder->log;
	assert_int_equal(torn_fold_begin_with(&fold, &arena, &traced.base,
					      traced.recorder->view.fold.count + 1), 0);
	for (uint32_t i = 0; i < log->count; i++)
		assert_int_equal(torn_fold_step(&fold, &log->ops[i]), 0);
	return torn_fold_tree(&fold);
}

/* What is on disk is fold(old, log). */
static inline void assert_disk_is_folded(void)
{
	char difference[192] = "";
	bool anew;
	const struct torn_node *now = folded();
	assert_int_equal(torn_fold_settle(&traced.recorder->view.fold), 0); /* where directories stand */
	const int r = torn_disk_settle(&traced.disk, now, now, difference, sizeof difference, &anew);
	if (r != 0)
		fail_msg("the log does not tell what is on disk (%d): %s\n%s", r, difference, log_text(true));
}

/* Run a program, however it ends. */
static inline void run_anyhow(const char *name, const char *olds, const char *faults)
{
	begin_from(olds, faults);
	char *argv[] = {"program", (char *)name, root, outside, (char *)traced.more, NULL};
	/* LeakSanitizer's look at the end fails in a process that is traced. */
	char *envp[] = {"ASAN_OPTIONS=detect_leaks=0", "PATH=/usr/bin:/bin", NULL};
	const struct torn_trace_run how = {
		.base = &traced.base,
		.plan = &traced.plan,
		.program = "/proc/self/exe",
		.argv = argv,
		.envp = envp,
		.cwd = traced.cwd ? traced.cwd : root,
		.kill_for_real = traced.kill_for_real,
		.unwatched = traced.unwatched,
	};
	assert_int_equal(torn_tracer_run(traced.tracer, &how), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1); /* nothing of it is left */
	if (traced.recorder->trouble != TORN_TROUBLE_NONE)
		fail_msg("%s cannot be judged: %s", name, traced.recorder->trouble_text);
	assert_true(torn_armed_all_fired(&traced.recorder->armed));
	if (!traced.unwatched)
		assert_disk_is_folded();
}

static inline void assert_ended(const char *name, enum torn_end end, int code)
{
	if (traced.recorder->end != end || traced.recorder->code != code)
		fail_msg("%s ended by %d with code %d, not by %d with %d: %s%s", name, traced.recorder->end,
			 traced.recorder->code, end, code, output_of(1), output_of(2));
}

/* Run a program in which all is so. */
static inline void run(const char *name, const char *olds, const char *faults)
{
	run_anyhow(name, olds, faults);
	assert_ended(name, TORN_RETURNED, 0);
}

static inline void assert_log(const char *expected)
{
	char *text = log_text(false);
	if (strcmp(text, expected) != 0) {
		print_error("expected:\n%sfound:\n%s", expected, text);
		free(text);
		fail();
	}
	free(text);
}

/* The bytes of a file that is on disk after a run; NULL where there is none. */
static inline const char *on_disk(const char *path)
{
	static char bytes[65536];
	const int fd = openat(traced.disk.root_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	const ssize_t size = read(fd, bytes, sizeof bytes - 1);
	close(fd);
	assert_true(size >= 0);
	bytes[size] = '\0';
	return bytes;
}

#define assert_on_disk(path, expected)                                                             \
	do {                                                                                       \
		const char *found = on_disk(path);                                                 \
		assert_non_null(found);                                                            \
		assert_string_equal(found, expected);                                              \
	} while (0)

#define assert_noted(note, text)                                                                   \
	do {                                                                                       \
		assert_true(torn_tracer_notes(traced.tracer) & (note));                            \
		assert_string_equal(torn_tracer_note_text(traced.tracer, note), text);             \
	} while (0)
#define assert_not_noted(note) assert_false(torn_tracer_notes(traced.tracer) & (note))

/* Run the program that the arguments name, or the tests. */
static inline int trace_test_main(int argc, char **argv, const struct scenario *scenarios, size_t count)
{
	if (argc < 4)
		return -1;
	snprintf(root, sizeof root, "%s", argv[2]);
	snprintf(outside, sizeof outside, "%s", argv[3]);
	traced.more = argc > 4 ? argv[4] : NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			scenarios[i].run();
			_exit(0);
		}
	dprintf(2, "no program %s\n", argv[1]);
	_exit(98);
}

#endif
