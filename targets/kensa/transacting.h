/*
 * transacting.h: what the targets of the transaction engine have in common: an engine of a
 * version on the store of their worlds, and variants.
 */
#ifndef KENSA_TRANSACTING_H
#define KENSA_TRANSACTING_H

#include "engine.h"

#define KENSA_STORE "/var/lib/kensa"
/* The store of a world in which nothing happened yet. */
#define KENSA_OLD_STORE "old var/lib/kensa dir mode=0700\n"

#define KENSA_KEY "net.ipv4.conf.all.log_martians"
#define KENSA_FILE "etc/sysctl.d/99-kensa.conf"
#define KENSA_VALUE "proc/sys/net/ipv4/conf/all/log_martians"
/* Of KENSA_KEY; the kernel's default is 0. */
#define KENSA_OLD_VALUE(value)                                                                     \
	"old proc runtime\n"                                                                       \
	"old " KENSA_VALUE " file \"" value "\\n\"\n"
#define KENSA_OLD_NO_FILE                                                                          \
	"old etc/sysctl.d dir\n"                                                                   \
	"old " KENSA_FILE " absent\n"
/* What apply writes, as it stands in a case between quotes. */
#define KENSA_BODY(value) "# Managed by Kensa.\\n" KENSA_KEY " = " value "\\n"
#define KENSA_OLD_FILE(content) "old " KENSA_FILE " file \"" content "\"\n"
/* Somebody's, with what he thought right. */
#define KENSA_OLD_PRIVATE                                                                          \
	"old " KENSA_FILE " file mode=0600 owner=0:4 \"" KENSA_KEY "=0\\n\"\n"

/* What the journal writes of a step that found value 0 and no file: before, and as it was committed with 1. */
#define KENSA_ENTRY_STEP "step sysctl_set\\n"
#define KENSA_ENTRY_PARAMS(value)                                                                  \
	"param key 30\\n" KENSA_KEY "\\nparam value 1\\n" value "\\n"                             \
	"param persist_file 27\\n/" KENSA_FILE "\\n"
#define KENSA_ENTRY_SEEN(value)                                                                    \
	"fact key 30\\n" KENSA_KEY "\\nfact persist_file 27\\n/" KENSA_FILE "\\n"                   \
	"fact runtime_value 1\\n" value "\\n"
#define KENSA_ENTRY_NO_FILE                                                                        \
	"fact persist_file_content.attributes absent\\nfact persist_file_content absent\\n"
#define KENSA_ENTRY_FILE                                                                           \
	"fact persist_file_content.attributes 9\\n0644 0 0\\n\\n"                                   \
	"fact persist_file_content 55\\n" KENSA_BODY("1") "\\n"
#define KENSA_ENTRY(value)                                                                         \
	"kensa-journal 1\\n" KENSA_ENTRY_STEP KENSA_ENTRY_PARAMS(value) KENSA_ENTRY_SEEN("0")     \
	KENSA_ENTRY_NO_FILE "end\\n"
#define KENSA_ENTRY_AFTER                                                                          \
	KENSA_ENTRY_STEP KENSA_ENTRY_PARAMS("1") KENSA_ENTRY_SEEN("1") KENSA_ENTRY_FILE "end\\n"

struct kensa_engine kensa_engine_of(enum kensa_version version);

/* Return the step `sysctl_set` by the arguments key, the named value, and persist_file. */
struct kensa_step kensa_sysctl_step(const struct torn_run *run, const char *value);
/* By the argument `check`: passes, fails, error. */
enum kensa_check kensa_check_arg(const struct torn_run *run);

/* Recover, as a target's recovery returns: 0 where all is well. */
int kensa_recovery(enum kensa_version version);

/*
 * Define the variants of a target that differ in their version alone; whoever includes this has
 *
 *   static int transact(const struct torn_run *run, const struct kensa_engine *engine);
 *
 * Until HEAD there is no recovery.
 */
#define KENSA_VERSION(name, version)                                                               \
	static int name(const struct torn_run *run)                                                \
	{                                                                                          \
		const struct kensa_engine engine = kensa_engine_of(version);                       \
		return transact(run, &engine);                                                     \
	}
#define KENSA_RECOVERING(name, version)                                                            \
	KENSA_VERSION(name, version)                                                               \
	static int name##_recovery(const struct torn_run *run)                                     \
	{                                                                                          \
		(void)run;                                                                         \
		return kensa_recovery(version);                                                    \
	}
#define KENSA_VARIANTS                                                                             \
	KENSA_VERSION(pr115, KENSA_PR115)                                                          \
	KENSA_RECOVERING_VARIANTS({.name = "pr115", .operation = pr115}, )
/* Behind those given, which may be none, the versions that have a journal. */
#define KENSA_RECOVERING_VARIANTS(...)                                                             \
	KENSA_RECOVERING(head, KENSA_HEAD)                                                         \
	KENSA_RECOVERING(fixed, KENSA_FIXED)                                                       \
	static const struct torn_variant variants[] = {                                            \
		__VA_ARGS__                                                                        \
		{.name = "head", .operation = head, .recovery = head_recovery},                    \
		{.name = "fixed", .operation = fixed, .recovery = fixed_recovery},                 \
		{.name = NULL},                                                                    \
	}

#endif
