/*
 * cut_text.h: a power cut in words, read and written in one place.
 *
 *   N [during] preset=NAME [lost=[RUN:]OP.KIND[PART],OP.KIND,...]
 *   N [during] disk=FS [commit=OP] write=W [drop=W,W,...] [torn=W:SECTORS,...]
 *
 *   N       the op after which the power goes; 0: before the first
 *   during  before op N has returned
 *   NAME    of a preset: presets.h
 *   RUN     number of an earlier run of the case since when the power was on, from 1; of the
 *           run at hand it is not said
 *   KIND    of an effect: effects.h, torn_effect_kind_name()
 *   PART    its number among those of its kind and op, in these brackets; without
 *           them 0, and of data it is always said
 *
 *   FS      a real file system, device_fs.h: ext4, ext4:noauto_da_alloc
 *   OP      of the run, or those before it since boot, behind which a commit was forced
 *   W       so many requests its disk had been given, writes and flushes; the number of one of them, from 1
 *   SECTORS of 512 bytes: so many of that write are there
 *
 * What was lost stands in program order: by run and op, within one op as the log gave it, so
 * that the parts of one kind rise. Whether the run has these effects, and whether
 * the preset lets go of them, is not a matter of grammar: the crash model knows.
 *
 * Each cut has one text: 9.entry[0] is 9.entry.
 */
#ifndef TORN_CUT_TEXT_H
#define TORN_CUT_TEXT_H

#include <stdio.h>

#include "../injectors/arena.h"
#include "torn.h"
#include "words.h"

/*
 * Read what follows the word `cut`, to the end of the line. ret_cut->preset is
 * torn_preset_name()'s own string; the list of what was lost lies in the arena and
 * is NULL where nothing was. `runs_before`: so many runs come before it. Returns 0; -EINVAL with words->message set; -ENOMEM
 * when the arena is full.
 */
int torn_cut_parse(struct torn_words *words, struct torn_arena *arena, uint32_t runs_before,
		   struct torn_cut *ret_cut);
/* Write a cut's words, "12 preset=ext4 lost=7.data[0]", without `cut` and newline. */
void torn_cut_print(const struct torn_cut *cut, FILE *out);
/*
 * Return a cut's own words by number, from 0: "during", "preset=" and "lost=", then the
 * names of presets and of kinds of effects; NULL behind the last.
 */
const char *torn_cut_word(size_t number);

#endif
