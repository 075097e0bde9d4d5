/*
 * sweep_for_tests.h: sweep any function as an operation, in one part or in
 * several, and look at what was found. For tests only.
 *
 *   const struct what what = {.operation = replace, .worlds = one_world, .depth = 2};
 *   struct swept *swept = sweep(&what, 3);
 *   ... swept->all ...
 *   close_swept(swept);
 */
#ifndef TORN_SWEEP_FOR_TESTS_H
#define TORN_SWEEP_FOR_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"
#include "sweep.h"
#include "worker.h"

#define PARTS_MAX 8

/* What most sweeps here begin with, and watch. */
#define OLD_F "old srv/f file old\n"
static const struct torn_world one_world[] = {{"there", OLD_F, false}, {NULL, NULL, false}};
static const char *const only_f[] = {"srv/f", NULL};

/* In the registry, so that their cases can be replayed. */
#define TARGET(identifier, title, code, recovery_code, promise)                                    \
	static const struct torn_variant identifier##_variants[] = {                               \
		{"test", code, recovery_code}, {NULL, NULL, NULL}};                                \
	static const struct torn_target identifier = {.name = title,                               \
						      .summary = "of a test",                      \
						      .variants = identifier##_variants,           \
						      .worlds = one_world,                         \
						      .watch = only_f,                             \
						      .promises = promise};                        \
	TORN_TARGET(identifier)

struct what {
	int (*operation)(const struct torn_run *run);
	int (*recovery)(const struct torn_run *run); /* NULL: none */
	const struct torn_world *worlds;
	const char *const *watch; /* NULL: only_f */
	unsigned promises;
	unsigned depth;
	unsigned presets; /* of power cuts, a bit each: cuts.h; 0: none */
	const char *ack;  /* NULL: none */
	bool all_errnos, isolated;
	enum torn_full_disk full; /* its sizes in place of faults, as root; TORN_FULL_GATE: none */
};

struct swept {
	struct torn_target target;
	struct torn_variant variants[2];
	struct torn_sweep *parts[PARTS_MAX];
	struct torn_sweep *all; /* of them together, settled */
	unsigned count;
};

/* Opened once a program. */
static inline struct torn_worker *the_worker(void)
{
	static struct torn_worker worker;
	static bool is_open;
	char message[256];
	if (is_open)
		return &worker;
	torn_registry_begin();
	assert_int_equal(torn_worker_open(&worker, 5, message, sizeof message), 0);
	is_open = true;
	return &worker;
}

static inline int close_the_worker(void **state)
{
	(void)state;
	torn_worker_close(the_worker());
	return 0;
}

static inline void run_parts(void *context, struct torn_lab *lab)
{
	struct swept *swept = context;
	for (unsigned i = 0; i < swept->count; i++)
		torn_sweep_run(swept->parts[i], lab);
}

static inline void begin_parts_again(void *context)
{
	struct swept *swept = context;
	for (unsigned i = 0; i < swept->count; i++)
		torn_sweep_begin(swept->parts[i], &swept->target, swept->variants,
				 &swept->parts[i]->how);
}

/* Sweep in so many parts, one after the other, and put them together. */
static inline struct swept *sweep(const struct what *what, unsigned parts)
{
	struct swept *swept = calloc(1, sizeof *swept);
	assert_non_null(swept);
	swept->variants[0] = (struct torn_variant){"test", what->operation, what->recovery};
	swept->target = (struct torn_target){.name = "test.swept",
					     .variants = swept->variants,
					     .worlds = what->worlds,
					     .watch = what->watch ? what->watch : only_f,
					     .promises = what->promises,
					     .ack = what->ack};
	struct torn_sweep_how how = {.seed = 1,
				     .depth = what->depth,
				     .presets = what->presets,
				     .all_errnos = what->all_errnos,
				     .full = what->full,
				     .parts = parts};
	char message[256] = "";
	assert_true(parts <= PARTS_MAX);
	if (torn_worker_choose_small_disk(the_worker(), what->full, message, sizeof message) < 0)
		fail_msg("no small disk: %s", message);
	for (swept->count = 0; swept->count < parts; swept->count++) {
		how.part = swept->count;
		assert_int_equal(torn_sweep_open(&swept->parts[how.part]), 0);
		torn_sweep_begin(swept->parts[how.part], &swept->target, swept->variants, &how);
	}
	const struct torn_job job = {.job = run_parts,
				     .again = begin_parts_again,
				     .context = swept,
				     .isolated = what->isolated};
	if (torn_worker_do(the_worker(), &job, message, sizeof message) != 0)
		fail_msg("the worker failed: %s", message);
	assert_int_equal(torn_sweep_open(&swept->all), 0);
	torn_sweep_begin(swept->all, &swept->target, swept->variants, &how);
	for (unsigned i = 0; i < parts; i++) {
		assert_true(swept->parts[i]->done);
		torn_sweep_merge(swept->all, swept->parts[i]);
	}
	torn_findings_settle(&swept->all->findings);
	return swept;
}

static inline void close_swept(struct swept *swept)
{
	for (unsigned i = 0; i < swept->count; i++)
		torn_sweep_close(swept->parts[i]);
	torn_sweep_close(swept->all);
	free(swept);
}

static inline const struct torn_finding *finding_of(const struct torn_sweep *of, const char *id,
						    const char *call)
{
	for (uint32_t i = 0; i < of->findings.count; i++)
		if (strcmp(of->findings.items[i].id, id) == 0 &&
		    strcmp(of->findings.items[i].call, call) == 0)
			return &of->findings.items[i];
	return NULL;
}

static inline void assert_same_finding(const struct torn_finding *a, const struct torn_finding *b)
{
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->is_label, b->is_label);
	assert_string_equal(a->world, b->world);
	assert_int_equal(a->op, b->op);
	assert_string_equal(a->call, b->call);
	assert_string_equal(a->path, b->path);
	assert_string_equal(a->role, b->role);
	assert_string_equal(a->fault, b->fault);
	assert_int_equal(a->faults_count, b->faults_count);
	for (size_t i = 0; i < a->faults_count; i++)
		assert_string_equal(a->faults[i], b->faults[i]);
	assert_int_equal(a->presets_count, b->presets_count);
	assert_string_equal(a->summary, b->summary);
	assert_string_equal(a->case_text, b->case_text);
	assert_int_equal(a->case_size, b->case_size);
	assert_int_equal(a->times, b->times);
}

/* All that a report tells of a sweep, but for how long it took. */
static inline void assert_same_sweep(const struct torn_sweep *a, const struct torn_sweep *b)
{
	assert_string_equal(a->failure, b->failure);
	assert_int_equal(a->failed, b->failed);
	assert_int_equal(a->unjudged, b->unjudged);
	assert_int_equal(a->plans, b->plans);
	assert_int_equal(a->trials, b->trials);
	assert_int_equal(a->ops, b->ops);
	assert_int_equal(a->kills, b->kills);
	assert_int_equal(a->kills_confirmed, b->kills_confirmed);
	assert_int_equal(a->trees, b->trees);
	assert_int_equal(a->findings.count, b->findings.count);
	for (uint32_t i = 0; i < a->findings.count; i++)
		assert_same_finding(&a->findings.items[i], &b->findings.items[i]);
}

#endif
