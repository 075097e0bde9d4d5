/* standins.c: see standins.h. */
#include "standins.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16

static FILE *output; /* NULL: stdout */

FILE *standin_output(void)
{
	return output ? output : stdout;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} standins[] = {
	{"sysctl", standin_sysctl},	    {"modprobe", standin_modprobe},
	{"modinfo", standin_modinfo},	    {"mount", standin_mount},
	{"findmnt", standin_findmnt},	    {"dconf", standin_dconf},
	{"augenrules", standin_augenrules}, {"auditctl", standin_auditctl},
};

static int call(int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && i < sizeof(standins) / sizeof(standins[0]); i++)
		if (strcmp(standins[i].name, argv[0]) == 0)
			return standins[i].run(argc, argv);
	return 127;
}

static int call_printing_to(FILE *stream, int argc, char **argv)
{
	output = stream;
	int status = call(argc, argv);
	output = NULL;
	return status;
}

static int call_reading(int argc, char **argv, char **ret_output)
{
	char *text = NULL;
	size_t size = 0;

	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return -1;
	int status = call_printing_to(stream, argc, argv);
	if (fclose(stream) != 0) {
		free(text);
		return -1;
	}
	*ret_output = text;
	return status;
}

/*
 * Take the next word off a command line, as sh splits it: at blanks, but for those in single quotes or
 * behind a backslash. What is quoted is written back without its quotes. NULL: there is none.
 */
static char *next_word(char **rest)
{
	char *from = *rest + strspn(*rest, " "), *word = from, *to = from;
	bool is_quoted = false;

	if (*from == '\0')
		return NULL;
	for (; *from && (is_quoted || *from != ' '); from++) {
		if (*from == '\'') {
			is_quoted = !is_quoted;
			continue;
		}
		if (!is_quoted && *from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

int standins_run(const char *command, char **ret_output)
{
	char *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0;

	char *words = strdup(command);
	if (!words)
		return -1;
	char *rest = words;
	for (char *word; argc < WORDS_MAX && (word = next_word(&rest));)
		argv[argc++] = word;
	int status = ret_output ? call_reading(argc, argv, ret_output)
				: call_printing_to(NULL, argc, argv);
	free(words);
	return status;
}
