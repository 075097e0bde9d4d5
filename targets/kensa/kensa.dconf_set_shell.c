/*
 * kensa.dconf_set_shell: a key of a dconf database and its lock, by commands, with rollback: the handler by itself,
 * held against the one by system calls.
 *
 * How fixed differs from head, and the finding that asked for it: files are written beside and renamed (old-or-new);
 * mode and owner come back, and so does the compiled database (rollback-restores); each step of rollback is done
 * whatever became of the others (rollback-completes); directories are synced (rollback-is-durable). What cannot be
 * looked at is not taken for absent (rollback-restores). The database is compiled beside its name,
 * and looked at before it is renamed (success-means-new).
 * Control characters, names that dconf does not read and long values are refused, as by the calls or since no command
 * takes them (paths-agree, `torn fuzz`). What all shell paths have of this stands in shell.c.
 */
#include "shell_handlers.h"

KENSA_HANDLER_VARIANTS(kensa_dconf_set, &kensa_dconf_set_shell)

static const struct torn_variant variants[] = {
	{"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

static const struct torn_world worlds[] = {
	/* dconf as it is installed: nothing for this database yet */
	{"fresh",
	 "old etc/dconf/db dir\n"
	 "old etc/dconf/profile dir\n",
	 .refuses = false},
	/* a database that is in use */
	{"in_use",
	 "old etc/dconf/profile/local file \"user\\nsystem-db:local\\n\"\n"
	 "old etc/dconf/db/local file \"file 10-site 42\\n[org/gnome/desktop/media-handling]\\na=true\\n\"\n"
	 "old etc/dconf/db/local.d/10-site file \"[org/gnome/desktop/media-handling]\\na=true\\n\"\n"
	 "old etc/dconf/db/local.d/locks dir\n",
	 .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "shell"},
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
	.name = "kensa.dconf_set_shell",
	.summary = "set a key of a dconf database and lock it, by commands for /bin/sh",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_ROLLBACK | TORN_REPORTS_STATUS,
	.points = kensa_points,
	.twin = {"path", "kernel"},
	.starts_programs = true,
};
TORN_TARGET(target);
