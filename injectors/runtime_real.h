/*
 * runtime_real.h: the real kernel beside the simulated one. Each change of a sysctl of net.* and of a
 * mount that a target makes is made in namespaces, too, and what comes of it is held against the
 * simulation: `torn check --runtime real`.
 *
 * A process of its own has the namespaces, and the rights in them that whoever runs targets has given
 * up. It is told what was there, brings its kernel to that, makes the change and compares: the result,
 * what is read then, where the file's offset is. So a run can begin with any old state, be killed or be
 * run again, and torn's files below the runtime mount stay the simulation's.
 *
 * Not held: modules, audit rules and other sysctls, which are the machine's, not a namespace's; and what
 * this machine cannot be brought to. A mount of a file system other than tmpfs and proc is a tmpfs there,
 * whose own options are not compared.
 *
 * One at a time: two processes must not ask at once. Asking is async-signal-safe.
 */
#ifndef TORN_RUNTIME_REAL_H
#define TORN_RUNTIME_REAL_H

#include <stdio.h>

#include "runtime.h"
#include "runtime_sysctl.h"

/* Longest text that is asked about, in bytes. */
#define TORN_REAL_TEXT_MAX 16384u

/* What all questions came to. */
struct torn_runtime_real {
	uint64_t asked, differences;
	uint64_t unheld; /* not asked, or this kernel could not be brought there */
	char first_difference[2048]; /* told in full; "" where there is none */
	char first_unheld[256];
};

/*
 * Start the process, before any worker. Returns 0; -errno with one sentence in `ret_message`: -EPERM or
 * -ENOSPC where this machine allows no namespaces. Until it is stopped, all processes that are forked
 * from here on ask it.
 */
int torn_runtime_real_start(char *ret_message, size_t size);
/* End it, and tell what it found. */
void torn_runtime_real_stop(struct torn_runtime_real *ret_real);

/* The simulation's answer to a write of a sysctl; `error` is what it returned, 0 or -errno. */
void torn_runtime_real_sysctl(struct torn_bytes key, struct torn_bytes old, struct torn_bytes written,
			      uint64_t offset, int error, const struct torn_sysctl_write *own);
/* The same of mount(2) and umount2(2) (`mount` NULL): mountinfo before and, where it was 0, after. */
void torn_runtime_real_mount(struct torn_bytes mountinfo, const struct torn_runtime_mount *mount,
			     struct torn_bytes at, uint32_t umount_flags, int error, struct torn_bytes after);

/*
 * Can a namespace hold a file below the runtime mount ("sys/net/ipv4/ip_forward")? Returns NULL, or why
 * not: the end of a sentence that begins with its path.
 */
const char *torn_runtime_real_lacks(struct torn_bytes below);

#endif
