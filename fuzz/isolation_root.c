/*
 * isolation_root.c: see isolation_root.h.
 *
 * Each name is a directory and a mount, also where the host has a symlink (/bin): a mount point cannot be
 * removed or renamed (EBUSY), so that no program changes what the log knows nothing of.
 */
#include "isolation_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_ONLY (MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID)
#define LOADER "ld-linux-x86-64.so.2"
#define SMALL "mode=0755,size=1m,nr_inodes=256"

/* No /lib: where /usr is merged (hier(7)) all libraries are in there too, and /lib/modules is the trial's. */
static const char *const folders[] = {"bin", "sbin", "usr"};
static const char *const devices[] = {"full", "null", "random", "urandom", "zero"};

const char *const torn_isolation_others[] = {"bin", "lib64", "sbin", "usr", "dev", "torn", NULL};

static int join(char ret_path[PATH_MAX], const char *dir, const char *name)
{
	return snprintf(ret_path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_folder(char ret_path[PATH_MAX], const char *dir, const char *name)
{
	const int r = join(ret_path, dir, name);
	return r < 0 ? r : mkdir(ret_path, 0755) == 0 ? 0 : -errno;
}

static int bind(const char *from, const char *to)
{
	/* Recursive: what is mounted below cannot be left out here (mount_namespaces(7)). */
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0 ? 0 : -errno;
}

static int mount_small(const char *path)
{
	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, SMALL) == 0 ? 0 : -errno;
}

static int close_small(const char *path)
{
	return mount(NULL, path, NULL, READ_ONLY | MS_NODEV, NULL) == 0 ? 0 : -errno;
}

/* The host's own folders. They are read-only, as all of its mounts are by now. */
static int place_folders(const char *dir)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof folders / sizeof *folders; i++) {
		char from[PATH_MAX], real[PATH_MAX], to[PATH_MAX];
		snprintf(from, sizeof from, "/%s", folders[i]);
		if (!realpath(from, real))
			continue;
		r = make_folder(to, dir, folders[i]);
		if (r == 0)
			r = bind(real, to);
	}
	return r;
}

static int touch(const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : close(fd) == 0 ? 0 : -errno;
}

static int place_file(const char *from, const char *folder, const char *name)
{
	char to[PATH_MAX];
	int r = join(to, folder, name);
	if (r == 0)
		r = touch(to);
	return r < 0 ? r : bind(from, to);
}

static int place_link(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	const int r = join(path, folder, name);
	return r < 0 ? r : symlink(text, path) == 0 ? 0 : -errno;
}

/* The loader: the host's /lib64 may lead to it by way of /lib. */
static int place_loader(const char *dir)
{
	char folder[PATH_MAX], loader[PATH_MAX];
	if (!realpath("/lib64/" LOADER, loader))
		return -errno;
	int r = make_folder(folder, dir, "lib64");
	if (r == 0)
		r = mount_small(folder);
	if (r == 0)
		r = place_file(loader, folder, LOADER);
	return r == 0 ? close_small(folder) : r;
}

static int place_devices(const char *dir)
{
	char folder[PATH_MAX];
	int r = make_folder(folder, dir, "dev");
	if (r == 0)
		r = mount_small(folder);
	for (size_t i = 0; r == 0 && i < sizeof devices / sizeof *devices; i++) {
		char from[64];
		snprintf(from, sizeof from, "/dev/%s", devices[i]);
		if (access(from, F_OK) == 0) /* a container may lack one */
			r = place_file(from, folder, devices[i]);
	}
	if (r == 0)
		r = place_link(folder, "fd", TORN_ISOLATION_PROC "/self/fd");
	if (r == 0)
		r = place_link(folder, "stdin", TORN_ISOLATION_PROC "/self/fd/0");
	if (r == 0)
		r = place_link(folder, "stdout", TORN_ISOLATION_PROC "/self/fd/1");
	if (r == 0)
		r = place_link(folder, "stderr", TORN_ISOLATION_PROC "/self/fd/2");
	return r == 0 ? close_small(folder) : r;
}

static int fill_bin(const char *bin, const struct torn_isolation_root *root)
{
	int r = 0;
	for (const struct torn_isolation_file *file = root->files; r == 0 && file->name; file++)
		r = place_file(file->path, bin, file->name);
	for (const struct torn_isolation_file *link = root->links; r == 0 && link && link->name; link++)
		r = place_link(bin, link->name, link->path);
	return r;
}

static int place_own(const char *dir, const struct torn_isolation_root *root)
{
	char own[PATH_MAX], path[PATH_MAX];
	int r = make_folder(own, dir, "torn");
	if (r == 0)
		r = mount_small(own);
	if (r == 0)
		r = make_folder(path, own, "proc");
	if (r == 0)
		r = bind("/proc", path);
	if (r == 0)
		r = make_folder(path, own, "bin");
	if (r == 0)
		r = fill_bin(path, root);
	return r == 0 ? close_small(own) : r;
}

int torn_isolation_root_place(const char *dir, const struct torn_isolation_root *root)
{
	int r = place_folders(dir);
	if (r == 0)
		r = place_loader(dir);
	if (r == 0)
		r = place_devices(dir);
	return r == 0 ? place_own(dir, root) : r;
}
