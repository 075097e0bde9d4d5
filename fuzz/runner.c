/*
 * runner.c: see runner.h. Arguments are passed in hexadecimal, since they may have any bytes; they are words of the
 * command line, since nothing else of the runner's start is seen in its root.
 */
#include "runner.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../injectors/points.h"
#include "isolation.h"
#include "options.h"
#include "registry.h"

/*
 * Where libraries are: the loader would look in /lib first, which is the trial's, and there is no cache of its
 * own in /etc (ld.so(8)). It lies among them.
 */
static char libraries[PATH_MAX + 64] = "LD_LIBRARY_PATH=";

/* Where torn is built with the address sanitizer: a crash of the operation is its own, not the sanitizer's exit. */
#define SANITIZER_OPTIONS "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0"

char *const *torn_runner_environment(void)
{
	static char *const environment[] = {"PATH=" TORN_ISOLATION_BIN ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
					    "ASAN_OPTIONS=" SANITIZER_OPTIONS, libraries, NULL};
	char loader[PATH_MAX];
	char *slash = realpath("/lib64/ld-linux-x86-64.so.2", loader) ? strrchr(loader, '/') : NULL;
	if (slash)
		*slash = '\0';
	snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s:/usr/lib:/usr/local/lib",
		 slash ? loader : "/usr/lib64");
	return environment;
}

#define RUN_OPERATION "run-operation"

static const char digits[] = "0123456789abcdef";

struct writing {
	struct torn_runner *runner;
	size_t words, used;
};

static int add_word(struct writing *writing, const char *lead, struct torn_bytes hidden)
{
	struct torn_runner *runner = writing->runner;
	const size_t size = strlen(lead) + 2 * hidden.size + 1;
	if (writing->words == TORN_RUNNER_WORDS_MAX || size > sizeof runner->bytes - writing->used)
		return -E2BIG;
	char *to = runner->bytes + writing->used;
	runner->argv[writing->words++] = to;
	runner->argv[writing->words] = NULL;
	writing->used += size;
	to = stpcpy(to, lead);
	for (size_t i = 0; i < hidden.size; i++) {
		*to++ = digits[hidden.data[i] >> 4];
		*to++ = digits[hidden.data[i] & 15];
	}
	*to = '\0';
	return 0;
}

int torn_runner_make(struct torn_runner *runner, const struct torn_setup *setup, bool recovers)
{
	static const struct torn_bytes nothing;
	const char *const first[] = {TORN_RUNNER_NAME, RUN_OPERATION, setup->target->name, setup->variant->name,
				     recovers ? "recovery" : "operation"};
	struct writing writing = {.runner = runner};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof first / sizeof *first; i++)
		r = add_word(&writing, first[i], nothing);
	for (size_t i = 0; r == 0 && i < setup->run.args_count; i++) {
		r = add_word(&writing, setup->run.args[i].name, nothing);
		if (r == 0)
			r = add_word(&writing, "", setup->run.args[i].value);
	}
	return r;
}

/* ------------------------------------------------------------ in the runner */

static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* In place; a NUL follows the bytes. */
static bool take_bytes(char *word, struct torn_bytes *ret_bytes)
{
	const size_t size = strlen(word);
	for (size_t i = 0; i < size; i += 2) {
		const int high = digit(word[i]), low = digit(word[i + 1]);
		if (high < 0 || low < 0)
			return false;
		word[i / 2] = (char)(high << 4 | low);
	}
	word[size / 2] = '\0';
	*ret_bytes = (struct torn_bytes){(const uint8_t *)word, size / 2};
	return true;
}

static bool take_args(char **words, struct torn_arg *args, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		args[i].name = words[2 * i];
		if (!take_bytes(words[2 * i + 1], &args[i].value))
			return false;
	}
	return true;
}

static int run_operation(int argc, char **argv)
{
	struct torn_arg args[TORN_RUNNER_WORDS_MAX / 2];
	const size_t words = argc < 4 ? 0 : (size_t)argc - 4;
	const struct torn_target *target = argc < 4 ? NULL : torn_target_named(torn_bytes_of(argv[1]));
	const struct torn_variant *variant =
		target ? torn_variant_named(target, torn_bytes_of(argv[2])) : NULL;
	if (!variant || words % 2 != 0 || words / 2 > sizeof args / sizeof *args ||
	    !take_args(argv + 4, args, words / 2))
		return torn_mistake("torn " RUN_OPERATION, argc > 1 ? argv[1] : "nothing", "TARGET VARIANT ROLE [NAME HEX]...");
	const struct torn_run run = {.args = args, .args_count = words / 2};
	int (*function)(const struct torn_run *) =
		strcmp(argv[3], "recovery") == 0 ? variant->recovery : variant->operation;
	if (torn_points_enable() < 0 || torn_points_name(target->points) < 0)
		return TORN_EXIT_FAILED;
	setvbuf(stdout, NULL, _IONBF, 0); /* as in process: what is printed is a call there and then */
	const int code = function(&run);
	torn_points_return();
	return code;
}

static int run_command(const char *name, int argc, char **argv)
{
	size_t count;
	const struct torn_command *const *commands = torn_commands(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i]->run(argc, argv);
	return -1;
}

void torn_runner_take_over(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int status = argc > 0 ? run_command(slash ? slash + 1 : argv[0], argc, argv) : -1;
	if (status < 0 && argc > 1 && strcmp(argv[1], RUN_OPERATION) == 0) {
		torn_registry_begin();
		status = run_operation(argc - 1, argv + 1) & 255;
	}
	if (status < 0)
		return;
	fflush(NULL);
	/* No handlers of exit(3): what they do, a checker of leaks above all, is no part of it. */
	_exit(status);
}
