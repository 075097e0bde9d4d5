/*
 * worker.h: the process in which targets run, and the one that watches it.
 *
 * A worker is disposable: it gives up its rights, runs trials in itself, and
 * may die of what a target does. Then another one takes its place, in which
 * each trial has a child of its own. What it finds lies in shared memory.
 */
#ifndef TORN_WORKER_H
#define TORN_WORKER_H

#include "sweep.h"
#include "workspace.h"

/* So many at once. */
#define TORN_WORKERS_MAX 64

struct torn_worker {
	struct torn_workspace workspace;
	struct torn_recorder *recorder;     /* shared */
	struct torn_lab_shared *lab_shared; /* shared */
	unsigned timeout_s;                 /* of CPU time for a trial */
	const struct torn_program *program; /* that its labs are to trace; NULL: they call functions */
	bool starts_programs;               /* its labs are for targets that do so: torn_target.starts_programs */
	uint8_t *touched;                   /* shared: lab->touched; NULL: nobody asks */
	enum torn_full_disk small_disk;     /* on which its labs have their root: lab->small_disk; TORN_FULL_GATE: none */
	struct torn_device_server *disks;   /* its own: lab->disks; NULL: the crash model says what power cuts leave */
	int folder_fd;                      /* which workers may write too: lab->folder_fd; or -1 */
	int landlock;                       /* version in force in the last worker; -1: unknown */
	bool interrupted;
	int status; /* of the last worker, as waitpid(2) has it */
	/* Called now and then while a worker works; may be NULL. */
	void (*progress)(void *context);
	void *progress_context;
};

/*
 * Make the workspace and the shared memory. Returns 0; -errno with one sentence
 * in `ret_message`.
 */
int torn_worker_open(struct torn_worker *worker, unsigned timeout_s, char *ret_message, size_t size);
void torn_worker_close(struct torn_worker *worker);
/*
 * Give it a real file system for its power cuts, before it does its first job. Returns 0; -errno with one sentence in
 * `ret_message`, as torn_device_server_start() has it. One that dies while it asks for what a disk has is followed by one
 * with another disk.
 */
int torn_worker_open_disk(struct torn_worker *worker, const char *disk, char *ret_message, size_t size);
/*
 * Open one, with a disk where options ask for it (torn_options.disk): both, or none. Returns 0; -errno with one line
 * for people in `ret_message`, which begins with "SKIPPED: " where it is the disk that cannot be had here.
 */
int torn_worker_open_asked(struct torn_worker *worker, unsigned timeout_s, const char *disk, char *ret_message,
			   size_t size);

/*
 * Have its labs on a small real disk; TORN_FULL_GATE: on the workspace again. Returns 0; -errno with one sentence in
 * `ret_message`, as torn_small_disk_open() has it.
 */
int torn_worker_choose_small_disk(struct torn_worker *worker, enum torn_full_disk disk, char *ret_message, size_t size);

/*
 * Do a job in a worker: `job` is called there with a lab that is ready, and
 * leaves its result in shared memory that `context` points to. Where the worker
 * dies, or a trial takes longer than it may, `again` prepares the result for a
 * second start, in which the lab is isolated. Where there is a `more` and it says
 * so, another worker goes on when one has come to its end. Returns 0; -EINTR
 * after an interrupt; -EPROTO with one sentence in `ret_message` when torn failed.
 */
struct torn_job {
	void (*job)(void *context, struct torn_lab *lab);
	void (*again)(void *context);
	bool (*more)(void *context); /* may be NULL */
	void *context;
	bool isolated; /* from the start */
	bool once;     /* however it ends: no second start, and no failure; worker->status says how */
	bool alone;    /* it begins again without the others, which go on */
	bool heeds;    /* on an interrupt it comes to an end by itself: lab->shared->stopping; it is given a moment for that */
};

/* In a worker, in place of returning from the job. */
_Noreturn void torn_worker_finish(void);

int torn_worker_do(struct torn_worker *worker, const struct torn_job *job, char *ret_message,
		   size_t size);
/*
 * The same for several at once, a worker each: where one has to be isolated, all
 * begin again isolated, since that may be seen in what they find; but for jobs
 * that are `alone` (all or none of them).
 */
int torn_workers_do(struct torn_worker *workers, const struct torn_job *jobs, size_t count,
		    char *ret_message, size_t size);

/* From now on SIGINT, SIGTERM and SIGHUP end a job instead of the process. */
void torn_worker_catch_interrupts(void);

#endif
