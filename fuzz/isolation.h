/*
 * isolation.h: the walls around programs that `torn exec` runs: namespaces of
 * their own, where nothing of the host can be written, signalled or reached by
 * network, and all that they make vanishes with the worker.
 *
 * What they see: the host's files, read-only, at the same paths; the directory
 * `dir`, /tmp and /dev/shm as empty file systems of their own; their own
 * processes only; the ids of whoever started torn (uid 0 where that was root,
 * which outside is TORN_UNPRIVILEGED_ID); no capabilities; no network.
 *
 * A read-only mount refuses no connect(2) to a socket by its path. So those that
 * /proc/net/unix tells of are covered, and give ECONNREFUSED; one that the host
 * makes later, or that belongs to a container, is not.
 *
 * Not stopped here: reading what that user may read, file descriptors that the
 * worker itself leaves open to programs and, on a kernel without Landlock,
 * writing to named pipes and devices of the host that the user may write to.
 */
#ifndef TORN_ISOLATION_H
#define TORN_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TORN_ISOLATION_SHOWN_MAX 64

/* What is to be shown to programs, and how much they may use. Paths are absolute and canonical. */
struct torn_isolation {
	/* A directory of the host, which is left alone. Not /, /dev, /proc, /sys or below these two. */
	const char *dir;
	/* Of each of dir, /tmp and /dev/shm: `size` and `nr_inodes` of tmpfs(5); not 0. */
	uint64_t dir_bytes_max, dir_inodes_max;
	/*
	 * What the command line names (a program, a script): it can be read at its own
	 * path, and not written. Ends with NULL; NULL: nothing. Below /tmp and
	 * /dev/shm its directory is shown with all that is there, or the file alone if
	 * it lies directly in them. What root alone can read or reach is copied, as
	 * root is given up: a file only, with mode 0444 and its executable bits.
	 * Below `dir` nothing is shown: it is up to whoever fills it.
	 */
	const char *const *shown;
	/* What the programs see as "/", by chroot(2); NULL: they see the host's files, at the same paths. */
	const struct torn_isolation_root *root;
};

/*
 * In `dir` are mounted, read-only, the host's /usr, /bin, /sbin and /lib64; a /dev with
 * null, zero, full, random and urandom; and a /torn of our own. The rest is for whoever fills `dir`.
 */
struct torn_isolation_root {
	/* Files to be seen in /torn/bin by other names: pairs {name, path on the host}, ends with {NULL}. */
	const struct torn_isolation_file {
		const char *name, *path;
	} *files;
	/* Their other names, symlinks in /torn/bin: {name, text}, ends with {NULL}; NULL: none. */
	const struct torn_isolation_file *links;
};

#define TORN_ISOLATION_BIN "/torn/bin"
#define TORN_ISOLATION_PROC "/torn/proc" /* the programs' own /proc, all of it */

/* Names in such a root that are mount points; ends with NULL. */
extern const char *const torn_isolation_others[];

struct torn_isolated {
	int root_fd;        /* of the tmpfs on dir: empty, mode 0755, owned by the program's user */
	int tmp_fd, shm_fd; /* of the private /tmp and /dev/shm, mode 1777; -1: the host has none */
	int last_pid_fd;    /* /proc/sys/kernel/ns_last_pid, acts on the new pid namespace; -1: not possible */
	int ruleset_fd;     /* Landlock's, for programs; -1: none */
	int landlock;       /* version in force, 0: none */
	bool has_own_proc;  /* else /proc is the host's, and shows its processes */
};

/*
 * Go behind the walls: for a process with one thread, freshly forked, root or
 * not. It becomes two. The one that returns 0 is pid 1 of new namespaces and
 * has all capabilities there, but no id or group that is root's outside; it has
 * a new session, so no terminal; its working directory is `dir`, now empty; it
 * owns the descriptors in `ret_isolated` (all close-on-exec). The other, whose
 * pid the caller's parent knows, closes its descriptors, waits and ends as pid 1
 * does: with its exit status, or by the same signal. Whichever of them dies, and
 * if the caller's parent dies, all inside is killed, and no mount is left.
 *
 * Returns -errno, with one sentence in `ret_message`, in whichever of the two
 * it failed: -EPERM or -ENOSPC where user namespaces are forbidden. The process
 * then can do no more than tell and exit.
 */
int torn_isolation_enter(const struct torn_isolation *isolation, struct torn_isolated *ret_isolated,
			 char *ret_message, size_t size);
/*
 * Confine a program, for good: no capabilities and no way to get any, writing
 * only below dir, /tmp and /dev/shm and to /dev/null, /dev/zero and /dev/full
 * (where the kernel has Landlock; else what is mounted read-only is), no core
 * files. For a child of pid 1, which may share its memory (CLONE_VM), just
 * before execve(2): raw system calls only, errno is not touched. Returns 0 or
 * -errno.
 */
int torn_isolation_confine(const struct torn_isolated *isolated);

#endif
