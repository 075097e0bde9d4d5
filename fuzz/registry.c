/*
 * registry.c: see registry.h. The order of a section's entries differs by
 * compiler, so that nothing may keep an index: they are sorted by name here.
 */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

#define SECTION(type, section)                                                                     \
	extern const struct type *const __start_##section[], *const __stop_##section[];            \
	static const struct type *section##_sorted[256];                                           \
	static size_t section##_count

/* There may be none of these. */
extern const struct torn_command *const __start_torn_commands[] __attribute__((weak)),
	*const __stop_torn_commands[] __attribute__((weak));

SECTION(torn_target, torn_targets);
SECTION(torn_invariant, torn_invariants);
SECTION(torn_report, torn_reports);

/* The first member of each of the three is its name. */
static const char *name_of(const void *item)
{
	return *(const char *const *)item;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(name_of(*(const void *const *)a), name_of(*(const void *const *)b));
}

static size_t collect(const char *what, const void *const *start, const void *const *stop,
		      const void **sorted, size_t room)
{
	const size_t count = (size_t)(stop - start);
	if (count == 0 || count > room) {
		fprintf(stderr, "torn: %s: the registry has %zu entries\n", what, count);
		abort();
	}
	memcpy(sorted, start, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_name);
	for (size_t i = 1; i < count; i++) {
		if (by_name(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		fprintf(stderr, "torn: %s: %s is there twice\n", what, name_of(sorted[i]));
		abort();
	}
	return count;
}

#define COLLECT(section)                                                                           \
	collect(#section, (const void *const *)__start_##section,                                  \
		(const void *const *)__stop_##section, (const void **)section##_sorted,            \
		sizeof section##_sorted / sizeof *section##_sorted)

void torn_registry_begin(void)
{
	torn_targets_count = COLLECT(torn_targets);
	torn_invariants_count = COLLECT(torn_invariants);
	torn_reports_count = COLLECT(torn_reports);
}

const struct torn_command *const *torn_commands(size_t *ret_count)
{
	*ret_count = (size_t)(__stop_torn_commands - __start_torn_commands);
	return __start_torn_commands;
}

const struct torn_target *const *torn_targets(size_t *ret_count)
{
	*ret_count = torn_targets_count;
	return torn_targets_sorted;
}

const struct torn_invariant *const *torn_invariants(size_t *ret_count)
{
	*ret_count = torn_invariants_count;
	return torn_invariants_sorted;
}

const struct torn_report *const *torn_reports(size_t *ret_count)
{
	*ret_count = torn_reports_count;
	return torn_reports_sorted;
}

static const void *named(const void *const *sorted, size_t count, struct torn_bytes name)
{
	for (size_t i = 0; i < count; i++)
		if (torn_bytes_equal(torn_bytes_of(name_of(sorted[i])), name))
			return sorted[i];
	return NULL;
}

const struct torn_target *torn_target_named(struct torn_bytes name)
{
	return named((const void *const *)torn_targets_sorted, torn_targets_count, name);
}

const struct torn_variant *torn_variant_named(const struct torn_target *target,
					      struct torn_bytes name)
{
	for (const struct torn_variant *variant = target->variants; variant->name; variant++)
		if (torn_bytes_equal(torn_bytes_of(variant->name), name))
			return variant;
	return NULL;
}

const struct torn_invariant *torn_invariant_named(struct torn_bytes name)
{
	return named((const void *const *)torn_invariants_sorted, torn_invariants_count, name);
}

const struct torn_report *torn_report_named(const char *name)
{
	return named((const void *const *)torn_reports_sorted, torn_reports_count,
		     torn_bytes_of(name));
}
