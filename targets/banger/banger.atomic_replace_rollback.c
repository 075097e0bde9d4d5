/*
 * banger.atomic_replace_rollback: AtomicReplaceRollback, which puts the backup
 * back; here by a process that knows nothing of the replace but what it left,
 * as after a kill. banger.update has it behind a replace of its own.
 *
 * What it promises: dst is what it was or the backup, at every moment, and it
 * may be called whatever happened before: without a backup it succeeds and
 * changes nothing. New is the backup here, and old the version to get rid of.
 */
#include "banger.h"

static int published(const struct torn_run *run)
{
	return banger_atomic_replace_rollback(torn_run_text(run, "dst"),
					      torn_run_text(run, "suffix"));
}

static int fixed(const struct torn_run *run)
{
	return banger_atomic_replace_rollback_fixed(
		torn_run_text(run, "dst"), torn_run_text(run, "suffix"), BANGER_UNKNOWN);
}

static const struct torn_variant variants[] = {
	{"published", published},
	{"fixed", fixed},
	{NULL, NULL},
};

static const struct torn_world worlds[] = {
	{"after_success", BANGER_OLD_DST BANGER_OLD_BACKUP, .refuses = false},
	/* a file that was new, or a replace that put all back: nothing says which */
	{"no_backup", BANGER_OLD_DST, .refuses = false},
	{"nothing",
	 "old usr/local/bin dir\n"
	 "old usr/local/bin/banger absent\n",
	 .refuses = false},
	/* what a kill between the two renames of a replace leaves */
	{"interrupted",
	 "old usr/local/bin/banger absent\n" BANGER_OLD_BACKUP,
	 .refuses = false},
	{"private",
	 BANGER_OLD_DST
	 "old usr/local/bin/banger.previous file mode=0500 owner=7:7 \"banger 0\\n\"\n",
	 .refuses = false},
	/* dst was a symlink before it was replaced */
	{"backup_symlink",
	 BANGER_OLD_DST
	 "old opt/banger/banger file mode=0755 \"banger 0\\n\"\n"
	 "old usr/local/bin/banger.previous symlink ../../../opt/banger/banger\n",
	 .refuses = false},
	{"backup_dangling_symlink",
	 BANGER_OLD_DST
	 "old usr/local/bin/banger.previous symlink ../../../opt/banger/banger\n",
	 .refuses = false},
	/* no replace leaves a directory as its backup */
	{"backup_directory", BANGER_OLD_DST BANGER_OLD_BACKUP_EMPTY, .refuses = true},
	{"backup_directory_full", BANGER_OLD_DST BANGER_OLD_BACKUP_FULL, .refuses = true},
	{"directory",
	 "old usr/local/bin/banger/banger file mode=0755 \"banger 1\\n\"\n" BANGER_OLD_BACKUP,
	 .refuses = true},
	{"suffix_empty", "arg suffix \"\"\n" BANGER_OLD_DST, .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"dst", "/usr/local/bin/banger"},
	{"suffix", ".previous"},
	{NULL, NULL},
};

static const char *const watch[] = {"$dst", NULL};

static const struct torn_target target = {
	.name = "banger.atomic_replace_rollback",
	.summary = "put the backup of a replaced binary back",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
};
TORN_TARGET(target);
