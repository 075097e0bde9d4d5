/*
 * isolation.c: see isolation.h.
 *
 * Root is given up before the namespaces are made: root of a user namespace that
 * is root outside, too, could write kernel.panic. So what only root can read is
 * opened first.
 *
 * No namespaces for UTS and cgroups: without capabilities nothing can be changed
 * there, and a program that looks for its limits in /sys/fs/cgroup would not find
 * itself.
 */
#include "isolation.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../injectors/raw.h"
#include "isolation_root.h"
#include "landlock.h"
#include "unprivileged.h"

/* Something that the command line names, on its way into the new view. */
struct shown {
	const char *path;
	char place[PATH_MAX]; /* where it is mounted: the path, or its directory */
	int held_fd;          /* opened as root; -1: not a file, or never was root */
	mode_t mode;
	bool is_copied; /* because root alone can read it */
	int mount_fd;   /* open_tree(2), not mounted yet; -1: it is visible anyway */
};

struct entering {
	const struct torn_isolation *isolation;
	struct torn_isolated isolated;
	char tmp[PATH_MAX], shm[PATH_MAX]; /* where they really are; "": nowhere */
	struct shown shown[TORN_ISOLATION_SHOWN_MAX];
	size_t shown_count;
	/* Small file systems over directories that only root can search. */
	char *covers[TORN_ISOLATION_SHOWN_MAX + 1];
	size_t covers_count;
	char *sockets; /* /proc/net/unix of the host; NULL: it cannot be read */
	char *message;
	size_t size;
};

#define SMALL "mode=0755,size=1m,nr_inodes=1k"
#define HOLDING "/tmp" /* where copies are made, before the private one is mounted */

__attribute__((format(printf, 3, 4))) static int failed(struct entering *e, int error,
							const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const int length = vsnprintf(e->message, e->size, format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < e->size)
		snprintf(e->message + length, e->size - (size_t)length, ": %s", strerror(error));
	return -error;
}

static int forbidden(struct entering *e, int error)
{
	snprintf(e->message, e->size,
		 "user namespaces are not allowed here (user.max_user_namespaces, "
		 "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, "
		 "or a container's seccomp filter): torn exec needs them");
	return -error;
}

static bool is_below(const char *path, const char *above)
{
	const size_t length = strlen(above);
	return length > 0 && strncmp(path, above, length) == 0 && path[length] == '/';
}

static bool is_or_is_below(const char *path, const char *above)
{
	return strcmp(path, above) == 0 || is_below(path, above);
}

/* ------------------------------------------------------------ as root, still */

static int check_dir(struct entering *e)
{
	const char *dir = e->isolation->dir;
	/* A program needs what is there, and mounts over it would take that away. */
	if (dir[0] == '/' && strcmp(dir, "/") != 0 && strcmp(dir, "/dev") != 0 &&
	    !is_or_is_below(dir, "/proc") && !is_or_is_below(dir, "/sys"))
		return 0;
	snprintf(e->message, e->size, "torn exec cannot run on a copy of %s", dir);
	return -EINVAL;
}

static void hold(struct shown *shown)
{
	struct stat status;
	const int fd = open(shown->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		shown->held_fd = fd;
		shown->mode = status.st_mode;
	} else {
		close(fd);
	}
}

static int list_shown(struct entering *e)
{
	for (const char *const *path = e->isolation->shown; path && *path; path++) {
		if (is_or_is_below(*path, e->isolation->dir))
			continue;
		if (e->shown_count == TORN_ISOLATION_SHOWN_MAX || strlen(*path) >= PATH_MAX)
			return failed(e, E2BIG, "%s", *path);
		struct shown *shown = &e->shown[e->shown_count++];
		*shown = (struct shown){.path = *path, .held_fd = -1, .mount_fd = -1};
		if (geteuid() == 0)
			hold(shown);
	}
	return 0;
}

/* ------------------------------------------------------------------ outside */

/* To be asked without root, and before anything is mounted over it. */
static void find_copied(struct entering *e)
{
	for (size_t i = 0; i < e->shown_count; i++) {
		struct shown *shown = &e->shown[i];
		const int needed = R_OK | (shown->mode & 0111 ? X_OK : 0);
		shown->is_copied = shown->held_fd >= 0 && access(shown->path, needed) != 0;
	}
}

/* Return all of a file of /proc, to be freed; NULL: it cannot be read. */
static char *read_whole(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	if (!in)
		return NULL;
	if (getdelim(&text, &room, '\0', in) < 0) {
		free(text);
		text = NULL;
	}
	fclose(in);
	return text;
}

static int write_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const int r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* Whom a program sees itself as: `inside`, which outside is whom this process is. */
static int map_ids(uid_t inside_uid, gid_t inside_gid)
{
	char text[64];
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	int r = unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET) != 0
			? -errno
			: 0;
	if (r == 0)
		r = write_text("/proc/self/setgroups", "deny");
	snprintf(text, sizeof text, "%u %u 1", inside_uid, uid);
	if (r == 0)
		r = write_text("/proc/self/uid_map", text);
	snprintf(text, sizeof text, "%u %u 1", inside_gid, gid);
	if (r == 0)
		r = write_text("/proc/self/gid_map", text);
	return r;
}

static int make_namespaces(struct entering *e, uid_t uid, gid_t gid)
{
	const int r = map_ids(uid, gid);
	if (r == -EPERM || r == -ENOSPC || r == -EUSERS || r == -EACCES)
		return forbidden(e, r == -EPERM || r == -EACCES ? EPERM : ENOSPC);
	if (r < 0)
		return failed(e, -r, "namespaces cannot be made");
	/*
	 * In a user namespace of its own a program would have all capabilities. Where
	 * this cannot be written it still can change no mount of ours: they are locked
	 * there (mount_namespaces(7)).
	 */
	(void)write_text("/proc/sys/user/max_user_namespaces", "0");
	return 0;
}

/* The process that torn knows: it ends as pid 1 does. */
__attribute__((noreturn)) static void wait_outside(pid_t child)
{
	/* A pipe whose writing end stayed open here would not tell that pid 1 closed it. */
	syscall(SYS_close_range, 0, ~0u, 0);
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			_exit(255);
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	const int number = WTERMSIG(status);
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	sigset_t mask;
	sigemptyset(&mask);
	signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	kill(getpid(), number);
	_exit(128 + number);
}

/* Return in pid 1. */
static int become_first(struct entering *e)
{
	const int outer_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (outer_fd < 0)
		return failed(e, errno, "pidfd_open");
	const pid_t child = fork();
	if (child < 0)
		return failed(e, errno, "pid 1 of a namespace cannot be started");
	if (child > 0)
		wait_outside(child);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before that. */
	struct pollfd outer = {.fd = outer_fd, .events = POLLIN};
	if (poll(&outer, 1, 0) != 0)
		_exit(255);
	close(outer_fd);
	setsid();
	return 0;
}

/* ------------------------------------------------------------- what is mounted */

/* The fallback for Linux 5.11: see mount_setattr(2). Flags that came from outside are locked. */
static unsigned long locked_flags(const char *options)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} table[] = {{"nosuid", MS_NOSUID}, {"nodev", MS_NODEV}, {"noexec", MS_NOEXEC}};
	unsigned long flags = 0;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strstr(options, table[i].name))
			flags |= table[i].flag;
	return flags; /* those of access times stay as they are if none is given */
}

/* "\040" is a space: proc(5). */
static void unescape(char *path)
{
	char *to = path;
	for (const char *from = path; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static int make_one_read_only(char *line)
{
	char *rest = line, *field[6];
	for (int i = 0; i < 6; i++) {
		field[i] = strsep(&rest, " ");
		if (!field[i])
			return -EBADMSG;
	}
	unescape(field[4]);
	const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | locked_flags(field[5]);
	/* Nobody reaches what lies below another mount, or below what only root can search. */
	return mount(NULL, field[4], NULL, flags, NULL) == 0 || errno == EINVAL || errno == ENOENT ||
			       errno == EACCES
		       ? 0
		       : -errno;
}

static int make_each_read_only(void)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	if (!in)
		return -errno;
	char *line = NULL;
	size_t room = 0;
	int r = 0;
	while (r == 0 && getline(&line, &room, in) > 0)
		r = make_one_read_only(line);
	free(line);
	fclose(in);
	return r;
}

static int make_read_only(struct entering *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return errno == EPERM || errno == EACCES ? forbidden(e, EPERM)
							 : failed(e, errno, "mounts cannot be made private");
	struct mount_attr only = {.attr_set = MOUNT_ATTR_RDONLY};
	int r = syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &only, sizeof only) != 0 ? -errno
												 : 0;
	if (r == -ENOSYS)
		r = make_each_read_only();
	return r < 0 ? failed(e, -r, "mounts cannot be made read-only") : 0;
}

static int bind_read_only(const char *path)
{
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0)
		return -errno;
	/* The flags of the mount that it was made of. */
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) == 0 ? 0 : -errno;
}

static int mount_proc(struct entering *e)
{
	/* Refused in containers that hide parts of theirs: it would show them. */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		return 0;
	e->isolated.has_own_proc = true;
	const int r = bind_read_only("/proc/sys");
	return r < 0 ? failed(e, -r, "/proc/sys cannot be made read-only") : 0;
}

/* A connected socket is a way out: a read-only mount does not refuse it (unix(7)). */
static int cover_socket(struct entering *e, const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return 0; /* of another mount namespace, deleted, or out of reach for programs, too */
	return mount("/dev/null", path, NULL, MS_BIND, NULL) == 0
		       ? 0
		       : failed(e, errno, "the socket %s cannot be covered", path);
}

static int cover_sockets(struct entering *e)
{
	/* Of a line the path is the last field, and the only one with a slash. */
	for (char *rest = e->sockets, *line; (line = strsep(&rest, "\n"));) {
		const char *path = strchr(line, '/');
		/* An abstract one's name may have a slash: it begins with '@'. */
		const int r = path > line && path[-1] == ' ' ? cover_socket(e, path) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int mount_small(const char *path)
{
	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, SMALL) == 0 ? 0 : -errno;
}

/* Mount one that is bounded, and open it. */
static int mount_bounded(struct entering *e, const char *path, const char *mode, int *ret_fd)
{
	char options[128];
	snprintf(options, sizeof options, "mode=%s,size=%llu,nr_inodes=%llu", mode,
		 (unsigned long long)e->isolation->dir_bytes_max,
		 (unsigned long long)e->isolation->dir_inodes_max);
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
		return failed(e, errno, "a file system cannot be mounted on %s", path);
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? failed(e, errno, "%s", path) : 0;
}

/* ------------------------------------------------------------- what is shown */

static int copy(int from_fd, mode_t mode, const char *to)
{
	const int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ssize_t n = 1;
	while (n > 0)
		n = sendfile(fd, from_fd, NULL, 1 << 30);
	const int r = n < 0 || fchmod(fd, 0444 | (mode & 0111)) != 0 ? -errno : 0;
	close(fd);
	return r;
}

static int copy_all(struct entering *e)
{
	for (size_t i = 0; i < e->shown_count; i++) {
		struct shown *shown = &e->shown[i];
		if (!shown->is_copied)
			continue;
		char to[64];
		snprintf(to, sizeof to, HOLDING "/%zu", i);
		const int r = copy(shown->held_fd, shown->mode, to);
		if (r < 0)
			return failed(e, -r, "%s cannot be copied", shown->path);
	}
	return 0;
}

static int take_tree(struct shown *shown, const char *from, const char *place)
{
	snprintf(shown->place, sizeof shown->place, "%s", place);
	/* Recursive: what was mounted below outside cannot be taken off here. */
	shown->mount_fd = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	return shown->mount_fd < 0 ? -errno : 0;
}

static int take_copies(struct entering *e)
{
	for (size_t i = 0; i < e->shown_count; i++) {
		char from[64];
		snprintf(from, sizeof from, HOLDING "/%zu", i);
		const int r = e->shown[i].is_copied ? take_tree(&e->shown[i], from, e->shown[i].path) : 0;
		if (r < 0)
			return failed(e, -r, "%s cannot be copied", e->shown[i].path);
	}
	return 0;
}

/* The copies lie on a file system of their own, that is read-only once they are made. */
static int make_copies(struct entering *e)
{
	bool any = false;
	for (size_t i = 0; i < e->shown_count; i++)
		any |= e->shown[i].is_copied;
	if (!any)
		return 0;
	if (mount("tmpfs", HOLDING, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
		return failed(e, errno, HOLDING);
	int r = copy_all(e);
	if (r == 0 && mount(NULL, HOLDING, NULL,
			    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) != 0)
		r = failed(e, errno, HOLDING);
	if (r == 0)
		r = take_copies(e);
	if (r == 0 && umount2(HOLDING, MNT_DETACH) != 0)
		r = failed(e, errno, HOLDING);
	return r;
}

/* What /tmp and /dev/shm are about to hide. */
static int take_hidden(struct entering *e)
{
	for (size_t i = 0; i < e->shown_count; i++) {
		struct shown *shown = &e->shown[i];
		struct stat status;
		if (shown->mount_fd >= 0)
			continue;
		if (stat(shown->path, &status) != 0)
			return failed(e, errno, "%s cannot be shown to an unprivileged program", shown->path);
		if (!is_below(shown->path, e->tmp) && !is_below(shown->path, e->shm))
			continue;
		char place[PATH_MAX];
		snprintf(place, sizeof place, "%s", shown->path);
		char *slash = strrchr(place, '/');
		*slash = '\0';
		const bool alone = S_ISDIR(status.st_mode) || strcmp(place, e->tmp) == 0 ||
				   strcmp(place, e->shm) == 0;
		if (alone)
			*slash = '/';
		const int r = take_tree(shown, place, place);
		if (r < 0)
			return failed(e, -r, "%s cannot be shown", shown->path);
	}
	return 0;
}

/* ------------------------------------------------------ where it is mounted */

static int cover(struct entering *e, const char *path)
{
	assert(e->covers_count < sizeof e->covers / sizeof *e->covers);
	const int r = mount_small(path);
	if (r < 0)
		return r;
	e->covers[e->covers_count] = strdup(path);
	return e->covers[e->covers_count++] ? 0 : -ENOMEM;
}

/* Make all directories on the way to `path` be there and be searchable. */
static int reach(struct entering *e, const char *path)
{
	char part[PATH_MAX];
	for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
		if (mkdir(part, 0755) == 0)
			continue;
		if (errno != EEXIST)
			return -errno;
		/* At most one for each path: below it all is made here. */
		const int r = access(part, X_OK) == 0 ? 0 : cover(e, part);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_mount_point(const char *path, bool is_dir)
{
	if (is_dir)
		return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
	return mknod(path, S_IFREG | 0444, 0) == 0 || errno == EEXIST ? 0 : -errno;
}

static int place(struct entering *e, const struct shown *shown)
{
	struct stat status;
	/* Two of one directory: the first one's mount shows both. A copy stands over what is there. */
	if (!shown->is_copied && access(shown->path, F_OK) == 0)
		return 0;
	int r = fstat(shown->mount_fd, &status) != 0 ? -errno : reach(e, shown->place);
	if (r == 0)
		r = make_mount_point(shown->place, S_ISDIR(status.st_mode));
	if (r == 0 && move_mount(shown->mount_fd, "", AT_FDCWD, shown->place, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		r = -errno;
	return r;
}

static int place_shown(struct entering *e)
{
	for (size_t i = 0; i < e->shown_count; i++) {
		struct shown *shown = &e->shown[i];
		if (shown->mount_fd >= 0) {
			const int r = place(e, shown);
			if (r < 0)
				return failed(e, -r, "%s cannot be shown", shown->path);
			close(shown->mount_fd);
		}
		if (shown->held_fd >= 0)
			close(shown->held_fd);
	}
	return 0;
}

static int place_dir(struct entering *e)
{
	const char *dir = e->isolation->dir;
	int r = reach(e, dir);
	if (r == 0)
		r = make_mount_point(dir, true);
	if (r < 0)
		return failed(e, -r, "%s cannot be made in the new view", dir);
	r = mount_bounded(e, dir, "0755", &e->isolated.root_fd);
	if (r == 0 && fchdir(e->isolated.root_fd) != 0)
		r = failed(e, errno, "%s", dir);
	return r;
}

static int close_covers(struct entering *e)
{
	int r = 0;
	for (size_t i = 0; i < e->covers_count; i++) {
		if (r == 0 && mount(NULL, e->covers[i], NULL,
				    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) != 0)
			r = failed(e, errno, "%s cannot be made read-only", e->covers[i]);
		free(e->covers[i]);
	}
	return r;
}

static int build(struct entering *e)
{
	int r = make_read_only(e);
	if (r == 0)
		r = cover_sockets(e);
	if (r == 0)
		r = mount_proc(e);
	if (r == 0)
		r = make_copies(e);
	if (r == 0)
		r = take_hidden(e);
	if (r == 0 && e->tmp[0])
		r = mount_bounded(e, e->tmp, "1777", &e->isolated.tmp_fd);
	if (r == 0 && e->shm[0])
		r = mount_bounded(e, e->shm, "1777", &e->isolated.shm_fd);
	if (r == 0)
		r = place_shown(e);
	if (r == 0)
		r = place_dir(e);
	if (r == 0 && e->isolation->root) {
		r = torn_isolation_root_place(e->isolation->dir, e->isolation->root);
		if (r < 0)
			return failed(e, -r, "a root cannot be made for programs");
	}
	/* Last: a cover may hold the places of several. */
	return r == 0 ? close_covers(e) : r;
}

/* ------------------------------------------------------------------ rules */

static int allow_device(int ruleset_fd, int version, const char *path)
{
	const int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return 0; /* a container may lack one */
	const int r = torn_landlock_allow_file(ruleset_fd, version, fd);
	close(fd);
	return r;
}

static int make_rules(struct entering *e)
{
	struct torn_isolated *isolated = &e->isolated;
	/* TCP needs no rule: there is no network to reach. */
	const int version = torn_landlock_make(false, &isolated->ruleset_fd);
	if (version <= 0)
		return version < 0 ? failed(e, -version, "Landlock") : 0;
	isolated->landlock = version;
	static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full"};
	const int below[] = {isolated->root_fd, isolated->tmp_fd, isolated->shm_fd};
	int r = 0;
	for (size_t i = 0; i < 3 && r == 0; i++)
		r = below[i] < 0 ? 0 : torn_landlock_allow_below(isolated->ruleset_fd, version, below[i]);
	for (size_t i = 0; i < 3 && r == 0; i++)
		r = allow_device(isolated->ruleset_fd, version, devices[i]);
	return r < 0 ? failed(e, -r, "Landlock") : 0;
}

/* ----------------------------------------------------------------- together */

/* It acts on the namespace of who writes, wherever it was opened: kernel/pid_namespace.c. */
static int open_last_pid(void)
{
	return open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
}

/* That of pid 1 is 1: writing it tells if it can be written, and changes nothing. */
static void check_last_pid(struct torn_isolated *isolated)
{
	if (isolated->last_pid_fd >= 0 && pwrite(isolated->last_pid_fd, "1", 1, 0) != 1) {
		close(isolated->last_pid_fd);
		isolated->last_pid_fd = -1;
	}
}

static int die_with(struct entering *e, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return failed(e, errno, "PR_SET_PDEATHSIG");
	/* It may have died before that. */
	if (getppid() != parent)
		_exit(255);
	return 0;
}

static int go_inside(struct entering *e)
{
	const bool is_root = geteuid() == 0;
	const uid_t uid = geteuid();
	const gid_t gid = is_root ? 0 : getegid();
	const pid_t parent = getppid();
	int r = check_dir(e);
	if (r == 0)
		r = list_shown(e);
	if (r < 0)
		return r;
	r = torn_unprivileged_become();
	if (r < 0)
		return failed(e, -r, "root cannot be given up");
	r = die_with(e, parent);
	if (r < 0)
		return r;
	find_copied(e);
	e->sockets = read_whole("/proc/net/unix"); /* while this process has the host's network */
	e->isolated.last_pid_fd = open_last_pid();
	r = make_namespaces(e, uid, gid);
	return r == 0 ? become_first(e) : r;
}

int torn_isolation_enter(const struct torn_isolation *isolation, struct torn_isolated *ret_isolated,
			 char *ret_message, size_t size)
{
	assert(isolation->dir_bytes_max > 0 && isolation->dir_inodes_max > 0);
	/* Large, and needed once. */
	struct entering *e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	e->isolation = isolation;
	e->message = ret_message;
	e->size = size;
	e->isolated = (struct torn_isolated){-1, -1, -1, -1, -1, 0, false};
	if (!realpath("/tmp", e->tmp))
		e->tmp[0] = '\0';
	if (!realpath("/dev/shm", e->shm))
		e->shm[0] = '\0';
	int r = go_inside(e);
	const mode_t mask = umask(0);
	if (r == 0)
		r = build(e);
	umask(mask);
	if (r == 0)
		r = make_rules(e);
	if (r == 0) {
		check_last_pid(&e->isolated);
		*ret_isolated = e->isolated;
	}
	free(e->sockets);
	free(e);
	return r;
}

int torn_isolation_confine(const struct torn_isolated *isolated)
{
	const long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
			  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}};
	const struct rlimit no_core = {0, 0};
	long r = torn_raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	if (r == 0)
		r = torn_raw(SYS_prctl, PR_SET_SECUREBITS, bits);
	/*
	 * The bounding set stays: no bit of it can be had without a file's capabilities
	 * or root's, and both are switched off by now.
	 */
	if (r == 0)
		r = torn_raw(SYS_capset, &header, none);
	if (r == 0)
		r = torn_raw(SYS_prlimit64, 0, RLIMIT_CORE, &no_core, 0);
	if (r == 0 && isolated->ruleset_fd >= 0)
		r = torn_raw(SYS_landlock_restrict_self, isolated->ruleset_fd);
	return (int)r;
}
