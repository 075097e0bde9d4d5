/* options.h: the command line, read once; design.md 9. */
#ifndef TORN_OPTIONS_H
#define TORN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "torn.h"

enum torn_exit {
	TORN_EXIT_CLEAN = 0,
	TORN_EXIT_FINDINGS = 1,
	TORN_EXIT_USAGE = 2,
	TORN_EXIT_FAILED = 3,      /* torn itself, or its environment */
	TORN_EXIT_OUTDATED = 4,    /* a case no longer applies */
	TORN_EXIT_INTERRUPTED = 130,
};

#define TORN_REPORT_FILES_MAX 16
#define TORN_WATCHES_MAX 64

struct torn_options {
	char **names; /* targets, cases, or what to list */
	size_t names_count;
	/* --json FILE and its like: one for each report of the registry */
	const char *report_files[TORN_REPORT_FILES_MAX];
	const char *cases;  /* folder for the cases of findings */
	const char *corpus; /* folder of expected findings and cases; of inputs; NULL: not said */
	const char *allow;  /* an invariant whose findings do not count */
	uint64_t seed;
	unsigned depth;         /* faults in one plan, at most */
	unsigned jobs;          /* workers at once; 0: as many as there are processors */
	unsigned shard, shards; /* this one, from 1, of so many */
	bool all_errnos;
	unsigned presets; /* of the crash model, a bit each; 0: no power cuts */
	const char *disk; /* real file system of the power cuts, device_fs.h; `presets` has its own; NULL: the model */
	const char *against; /* preset that each file system of torn litmus is held against; NULL: its own */
	enum torn_full_disk full; /* that is filled for real; TORN_FULL_GATE: none */
	uint64_t runs;   /* of fuzzing; 0: as many as there is time for */
	unsigned time_s; /* of fuzzing, or of each variant that is checked */
	bool is_time_said;
	unsigned timeout_s;
	bool quiet;
	bool real_runtime; /* --runtime real */
	/* torn exec; NULL: not said */
	const char *dir, *view, *check, *recover, *setup, *ack, *emit_case;
	const char *watches[TORN_WATCHES_MAX];
	size_t watches_count;
	bool is_depth_said, is_power_said;
	bool together, no_rerun, keep_metadata, clean_only;
};

/*
 * Say in one line what was expected of a word of the command line and what was
 * found, without its control characters. Returns TORN_EXIT_USAGE.
 */
int torn_mistake(const char *program, const char *found, const char *expected);

/* So many processors may this process use: at least 1, at most TORN_WORKERS_MAX. */
unsigned torn_jobs_default(void);

/*
 * Read the arguments of a command (argv[0] is its name). `takes` names the
 * options that it has, separated by blanks; "reports" are those of reports. Does not return on
 * --help (exit 0) or on a mistake, which it tells in one line (exit 2).
 */
struct torn_options torn_options_parse(int argc, char **argv, const char *takes,
				       const char *arguments, const char *about);

/* Those of torn exec: the command is in `names`. */
struct torn_options torn_options_exec(int argc, char **argv);

/* Those of torn fuzz, which two programs read. */
struct torn_options torn_options_fuzz(int argc, char **argv);

#endif
