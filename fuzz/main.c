/* main.c: the command line's first word. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "registry.h"
#include "runner.h"

static const struct command {
	const char *name, *about;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"list", "targets, invariants, faults, presets", torn_command_list},
	{"check", "every fault at every op and every kill of TARGET[@VARIANT]...", torn_command_check},
	{"exec", "the same for any program: torn exec [OPTION...] -- COMMAND", torn_command_exec},
	{"replay", "run CASE... again", torn_command_replay},
	{"explain", "tell CASE in words, with what went wrong marked", torn_command_explain},
	{"fuzz", "search TARGET[@VARIANT]: faults, arguments and old states", torn_command_fuzz},
	{"litmus", "what a power cut leaves on real FS..., held against their presets", torn_command_litmus},
	{"gate", "what must hold before a merge: known findings, no others, all cases", torn_command_gate},
};

static int usage(FILE *out)
{
	fprintf(out, "usage: torn COMMAND [OPTION...] [NAME...]   (torn COMMAND --help)\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].about);
	fprintf(out, "\nexit: 0 clean, 1 findings, 2 usage, 3 torn or its environment failed, "
		     "4 a case no longer applies\n");
	return out == stdout ? TORN_EXIT_CLEAN : TORN_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	torn_registry_begin();
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout);
	if (strcmp(argv[1], "--version") == 0) {
		printf("torn " TORN_VERSION "\n");
		return TORN_EXIT_CLEAN;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return torn_mistake("torn", argv[1], "a command (list, check, exec, fuzz, replay, explain, litmus, gate)");
}

/* What was printed and did not arrive is a failure, also of --help. */
static void check_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	fprintf(stderr, "torn: stdout: %s\n", strerror(errno));
	_exit(TORN_EXIT_FAILED);
}

/*
 * Where torn is built with the address sanitizer: its allocator looks at the clock before it gives memory back to the
 * kernel, now and then. That would be a call of the target's, and move its clock: two clean runs would differ.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_release_to_os_interval_ms=-1";
}

int main(int argc, char **argv)
{
	torn_runner_take_over(argc, argv);
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of writing */
	atexit(check_stdout);
	return run(argc, argv);
}
