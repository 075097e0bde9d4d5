/* traced.c: see traced.h. */
#include "traced.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A later run of a case begins on another day: TORN_SEED_AFTER. */
#define DAY_NS (INT64_C(90061) * 1000000000)

static int confine(const void *context)
{
	return torn_isolation_confine(context);
}

static int directory_of(void *context, torn_object dir)
{
	const struct torn_lab *lab = context;
	return torn_directories_fd(lab->directories, dir);
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
	static struct torn_directories directories;
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
	directories = (struct torn_directories){.root_fd = isolated.root_fd, .view = &lab->recorder->view};
	lab->isolation = &isolated;
	lab->directories = &directories;
	lab->disk = (struct torn_disk){
		.root_fd = isolated.root_fd,
		.exact = true,
		.dirfd = directory_of,
		.must_read = was_mapped,
		.context = lab,
	};
	return 0;
}

/* What a run left outside its directory is not there for the next one. */
static void clear_outside(const struct torn_isolated *isolated)
{
	if (isolated->tmp_fd >= 0)
		torn_disk_clear(isolated->tmp_fd);
	if (isolated->shm_fd >= 0)
		torn_disk_clear(isolated->shm_fd);
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
	clear_outside(lab->isolation);
	if (r == -ENOEXEC)
		return torn_lab_fail(lab, -EPROTO, "%s is no program that this kernel can execute: has its script a first line with #!?",
				     run.program);
	return r < 0 ? torn_lab_fail(lab, -EPROTO, "%s cannot be started: %s", run.program, strerror(-r)) : 0;
}
