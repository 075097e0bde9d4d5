/*
 * expected.h: the findings that a target's published variants are known to
 * have: corpus/<target>/expected, a line each:
 *
 *   VARIANT INVARIANT CALL FAULT CASE     # what it is
 *
 * CALL and FAULT as in the finding ("-" where no fault is needed), CASE a file
 * of the same folder. FAULT of a power cut is "cut=PRESET", the strongest preset
 * that shows it: what came to show on a stronger one is not known. Each was
 * checked by hand before it was listed.
 */
#ifndef TORN_EXPECTED_H
#define TORN_EXPECTED_H

#include "torn.h"

struct torn_expected {
	char variant[64], invariant[64], call[64], fault[64], file[256];
	uint32_t line;
	bool found;
};

struct torn_expected_list {
	struct torn_expected *items;
	size_t count;
};

/*
 * Read a list. Returns 0; -EINVAL with the line that cannot be read in `ret_line`;
 * -ENOMEM; -errno of reading (`ret_line` is 0). After an error the list is empty.
 */
int torn_expected_parse(FILE *in, struct torn_expected_list *ret_list, uint32_t *ret_line);
/*
 * Read a target's list; one without a file has none. Returns 0; -EINVAL after
 * telling in one line what is wrong where; -errno of reading.
 */
int torn_expected_read(const char *corpus, const char *target, struct torn_expected_list *ret_list);
void torn_expected_free(struct torn_expected_list *list);
/* Write the word that stands for a finding's fault in a list, "-" where it has none, "any" where any leads to it. */
void torn_expected_fault(const struct torn_finding *finding, char *buffer, size_t size);
/*
 * Find a line for a finding, and note that it was found: each line is for one
 * finding, so that another one with the same call and fault has to be listed too.
 * `file` names the case that the line must have, NULL: any. Returns NULL where
 * none is left.
 */
struct torn_expected *torn_expected_match(struct torn_expected_list *list,
					  const struct torn_finding *finding, const char *file);

#endif
