/*
 * kensa.kernelio_write_file: how a handler writes its drop-in, there or not.
 *
 * pre115: AtomicReplace directly, which fails where there is no file yet: every
 * first apply. pr115: WriteFile, AtomicWrite and then AtomicReplace where the
 * name is taken.
 *
 * A file system without RENAME_EXCHANGE (FUSE, NFS, exFAT) is one on which
 * AtomicReplace never succeeds: its probe takes ENOENT for a yes. One without
 * O_TMPFILE is refused by design ("no fallback"), as long as the file is new.
 */
#include "kernelio.h"

static int write_file(const struct torn_run *run, enum kernelio_version version)
{
	return (int)kernelio_write_file(version, torn_run_text(run, "path"), fsatomic_mode_arg(run),
					torn_run_arg(run, "content"));
}

static int pre115(const struct torn_run *run)
{
	return write_file(run, KERNELIO_PRE115);
}

static int pr115(const struct torn_run *run)
{
	return write_file(run, KERNELIO_PR115);
}

static int fixed(const struct torn_run *run)
{
	return write_file(run, KERNELIO_FIXED);
}

static const struct torn_variant variants[] = {
	{"pre115", pre115},
	{"pr115", pr115},
	{"fixed", fixed},
	{NULL, NULL},
};

#define DROP_IN "old etc/sysctl.d/99-kensa.conf file \"# Managed by Kensa.\\nkernel.panic = 10\\n\"\n"

static const struct torn_world worlds[] = {
	{"present", DROP_IN, .refuses = false},
	{"absent",
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = false},
	{"private",
	 "old etc/sysctl.d/99-kensa.conf file mode=0600 owner=0:4 \"kernel.panic = 10\\n\"\n",
	 .refuses = false},
	{"large",
	 __extension__ "old etc/sysctl.d/99-kensa.conf file " FSATOMIC_LARGE "\n",
	 .refuses = false},
	/* what runs that were killed have left */
	{"stale_temp",
	 DROP_IN
	 "old etc/sysctl.d/.99-kensa.conf.fsatomic.0123456789abcdef file \"kernel.panic = 1\"\n",
	 .refuses = false},
	{"hard_link",
	 DROP_IN
	 "old etc/sysctl.d/99-kensa.conf.save link etc/sysctl.d/99-kensa.conf\n",
	 .refuses = false},
	{"no_exchange",
	 "old etc mount lacks=exchange\n" DROP_IN,
	 .refuses = false},
	{"no_exchange_absent",
	 "old etc mount lacks=exchange\n"
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = false},
	{"no_tmpfile",
	 "old etc mount lacks=tmpfile\n" DROP_IN,
	 .refuses = false},
	{"no_tmpfile_absent",
	 "old etc mount lacks=tmpfile\n"
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = true},
	{"symlink",
	 "old etc/sysctl.conf file \"kernel.panic = 10\\n\"\n"
	 "old etc/sysctl.d/99-kensa.conf symlink ../sysctl.conf\n",
	 .refuses = true},
	{"directory",
	 "old etc/sysctl.d/99-kensa.conf dir\n",
	 .refuses = true},
	{"parent_missing",
	 "old etc dir\n"
	 "old etc/sysctl.d absent\n",
	 .refuses = true},
	{"parent_symlink",
	 "old etc/sysctl.d symlink sysctl.real\n"
	 "old etc/sysctl.real dir\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "/etc/sysctl.d/99-kensa.conf"},
	{"mode", "0644"},
	{"content", "\"# Managed by Kensa.\\nnet.ipv4.conf.all.log_martians = 1\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"$path", NULL};

static const struct torn_target target = {
	.name = "kensa.kernelio_write_file",
	.summary = "write a drop-in that may be there or not: AtomicWrite, then AtomicReplace",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
	.mode = "$mode",
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
