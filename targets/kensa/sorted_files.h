/* sorted_files.h: the files of a directory of drop-ins, in the order in which they count. */
#ifndef KENSA_SORTED_FILES_H
#define KENSA_SORTED_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct sorted_files {
	char **names; /* each malloc'ed */
	size_t count;
};

/*
 * List what has names that end so and do not begin with a dot, by strcmp(3). A directory that is not there
 * has none. Returns 0, or -1 with errno. The caller frees.
 */
int sorted_files_list(const char *directory, const char *ending, struct sorted_files *ret_files);
/* Its parts, for a list that is not made so. `add` returns 0, or -1 where memory is short. */
int sorted_files_add(struct sorted_files *files, const char *name);
void sorted_files_sort(struct sorted_files *files);
bool sorted_files_ends_with(const char *name, const char *ending);
void sorted_files_free(struct sorted_files *files);

#endif
