/*
 * kensa.dconf_set: a key of a dconf database and its lock, with rollback: the handler by itself, capture,
 * apply, and where that fails rollback.
 *
 * pr115 captures the snippet alone: lock, profile and directories stay (rollback-restores). `fixed` differs from
 * `head`, each for a finding there:
 *   - rollback-completes: RemoveFile of a lock whose directory was never made fails with ErrParentDirMissing, and
 *     rollback ends there: of a rule without `lock`, and of one that failed before it made the directory. The
 *     snippet stays. Fixed: what is not there needs no directory to be gone.
 *   - rollback-restores, in `no_profile`: a profile that was made stays, as the database's directory was there
 *     before. Fixed: it goes, if it is still what apply wrote.
 *   - rollback-restores, in `fresh`: `dconf update` leaves the compiled database where its directory is gone.
 *     Fixed: the database's own bytes are captured, and put back, too.
 *   - rollback-completes: each error returns early. Fixed: each step whatever became of the others, and all of them
 *     once more where one failed.
 *   - rollback-restores, old-or-new (`torn fuzz`): names that dconf does not read, with a dot before them, and the
 *     name of the locks' own directory. Fixed: refused.
 *   - rollback-restores, old-or-new, no-litter (`torn fuzz`): `dconf update` compiles the databases of others, too,
 *     where they were not compiled yet, or are older than their files. Fixed: it is not run.
 *   - success-is-durable, rollback-is-durable: directories that were made or removed, and the database's new name,
 *     are not synced. Fixed: their directories are.
 *   - rollback-completes, old-or-new (fuzzed): a name with a newline is two of created_dirs, and rollback removes another
 *     directory. Fixed: control characters are refused, as by kensa.sysctl_set.
 *   - success-means-new, old-or-new: `dconf update` passes over what it cannot ask for its type, and exits with 0.
 *     Fixed: the database is compiled beside its name, and looked at before it is renamed.
 *   - rollback-restores: mode and owner, as of kensa.sysctl_set.
 *
 * And of all handlers that write a file: where a file system has no nameless files or hard links a new one is made by
 * rename (paths-agree of the shell path, by `torn fuzz`: kensa_file_write()).
 */
#include "handling.h"

KENSA_HANDLER_VARIANT(pre115, KENSA_PRE115, kensa_dconf_set, NULL)
KENSA_HANDLER_VARIANTS(kensa_dconf_set, NULL)

static const struct torn_variant variants[] = {
	{"pre115", pre115}, {"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

#define COMPILED_SITE                                                                              \
	"old etc/dconf/db/local file \"file 10-site 42\\n[org/gnome/desktop/media-handling]\\n"     \
	"a=true\\n\"\n"
#define SITE                                                                                       \
	"old etc/dconf/db/local.d/10-site file \"[org/gnome/desktop/media-handling]\\na=true\\n\"\n" \
	COMPILED_SITE
#define PROFILE "old etc/dconf/profile/local file \"user\\nsystem-db:local\\n\"\n"

static const struct torn_world worlds[] = {
	/* dconf as it is installed: nothing for this database yet */
	{"fresh",
	 "old etc/dconf/db dir\n"
	 "old etc/dconf/profile dir\n",
	 .refuses = false},
	/* a rule without a lock, where there are no locks */
	{"unlocked",
	 "arg lock false\n"
	 "arg key session-timeout\n"
	 "arg value 900\n"
	 "arg value_type uint32\n" PROFILE SITE,
	 .refuses = false},
	{"present",
	 PROFILE
	 "old etc/dconf/db/local.d/00-kensa file mode=0600 owner=0:4"
	 " \"[org/gnome/login-screen]\\nbanner-message-enable=false\\n\"\n"
	 "old etc/dconf/db/local.d/locks/00-kensa file"
	 " \"/org/gnome/login-screen/banner-message-text\\n\"\n"
	 "old etc/dconf/db/local file \"file 00-kensa 53\\n[org/gnome/login-screen]\\n"
	 "banner-message-enable=false\\nlock 00-kensa 44\\n"
	 "/org/gnome/login-screen/banner-message-text\\n\"\n",
	 .refuses = false},
	/* the database is there, and nobody had a profile for it */
	{"no_profile", SITE "old etc/dconf/profile dir\n", .refuses = false},
	{"not_installed", "old etc dir\n", .refuses = true},
	{"symlink",
	 PROFILE SITE
	 "old etc/dconf/kensa file \"\"\n"
	 "old etc/dconf/db/local.d/00-kensa symlink ../../kensa\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"schema", "org/gnome/login-screen"},
	{"key", "banner-message-enable"},
	{"value", "true"},
	{"value_type", "\"\""},
	{"db", "local"},
	{"file", "00-kensa"},
	{"lock", "true"},
	{NULL, NULL},
};

static const char *const watch[] = {
	"etc/dconf/db/$db.d/$file",
	"etc/dconf/db/$db.d/locks/$file",
	"etc/dconf/profile/$db",
	"etc/dconf/db/$db",
	NULL,
};

static const struct torn_target target = {
	.name = "kensa.dconf_set",
	.summary = "set a key of a dconf database, and lock it",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_ROLLBACK | TORN_REPORTS_STATUS,
	.points = kensa_points,
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
