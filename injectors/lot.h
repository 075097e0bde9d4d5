/*
 * lot.h: so many of so many, by lot: each set of them as likely as any other (selection sampling; Knuth, The Art of
 * Computer Programming, 3.4.2, algorithm S).
 */
#ifndef TORN_LOT_H
#define TORN_LOT_H

#include "dice.h"

struct torn_lot {
	struct torn_dice dice;
	uint64_t there, wanted; /* so many are left, and so many are to be drawn of them */
};

/* Is the next one drawn? Asked once for each that is there; all are, where as many are wanted. */
static inline bool torn_lot_draws(struct torn_lot *lot)
{
	const bool is_drawn = lot->there > 0 && torn_dice_roll(&lot->dice) % lot->there < lot->wanted;
	lot->there -= lot->there > 0;
	lot->wanted -= is_drawn;
	return is_drawn;
}

#endif
