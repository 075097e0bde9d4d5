/*
 * banger.update: a replace as its caller has it: AtomicReplace, a check of the
 * new binary, and AtomicReplaceRollback where either failed. That the rollback
 * may be called without a look at what the replace did is what it says of itself.
 *
 * The check is no more than the argument `check` says: it looks at no file.
 *
 * Until the check has passed the new binary is in place, and so it is after a
 * kill there: dst may be that, too, without being new. The backup is kept
 * until then. No run takes up what a killed one left: its source is gone.
 */
#include <string.h>

#include "banger.h"

static bool check_passes(const struct torn_run *run)
{
	return strcmp(torn_run_text(run, "check"), "passes") == 0;
}

static int published(const struct torn_run *run)
{
	const char *dst = torn_run_text(run, "dst"), *suffix = torn_run_text(run, "suffix");

	if (banger_atomic_replace(torn_run_text(run, "source"), dst, suffix) == 0 &&
	    check_passes(run))
		return 0;
	return banger_atomic_replace_rollback(dst, suffix) == 0 ? TORN_ROLLED_BACK : -1;
}

static int fixed(const struct torn_run *run)
{
	const char *dst = torn_run_text(run, "dst"), *suffix = torn_run_text(run, "suffix");
	enum banger_replaced replaced;

	if (banger_atomic_replace_fixed(torn_run_text(run, "source"), dst, suffix, &replaced) ==
		    0 &&
	    check_passes(run))
		return 0;
	return banger_atomic_replace_rollback_fixed(dst, suffix, replaced) == 0 ? TORN_ROLLED_BACK
										 : -1;
}

static const struct torn_variant variants[] = {
	{"published", published},
	{"fixed", fixed},
	{NULL, NULL},
};

#define FAILS "arg check fails\n"
#define OLD_DST_ABSENT                                                                             \
	"old usr/local/bin dir\n"                                                                  \
	"old usr/local/bin/banger absent\n"
#define OLD_DST_PRIVATE "old usr/local/bin/banger file mode=0500 owner=7:7 \"banger 1\\n\"\n"
#define OLD_DST_SYMLINK                                                                            \
	"old opt/banger/banger file mode=0755 \"banger 1\\n\"\n"                                   \
	"old usr/local/bin/banger symlink ../../../opt/banger/banger\n"
#define OLD_DST_DANGLING "old usr/local/bin/banger symlink ../../../opt/banger/banger\n"

/*
 * Where the check fails, so does the update: it is meant to leave old. What a
 * killed update left (no dst, and its backup) is banger.atomic_replace's: here a
 * rollback that puts the backup back would be no harm, though it is not old.
 */
static const struct torn_world worlds[] = {
	{"present", BANGER_OLD_SOURCE BANGER_OLD_DST, .refuses = false},
	{"present_fails", FAILS BANGER_OLD_SOURCE BANGER_OLD_DST, .refuses = true},
	{"absent", BANGER_OLD_SOURCE OLD_DST_ABSENT, .refuses = false},
	{"absent_fails", FAILS BANGER_OLD_SOURCE OLD_DST_ABSENT, .refuses = true},
	{"private_fails", FAILS BANGER_OLD_SOURCE OLD_DST_PRIVATE, .refuses = true},
	{"stale_backup", BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP, .refuses = false},
	{"stale_backup_fails",
	 FAILS BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP,
	 .refuses = true},
	{"stale_backup_directory",
	 BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP_EMPTY,
	 .refuses = false},
	{"stale_backup_directory_fails",
	 FAILS BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP_EMPTY,
	 .refuses = true},
	/* cannot be cleared: the replace fails at its first step */
	{"stale_backup_directory_full",
	 BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP_FULL,
	 .refuses = true},
	{"symlink_fails", FAILS BANGER_OLD_SOURCE OLD_DST_SYMLINK, .refuses = true},
	{"dangling_symlink_fails", FAILS BANGER_OLD_SOURCE OLD_DST_DANGLING, .refuses = true},
	{"suffix_empty", "arg suffix \"\"\n" BANGER_OLD_SOURCE BANGER_OLD_DST, .refuses = true},
	{"source_missing", BANGER_OLD_DST, .refuses = true},
	{"source_missing_stale_backup", BANGER_OLD_DST BANGER_OLD_BACKUP, .refuses = true},
	{"source_elsewhere",
	 "old var mount\n" BANGER_OLD_SOURCE BANGER_OLD_DST BANGER_OLD_BACKUP,
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	BANGER_ARGS,
	{"check", "passes"},
	{NULL, NULL},
};

static const char *const watch[] = {"$dst", NULL};

static const struct torn_between between[] = {
	{"$dst", "@$source"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "banger.update",
	.summary = "replace a binary, check the new one, roll back where either fails",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.between = between,
	.promises = TORN_PROMISES_ROLLBACK,
	.backup = "$dst$suffix",
};
TORN_TARGET(target);
