/*
 * fault_text.h: a fault in words, read and written in one place.
 *
 *   WHEN CALL SPEC
 *
 *   WHEN   F | F..L | F+S                  op numbers, from 1; L not before F, S from 1
 *   CALL   the kernel's name of a call
 *   SPEC   errno=E | sticky=E | late=E     E by name
 *          full                           half of this write is done, and the disk is full
 *          full disk=tmpfs blocks=N        a real disk that had N blocks left when the run began, and
 *          full disk=tmpfs inodes=N        refused this op first; also disk=ext4
 *          short | short=N                 N bytes get through; without N half of them
 *          eintr | eintr=N                 N times; without N once
 *          kill=before | kill=after        the process dies here
 *          kill=BYTES                      ... when that much of the write is done
 *          signal=S                        S by name, without SIG
 *          fsync=lost | fsync=reverted | fsync=kept
 *                                          a file's; with :E behind it for another E than EIO
 *          fsync=readonly | fsync=shutdown a directory's
 *
 * Each fault has one text: F..F is F, eintr=1 is eintr, fsync=lost:EIO is fsync=lost. torn.h declares
 * torn_fault_print() and torn_fault_name().
 */
#ifndef TORN_FAULT_TEXT_H
#define TORN_FAULT_TEXT_H

#include "torn.h"
#include "words.h"

/* Highest op number, and step, that can be said: UINT32_MAX is "without end". */
#define TORN_WHEN_MAX (UINT32_MAX - 1)

/*
 * Read WHEN CALL SPEC and the end of the line. Returns 0, or -EINVAL with
 * words->message set.
 */
int torn_fault_parse(struct torn_words *words, struct torn_fault *ret_fault);

/* Say whether "=VALUE" may follow a fault's name, and whether it always must. */
bool torn_fault_takes_value(enum torn_fault_name name, bool *ret_always);
/* Return values that are words and no name of something, by number from 0; NULL behind the last. */
const char *torn_fault_value_word(size_t number);

/* Order as a case does: by first op, call, name and value, then the rest of when. */
int torn_fault_compare(const struct torn_fault *a, const struct torn_fault *b);

#endif
