/* sorted_files.h: the files of a directory of drop-ins, in the order in which they count. */
#ifndef KENSA_SORTED_FILES_H
#define KENSA_SORTED_FILES_H

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
void sorted_files_free(struct sorted_files *files);

#endif
