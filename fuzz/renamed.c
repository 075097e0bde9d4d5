/* renamed.c: see renamed.h. */
#include "renamed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS "/proc/self/fd/"

/* The renaming of what begins at `text`, after "/proc/self/fd/"; NULL: there is none. */
static const struct torn_renaming *find(const char *text, const struct torn_renaming *renamings,
					size_t count, size_t *ret_size)
{
	const size_t number = strspn(text, "0123456789");
	if (number == 0 || text[number] != '/')
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const size_t size = strlen(renamings[i].copy);
		if (strncmp(text + number + 1, renamings[i].copy, size) != 0 ||
		    text[number + 1 + size] != '/')
			continue;
		*ret_size = number + 1 + size + 1;
		return &renamings[i];
	}
	return NULL;
}

static void print(FILE *out, const char *line, size_t size, const struct torn_renaming *renamings,
		  size_t count)
{
	static const char before[] = DESCRIPTORS;
	const char *const end = line + size;
	const char *at;
	while ((at = memmem(line, (size_t)(end - line), before, sizeof before - 1))) {
		const char *text = at + sizeof before - 1; /* getline ends it with a NUL */
		size_t taken;
		const struct torn_renaming *renaming = find(text, renamings, count, &taken);
		fwrite(line, 1, (size_t)((renaming ? at : text) - line), out);
		if (renaming)
			fputs(renaming->name, out);
		line = renaming ? text + taken : text;
	}
	fwrite(line, 1, (size_t)(end - line), out);
	fflush(out);
}

/* To its end, also when nobody reads it any more: who writes is not to wait for that. */
static _Noreturn void rename_all(int from_fd, int to_fd, const struct torn_renaming *renamings,
				 size_t count)
{
	/* An interrupt ends those that write, and that ends this. */
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	FILE *in = fdopen(from_fd, "r"), *out = fdopen(to_fd, "w");
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	while (in && out && (size = getline(&line, &room, in)) > 0)
		print(out, line, (size_t)size, renamings, count);
	_exit(0);
}

int torn_renamed_begin(struct torn_renamed *renamed, const struct torn_renaming *renamings,
		       size_t count)
{
	int ends[2];
	renamed->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (renamed->stderr_fd < 0)
		return -errno;
	int r = pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno;
	if (r < 0) {
		close(renamed->stderr_fd);
		return r;
	}
	fflush(NULL); /* or it would come out twice */
	const pid_t pid = fork();
	if (pid == 0) {
		close(ends[1]); /* its own would keep the pipe from ending */
		rename_all(ends[0], renamed->stderr_fd, renamings, count);
	}
	r = pid < 0 ? -errno : dup2(ends[1], STDERR_FILENO) < 0 ? -errno : 0;
	close(ends[0]);
	close(ends[1]);
	if (r < 0)
		close(renamed->stderr_fd);
	else
		renamed->pid = pid;
	return r;
}

void torn_renamed_end(struct torn_renamed *renamed)
{
	fflush(stderr);
	dup2(renamed->stderr_fd, STDERR_FILENO);
	close(renamed->stderr_fd);
	while (waitpid(renamed->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
