/*
 * bench.c: how fast torn is, as ratios taken in one run beside the bare thing.
 * Built as torn-bench; ci/bench runs it.
 *
 * Each figure is the median of several rounds, and the rounds of what is
 * compared alternate, so that a machine that slows down slows both.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "registry.h"
#include "bench_disk.h"
#include "bench_exec.h"
#include "bench_states.h"
#include "clean_run.h"
#include "setup.h"
#include "sweep.h"
#include "worker.h"

/*
 * The plain replace, beside the targets: temp, write, fsync, close, rename,
 * fsync of the directory, and not a call more.
 */
static int plain_replace(const struct torn_run *run)
{
	const struct torn_bytes content = torn_run_arg(run, "content");
	const int fd = open("/srv/.f.tmp", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	const bool written = write(fd, content.data, content.size) == (ssize_t)content.size &&
			     fsync(fd) == 0;
	if (close(fd) != 0 || !written || rename("/srv/.f.tmp", "/srv/f") != 0) {
		unlink("/srv/.f.tmp");
		return -1;
	}
	const int dir = open("/srv", O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return -1;
	const int r = fsync(dir);
	close(dir);
	return r;
}

static const struct torn_target plain_target = {
	.name = "bench.replace",
	.summary = "the plain replace, for figures",
	.variants = (const struct torn_variant[]){{"plain", plain_replace}, {0}},
	.worlds = (const struct torn_world[]){{"present", "old srv/f file \"the old content\\n\"\n", false},
					      {0}},
	.args = (const struct torn_default[]){{"content", "\"the new content of the file\\n\""}, {0}},
	.watch = (const char *const[]){"srv/f", NULL},
};
TORN_TARGET(plain_target);

#define ROUNDS 21
#define RUNS 1500

enum figure { BARE, RESET_AND_BARE, ANEW_AND_BARE, RUN, TRIAL, KILLS, FIGURE_COUNT };

struct bench {
	struct torn_worker worker;
	struct torn_arena arena;
	const struct torn_target *target;
	struct torn_setup setup;
	struct torn_sweep *sweep;
	double us[FIGURE_COUNT][ROUNDS]; /* microseconds for one */
	int round;
	bool failed;
};

static double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

/* ------------------------------------------------------------- the bare thing */

/* Descriptors of the directories of a tree, by object. */
static int dirfds[64];

static int bare_dirfd(void *context, torn_object dir)
{
	(void)context;
	return dirfds[dir];
}

static void open_dirs(int dirfd, const struct torn_node *dir)
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		if (entry->node->type != TORN_DIRECTORY || entry->object >= 64)
			continue;
		char name[256];
		snprintf(name, sizeof name, "%.*s", (int)entry->name.size,
			 (const char *)entry->name.data);
		dirfds[entry->object] = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		open_dirs(dirfds[entry->object], entry->node);
	}
}

static bool enter_root(const char *path)
{
	if (geteuid() != 0 && unshare(CLONE_NEWUSER) != 0)
		return false;
	return chroot(path) == 0 && chdir("/") == 0;
}

/* In a child whose "/" is the root: the operation as it would ship, without torn. */
static void bare_rounds(struct bench *bench, int root_fd, const char *root)
{
	const struct torn_disk disk = {.root_fd = root_fd, .dirfd = bare_dirfd};
	bool anew;
	umask(0);
	if (torn_disk_clear(root_fd) < 0 || torn_disk_make(&disk, bench->setup.old_tree) < 0 ||
	    !enter_root(root))
		_exit(1);
	open_dirs(root_fd, bench->setup.old_tree);
	double begun = now_us();
	for (int i = 0; i < RUNS; i++)
		if (bench->setup.variant->operation(&bench->setup.run) != 0)
			_exit(2);
	bench->us[BARE][bench->round] = (now_us() - begun) / RUNS;
	begun = now_us();
	for (int i = 0; i < RUNS; i++)
		if (bench->setup.variant->operation(&bench->setup.run) != 0 ||
		    torn_disk_change(&disk, bench->setup.new_tree, bench->setup.old_tree, &anew) < 0)
			_exit(3);
	bench->us[RESET_AND_BARE][bench->round] = (now_us() - begun) / RUNS;
	begun = now_us();
	for (int i = 0; i < RUNS; i++)
		if (bench->setup.variant->operation(&bench->setup.run) != 0 ||
		    torn_disk_clear(root_fd) < 0 || torn_disk_make(&disk, bench->setup.old_tree) < 0)
			_exit(4);
	bench->us[ANEW_AND_BARE][bench->round] = (now_us() - begun) / RUNS;
	_exit(0);
}

static void measure_bare(struct bench *bench)
{
	char root[300];
	snprintf(root, sizeof root, "%s/bare", bench->worker.workspace.path);
	mkdir(root, 0755);
	const int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const pid_t child = fork();
	if (child == 0)
		bare_rounds(bench, root_fd, root);
	int status = -1;
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "torn-bench: the bare primitive could not run (status %x)\n", status);
		bench->failed = true;
	}
	torn_disk_clear(root_fd);
	close(root_fd);
	rmdir(root);
}

/* ------------------------------------------------------------- under torn */

static const struct torn_plan nothing = {.seed = 1};
static const struct torn_sweep_how single_faults = {.seed = 1, .depth = 1, .parts = 1};

static void trials_in_worker(void *context, struct torn_lab *lab)
{
	struct bench *bench = context;
	struct torn_trial trial;
	struct torn_sweeping *sweeping;
	bench->failed = true;
	torn_sweep_begin(bench->sweep, bench->target, bench->setup.variant, &single_faults);
	if (torn_clean_run(lab, &bench->setup, &trial) != TORN_HELD ||
	    torn_sweeping_open(bench->sweep, lab, &bench->setup, &sweeping) < 0)
		return;
	double begun = now_us();
	for (int i = 0; i < RUNS; i++)
		if (torn_trial_run(lab, &bench->setup, &nothing, TORN_TRIAL_PLAIN, &trial) != TORN_HELD)
			return;
	bench->us[RUN][bench->round] = (now_us() - begun) / RUNS;
	begun = now_us();
	for (int i = 0; i < RUNS; i++)
		if (torn_sweeping_plan(sweeping, &nothing) != 0)
			return;
	bench->us[TRIAL][bench->round] = (now_us() - begun) / RUNS;
	if (torn_trial_run(lab, &bench->setup, &nothing, TORN_TRIAL_PLAIN, &trial) != TORN_HELD)
		return;
	const size_t mark = torn_arena_mark(&lab->recorder->arena);
	int64_t kills = 0;
	begun = now_us();
	for (int i = 0; i < RUNS; i++) {
		kills += torn_sweeping_kills(sweeping, &trial);
		torn_arena_return(&lab->recorder->arena, mark);
	}
	bench->us[KILLS][bench->round] = (now_us() - begun) / (double)kills;
	torn_sweeping_close(sweeping);
	bench->failed = false;
}

static void begin_again(void *context)
{
	(void)context;
}

/* ---------------------------------------------------------------- printing */

static int by_value(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static void print_median(const char *what, const double *values, const char *unit)
{
	double sorted[ROUNDS];
	memcpy(sorted, values, sizeof sorted);
	qsort(sorted, ROUNDS, sizeof *sorted, by_value);
	printf("  %-58s %9.2f %s  (%.2f to %.2f)\n", what, sorted[ROUNDS / 2], unit, sorted[0],
	       sorted[ROUNDS - 1]);
}

static void print_ratio(const struct bench *bench, const char *what, enum figure of, enum figure to)
{
	double ratios[ROUNDS];
	for (int i = 0; i < ROUNDS; i++)
		ratios[i] = bench->us[of][i] / bench->us[to][i];
	print_median(what, ratios, "  ");
}

static void print_rate(const struct bench *bench, const char *what, enum figure of)
{
	double rates[ROUNDS];
	for (int i = 0; i < ROUNDS; i++)
		rates[i] = 1e6 / bench->us[of][i];
	print_median(what, rates, "/s");
}

static void print_all(const struct bench *bench)
{
	printf("%s@%s, median of %d rounds of %d (lowest to highest)\n", bench->target->name,
	       bench->setup.variant->name, ROUNDS, RUNS);
	print_median("bare primitive", bench->us[BARE], "us");
	print_median("reset of old + bare primitive", bench->us[RESET_AND_BARE], "us");
	print_median("  the same, old removed and made anew", bench->us[ANEW_AND_BARE], "us");
	print_median("run, log held against disk, reset", bench->us[RUN], "us");
	print_median("whole trial: the same, judged with all its kills", bench->us[TRIAL], "us");
	print_ratio(bench, "whole trial against (reset + bare), wanted 0.50", RESET_AND_BARE, TRIAL);
	print_ratio(bench, "  the same, old removed and made anew", ANEW_AND_BARE, TRIAL);
	print_ratio(bench, "whole trial against bare, wanted 0.30", BARE, TRIAL);
	print_rate(bench, "whole trials", TRIAL);
	print_rate(bench, "kill trees folded and judged, wanted 200000", KILLS);
}

/* -------------------------------------------------------------------- main */

static int bench_target(const char *name)
{
	struct torn_arena arena;
	if (torn_arena_open(&arena, 64u << 20) < 0)
		return 1;
	struct bench *bench = torn_arena_take(&arena, sizeof *bench);
	bench->arena = arena;
	bench->target = torn_target_named(torn_bytes_of(name));
	char message[256] = "no such target";
	if (!bench->target || torn_sweep_open(&bench->sweep) < 0 ||
	    torn_setup_world(&bench->arena, bench->target, &bench->target->variants[0],
			     &bench->target->worlds[0], &bench->setup, message, sizeof message) < 0 ||
	    torn_worker_open(&bench->worker, 60, message, sizeof message) < 0) {
		fprintf(stderr, "torn-bench: %s: %s\n", name, message);
		return 1;
	}
	const struct torn_job job = {
		.job = trials_in_worker, .again = begin_again, .context = bench};
	for (bench->round = 0; bench->round < ROUNDS && !bench->failed; bench->round++) {
		if (torn_worker_do(&bench->worker, &job, message, sizeof message) < 0)
			bench->failed = true;
		else if (!bench->failed)
			measure_bare(bench);
	}
	if (bench->failed)
		fprintf(stderr, "torn-bench: %s failed\n", name);
	else
		print_all(bench);
	torn_worker_close(&bench->worker);
	torn_sweep_close(bench->sweep);
	return bench->failed;
}

/* ---------------------------------------------------------- beside strace */

static bool set_up(const char *name, struct torn_setup *ret_setup)
{
	struct torn_arena arena;
	char message[256];
	const struct torn_target *target = torn_target_named(torn_bytes_of(name));
	return target && torn_arena_open(&arena, 16u << 20) == 0 &&
	       torn_setup_world(memcpy(malloc(sizeof arena), &arena, sizeof arena), target,
				&target->variants[0], &target->worlds[0], ret_setup, message,
				sizeof message) == 0;
}

/* Put the old state into an empty folder. */
static int prepare(const char *name, const char *root)
{
	struct torn_setup setup;
	const int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct torn_disk disk = {.root_fd = root_fd};
	umask(0);
	return set_up(name, &setup) && torn_disk_clear(root_fd) == 0 &&
			       torn_disk_make(&disk, setup.old_tree) == 0
		       ? 0 : 3;
}

/* What strace is given: the operation once, in that folder as its root, and nothing else. */
static int once(const char *name, const char *root)
{
	struct torn_setup setup;
	if (!set_up(name, &setup))
		return 3;
	if (!enter_root(root))
		return 4;
	return setup.variant->operation(&setup.run) == 0 ? 0 : 1;
}

struct faults_job {
	struct torn_sweep *sweep;
	double seconds;
};

static void sweep_in_worker(void *context, struct torn_lab *lab)
{
	struct faults_job *job = context;
	const double begun = now_us();
	torn_sweep_run(job->sweep, lab);
	job->seconds = (now_us() - begun) * 1e-6;
}

/* Print how many fault trials a sweep of all old states does in a second, all kills judged. */
static int faults(const char *name)
{
	const struct torn_target *target = torn_target_named(torn_bytes_of(name));
	struct torn_worker worker;
	struct torn_sweep *sweep;
	char message[256] = "no such target";
	if (!target || torn_sweep_open(&sweep) < 0 ||
	    torn_worker_open(&worker, 60, message, sizeof message) < 0)
		return 3;
	torn_sweep_begin(sweep, target, &target->variants[0], &single_faults);
	struct faults_job *work = torn_arena_take(&sweep->arena, sizeof *work);
	work->sweep = sweep;
	const struct torn_job job = {.job = sweep_in_worker, .again = begin_again, .context = work};
	const int r = torn_worker_do(&worker, &job, message, sizeof message);
	if (r == 0)
		printf("%.0f\n", (double)sweep->trials / work->seconds);
	torn_worker_close(&worker);
	torn_sweep_close(sweep);
	return r < 0 ? 3 : 0;
}

int main(int argc, char **argv)
{
	torn_registry_begin();
	if (argc == 4 && strcmp(argv[1], "--once") == 0)
		return once(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "--prepare") == 0)
		return prepare(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "--faults") == 0)
		return faults(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--logs") == 0)
		return torn_bench_logs();
	if (argc == 2 && strcmp(argv[1], "--images") == 0)
		return torn_bench_images();
	if (argc == 2 && strcmp(argv[1], "--mounts") == 0)
		return torn_bench_mounts();
	if (argc > 3 && strcmp(argv[1], "--exec") == 0)
		return torn_bench_exec(argv[2], argv + 3);
	int status = 0;
	if (argc > 2 && strcmp(argv[1], "--states") == 0) {
		for (int i = 2; i < argc; i++)
			status |= torn_bench_states(argv[i]);
		return status;
	}
	for (int i = 1; i < argc; i++)
		status |= bench_target(argv[i]);
	return status;
}
