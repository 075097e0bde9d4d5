/*
 * confirm.h: what the programs beside the pages have in common. They are plain
 * programs: no torn, no injected fault. Each makes the calls of the published
 * code in their order, in a folder of its own that goes away, and has them end
 * by a real SIGKILL or fail as the kernel really fails. Exit 0: it is as the page
 * says, 1: it is not, 77: this machine does not allow it.
 */
#ifndef CONFIRM_H
#define CONFIRM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("line %d: not so: %s (%s)\n", __LINE__, #condition, strerror(errno)); \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static char confirm_folder[] = "/tmp/torn-confirm-XXXXXX";
static pid_t confirm_owner;

static int confirm_remove(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

static void confirm_end(void)
{
	if (getpid() == confirm_owner && chdir("/") == 0)
		nftw(confirm_folder, confirm_remove, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Work in a new, empty folder with umask 022. */
static inline void begin(void)
{
	MUST(mkdtemp(confirm_folder) && chdir(confirm_folder) == 0);
	confirm_owner = getpid();
	atexit(confirm_end);
	umask(022);
	setvbuf(stdout, NULL, _IONBF, 0);
}

static inline void put_with(const char *path, const char *text, mode_t mode)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	MUST(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}

static inline void put(const char *path, const char *text)
{
	put_with(path, text, 0644);
}

static inline void die_here(void)
{
	kill(getpid(), SIGKILL);
}

/* Run steps in a child that has to be killed in them. */
static inline void killed_in(void (*steps)(void))
{
	int status;
	const pid_t child = fork();
	MUST(child >= 0);
	if (child == 0) {
		steps();
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	printf("killed by SIGKILL\n");
}

/* Tell what is there: "state.json: absent", "state.json: mode 0644, 5 bytes: hello". */
static inline void show(const char *path)
{
	char bytes[80];
	struct stat status;
	if (lstat(path, &status) < 0) {
		MUST(errno == ENOENT);
		printf("  %s: absent\n", path);
		return;
	}
	if (!S_ISREG(status.st_mode)) {
		printf("  %s: %s\n", path, S_ISDIR(status.st_mode)   ? "a directory"
					   : S_ISLNK(status.st_mode) ? "a symlink"
								     : "no regular file");
		return;
	}
	int file = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t size = file < 0 ? -1 : read(file, bytes, sizeof bytes);
	MUST(size >= 0 && close(file) == 0);
	printf("  %s: mode %04o, %lld bytes%s%.*s\n", path, status.st_mode & 07777,
	       (long long)status.st_size, size ? ": " : "", (int)size, bytes);
}

#endif
