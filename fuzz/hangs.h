/*
 * hangs.h: which plans took all of a trial's time: what hung is remembered, for
 * trying it again would cost that time again and show nothing new.
 *
 * Memory is bounded, and what is remembered depends on nothing but what was
 * noted before: two searches of one seed skip the same plans.
 */
#ifndef TORN_HANGS_H
#define TORN_HANGS_H

#include "torn.h"

#define TORN_HANGS_SLOTS 1024u

/* All 0: none yet. */
struct torn_hangs {
	struct {
		uint64_t hash;
		uint32_t ops;
	} here[TORN_HANGS_SLOTS]; /* faults in one world, and how far the run came */
	struct {
		uint64_t hash;
		uint32_t times;
	} anywhere[TORN_HANGS_SLOTS]; /* the kind of fault that came last, wherever it was */
};

/* A plan, all of whose faults fired, hung after so many ops; `world` is a hash of all else. */
void torn_hangs_note(struct torn_hangs *hangs, uint64_t world, const struct torn_plan *plan,
		     uint32_t ops);
/*
 * Did it hang in this world, with errnos of the same classes? Or does it begin
 * with faults that did, and has its next one where that run never came? Faults
 * are sorted by op.
 */
bool torn_hangs_know(const struct torn_hangs *hangs, uint64_t world, const struct torn_plan *plan);
/*
 * Is it not worth its time? That is so where it is known to hang. Where one of
 * its kinds of faults made others hang it may fare better: such plans are tried,
 * but half as often after each hang.
 */
bool torn_hangs_expected(const struct torn_hangs *hangs, uint64_t world,
			 const struct torn_plan *plan);

#endif
