/*
 * hostile.mount: asks for another root and other mounts. Nothing is mounted
 * over, and nothing unmounted, but /srv: a hole costs the host a mount there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostile.h"

static int mounts(const struct torn_run *run)
{
	hostile_ignore(mount("torn-hostile", "/srv", "tmpfs", 0, "size=64k"));
	hostile_ignore(mount("/", "/srv", NULL, MS_BIND, NULL));
	hostile_ignore(syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */));
	hostile_ignore(syscall(SYS_fsopen, "tmpfs", 0));
	return hostile_replace(run);
}

static int unmounts(const struct torn_run *run)
{
	hostile_ignore(umount2("/srv", MNT_DETACH));
	return hostile_replace(run);
}

static int unshares(const struct torn_run *run)
{
	hostile_ignore(unshare(CLONE_NEWUSER | CLONE_NEWNS));
	hostile_ignore(unshare(CLONE_FS | CLONE_FILES));
	return hostile_replace(run);
}

static int chroots(const struct torn_run *run)
{
	hostile_ignore(chroot("/srv"));
	return hostile_replace(run);
}

static int pivots(const struct torn_run *run)
{
	hostile_ignore(syscall(SYS_pivot_root, "/srv", "/srv"));
	return hostile_replace(run);
}

static const struct torn_variant variants[] = {
	{"mount", mounts},
	{"umount", unmounts},
	{"unshare", unshares},
	{"chroot", chroots},
	{"pivot_root", pivots},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.mount",
	.summary = "asks for another root, other mounts, other namespaces",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
