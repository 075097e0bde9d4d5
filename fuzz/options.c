/* options.c: see options.h. argp does the reading; reports add their own options. */
#include "options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

enum { KEY_SEED = 256, KEY_CASES, KEY_CORPUS, KEY_ALLOW, KEY_TIMEOUT, KEY_REPORT };

static const struct argp_option fixed[] = {
	{"seed", KEY_SEED, "N", 0, "which kills a real SIGKILL confirms (default 1)", 0},
	{"cases", KEY_CASES, "DIR", 0, "where cases of findings go (default torn-cases)", 0},
	{"corpus", KEY_CORPUS, "DIR", 0, "expected findings and their cases (default corpus)", 0},
	{"allow", KEY_ALLOW, "INVARIANT", 0, "its findings are shown and do not count", 0},
	{"timeout", KEY_TIMEOUT, "S", 0, "CPU seconds that one trial may take (default 10)", 0},
	{"quiet", 'q', NULL, 0, "print findings and failures only", 0},
};

static int number(struct argp_state *state, const char *text, const char *what, uint64_t max,
		  uint64_t *ret_number)
{
	char *end;
	*ret_number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || *ret_number > max) {
		argp_failure(state, TORN_EXIT_USAGE, 0, "%s: expected a number up to %llu, found %s", what,
			     (unsigned long long)max, text);
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct torn_options *options = state->input;
	uint64_t value;
	switch (key) {
	case KEY_SEED:
		return number(state, text, "--seed", UINT64_MAX, &options->seed);
	case KEY_TIMEOUT: {
		int r = number(state, text, "--timeout", 3600, &value);
		options->timeout_s = value ? (unsigned)value : 1;
		return r;
	}
	case KEY_CASES:
		options->cases = text;
		return 0;
	case KEY_CORPUS:
		options->corpus = text;
		return 0;
	case KEY_ALLOW:
		if (!torn_invariant_named(torn_bytes_of(text)))
			argp_failure(state, TORN_EXIT_USAGE, 0,
				     "--allow: expected an invariant (see torn list invariants), found %s",
				     text);
		options->allow = text;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->names = state->argv + state->next;
		options->names_count = (size_t)(state->argc - state->next);
		return 0;
	default:
		break;
	}
	size_t reports;
	(void)torn_reports(&reports);
	if (key >= KEY_REPORT && key < KEY_REPORT + (int)reports) {
		options->report_files[key - KEY_REPORT] = text;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

struct torn_options torn_options_parse(int argc, char **argv, const char *arguments,
				       const char *about)
{
	struct torn_options options = {
		.cases = "torn-cases", .corpus = "corpus", .seed = 1, .timeout_s = 10};
	const size_t fixed_count = sizeof fixed / sizeof *fixed;
	struct argp_option all[sizeof fixed / sizeof *fixed + TORN_REPORT_FILES_MAX + 1] = {0};
	memcpy(all, fixed, sizeof fixed);
	size_t count;
	const struct torn_report *const *reports = torn_reports(&count);
	for (size_t i = 0; i < count && i < TORN_REPORT_FILES_MAX; i++)
		all[fixed_count + i] = (struct argp_option){
			reports[i]->name, KEY_REPORT + (int)i, "FILE", 0, "write this report (- is stdout)", 0};
	const struct argp argp = {.options = all, .parser = parse, .args_doc = arguments, .doc = about};
	argp_err_exit_status = TORN_EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	return options;
}
