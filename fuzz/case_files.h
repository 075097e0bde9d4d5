/* case_files.h: cases of findings, as files. */
#ifndef TORN_CASE_FILES_H
#define TORN_CASE_FILES_H

#include "torn.h"

/* Write the name of a finding's case, "<target>-<invariant>-<hash of the text>.case". Returns its length. */
int torn_case_file_name(const struct torn_finding *finding, char *buffer, size_t size);
/*
 * Write the cases of all findings (not of labels) into a folder, which is made
 * when there is one to write. Sets
 * case_file of each, which torn_case_files_free() frees. Returns 0, or -errno
 * with the file in question in `ret_path`.
 */
int torn_case_files_write(struct torn_result *result, const char *folder, char *ret_path,
			  size_t size);
void torn_case_files_free(struct torn_result *result);

#endif
