/*
 * case_reading.h: a case on its way from text to a value: for case.c, which reads it line by line, and
 * case_whole.c, which looks at what concerns several lines.
 */
#ifndef TORN_CASE_READING_H
#define TORN_CASE_READING_H

#include "case.h"
#include "words.h"

#define TORN_CASE_HEADER "torn-case 1"
#define TORN_CASE_RUN "run"
#define TORN_CASE_RECOVER "recover"
/* By enum torn_expect; NULL for nothing. */
extern const char *const torn_case_expectations[];

struct torn_case_reading {
	struct torn_arena *arena;
	struct torn_words words; /* of the line that is read; its message is the parser's */
	int folder_fd;
	bool is_world; /* `old` and `arg` lines only */
	uint32_t line;
	uint32_t lines_count; /* in the whole text */
	uint64_t seed_value;
	struct torn_plan *first; /* NULL: it is the one that is read */
	uint32_t faults_before; /* of the runs before the one that is read */
	uint32_t header_line, seed; /* lines of what stands once; 0: not yet */
	uint32_t complaint; /* lowest line that complain_at() was told; 0: none */
	size_t args_max, olds_max, watches_max;
	struct torn_case c;
	uint32_t *args_lines, *olds_lines, *watches_lines;
	struct torn_case_lines lines;
};

/* A run is read: put its faults in order, and look that nothing stands behind its end. */
void torn_case_reading_end_run(struct torn_case_reading *p);
/* Look at the whole. Returns 0; -ENOMEM; -EINVAL with the reading at the lowest line that is wrong. */
int torn_case_reading_check(struct torn_case_reading *p);

#endif
