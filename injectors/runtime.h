/*
 * runtime.h: the kernel's own state, simulated: what a call makes of the files below
 * a runtime mount. Each is a function from what is there and what is asked to what is there then;
 * nothing here does I/O or keeps anything, so that it serves both gates, boot and tests.
 *
 * The files, below the directory that is marked as runtime ("proc"):
 *   sys/...          a sysctl each, as the kernel prints it, with its newline
 *   modules          proc_modules(5)
 *   self/mountinfo   proc_pid_mountinfo(5)
 *   audit/rules      a rule a line, as `auditctl -l` prints it; of no kernel, and nobody can open it
 *   audit/enabled    "0\n", "1\n" or "2\n": AUDIT_GET's, audit_status(3); the same
 *
 * All new content lies in `arena`. Async-signal-safe: no malloc, no stdio.
 */
#ifndef TORN_RUNTIME_H
#define TORN_RUNTIME_H

#include <string.h>

#include "tree.h"

/*
 * Write to a sysctl: `key` is its path below sys, "net/ipv4/ip_forward"; one write, from
 * offset 0. The kernel's own checks of what it is known for (runtime.def): -EINVAL, or -EPERM where
 * it is locked. The content is given with these too: of several numbers some may be set. How much
 * write(2) says it took, and what happens at another offset: runtime_sysctl.h. Returns 0, these, -ENOMEM.
 */
int torn_runtime_sysctl(struct torn_arena *arena, struct torn_bytes key, struct torn_bytes old,
			struct torn_bytes written, struct torn_bytes *ret_content);

/*
 * delete_module(2): returns 0; -ENOENT where it is not loaded; -EWOULDBLOCK where it is in use, whatever
 * `flags` says; -EBUSY where it is not live or permanent; -ENOMEM.
 */
int torn_runtime_module_delete(struct torn_arena *arena, struct torn_bytes modules, struct torn_bytes name,
			       uint32_t flags, struct torn_bytes *ret_modules);
/* finit_module(2) of a module of that name ('-' is '_' there). Returns 0, -EEXIST, -ENOMEM. */
int torn_runtime_module_insert(struct torn_arena *arena, struct torn_bytes modules, struct torn_bytes name,
			       struct torn_bytes *ret_modules);

/*
 * mount(2) and umount2(2), on `at` (an absolute path of the root). A remount changes the options
 * that stand in mountinfo; what is mounted anew is a line and hides nothing. Returns 0 or -errno
 * as mount(2) has it.
 */
struct torn_runtime_mount {
	struct torn_bytes source, at, type, data;
	uint64_t flags;
};
int torn_runtime_mount(struct torn_arena *arena, struct torn_bytes mountinfo,
		       const struct torn_runtime_mount *mount, struct torn_bytes *ret_mountinfo);
int torn_runtime_umount(struct torn_arena *arena, struct torn_bytes mountinfo, struct torn_bytes at,
			uint32_t flags, struct torn_bytes *ret_mountinfo);

/* What the kernel's audit subsystem is told and says: netlink(7), linux/audit.h. */
struct torn_runtime_audit {
	struct torn_bytes rules, enabled; /* contents of the two files; replaced where they change */
	bool changes_rules, changes_enabled;
	struct torn_bytes replies; /* netlink messages, one after the other, to be received each by itself */
};
/*
 * Answer one request (a struct nlmsghdr and what belongs to it): AUDIT_ADD_RULE, AUDIT_DEL_RULE,
 * AUDIT_LIST_RULES, AUDIT_GET, AUDIT_SET. What the kernel refuses is in the reply (NLMSG_ERROR), and
 * is the return value too, -errno: -EEXIST, -ENOENT, -EPERM where enabled is 2, -EINVAL. Returns 0,
 * that, or -ENOMEM with no reply.
 */
int torn_runtime_audit(struct torn_arena *arena, struct torn_bytes request, struct torn_runtime_audit *audit);

/*
 * Boot from what is on disk: return `root` with all below its runtime mount loaded again: sysctls from
 * the kernel's defaults (runtime.def; another key keeps what it has) and sysctl.d(5); modules without
 * those that modprobe.d(5) disables, with those of modules-load.d(5); mount options from fstab(5);
 * audit rules from rules.d (augenrules(8)). The same pointer where nothing changes or there is no
 * runtime mount, which is looked for in the root directory. Inodes stay who they were. Returns 0 or -ENOMEM.
 */
int torn_runtime_boot(struct torn_arena *arena, const struct torn_node *root, const struct torn_node **ret_root);

/* Below a runtime mount (not that directory itself)? Gives what is behind it: "sys/kernel/panic" of "proc/sys/kernel/panic". */
bool torn_runtime_path(const struct torn_node *root, struct torn_bytes path, struct torn_bytes *ret_below);

/* Of such a path: is it a sysctl, and not a list of the kernel's? */
static inline bool torn_runtime_is_sysctl(struct torn_bytes below)
{
	return below.size > 4 && memcmp(below.data, "sys/", 4) == 0;
}

#endif
