/*
 * sighting.h: what one run showed, at its end and of all its crashes, that is worth
 * being told: all that its world's clean run does not show.
 */
#ifndef TORN_SIGHTING_H
#define TORN_SIGHTING_H

#include "kills.h"

#define TORN_SIGHTING_MAX 32u
/* A power cut that loses more effects is not told: it is hard to read. */
#define TORN_SEEN_LOST_MAX 48u

/* Something that a run showed, or the one behind it. */
struct torn_seen {
	const struct torn_invariant *invariant;
	struct torn_judgement judgement;
	bool killed;
	struct torn_kill kill;
	struct torn_cut cut; /* what it lost is in `lost`, what of a disk's writes is not there in `dropped` */
	struct torn_lost lost[TORN_SEEN_LOST_MAX];
	struct torn_dropped dropped[TORN_DROPPED_MAX];
	unsigned presets; /* TORN_PRESET_BIT of all that show it; the strongest is the cut's */
	struct torn_kill ended; /* with which the run ended that it shows behind; op 0: it shows in it */
};

/* What the clean run of an old state shows is not shown by a fault. All 0: nothing. */
struct torn_known {
	size_t count;
	struct {
		const char *id;
		char role[64];
	} items[TORN_SIGHTING_MAX];
};

struct torn_sighting {
	const struct torn_known *known; /* is not seen again */
	const struct torn_sighting *before; /* of the run before: nor is that; NULL: it is the first */
	size_t count;
	struct torn_seen items[TORN_SIGHTING_MAX];
};

/* Begin with nothing seen. `known` has to outlive what is added from here on. */
void torn_sighting_begin(struct torn_sighting *sighting, const struct torn_known *known);
/* Begin for a run that comes after another one, which showed `before`: that has to outlive it. */
void torn_sighting_begin_after(struct torn_sighting *sighting, const struct torn_sighting *before);
/* Add what the run showed that came after this one, which had ended with a kill. */
void torn_sighting_add_later(struct torn_sighting *sighting, const struct torn_sighting *later,
			     const struct torn_kill *ended);
/* Add what the end of a run shows. */
void torn_sighting_add_end(struct torn_sighting *sighting, const struct torn_trial *trial);
/*
 * Add what a kill shows, unless the end of the run showed it: torn_kills.tell, with
 * the sighting as its context.
 */
void torn_sighting_add_kill(void *sighting, const struct torn_kill *kill,
			    const struct torn_invariant *invariant,
			    const struct torn_judgement *judgement);
/*
 * Add what a power cut shows, unless something without one showed it: torn_cuts.tell,
 * with the sighting as its context. Of the presets, the strongest is kept, in a full one too.
 */
void torn_sighting_add_cut(void *sighting, const struct torn_plan *plan,
			   const struct torn_invariant *invariant,
			   const struct torn_judgement *judgement);
/* Return the first thing seen of an invariant, or of a label, in that role; NULL: there is none. */
const struct torn_seen *torn_sighting_find(const struct torn_sighting *sighting, const char *id,
					   const char *role);
/* Know from now on what was seen of a clean run, but for what only its crashes show. */
void torn_known_add(struct torn_known *known, const struct torn_sighting *sighting);

#endif
