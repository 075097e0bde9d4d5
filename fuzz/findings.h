/*
 * findings.h: what was found, each once, with the smallest case that shows it.
 *
 * Findings that share invariant, call, role and kind of fault are one. Which
 * case tells it does not depend on who looked first: fewer faults come before
 * more, then the target's old states and the plans in their order. So several
 * workers find together what one finds alone.
 */
#ifndef TORN_FINDINGS_H
#define TORN_FINDINGS_H

#include "trial.h"

#define TORN_FINDINGS_MAX 512

/* The place of a trial among all: compared number by number, the smaller is told. */
struct torn_order {
	/* How many; of power cuts first how weak the preset is: the one that heads a finding is its case's. */
	uint32_t faults;
	uint32_t world;
	uint32_t plans[TORN_FAULTS_MAX]; /* its number among the plans at each depth */
	uint32_t kill;                   /* 1 + its number among the kills of the run; 0: at its end */
};

/* Its first number. */
uint32_t torn_order_faults(const struct torn_plan *plan);
bool torn_order_is_smaller(const struct torn_order *a, const struct torn_order *b);

/* Lies in memory that a watching process shares; the arena owns all texts. */
struct torn_findings {
	struct torn_arena *arena;
	struct torn_finding items[TORN_FINDINGS_MAX];
	struct torn_order orders[TORN_FINDINGS_MAX];
	volatile uint32_t count;
	bool overflowed; /* there were more */
};

/* What a judgement was made of. */
struct torn_shown {
	const struct torn_setup *setup;
	const struct torn_plan *plan; /* with the kill, where one is needed */
	bool killed;
	const struct torn_invariant *invariant;
	const struct torn_judgement *judgement; /* a violation or a label */
	struct torn_order order;
	unsigned presets; /* TORN_PRESET_BIT of those that show it besides the plan's */
	bool is_elsewhere; /* another part tells it: nothing that shows the same under faults is told here */
	bool is_later;  /* it came to light in a run after another one: workers share some of these */
	double seconds; /* of fuzzing so far */
};

/* Return what it is called: the invariant's id, or the label. */
const char *torn_judgement_id(const struct torn_invariant *invariant,
			      const struct torn_judgement *judgement);

/* Keep it, or count it where it is known, with its case if that is the smaller one. */
void torn_findings_add(struct torn_findings *findings, const struct torn_shown *shown);
/* The same for a finding that another process made; its texts are copied. */
void torn_findings_merge(struct torn_findings *findings, const struct torn_finding *finding,
			 const struct torn_order *order);
/*
 * Drop what is told of others: power cuts that take faults, where the cut alone shows it under as strong a
 * preset, and findings of other parts. Sort the rest: findings, then labels; by id, op, call, fault,
 * role, old state. Orders are no longer theirs.
 */
void torn_findings_sort(struct torn_findings *findings);
/* The same, when all are there: one that shows without any fault takes in those that show it under faults. */
void torn_findings_settle(struct torn_findings *findings);

#endif
