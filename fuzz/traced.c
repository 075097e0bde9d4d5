/* traced.c: see traced.h. */
#include "traced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry.h"
#include "runner.h"
#include "touched.h"

/* A later run of a case begins on another day: TORN_SEED_AFTER. */
#define LINKS_MAX 64
#define DAY_NS (INT64_C(90061) * 1000000000 + 123456789) /* mkstemp(3) draws names from the nanoseconds */

static int confine(const void *context)
{
	return torn_isolation_confine(context);
}

static bool was_mapped(void *context, torn_object file)
{
	const struct torn_lab *lab = context;
	return torn_tracer_mapped(lab->tracer, file);
}

static int open_lab(struct torn_lab *lab, const struct torn_isolation *isolation, unsigned timeout_s,
		    int *ret_landlock, char *ret_message, size_t size)
{
	static struct torn_isolated isolated;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	static const struct torn_trace_whole whole = {torn_isolation_others, TORN_ISOLATION_PROC};
	int r = torn_isolation_enter(isolation, &isolated, ret_message, size);
	if (r < 0)
		return r;
	umask(0); /* the disk gets the modes of its tree; a program begins with a umask of its own */
	*ret_landlock = isolated.landlock;
	if (!isolated.has_own_proc) {
		snprintf(ret_message, size, "no /proc can be mounted for the program's own processes: torn needs it to trace them");
		return -ENOTSUP;
	}
	const struct torn_tracing tracing = {
		.recorder = lab->recorder,
		.root_path = isolation->dir,
		.whole = isolation->root ? &whole : NULL,
		.timeout_s = timeout_s,
		.last_pid_fd = isolated.last_pid_fd,
		.confine = confine,
		.context = &isolated,
		.uid = uid,
		.gid = gid,
	};
	r = torn_tracer_open(&tracing, &lab->tracer, ret_message, size);
	if (r < 0)
		return r;
	lab->isolation = &isolated;
	lab->disk = (struct torn_disk){
		.root_fd = isolated.root_fd,
		.exact = true,
		.others = isolation->root ? torn_isolation_others : NULL,
		.must_read = was_mapped,
		.context = lab,
	};
	return 0;
}

int torn_traced_open(struct torn_lab *lab, const struct torn_program *program, int *ret_landlock,
		     char *ret_message, size_t size)
{
	const struct torn_isolation isolation = {
		.dir = program->dir,
		.dir_bytes_max = program->bytes_max,
		.dir_inodes_max = TORN_PROGRAM_FILES_MAX,
		.shown = program->shown,
	};
	return open_lab(lab, &isolation, program->timeout_s, ret_landlock, ret_message, size);
}

/* /usr/bin/awk may lead to /etc/alternatives, which is the trial's: where it leads on the host. */
static const char *find_awk(void)
{
	const char *awk = realpath("/usr/bin/awk", NULL);
	return awk ? awk : "/usr/bin/mawk";
}

static void list_links(struct torn_isolation_file links[LINKS_MAX + 1])
{
	size_t count, at = 0;
	const struct torn_command *const *commands = torn_commands(&count);
	links[at++] = (struct torn_isolation_file){"awk", find_awk()};
	for (size_t i = 0; i < count && at < LINKS_MAX; i++)
		links[at++] = (struct torn_isolation_file){commands[i]->name, TORN_RUNNER_NAME};
	links[at] = (struct torn_isolation_file){NULL, NULL};
}

int torn_traced_open_root(struct torn_lab *lab, const char *dir, int *ret_landlock, char *ret_message,
			  size_t size)
{
	static char runner[PATH_MAX];
	const ssize_t length = readlink("/proc/self/exe", runner, sizeof runner - 1);
	if (length < 0) {
		snprintf(ret_message, size, "torn's own file: %s", strerror(errno));
		return -errno;
	}
	const char *const shown[] = {runner, NULL};
	const struct torn_isolation_file files[] = {{TORN_RUNNER_NAME, runner}, {NULL, NULL}};
	struct torn_isolation_file links[LINKS_MAX + 1];
	list_links(links);
	const struct torn_isolation_root root = {files, links};
	const struct torn_isolation isolation = {
		.dir = dir,
		.dir_bytes_max = TORN_PROGRAM_BYTES_MIN,
		.dir_inodes_max = TORN_PROGRAM_FILES_MAX,
		.shown = shown,
		.root = &root,
	};
	return open_lab(lab, &isolation, lab->timeout_s, ret_landlock, ret_message, size);
}

/* Does something stand there that is not the program's: its directory, or what it was shown? */
enum kept { NOT_KEPT, LEADS_TO_KEPT, KEPT };

static enum kept is_kept(const struct torn_program *program, const char *path)
{
	const size_t size = strlen(path);
	enum kept kept = NOT_KEPT;
	for (size_t i = 0; i == 0 || program->shown[i - 1]; i++) {
		const char *other = i == 0 ? program->dir : program->shown[i - 1];
		if (strcmp(other, path) == 0)
			return KEPT;
		if (strncmp(other, path, size) == 0 && other[size] == '/')
			kept = LEADS_TO_KEPT;
	}
	return kept;
}

static void clear_below(const struct torn_program *program, int dirfd, const char *above)
{
	const int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char path[4096];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", above, entry->d_name);
		const enum kept kept = is_kept(program, path);
		if (kept == KEPT || (kept == NOT_KEPT && unlinkat(fd, entry->d_name, 0) == 0))
			continue;
		const int below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		if (kept == LEADS_TO_KEPT)
			clear_below(program, below, path);
		else if (torn_disk_clear(below) == 0)
			unlinkat(fd, entry->d_name, AT_REMOVEDIR);
		close(below);
	}
	closedir(dir);
}

/* What a run left outside its directory is not there for the next one. */
static void clear_outside(const struct torn_isolated *isolated, const struct torn_program *program)
{
	if (isolated->tmp_fd >= 0)
		clear_below(program, isolated->tmp_fd, "/tmp");
	if (isolated->shm_fd >= 0)
		clear_below(program, isolated->shm_fd, "/dev/shm");
}

static int run(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_trace_run *run)
{
	const int r = torn_tracer_run(lab->tracer, run);
	torn_touched_mark(lab, setup);
	if (r == -ENOEXEC)
		return torn_lab_fail(lab, -EPROTO, "%s is no program that this kernel can execute: has its script a first line with #!?",
				     run->program);
	return r < 0 ? torn_lab_fail(lab, -EPROTO, "%s cannot be started: %s", run->program, strerror(-r)) : 0;
}

static int64_t clock_of(const struct torn_plan *plan)
{
	return plan->seed == 1 ? 0 : TORN_CLOCK_START_NS + (int64_t)(plan->seed % 1000 + 1) * DAY_NS;
}

/* An operation that ends its process does not return, and leaves nothing. */
static void take_return(struct torn_lab *lab)
{
	const struct torn_leak *leaks;
	uint32_t count;
	lab->shared->leaks_count = 0;
	if (lab->recorder->end != TORN_RETURNED)
		return;
	if (!torn_tracer_returned(lab->tracer, &leaks, &count)) {
		lab->recorder->end = TORN_EXITED;
		return;
	}
	memcpy(lab->shared->leaks, leaks, count * sizeof *leaks);
	lab->shared->leaks_count = count;
}

static int run_operation(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_plan *plan,
			 bool kill_for_real)
{
	static struct torn_runner runner;
	if (torn_runner_make(&runner, setup, plan->recovers) < 0)
		return torn_lab_fail(lab, -EPROTO, "the arguments are too long for a command line");
	const struct torn_trace_run what = {
		.base = &setup->base,
		.plan = plan,
		.program = TORN_ISOLATION_BIN "/" TORN_RUNNER_NAME,
		.argv = runner.argv,
		.envp = torn_runner_environment(),
		.cwd = "/",
		.clock_ns = clock_of(plan),
		.kill_for_real = kill_for_real,
	};
	const int r = run(lab, setup, &what);
	if (r == 0)
		take_return(lab);
	return r;
}

int torn_traced_run(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_plan *plan,
		    bool kill_for_real)
{
	const struct torn_program *program = setup->program;
	if (!program)
		return run_operation(lab, setup, plan, kill_for_real);
	char *recovery[] = {"sh", "-c", (char *)program->recover, NULL};
	const struct torn_trace_run what = {
		.base = &setup->base,
		.plan = plan,
		.program = plan->recovers ? "/bin/sh" : program->path,
		.argv = plan->recovers ? recovery : program->argv,
		.envp = program->envp,
		.cwd = program->cwd,
		.clock_ns = clock_of(plan),
		.kill_for_real = kill_for_real,
		.stack_op = lab->stack_op,
	};
	const int r = run(lab, setup, &what);
	clear_outside(lab->isolation, program);
	return r;
}
