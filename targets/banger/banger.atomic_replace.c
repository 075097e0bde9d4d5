/*
 * banger.atomic_replace: AtomicReplace, by which banger installs the next
 * version of its own binary and keeps the one before as its backup.
 *
 * What it promises, by its name: dst is the old binary or the new one at every
 * moment, and until new is in place there is a copy of the old one. What it
 * cannot put in place it leaves, whole, to the next run.
 *
 * banger itself is started from dst by its users and by its service: while
 * there is none, nothing of banger starts, and that is where a killed update
 * leaves them.
 */
#include "banger.h"

static int published(const struct torn_run *run)
{
	return banger_atomic_replace(torn_run_text(run, "source"), torn_run_text(run, "dst"),
				     torn_run_text(run, "suffix"));
}

static int fixed(const struct torn_run *run)
{
	enum banger_replaced replaced;

	return banger_atomic_replace_fixed(torn_run_text(run, "source"), torn_run_text(run, "dst"),
					   torn_run_text(run, "suffix"), &replaced);
}

static const struct torn_variant variants[] = {
	{"published", published},
	{"fixed", fixed},
	{NULL, NULL},
};

static const struct torn_world worlds[] = {
	{"present", BANGER_OLD_SOURCE BANGER_OLD_DST, .refuses = false},
	/* the first installation */
	{"absent",
	 BANGER_OLD_SOURCE
	 "old usr/local/bin dir\n"
	 "old usr/local/bin/banger absent\n",
	 .refuses = false},
	{"private",
	 "old var/cache/banger/banger.new file mode=0700 owner=0:7 \"banger 2\\n\"\n"
	 "old usr/local/bin/banger file mode=0500 owner=7:7 \"banger 1\\n\"\n",
	 .refuses = false},
	{"stale_backup", BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP, .refuses = false},
	{"stale_backup_directory",
	 BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP_EMPTY,
	 .refuses = false},
	{"stale_backup_directory_full",
	 BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP_FULL,
	 .refuses = true},
	/* what a kill between the two renames leaves: the backup is the last good copy */
	{"interrupted",
	 BANGER_OLD_SOURCE
	 "old usr/local/bin/banger absent\n"
	 "old usr/local/bin/banger.previous file mode=0755 \"banger 1\\n\"\n",
	 .refuses = false},
	{"symlink",
	 BANGER_OLD_SOURCE
	 "old opt/banger/banger file mode=0755 \"banger 1\\n\"\n"
	 "old usr/local/bin/banger symlink ../../../opt/banger/banger\n",
	 .refuses = false},
	{"dangling_symlink",
	 BANGER_OLD_SOURCE
	 "old usr/local/bin/banger symlink ../../../opt/banger/banger\n",
	 .refuses = false},
	/* rename(2) refuses to put a file in a directory's place */
	{"directory",
	 BANGER_OLD_SOURCE
	 "old usr/local/bin/banger/banger file mode=0755 \"banger 1\\n\"\n",
	 .refuses = true},
	{"suffix_empty",
	 "arg suffix \"\"\n"
	 BANGER_OLD_SOURCE BANGER_OLD_DST,
	 .refuses = true},
	/* the backup is to be installed by the very call that begins by clearing it */
	{"source_is_backup",
	 "arg source /usr/local/bin/banger.previous\n"
	 BANGER_OLD_DST BANGER_OLD_BACKUP,
	 .refuses = true},
	{"source_missing", BANGER_OLD_DST, .refuses = true},
	/* run once more after it was done: there is nothing left to install */
	{"source_missing_stale_backup", BANGER_OLD_DST BANGER_OLD_BACKUP, .refuses = true},
	{"source_elsewhere",
	 "old var mount\n"
	 BANGER_OLD_SOURCE BANGER_OLD_DST,
	 .refuses = true},
	{NULL, NULL, false},
};

static const char *const watch[] = {"$dst", NULL};

static const struct torn_target target = {
	.name = "banger.atomic_replace",
	.summary = "replace a binary: the old one to its backup's name, the new one in its place",
	.variants = variants,
	.worlds = worlds,
	.args = (const struct torn_default[]){BANGER_ARGS, {NULL, NULL}},
	.watch = watch,
	.promises = TORN_PROMISES_RETRY | TORN_PROMISES_NO_STALE_TEMP,
	.backup = "$dst$suffix",
};
TORN_TARGET(target);
