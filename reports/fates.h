/* fates.h: what a power cut made of the effects of a run, and of earlier ones, in words. */
#ifndef TORN_FATES_H
#define TORN_FATES_H

#include "../fuzz/torn.h"
#include "phrase.h"

/* Add what became of an op of the run at hand: "durable", "LOST: data[0]; pending, kept: inode". */
void torn_fates_add(struct torn_phrase *phrase, const struct torn_trial *trial, uint32_t number);
/* Print what a cut lost, as a case names it: "7.data[0], 9.entry"; or "nothing". */
void torn_fates_print_lost(FILE *out, const struct torn_cut *cut);
/* Print where the power of a real disk goes, and what of its writes that loses, in brackets. */
void torn_fates_print_disk(FILE *out, const struct torn_cut *cut);
/* Print all effects by their fate, those that were lost and those that were pending in full. */
void torn_fates_print(FILE *out, const struct torn_trial *trial);

#endif
