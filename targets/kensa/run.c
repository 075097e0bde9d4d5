/* run.c: kensa's local transport: a command for /bin/sh. See handler.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handler.h"
#include "kernelio_files.h"
#include "standins.h"

static _Noreturn void become_shell(const char *command, int output)
{
	if (output < 0 || dup2(output, STDOUT_FILENO) >= 0)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Returns the process, with what it prints to be read from `ret_output` (-1: nobody wants it); or -1. */
static pid_t start_shell(const char *command, bool is_wanted, int *ret_output)
{
	int ends[2] = {-1, -1};

	if (is_wanted && pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid_t child = fork();
	if (child == 0)
		become_shell(command, ends[1]);
	if (ends[1] >= 0)
		(void)close(ends[1]);
	if (child < 0 && ends[0] >= 0)
		(void)close(ends[0]);
	*ret_output = child < 0 ? -1 : ends[0];
	return child;
}

static int run_shell(const char *command, char **ret_output)
{
	int output = -1, status = 0;
	size_t size = 0;

	pid_t child = start_shell(command, ret_output != NULL, &output);
	if (child < 0)
		return -1;
	bool is_read = output < 0 || kernelio_read_open(output, ret_output, &size) == 0;
	if (output >= 0)
		(void)close(output);
	if (TEMP_FAILURE_RETRY(waitpid(child, &status, 0)) < 0 || !is_read || !WIFEXITED(status)) {
		if (ret_output && is_read)
			free(*ret_output);
		return -1;
	}
	return WEXITSTATUS(status);
}

int kensa_run(const struct kensa_context *context, const char *command, char **ret_output)
{
	char *output = NULL;
	char **wanted = ret_output ? &output : NULL;

	int status = context->path != KENSA_KERNEL ? run_shell(command, wanted)
						  : standins_run(command, wanted);
	if (status < 0 || !ret_output)
		return status;
	size_t size = strlen(output);
	while (size > 0 && output[size - 1] == '\n')
		output[--size] = '\0';
	*ret_output = output;
	return status;
}
