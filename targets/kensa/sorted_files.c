/* sorted_files.c: see sorted_files.h. */
#include "sorted_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool sorted_files_ends_with(const char *name, const char *ending)
{
	const size_t length = strlen(name), wanted = strlen(ending);

	return length >= wanted && strcmp(name + length - wanted, ending) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int sorted_files_add(struct sorted_files *files, const char *name)
{
	char **more = reallocarray(files->names, files->count + 1, sizeof(*more));

	if (!more)
		return -1;
	files->names = more;
	more[files->count] = strdup(name);
	if (!more[files->count])
		return -1;
	files->count++;
	return 0;
}

void sorted_files_sort(struct sorted_files *files)
{
	if (files->count > 1)
		qsort(files->names, files->count, sizeof(files->names[0]), by_name);
}

/* readdir(3) tells an error from the end by errno alone. */
static int collect(DIR *stream, const char *ending, struct sorted_files *files)
{
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry)
			return errno ? -1 : 0;
		if (entry->d_name[0] != '.' && sorted_files_ends_with(entry->d_name, ending) &&
		    sorted_files_add(files, entry->d_name) < 0)
			return -1;
	}
}

int sorted_files_list(const char *directory, const char *ending, struct sorted_files *ret_files)
{
	struct sorted_files files = {NULL, 0};

	DIR *stream = opendir(directory);
	if (!stream && errno != ENOENT)
		return -1;
	int result = stream ? collect(stream, ending, &files) : 0;
	int number = errno;
	if (stream)
		(void)closedir(stream);
	if (result < 0) {
		sorted_files_free(&files);
		errno = number;
		return -1;
	}
	sorted_files_sort(&files);
	*ret_files = files;
	return 0;
}

void sorted_files_free(struct sorted_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->names[i]);
	free(files->names);
	*files = (struct sorted_files){NULL, 0};
}
