/* traced.c: see traced.h. */
#include "traced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "touched.h"

/* A later run of a case begins on another day: TORN_SEED_AFTER. */
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

int torn_traced_open(struct torn_lab *lab, const struct torn_program *program, int *ret_landlock,
		     char *ret_message, size_t size)
{
	static struct torn_isolated isolated;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	const struct torn_isolation isolation = {
		.dir = program->dir,
		.dir_bytes_max = program->bytes_max,
		.dir_inodes_max = TORN_PROGRAM_FILES_MAX,
		.shown = program->shown,
	};
	int r = torn_isolation_enter(&isolation, &isolated, ret_message, size);
	if (r < 0)
		return r;
	*ret_landlock = isolated.landlock;
	if (!isolated.has_own_proc) {
		snprintf(ret_message, size, "no /proc can be mounted for the program's own processes: torn exec needs it");
		return -ENOTSUP;
	}
	const struct torn_tracing tracing = {
		.recorder = lab->recorder,
		.root_path = program->dir,
		.timeout_s = program->timeout_s,
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
		.must_read = was_mapped,
		.context = lab,
	};
	return 0;
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

int torn_traced_run(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_plan *plan,
		    bool kill_for_real)
{
	const struct torn_program *program = setup->program;
	char *recovery[] = {"sh", "-c", (char *)program->recover, NULL};
	const struct torn_trace_run run = {
		.base = &setup->base,
		.plan = plan,
		.program = plan->recovers ? "/bin/sh" : program->path,
		.argv = plan->recovers ? recovery : program->argv,
		.envp = program->envp,
		.cwd = program->cwd,
		.clock_ns = plan->seed == 1 ? 0 : TORN_CLOCK_START_NS + (int64_t)(plan->seed % 1000 + 1) * DAY_NS,
		.kill_for_real = kill_for_real,
		.stack_op = lab->stack_op,
	};
	const int r = torn_tracer_run(lab->tracer, &run);
	clear_outside(lab->isolation, program);
	torn_touched_mark(lab, setup);
	if (r == -ENOEXEC)
		return torn_lab_fail(lab, -EPROTO, "%s is no program that this kernel can execute: has its script a first line with #!?",
				     run.program);
	return r < 0 ? torn_lab_fail(lab, -EPROTO, "%s cannot be started: %s", run.program, strerror(-r)) : 0;
}
