/* cut_names.c: see cut_names.h. */
#include "cut_names.h"

#include <stdio.h>
#include <string.h>

uint32_t torn_moment_of_return(const struct torn_history *history)
{
	return 2 * history->log->count + 1;
}

uint32_t torn_moment_of_acknowledgement(const struct torn_history *history,
					const struct torn_acknowledged *acknowledged)
{
	return 2 * (history->first + acknowledged->records) - 1;
}

uint32_t torn_moment_of_begin(const struct torn_history *history)
{
	return 2 * history->first;
}

uint32_t torn_moment_of_last_fault(const struct torn_history *history, const struct torn_plan *plan)
{
	uint32_t last = 0, i = history->first;
	for (uint32_t j = 0; j < plan->faults_count; j++)
		if (plan->faults[j].when.first > last)
			last = plan->faults[j].when.first;
	while (i < history->log->count && history->log->ops[i].number < last)
		i++;
	return last > 0 ? 2 * i : torn_moment_of_begin(history);
}

/* The index of an op of the run; history->log->count where there is none. */
static uint32_t index_of(const struct torn_history *history, uint32_t number)
{
	uint32_t i = history->first;
	while (i < history->log->count && history->log->ops[i].number != number)
		i++;
	return i;
}

uint32_t torn_moment_of(const struct torn_history *history, const struct torn_cut *cut,
			bool is_last)
{
	if (is_last)
		return torn_moment_of_return(history);
	if (cut->op == 0)
		return history->first ? torn_moment_of_begin(history) - 1 : 0;
	return 2 * index_of(history, cut->op) + !cut->during;
}

struct torn_lost torn_lost_of(const struct torn_history *history, const struct torn_effect *effect)
{
	return (struct torn_lost){torn_history_run(history, effect->at),
				  history->log->ops[effect->at].number, effect->kind, effect->part};
}

void torn_lost_print(const struct torn_lost *lost, char *text, size_t size)
{
	char run[16] = "";
	if (lost->run)
		snprintf(run, sizeof run, "%u:", lost->run);
	snprintf(text, size, "%s%u.%s[%u]", run, lost->op, torn_effect_kind_name(lost->kind),
		 lost->part);
}

uint32_t torn_lost_mark(const struct torn_history *history, const struct torn_effects *effects,
			const struct torn_cut *cut, bool *lost)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < effects->count && next < cut->lost_count; i++) {
		const struct torn_lost found = torn_lost_of(history, &effects->items[i]);
		if (memcmp(&found, &cut->lost[next], sizeof found) != 0)
			continue;
		lost[i] = true;
		next++;
	}
	return next;
}

struct torn_cut_place torn_place_between(const struct torn_history *history, uint32_t first,
					 uint32_t end)
{
	const struct torn_log *log = history->log;
	uint32_t last = 0;
	for (uint32_t i = history->first; i < log->count; i++) {
		const uint32_t number = log->ops[i].number, during = 2 * i, after = 2 * i + 1;
		if (number > 0 && after >= first && after < end && number < log->numbered)
			return (struct torn_cut_place){number, after, false};
		if (number > 0 && during >= first && during < end)
			return (struct torn_cut_place){number, during, true};
		if (number > 0)
			last = number;
	}
	return (struct torn_cut_place){last, torn_moment_of_return(history), false};
}
