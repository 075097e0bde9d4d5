/*
 * kernel_bare_for_tests.h: the bare side of kernel_test.c: a process that is root in a chroot on a tmpfs of
 * its own, without the gate. For tests only.
 */
#ifndef TORN_KERNEL_BARE_FOR_TESTS_H
#define TORN_KERNEL_BARE_FOR_TESTS_H

#include "kernel_perform_for_tests.h"

static void tree_line(char *tree, size_t room, const char *path, mode_t mode, uid_t uid, gid_t gid,
		      unsigned long links, uint64_t size, uint64_t hash, const char *more)
{
	const size_t at = strlen(tree);
	snprintf(tree + at, room - at, "/%s mode %o owner %u:%u links %lu size %lu bytes %lx%s\n", path,
		 mode, uid, gid, S_ISDIR(mode) ? 0 : links, S_ISDIR(mode) ? 0 : (unsigned long)size,
		 (unsigned long)hash, more);
}

static void add_xattr(char *more, size_t room, const char *name, const void *value, size_t size)
{
	const size_t at = strlen(more);
	snprintf(more + at, room - at, " %s=%lx", name, (unsigned long)hash_bytes(value, size));
}

static void walk_disk(char *tree, size_t room, const char *path)
{
	char full[4096], names[2048], value[16384], more[4096] = "";
	static uint8_t bytes[1 << 23];
	snprintf(full, sizeof full, "/%s", path);
	struct stat status;
	if (lstat(full, &status) != 0)
		return;
	uint64_t hash = 0;
	if (S_ISLNK(status.st_mode)) {
		const ssize_t size = readlink(full, (char *)bytes, sizeof bytes);
		hash = hash_bytes(bytes, size < 0 ? 0 : (size_t)size);
	} else if (S_ISREG(status.st_mode)) {
		const int fd = open(full, O_RDONLY);
		const ssize_t size = read(fd, bytes, sizeof bytes);
		hash = hash_bytes(bytes, size < 0 ? 0 : (size_t)size);
		close(fd);
	}
	const ssize_t listed = llistxattr(full, names, sizeof names);
	const char *sorted[64];
	size_t count = 0;
	for (ssize_t i = 0; i < listed && count < 64; i += (ssize_t)strlen(names + i) + 1)
		if (strncmp(names + i, "user.", 5) == 0)
			sorted[count++] = names + i;
	qsort(sorted, count, sizeof *sorted, by_text);
	for (size_t i = 0; i < count; i++) {
		const ssize_t size = lgetxattr(full, sorted[i], value, sizeof value);
		add_xattr(more, sizeof more, sorted[i], value, size < 0 ? 0 : (size_t)size);
	}
	tree_line(tree, room, path, status.st_mode, status.st_uid, status.st_gid, status.st_nlink,
		  (uint64_t)status.st_size, hash, more);
	if (!S_ISDIR(status.st_mode))
		return;
	struct dirent **entries;
	const int n = scandir(full, &entries, NULL, NULL);
	const char *below[512];
	size_t below_count = 0;
	for (int i = 0; i < n; i++)
		if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0 &&
		    (path[0] || strcmp(entries[i]->d_name, "proc") != 0))
			below[below_count++] = entries[i]->d_name;
	qsort(below, below_count, sizeof *below, by_text);
	for (size_t i = 0; i < below_count; i++) {
		char next[4000];
		snprintf(next, sizeof next, "%s%s%s", path, path[0] ? "/" : "", below[i]);
		walk_disk(tree, room, next);
	}
}

static void make_beginnings(void)
{
	umask(0);
	for (size_t i = 0; i < COUNT(beginnings); i++) {
		const struct beginning *b = &beginnings[i];
		int r = 0;
		switch (b->type) {
		case 'd':
			r = mkdir(b->path, b->mode);
			break;
		case 'l':
			r = symlink(b->text, b->path);
			break;
		case 'h':
			r = link(b->text, b->path);
			break;
		case 'p':
			r = mknod(b->path, S_IFIFO | b->mode, 0);
			break;
		case 's':
			r = mknod(b->path, S_IFSOCK | b->mode, 0);
			break;
		default: {
			const int fd = open(b->path, O_WRONLY | O_CREAT, b->mode);
			r = write(fd, b->text, strlen(b->text)) < 0 ? -1 : close(fd);
			break;
		}
		}
		if (r != 0)
			_exit(9);
	}
	umask(022);
}

static void remove_all(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char below[4096];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    (strcmp(path, "/") == 0 && strcmp(entry->d_name, "proc") == 0))
			continue;
		snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
		if (unlink(below) == 0)
			continue;
		remove_all(below);
		rmdir(below);
	}
	if (dir)
		closedir(dir);
}

static void reset_root(void)
{
	remove_all("/");
	chmod("/", 0755);
	chown("/", 0, 0);
	char names[2048];
	const ssize_t size = listxattr("/", names, sizeof names);
	for (ssize_t i = 0; i < size; i += (ssize_t)strlen(names + i) + 1)
		removexattr("/", names + i);
}

static bool write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY);
	const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

static bool become_root(void)
{
	const unsigned uid = geteuid(), gid = getegid();
	if (uid == 0)
		return unshare(CLONE_NEWNS) == 0;
	char text[64];
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	snprintf(text, sizeof text, "0 %u 1", uid);
	if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", text))
		return false;
	snprintf(text, sizeof text, "0 %u 1", gid);
	return write_file("/proc/self/gid_map", text);
}

static bool enter_own_root(const char *folder)
{
	char proc[256];
	snprintf(proc, sizeof proc, "%s/proc", folder);
	return become_root() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", folder, "tmpfs", 0, "mode=0755") == 0 && mkdir(proc, 0555) == 0 &&
	       mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL) == 0 && chroot(folder) == 0 &&
	       chdir("/") == 0;
}

/* The server's end of a socket; out of the way of what sequences open. */
#define BARE_SOCKET TORN_FD_RESERVED

static void run_bare_one(uint32_t i)
{
	const pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit files = {TORN_FD_RESERVED, TORN_FD_RESERVED};
		close(BARE_SOCKET);
		setrlimit(RLIMIT_NOFILE, &files);
		alarm(10);
		make_beginnings();
		perform_all(&shared->sequences[i], &shared->bare[i]);
		syscall(SYS_close_range, 3, ~0u, 0);
		shared->bare[i].tree[0] = '\0';
		walk_disk(shared->bare[i].tree, sizeof shared->bare[i].tree, "");
		_exit(0);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		snprintf(shared->bare[i].failure, sizeof shared->bare[i].failure,
			 "the bare run ended with wait status %#x", (unsigned)status);
	reset_root();
}

/* One process mounts once and runs what it is told to, until nobody is there to tell it. */
static _Noreturn void serve_bare(const char *folder)
{
	is_bare = true;
	shared->bare_ready = enter_own_root(folder);
	if (!shared->bare_ready)
		snprintf(shared->bare_failure, sizeof shared->bare_failure, "%s", strerror(errno));
	shared->has_xattrs = setxattr("/", "user.probe", "", 0, 0) == 0;
	removexattr("/", "user.probe");
	char word = 0;
	while (write(BARE_SOCKET, &word, 1) == 1 && read(BARE_SOCKET, &word, 1) == 1)
		for (uint32_t i = 0; i < shared->count; i++)
			run_bare_one(i);
	_exit(0);
}

struct bare {
	pid_t pid;
	int socket;
};

static void bare_wait(const struct bare *bare)
{
	char word;
	assert_int_equal(read(bare->socket, &word, 1), 1);
}

static void bare_side(const struct bare *bare)
{
	const char word = 0;
	assert_int_equal(write(bare->socket, &word, 1), 1);
	bare_wait(bare);
}

static int bare_open(const char *folder, struct bare *bare)
{
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		return -1;
	bare->pid = fork();
	if (bare->pid < 0)
		return -1;
	if (bare->pid == 0) {
		const struct rlimit files = {TORN_FD_RESERVED + 1, TORN_FD_RESERVED + 1};
		setrlimit(RLIMIT_NOFILE, &files);
		dup2(sockets[1], BARE_SOCKET);
		close(0);
		open("/dev/null", O_RDONLY);
		for (int fd = 1; fd <= 2; fd++)
			dup2(open("/dev/null", O_WRONLY), fd);
		syscall(SYS_close_range, 3, BARE_SOCKET - 1, 0);
		serve_bare(folder);
	}
	close(sockets[1]);
	bare->socket = sockets[0];
	bare_wait(bare);
	return 0;
}

static void bare_close(const struct bare *bare)
{
	close(bare->socket);
	waitpid(bare->pid, NULL, 0);
}

#endif
