/*
 * kensa.fake: the in-memory transport that the original's unit tests stand on, held against the
 * primitives (twin: on=real), operation by operation.
 *
 * unhardened: replaces and removes a file that is not there. It hid that sysctl_set could not write its first
 * drop-in: the first operation of this sequence is the one that did.
 * hardened: knows what is there, and nothing else: a parent that is missing, a symlink, a directory in the
 * file's place, a mode, a key that the kernel has not, a value that it rejects, a module that is not
 * loaded are all well.
 *
 * `fixed` is ours; asked for by fake-agrees in these worlds:
 *   - parent_missing, parent_symlink, symlink, directory: there are directories and symlinks,
 *     and each primitive refuses what the real one refuses.
 *   - present, with `mode`: a file has a mode, which is the caller's once it is replaced.
 *   - rejected, no_such_key: sysctls are those that there are, and a number stays a number.
 *   - not_loaded: a module that is not loaded is ErrModuleNotLoaded.
 */
#include <string.h>

#include "fake_transport.h"

static int run_on_fake(const char *operations, enum kensa_fake_version version)
{
	static struct kensa_fake fake; /* 14 KB, and nothing is left in it */
	const struct kensa_transport transport = kensa_fake_transport(&fake);

	fake.version = version;
	int r = kensa_fake_load(&fake, operations);
	if (r == 0)
		r = kensa_sequence_run(&transport, operations);
	kensa_fake_free(&fake);
	return r == 0 ? 0 : 1;
}

static int run_sequence(const struct torn_run *run, enum kensa_fake_version version)
{
	enum fsatomic_variant primitives =
		version == KENSA_FAKE_FIXED ? FSATOMIC_FIXED : FSATOMIC_PUBLISHED;
	const struct kensa_transport real = kensa_real_transport(&primitives);
	const char *operations = torn_run_text(run, "ops");

	if (strcmp(torn_run_text(run, "on"), "real") != 0)
		return run_on_fake(operations, version);
	return kensa_sequence_run(&real, operations) == 0 ? 0 : 1;
}

static int unhardened(const struct torn_run *run)
{
	return run_sequence(run, KENSA_FAKE_UNHARDENED);
}

static int hardened(const struct torn_run *run)
{
	return run_sequence(run, KENSA_FAKE_HARDENED);
}

static int fixed(const struct torn_run *run)
{
	return run_sequence(run, KENSA_FAKE_FIXED);
}

static const struct torn_variant variants[] = {
	{"unhardened", unhardened},
	{"hardened", hardened},
	{"fixed", fixed},
	{NULL, NULL},
};

#define FILE "/etc/sysctl.d/99-kensa.conf"
#define KEY "net.ipv4.conf.all.log_martians"
#define RUNTIME                                                                                    \
	"old proc runtime\n"                                                                       \
	"old proc/sys/net/ipv4/conf/all/log_martians file \"0\\n\"\n"
#define ABSENT RUNTIME "old etc/sysctl.d dir\nold etc/sysctl.d/99-kensa.conf absent\n"
#define PRESENT RUNTIME "old etc/sysctl.d/99-kensa.conf file mode=0600 \"old\\n\"\n"

static const struct torn_world worlds[] = {
	{"absent", ABSENT, .refuses = false},
	{"present", PRESENT, .refuses = false},
	{"parent_missing", RUNTIME "old etc dir\nold etc/sysctl.d absent\n", .refuses = false},
	{"parent_made",
	 "arg ops \"put " FILE " one; mkdir /etc/sysctl.d; put " FILE " two; read " FILE "\"\n" RUNTIME
	 "old etc dir\nold etc/sysctl.d absent\n",
	 .refuses = false},
	{"parent_symlink",
	 RUNTIME "old etc/sysctl.d symlink sysctl.real\n"
		 "old etc/sysctl.real/99-kensa.conf file \"old\\n\"\n",
	 .refuses = false},
	{"symlink",
	 RUNTIME "old etc/sysctl.conf file \"theirs\\n\"\n"
		 "old etc/sysctl.d/99-kensa.conf symlink ../sysctl.conf\n",
	 .refuses = false},
	{"dangling_symlink",
	 RUNTIME "old etc/sysctl.d/99-kensa.conf symlink ../nowhere.conf\n",
	 .refuses = false},
	{"directory", RUNTIME "old etc/sysctl.d/99-kensa.conf dir\n", .refuses = false},
	{"mode",
	 "arg ops \"mode " FILE "; replace " FILE " one; mode " FILE "; remove " FILE "; write " FILE
	 " two; mode " FILE "\"\n" PRESENT,
	 .refuses = false},
	{"rejected", "arg ops \"sysctl " KEY " often; get " KEY "; sysctl " KEY " 0x1; get " KEY "\"\n" ABSENT,
	 .refuses = false},
	{"no_such_key",
	 "arg ops \"get net.ipv4.nothing; sysctl net.ipv4.nothing 1; get net.ipv4.nothing\"\n" ABSENT,
	 .refuses = false},
	{"not_loaded",
	 "arg ops \"module usb_storage; module usb_storage; module usb-storage; module cramfs\"\n"
	 "old proc runtime\n"
	 "old proc/modules file \"usb_storage 81920 0 - Live 0x0000000000000000\\n\"\n",
	 .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"on", "fake"},
	{"ops", "\"replace " FILE " one; sysctl " KEY " 1; remove " FILE "; write " FILE " two; read " FILE
		"; write " FILE " three; replace " FILE " four; read " FILE "; put " FILE " five; drop " FILE
		"; remove " FILE "; drop " FILE "; put " FILE " six; read " FILE "; get " KEY "\""},
	{NULL, NULL},
};

static const char *const watch[] = {"etc/sysctl.d/99-kensa.conf", NULL};

static const struct torn_target target = {
	.name = "kensa.fake",
	.summary = "the in-memory transport of the unit tests, against the real primitives",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_IS_FAKE,
	.twin = {"on", "real"},
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
