/*
 * standin_dconf.c: dconf(1), of which this does `update`: each /etc/dconf/db/NAME.d becomes the
 * database /etc/dconf/db/NAME. A database whose directory is gone is left, as the real one does.
 *
 * Left out: the GVDB format (the database is the lines of the files, each file's behind its name), values that
 * are no GVariant, the message on the bus, and that a database newer than its directory is skipped (nothing
 * here goes by time).
 */
#include "standins.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../go/go_os.h"
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

/* dconf leaves out what is no file: EISDIR. A FIFO is not waited for. */
static int read_file(const char *path, char **ret_text, size_t *ret_size)
{
	struct stat status = {.st_mode = S_IFREG};
	int result = -1;

	int file = go_open(path, O_RDONLY | O_NONBLOCK, 0);
	if (file < 0)
		return -1;
	(void)go_fstat(file, &status);
	if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
		result = kernelio_read_open(file, ret_text, ret_size);
	else
		errno = EISDIR;
	int number = errno;
	(void)close(file);
	errno = number;
	return result;
}

/* Add a file below `directory` to its database. Returns 0 or -1. */
static int add_file(FILE *database, const char *directory, const char *name, bool is_lock)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t size = 0;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -1;
	if (read_file(path, &text, &size) < 0)
		return errno == EISDIR ? 0 : -1; /* "locks" */
	fprintf(database, "%s %s %zu\n", is_lock ? "lock" : "file", name, size);
	fwrite(text, 1, size, database);
	int result = is_lock || is_key_file(text) ? 0 : -1;
	free(text);
	if (result < 0)
		fprintf(stderr, "dconf: Failed to load source file “%s”\n", path);
	return result;
}

static int add_files(FILE *database, const char *directory, bool are_locks)
{
	struct sorted_files files;
	int result = 0;

	if (sorted_files_list(directory, "", &files) < 0)
		return -1;
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

/* `name` ends in ".d". */
static int update_one(const char *name)
{
	char directory[PATH_MAX], path[PATH_MAX];
	char *text = NULL;
	size_t size = 0;

	if (snprintf(directory, sizeof(directory), DATABASES "/%s", name) >= (int)sizeof(directory))
		return -1;
	strcpy(path, directory);
	path[strlen(path) - strlen(".d")] = '\0';
	if (compile(directory, &text, &size) < 0)
		return -1;
	int result = standin_file_write(path, 0644, (struct torn_bytes){(const uint8_t *)text, size});
	free(text);
	return result;
}

int standin_dconf(int argc, char **argv)
{
	struct sorted_files directories;
	int status = 0;

	if (argc != 2 || strcmp(argv[1], "update") != 0) {
		fputs("Usage: dconf update\n", stderr);
		return 2;
	}
	if (sorted_files_list(DATABASES, ".d", &directories) < 0) {
		fprintf(stderr, "dconf: %s: %s\n", DATABASES, strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < directories.count; i++)
		if (update_one(directories.names[i]) < 0)
			status = 1;
	sorted_files_free(&directories);
	return status;
}
