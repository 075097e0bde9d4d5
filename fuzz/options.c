/* options.c: see options.h. argp does the reading; reports add their own options. */
#include "options.h"

#include <argp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cuts.h"
#include "registry.h"
#include "sweep.h"
#include "words.h"
#include "worker.h"

#define SHARDS_MAX 4096
#define TIME_S 60

enum { KEY_SEED = 256, KEY_CASES, KEY_CORPUS, KEY_ALLOW, KEY_TIMEOUT, KEY_DEPTH, KEY_JOBS, KEY_SHARD,
       KEY_ALL_ERRNOS, KEY_POWER, KEY_PRESETS, KEY_TIME, KEY_RUNS, KEY_DIR, KEY_WATCH,
       KEY_TOGETHER, KEY_VIEW, KEY_CHECK, KEY_RECOVER, KEY_SETUP, KEY_ACK, KEY_NO_RERUN, KEY_KEEP_METADATA,
       KEY_EMIT_CASE, KEY_CLEAN_ONLY, KEY_RUNTIME, KEY_FULL, KEY_AGAINST, KEY_REPORT };

static const struct argp_option fixed[] = {
	{"seed", KEY_SEED, "N", 0, "what is left to chance: which kills a real SIGKILL "
				      "confirms; of fuzz: which cases are tried (default 1)", 0},
	{"depth", KEY_DEPTH, "N", 0, "faults in one plan, at most (1 to 8, default 2)", 0},
	{"all-errnos", KEY_ALL_ERRNOS, NULL, 0, "every errno also for a second fault", 0},
	{"power", KEY_POWER, "model|none|FS", 0, "power cuts at every moment, by the crash model (default none; of "
						  "exec: model) or on a real ext4, xfs, btrfs or ext4:OPTIONS, as root", 0},
	{"full", KEY_FULL, "tmpfs|ext4", 0, "instead of all faults: a small real disk of this kind that has 0, 1, 2, ... "
					      "blocks left, then inodes, until the run fits, as root", 0},
	{"presets", KEY_PRESETS, "LIST", 0, "file systems of the model (see torn list presets; default: "
					     "all but posix-split)", 0},
	{"jobs", KEY_JOBS, "N", 0, "workers at once (1 to 64, default: one a processor; "
				      "of fuzz: 1)", 0},
	{"shard", KEY_SHARD, "I/N", 0, "do part I of N: together they are the whole", 0},
	{"cases", KEY_CASES, "DIR", 0, "where cases of findings go (default torn-cases)", 0},
	{"corpus", KEY_CORPUS, "DIR", 0, "expected findings and their cases (default corpus); of fuzz: "
					  "inputs, which grow (default none)", 0},
	{"time", KEY_TIME, "T", 0, "how long: 90, 60s, 10m, 2h (default of fuzz: 60s; of check: until it is done)", 0},
	{"runs", KEY_RUNS, "N", 0, "how many cases, in place of a time", 0},
	{"allow", KEY_ALLOW, "INVARIANT", 0, "its findings are shown and do not count", 0},
	{"timeout", KEY_TIMEOUT, "S", 0, "seconds that one trial may take (default 10): of CPU", 0},
	{"dir", KEY_DIR, "DIR", 0, "the directory that it works in (default: this one): copied, never touched", 0},
	{"watch", KEY_WATCH, "PATH", 0, "a file that must be wholly old or wholly new (repeatable; default: all "
					   "that a clean run changes)", 0},
	{"together", KEY_TOGETHER, NULL, 0, "the watched files are all old or all new", 0},
	{"view", KEY_VIEW, "CMD", 0, "what to compare in place of bytes: the output of CMD PATH, for each watched "
				       "file", 0},
	{"check", KEY_CHECK, "CMD", 0, "exit 0: the state in the directory is acceptable, whatever its bytes", 0},
	{"recover", KEY_RECOVER, "CMD", 0, "is run after a kill or a power cut, before anybody looks", 0},
	{"setup", KEY_SETUP, "CMD", 0, "is run once in the copy, before all else", 0},
	{"ack", KEY_ACK, "REGEX", 0, "output that tells that it is done, before it exits", 0},
	{"no-rerun", KEY_NO_RERUN, NULL, 0, "it is not meant to be run again after a crash", 0},
	{"keep-metadata", KEY_KEEP_METADATA, NULL, 0, "a file that is replaced keeps its mode and attributes", 0},
	{"emit-case", KEY_EMIT_CASE, "DIR", 0, "write the clean run as a case, and try nothing", 0},
	{"clean-only", KEY_CLEAN_ONLY, NULL, 0, "run it once as it is, with its own output and exit code", 0},
	{"runtime", KEY_RUNTIME, "model|real", 0, "real: sysctls of net.* and mounts are changed in namespaces of this "
						    "kernel, too, and it has to do the same (default model)", 0},
	{"against", KEY_AGAINST, "PRESET", 0, "hold all of them against this one (see torn list presets) in place of "
						"their own", 0},
	{"quiet", 'q', NULL, 0, "print findings and failures only", 0},
};

int torn_mistake(const char *program, const char *found, const char *expected)
{
	struct torn_words words;
	torn_words_refuse_bytes(&words, torn_bytes_of(found), "%s", expected);
	fprintf(stderr, "%s: %s\n", program, words.message);
	return TORN_EXIT_USAGE;
}

static void refuse(const struct argp_state *state, const char *text, const char *expected)
{
	exit(torn_mistake(state->name, text, expected));
}

static uint64_t number(const struct argp_state *state, const char *text, const char *expected,
		       uint64_t max)
{
	uint64_t value;
	if (!torn_word_number(torn_bytes_of(text), 0, max, &value))
		refuse(state, text, expected);
	return value;
}

static uint64_t positive(const struct argp_state *state, const char *text, const char *expected,
			 uint64_t max)
{
	const uint64_t value = number(state, text, expected, max);
	if (value == 0)
		refuse(state, text, expected);
	return value;
}

static unsigned duration(const struct argp_state *state, const char *text)
{
	static const struct {
		char letter;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
	static const char expected[] = "1s to 720h for --time, as 90, 60s, 10m, 2h";
	size_t size = strlen(text);
	unsigned unit = 1;
	for (size_t i = 0; size > 0 && i < sizeof units / sizeof *units; i++) {
		if (text[size - 1] != units[i].letter)
			continue;
		unit = units[i].seconds;
		size--;
		break;
	}
	uint64_t value = 0;
	if (!torn_word_number((struct torn_bytes){(const uint8_t *)text, size}, 1, 720 * 3600 / unit,
			      &value))
		refuse(state, text, expected);
	return (unsigned)value * unit;
}

static void read_shard(const struct argp_state *state, const char *text, struct torn_options *options)
{
	static const char expected[] = "I/N with 1 <= I <= N <= 4096 for --shard";
	const char *slash = strchr(text, '/');
	uint64_t shard = 0, shards = 0;
	if (!slash ||
	    !torn_word_number((struct torn_bytes){(const uint8_t *)text, (size_t)(slash - text)}, 1,
			      SHARDS_MAX, &shard) ||
	    !torn_word_number(torn_bytes_of(slash + 1), shard, SHARDS_MAX, &shards))
		refuse(state, text, expected);
	options->shard = (unsigned)shard;
	options->shards = (unsigned)shards;
}

static void read_power(const struct argp_state *state, const char *text, struct torn_options *options)
{
	struct torn_device_choice choice;
	char expected[160];
	options->disk = NULL;
	if (strcmp(text, "model") == 0 || strcmp(text, "none") == 0) {
		options->presets = strcmp(text, "none") == 0 ? 0 : options->presets ? options->presets
										       : TORN_PRESETS_USUAL;
		return;
	}
	if (torn_device_choose(torn_bytes_of(text), &choice, expected, sizeof expected) < 0) {
		const bool is_none = strncmp(expected, "a file system", 13) == 0;
		refuse(state, text, is_none ? "model, none, ext4, xfs, btrfs or ext4:OPTIONS for --power" : expected);
	}
	options->disk = text;
	options->presets = TORN_PRESET_BIT(choice.preset);
}

/* Saying which is asking for power cuts. */
static void read_presets(const struct argp_state *state, const char *text, struct torn_options *options)
{
	options->presets = 0;
	for (const char *at = text;;) {
		const size_t size = strcspn(at, ",");
		const enum torn_preset preset =
			torn_preset_named((struct torn_bytes){(const uint8_t *)at, size});
		if (preset == TORN_PRESET_COUNT)
			refuse(state, text, "presets with commas (see torn list presets) for --presets");
		options->presets |= TORN_PRESET_BIT(preset);
		if (at[size] == '\0')
			return;
		at += size + 1;
	}
}

static const char *read_preset(const struct argp_state *state, const char *text)
{
	const enum torn_preset preset = torn_preset_named(torn_bytes_of(text));
	if (preset == TORN_PRESET_COUNT)
		refuse(state, text, "a preset (see torn list presets) for --against");
	return torn_preset_name(preset);
}

unsigned torn_jobs_default(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	const int count = CPU_COUNT(&set);
	return count < 1 ? 1 : count > TORN_WORKERS_MAX ? TORN_WORKERS_MAX : (unsigned)count;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct torn_options *options = state->input;
	switch (key) {
	case KEY_SEED:
		options->seed = number(state, text, "a number for --seed", UINT64_MAX);
		return 0;
	case KEY_TIMEOUT:
		options->timeout_s = (unsigned)positive(state, text, "1 to 3600 for --timeout", 3600);
		return 0;
	case KEY_DEPTH:
		options->depth = (unsigned)positive(state, text, "1 to 8 for --depth", TORN_DEPTH_MAX);
		options->is_depth_said = true;
		return 0;
	case KEY_JOBS:
		options->jobs = (unsigned)positive(state, text, "1 to 64 for --jobs", TORN_WORKERS_MAX);
		return 0;
	case KEY_SHARD:
		read_shard(state, text, options);
		return 0;
	case KEY_TIME:
		options->time_s = duration(state, text);
		options->is_time_said = true;
		return 0;
	case KEY_RUNS:
		options->runs = positive(state, text, "a number from 1 for --runs", INT32_MAX);
		return 0;
	case KEY_ALL_ERRNOS:
		options->all_errnos = true;
		return 0;
	case KEY_POWER:
		read_power(state, text, options);
		options->is_power_said = true;
		return 0;
	case KEY_FULL:
		options->full = torn_full_disk_named(torn_bytes_of(text));
		if (options->full == TORN_FULL_GATE)
			refuse(state, text, "tmpfs or ext4 for --full");
		return 0;
	case KEY_PRESETS:
		read_presets(state, text, options);
		options->is_power_said = true;
		return 0;
	case KEY_AGAINST:
		options->against = read_preset(state, text);
		return 0;
	case KEY_CASES:
		options->cases = text;
		return 0;
	case KEY_CORPUS:
		options->corpus = text;
		return 0;
	case KEY_ALLOW:
		if (!torn_invariant_named(torn_bytes_of(text)))
			refuse(state, text, "an invariant (see torn list invariants) for --allow");
		options->allow = text;
		return 0;
	case KEY_DIR:
		options->dir = text;
		return 0;
	case KEY_WATCH:
		if (options->watches_count == TORN_WATCHES_MAX)
			refuse(state, text, "at most 64 --watch");
		options->watches[options->watches_count++] = text;
		return 0;
	case KEY_TOGETHER:
		options->together = true;
		return 0;
	case KEY_VIEW:
		options->view = text;
		return 0;
	case KEY_CHECK:
		options->check = text;
		return 0;
	case KEY_RECOVER:
		options->recover = text;
		return 0;
	case KEY_SETUP:
		options->setup = text;
		return 0;
	case KEY_ACK:
		options->ack = text;
		return 0;
	case KEY_NO_RERUN:
		options->no_rerun = true;
		return 0;
	case KEY_KEEP_METADATA:
		options->keep_metadata = true;
		return 0;
	case KEY_EMIT_CASE:
		options->emit_case = text;
		return 0;
	case KEY_RUNTIME:
		if (strcmp(text, "model") != 0 && strcmp(text, "real") != 0)
			refuse(state, text, "model or real for --runtime");
		options->real_runtime = strcmp(text, "real") == 0;
		return 0;
	case KEY_CLEAN_ONLY:
		options->clean_only = true;
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

static bool has_word(const char *words, const char *word)
{
	const size_t size = strlen(word);
	for (const char *at = words; (at = strstr(at, word)); at += size)
		if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
			return true;
	return false;
}

static const struct argp_option *option_named(const struct argp_option *options, const char *name,
					      size_t size)
{
	for (; options->name; options++)
		if (strlen(options->name) == size && memcmp(options->name, name, size) == 0)
			return options;
	return NULL;
}

/*
 * getopt_long takes an option's beginning for the option: a command that has
 * --timeout and no --time would take --time 1 for it. Returns the first such word, or NULL.
 */
static const char *abbreviation(int argc, char **argv, const struct argp_option *options)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		const size_t size = strcspn(argv[i] + 2, "=");
		const struct argp_option *option = option_named(options, argv[i] + 2, size);
		if (!option)
			return argv[i];
		i += option->arg && argv[i][2 + size] == '\0'; /* its value */
	}
	return NULL;
}

struct torn_options torn_options_parse(int argc, char **argv, const char *takes,
				       const char *arguments, const char *about)
{
	struct torn_options options = {
		.cases = "torn-cases", .seed = 1, .timeout_s = 10,
		.depth = 2, .shard = 1, .shards = 1};
	struct argp_option all[sizeof fixed / sizeof *fixed + TORN_REPORT_FILES_MAX + 1] = {0};
	size_t used = 0, count;
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (has_word(takes, fixed[i].name))
			all[used++] = fixed[i];
	const struct torn_report *const *reports = torn_reports(&count);
	for (size_t i = 0; has_word(takes, "reports") && i < count && i < TORN_REPORT_FILES_MAX; i++)
		all[used++] = (struct argp_option){
			reports[i]->name, KEY_REPORT + (int)i, "FILE", 0, "write this report (- is stdout)", 0};
	const struct argp argp = {.options = all, .parser = parse, .args_doc = arguments, .doc = about};
	char program[64], *const command = argv[0];
	snprintf(program, sizeof program, "torn %.40s", argv[0]);
	argv[0] = program;
	/* argp's own messages take two lines: an option that it refuses is told here. */
	const int flags = ARGP_NO_ERRS | ARGP_NO_EXIT;
	int at = 0;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-?") == 0 ||
		    strcmp(argv[i], "--usage") == 0)
			argp_parse(&argp, argc, argv, 0, NULL, &options);
	const char *wrong = abbreviation(argc, argv, all);
	if (!wrong && argp_parse(&argp, argc, argv, flags, &at, &options) != 0)
		wrong = argv[at > 1 && at <= argc ? at - 1 : 1];
	if (wrong)
		exit(torn_mistake(program, wrong, "an option with its value (see --help)"));
	if (options.time_s > 0 && options.runs > 0)
		exit(torn_mistake(program, "both", "one of --time and --runs"));
	if (options.time_s == 0)
		options.time_s = TIME_S;
	argv[0] = command;
	return options;
}

struct torn_options torn_options_exec(int argc, char **argv)
{
	/* What comes before its command: the program's own options are behind it. */
	int end = 1;
	while (end < argc && strcmp(argv[end], "--") != 0 && strcmp(argv[end], "--help") != 0)
		end++;
	if (end == argc)
		exit(torn_mistake("torn exec", argc > 1 ? argv[argc - 1] : "", "-- and a command (torn exec -- COMMAND)"));
	struct torn_options options = torn_options_parse(
		argc, argv, "dir watch together view check recover setup ack no-rerun keep-metadata emit-case clean-only "
			    "seed depth all-errnos power presets jobs cases allow timeout quiet reports",
		"-- COMMAND [ARG...]",
		"Run a program under every error, kill and power cut: can it lose a file? It runs on a copy of the "
		"directory, behind walls, and is not told.");
	if (options.names_count == 0)
		exit(torn_mistake("torn exec", "", "a command behind --"));
	if (!options.is_depth_said)
		options.depth = 1;
	if (!options.is_power_said)
		options.presets = TORN_PRESETS_USUAL;
	return options;
}

struct torn_options torn_options_fuzz(int argc, char **argv)
{
	return torn_options_parse(argc, argv, "time runs seed corpus cases power presets jobs allow timeout quiet reports",
				  "TARGET[@VARIANT]",
				  "Search for broken promises, guided by coverage (libFuzzer): faults, "
				  "arguments and old states are fuzzed, every kill of every run is judged; "
				  "where --power model is said every power cut, too, and the run or recovery "
				  "that comes after a kill; with --power FS some power cuts of each run, on a real "
				  "file system.");
}
