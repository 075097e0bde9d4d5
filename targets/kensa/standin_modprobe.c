/*
 * standin_modprobe.c: modprobe(8) and modinfo(8) of kmod. Left out: modules that others depend on,
 * options, aliases (which alone `blacklist` is about: modprobe.d(5)), and commands of `install` lines,
 * none of which is run: "/bin/false" fails, each other one succeeds and loads nothing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernelio_files.h"
#include "kernelio_module.h"
#include "sorted_files.h"
#include "standins.h"

#define CONFIGURATION "/etc/modprobe.d"
#define MODULES "/lib/modules"

/* What an `install` line says to do in place of loading. */
enum install { LOAD, NOTHING, FAIL };

static enum install install_of_line(char *line, const char *name)
{
	char *rest = NULL;
	char module[NAME_MAX + 1];

	const char *keyword = strtok_r(line, " \t", &rest);
	const char *of = keyword ? strtok_r(NULL, " \t", &rest) : NULL;
	const char *command = of ? strtok_r(NULL, " \t", &rest) : NULL;
	if (!command || strcmp(keyword, "install") != 0 ||
	    !kernelio_module_name(of, module, sizeof(module)) || strcmp(module, name) != 0)
		return LOAD;
	return strcmp(command, "/bin/false") == 0 ? FAIL : NOTHING;
}

static enum install install_of_file(const char *file, const char *name)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t size = 0;
	enum install install = LOAD;

	if (snprintf(path, sizeof(path), CONFIGURATION "/%s", file) >= (int)sizeof(path) ||
	    kernelio_read_file(path, &text, &size) < 0)
		return LOAD; /* libkmod goes on without it */
	char *rest = text;
	for (char *line; install == LOAD && (line = strsep(&rest, "\n"));)
		install = install_of_line(line, name);
	free(text);
	return install;
}

/* The first line that there is counts. */
static enum install install_of(const char *name)
{
	struct sorted_files files;
	enum install install = LOAD;

	if (sorted_files_list(CONFIGURATION, ".conf", &files) < 0)
		return LOAD;
	for (size_t i = 0; install == LOAD && i < files.count; i++)
		install = install_of_file(files.names[i], name);
	sorted_files_free(&files);
	return install;
}

/* modules.dep is left out: a module lies there under its name, with '-' or with '_'. */
static int open_module(const char *given, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MODULES "/%s.ko", given);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file >= 0 || errno != ENOENT || strcmp(given, name) == 0)
		return file;
	snprintf(path, sizeof(path), MODULES "/%s.ko", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int fail(const char *what, const char *name)
{
	fprintf(stderr, "modprobe: FATAL: %s %s: %s\n", what, name, strerror(errno));
	return 1;
}

static int load(const char *given, const char *name)
{
	int file = open_module(given, name);

	if (file < 0)
		return fail("could not find module", given);
	long result = syscall(SYS_finit_module, file, "", 0);
	int number = errno;
	(void)close(file);
	errno = number;
	return result < 0 && errno != EEXIST ? fail("could not insert", given) : 0;
}

static int insert(const char *given, const char *name, bool ignores_install)
{
	bool is_loaded = false;
	const enum install install = ignores_install ? LOAD : install_of(name);

	if (install == NOTHING)
		return 0;
	if (install == FAIL) {
		fprintf(stderr, "modprobe: ERROR: Error running install command for %s\n", given);
		return 1;
	}
	if (kernelio_module_is_loaded(given, &is_loaded) == 0 && is_loaded)
		return 0;
	return load(given, name);
}

static int removed(const char *given, const char *name)
{
	return kernelio_delete_module(name) < 0 ? fail("could not remove", given) : 0;
}

int standin_modprobe(int argc, char **argv)
{
	char name[NAME_MAX + 1];
	const char *given = argv[argc - 1];
	const bool removes = argc == 3 && strcmp(argv[1], "-r") == 0;
	const bool ignores = argc == 3 && strcmp(argv[1], "-i") == 0;

	if ((argc != 2 && !removes && !ignores) || given[0] == '-' ||
	    !kernelio_module_name(given, name, sizeof(name))) {
		fputs("Usage: modprobe [-i|-r] MODULE\n", stderr);
		return 1;
	}
	return removes ? removed(given, name) : insert(given, name, ignores);
}

/* As open_module() finds it; nothing is opened. */
static bool find_module(const char *given, const char *name, char *ret_path, size_t size)
{
	struct stat status;

	snprintf(ret_path, size, MODULES "/%s.ko", given);
	if (lstat(ret_path, &status) == 0)
		return true;
	snprintf(ret_path, size, MODULES "/%s.ko", name);
	return lstat(ret_path, &status) == 0;
}

int standin_modinfo(int argc, char **argv)
{
	char name[NAME_MAX + 1], path[PATH_MAX];
	const char *given = argv[argc - 1];

	if (argc != 3 || strcmp(argv[1], "-n") != 0 || given[0] == '-' ||
	    !kernelio_module_name(given, name, sizeof(name))) {
		fputs("Usage: modinfo -n MODULE\n", stderr);
		return 1;
	}
	if (!find_module(given, name, path, sizeof(path))) {
		fprintf(stderr, "modinfo: ERROR: Module %s not found.\n", given);
		return 1;
	}
	fprintf(standin_output(), "%s\n", path);
	return 0;
}
