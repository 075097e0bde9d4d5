/*
 * standin_dconf.c: dconf(1), of which this does `update`: each /etc/dconf/db/NAME.d becomes the
 * database /etc/dconf/db/NAME. A database whose directory is gone is left, as the real one does. `compile` makes
 * one of them.
 *
 * It asks for the type of each name, of files and of directories, and passes over in silence what does not answer:
 * its exit status says nothing of that.
 *
 * Left out: the GVDB format (the database is the lines of the files, each file's behind its name), values that
 * are no GVariant, the message on the bus, that the database which was replaced is marked invalid, that some
 * releases skip one that is newer than its directory (nothing here goes by time), and the order: the real one
 * takes names as the directory has them.
 */
#include "standins.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernelio_files.h"
#include "sorted_files.h"
#include "standin_file.h"

#define DATABASES "/etc/dconf/db"

/* g_key_file_load_from_file(3): a line is blank, a comment, a group, or a key of a group. */
static bool is_key_file(char *text)
{
	bool in_group = false;

	for (char *line; (line = strsep(&text, "\n"));) {
		line += strspn(line, " \t\r");
		const bool is_group = line[0] == '[' && strchr(line, ']');
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (!is_group && (!in_group || line[0] == '=' || !strchr(line, '=')))
			return false;
		in_group |= is_group;
	}
	return true;
}

/*
 * Names and not their types, and an error ends them as their end does: g_dir_read_name(3) does not tell. A
 * directory that is not there is -1 with ENOENT.
 */
static int read_names(const char *directory, struct sorted_files *files)
{
	const struct dirent *entry;
	int result = 0;

	DIR *stream = opendir(directory);
	if (!stream)
		return -1;
	while (result == 0 && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			result = sorted_files_add(files, entry->d_name);
	(void)closedir(stream);
	sorted_files_sort(files);
	return result;
}

/* What is of another type is passed over without a word, and so is what cannot be asked for its own. */
static bool is_of_type(const char *directory, const char *name, mode_t type)
{
	char path[PATH_MAX];
	struct stat status;

	return snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path) &&
	       stat(path, &status) == 0 && (status.st_mode & S_IFMT) == type;
}

/* Returns 0, or -1 with errno. The caller frees in either case. */
static int list(const char *directory, mode_t type, struct sorted_files *ret_files)
{
	size_t count = 0;

	*ret_files = (struct sorted_files){NULL, 0};
	if (read_names(directory, ret_files) < 0)
		return -1;
	for (size_t i = 0; i < ret_files->count; i++) {
		if (is_of_type(directory, ret_files->names[i], type))
			ret_files->names[count++] = ret_files->names[i];
		else
			free(ret_files->names[i]);
	}
	ret_files->count = count;
	return 0;
}

/* Add a file below `directory` to its database. Returns 0 or -1. */
static int add_file(FILE *database, const char *directory, const char *name, bool is_lock)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t size = 0;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path) ||
	    kernelio_read_file(path, &text, &size) < 0)
		return -1;
	fprintf(database, "%s %s %zu\n", is_lock ? "lock" : "file", name, size);
	fwrite(text, 1, size, database);
	int result = is_lock || is_key_file(text) ? 0 : -1;
	free(text);
	if (result < 0)
		fprintf(stderr, "dconf: Failed to load source file “%s”\n", path);
	return result;
}

/* Without a directory of locks there are just none. */
static int add_files(FILE *database, const char *directory, bool are_locks)
{
	struct sorted_files files;

	int result = list(directory, S_IFREG, &files);
	if (result < 0 && are_locks && errno == ENOENT)
		result = 0;
	for (size_t i = 0; result == 0 && i < files.count; i++)
		result = add_file(database, directory, files.names[i], are_locks);
	sorted_files_free(&files);
	return result;
}

static int compile(const char *directory, char **ret_text, size_t *ret_size)
{
	char locks[PATH_MAX];

	if (snprintf(locks, sizeof(locks), "%s/locks", directory) >= (int)sizeof(locks))
		return -1;
	FILE *database = open_memstream(ret_text, ret_size);
	if (!database)
		return -1;
	int result = add_files(database, directory, false);
	if (result == 0)
		result = add_files(database, locks, true);
	if (fclose(database) == 0 && result == 0)
		return 0;
	free(*ret_text);
	return -1;
}

/* dconf compile FILE DIRECTORY */
static int compile_to(const char *path, const char *directory)
{
	char *text = NULL;
	size_t size = 0;

	if (compile(directory, &text, &size) < 0)
		return -1;
	int result = standin_file_write(path, 0644, (struct torn_bytes){(const uint8_t *)text, size});
	free(text);
	return result;
}

/* `name` ends in ".d". */
static int update_one(const char *name)
{
	char directory[PATH_MAX], path[PATH_MAX];

	if (snprintf(directory, sizeof(directory), DATABASES "/%s", name) >= (int)sizeof(directory))
		return -1;
	strcpy(path, directory);
	path[strlen(path) - strlen(".d")] = '\0';
	return compile_to(path, directory);
}

static int update(void)
{
	struct sorted_files directories;
	bool failed = false;

	if (list(DATABASES, S_IFDIR, &directories) < 0) {
		fprintf(stderr, "dconf: %s: %s\n", DATABASES, strerror(errno));
		failed = true;
		sorted_files_free(&directories);
	}
	for (size_t i = 0; i < directories.count; i++)
		if (sorted_files_ends_with(directories.names[i], ".d"))
			failed |= update_one(directories.names[i]) < 0;
	sorted_files_free(&directories);
	return failed;
}

int standin_dconf(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "update") == 0)
		return update();
	if (argc == 4 && strcmp(argv[1], "compile") == 0)
		return compile_to(argv[2], argv[3]) < 0;
	fputs("Usage: dconf update | dconf compile FILE DIRECTORY\n", stderr);
	return 2;
}
