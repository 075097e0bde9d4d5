/*
 * isolation_test.c: the walls of isolation.h. A worker goes behind them and
 * starts a hostile program there; what the kernel gave them they tell through
 * shared memory, and the parent asserts. All of it as root, where the test was
 * started so, and as an ordinary user, and with `dir` in places that are
 * hidden or that an unprivileged process cannot reach.
 */
#include "isolation_for_tests.h"

/* What each attempt gave: 0, or the errno. */
struct seen {
	const char *name;
	uid_t id; /* that starts the worker */
	bool done;
	int entered, confined, landlock, worker_status;
	char message[400];
	bool has_own_proc, has_last_pid;
	uint64_t enter_ns, confine_ns;
	/* pid 1, which has capabilities and no Landlock: the mounts alone are in the way */
	int first_pid, session, first_victim, first_etc, first_last_pid, first_namespaces, first_victim_chmod;
	int writable_mounts, other_writable;
	char other[200];
	struct stat dir, tmp, shm, above_dir;
	char uid_map[64];
	/* the program */
	pid_t program_pid;
	mode_t umask;
	uid_t uid;
	gid_t gid;
	int victim, etc, proc_sys, proc_self, sys, host_tmp, kill_host, kill_first, host_proc, processes;
	int mount_on, unmount, own_mounts, own_users, become_other, chroot_in, device;
	uint64_t capabilities;
	struct rlimit core;
	int connected, connected_by_path, terminal, shared_memory, secure_bits;
	bool is_in_dir, dir_was_empty;
	int write_dir, write_tmp, write_shm, write_null, rename_across, fifo;
	int bytes_errno, inodes_errno;
	uint64_t bytes_written, inodes_made;
	char status[8192]; /* of /proc/self, after exec */
	int shown_read[SHOWN_MAX], shown_first_write[SHOWN_MAX], shown_write[SHOWN_MAX];
	int shown_exec[SHOWN_MAX];
	/* the host, after it */
	bool all_ended, dir_is_empty, nothing_left, victim_is_whole, mounts_are_same;
};

static struct seen *seen;
static size_t seen_count;
static char victim[64];
static struct sockaddr_in listening;
static struct sockaddr_un listening_at;
static int listener = -1, listener_at = -1;
static pid_t host_pid;
static int shared_memory = -1; /* of System V, which all may use */

static int gave(long result)
{
	return result < 0 ? errno : 0;
}

static int gave_open(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---------------------------------------------------------------- the program */

static int count_processes(void)
{
	DIR *dir = opendir("/proc");
	int count = 0;
	for (const struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	if (dir)
		closedir(dir);
	return count;
}

static int connect_by_path(void)
{
	const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int error = gave(connect(client, (struct sockaddr *)&listening_at, sizeof listening_at));
	close(client);
	return error;
}

static void try_host(struct seen *s)
{
	char path[64];
	s->victim = gave_open(victim, O_WRONLY);
	s->etc = gave_open("/etc/" MARK "x", O_WRONLY | O_CREAT);
	s->proc_sys = gave_open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	s->proc_self = gave_open("/proc/self/comm", O_WRONLY);
	s->sys = gave_open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY);
	s->kill_host = gave(kill(host_pid, 0));
	s->kill_first = gave(kill(1, 0));
	snprintf(path, sizeof path, "/proc/%d/stat", host_pid);
	s->host_proc = gave_open(path, O_RDONLY);
	s->processes = count_processes();
	const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->connected = gave(connect(client, (struct sockaddr *)&listening, sizeof listening));
	close(client);
	s->connected_by_path = connect_by_path();
	s->terminal = gave_open("/dev/tty", O_RDONLY);
	struct shmid_ds segment;
	s->shared_memory = gave(shmctl(shared_memory, IPC_STAT, &segment));
}

static void try_privileges(struct seen *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	syscall(SYS_capget, &header, data);
	s->capabilities = data[0].effective | data[0].permitted | data[0].inheritable |
			  data[1].effective | data[1].permitted | data[1].inheritable;
	s->secure_bits = prctl(PR_GET_SECUREBITS);
	s->uid = getuid();
	s->gid = getgid();
	s->mount_on = gave(mount("tmpfs", ".", "tmpfs", 0, NULL));
	s->unmount = gave(umount2("/tmp", MNT_DETACH));
	s->chroot_in = gave(chroot("."));
	s->own_mounts = gave(unshare(CLONE_NEWNS));
	s->own_users = gave(unshare(CLONE_NEWUSER));
	s->become_other = gave(syscall(SYS_setresuid, 1, 1, 1));
	s->device = gave(mknod("device", S_IFCHR | 0666, makedev(1, 3)));
	getrlimit(RLIMIT_CORE, &s->core);
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count == 2; /* . and .. */
}

static void try_writing(struct seen *s, const char *dir)
{
	char cwd[256] = "";
	s->is_in_dir = getcwd(cwd, sizeof cwd) && strcmp(cwd, dir) == 0;
	s->dir_was_empty = is_empty(dir);
	s->write_dir = gave_open("file", O_WRONLY | O_CREAT | O_EXCL | O_TRUNC);
	s->write_tmp = gave_open("/tmp/" MARK "x", O_WRONLY | O_CREAT | O_EXCL);
	s->write_shm = gave_open("/dev/shm/" MARK "x", O_WRONLY | O_CREAT | O_EXCL);
	s->write_null = gave_open("/dev/null", O_RDWR | O_TRUNC);
	s->fifo = gave(mkfifo("fifo", 0644));
	if (mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && gave_open("a/x", O_CREAT | O_WRONLY) == 0)
		s->rename_across = gave(rename("a/x", "b/x"));
}

static void try_limits(struct seen *s)
{
	static const char block[4096];
	const int fd = open("large", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n;
	while ((n = write(fd, block, sizeof block)) > 0 && s->bytes_written <= 2 * BYTES_MAX)
		s->bytes_written += (uint64_t)n;
	s->bytes_errno = gave(n);
	close(fd);
	unlink("large");
	char name[32];
	for (; s->inodes_errno == 0 && s->inodes_made <= 2 * INODES_MAX; s->inodes_made++) {
		snprintf(name, sizeof name, "inode%d", (int)s->inodes_made);
		s->inodes_errno = gave_open(name, O_WRONLY | O_CREAT);
	}
}

static int run_script(const char *path)
{
	const pid_t child = vfork();
	if (child == 0) {
		execl(path, path, (char *)NULL);
		_exit(126);
	}
	int status = 0;
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int read_script(const char *path)
{
	char text[64] = "";
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	const bool same = read(fd, text, sizeof text) == (ssize_t)strlen(SCRIPT) &&
			  strcmp(text, SCRIPT) == 0;
	close(fd);
	return same ? 0 : EILSEQ;
}

static void be_program(struct seen *s, const struct place *place, const struct torn_isolated *isolated)
{
	const uint64_t began = now_ns();
	s->confined = torn_isolation_confine(isolated);
	s->confine_ns = now_ns() - began;
	s->program_pid = getpid();
	s->umask = umask(UMASK);
	try_writing(s, place->dir);
	try_host(s);
	try_privileges(s);
	for (size_t i = 0; i < place->count; i++) {
		s->shown_read[i] = read_script(place->shown[i]);
		s->shown_write[i] = gave_open(place->shown[i], O_WRONLY);
		s->shown_exec[i] = run_script(place->shown[i]);
	}
	try_limits(s);
	/* Nobody waits for it: it is there until its namespace ends. */
	if (fork() == 0)
		for (;;)
			pause();
	execl("/bin/sh", "sh", "-c", "exec cat /proc/self/status > file", (char *)NULL);
	_exit(126);
}

/* ----------------------------------------------------------------- the worker */

static void read_text(const char *path, char *to, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? 0 : read(fd, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* Which mounts can be written, of those that no other one covers. */
static void look_at_mounts(struct seen *s, const char *dir)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	char line[1024], point[512], options[256];
	while (in && fgets(line, sizeof line, in)) {
		struct statvfs status;
		if (sscanf(line, "%*s %*s %*s %*s %511s %255s", point, options) != 2 ||
		    strncmp(options, "ro", 2) == 0 || statvfs(point, &status) != 0 ||
		    (status.f_flag & ST_RDONLY))
			continue;
		s->writable_mounts++;
		if (strcmp(point, dir) == 0 || strcmp(point, "/tmp") == 0 ||
		    strcmp(point, "/dev/shm") == 0 || strcmp(point, "/proc") == 0)
			continue;
		s->other_writable++;
		snprintf(s->other, sizeof s->other, "%.199s", point);
	}
	if (in)
		fclose(in);
}

static void be_first(struct seen *s, const struct place *place, const struct torn_isolated *isolated)
{
	char above[128];
	s->landlock = isolated->landlock;
	s->has_own_proc = isolated->has_own_proc;
	s->first_pid = getpid();
	s->session = getsid(0);
	read_text("/proc/self/uid_map", s->uid_map, sizeof s->uid_map);
	snprintf(above, sizeof above, "%s/..", place->dir);
	stat(above, &s->above_dir);
	s->first_victim = gave_open(victim, O_WRONLY);
	s->first_victim_chmod = gave(chmod(victim, 0600));
	s->first_etc = gave_open("/etc/" MARK "x", O_WRONLY | O_CREAT);
	s->first_last_pid = gave_open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	s->first_namespaces = gave_open("/proc/sys/user/max_user_namespaces", O_WRONLY);
	for (size_t i = 0; i < place->count; i++)
		s->shown_first_write[i] = gave_open(place->shown[i], O_WRONLY);
	look_at_mounts(s, place->dir);
	fstat(isolated->root_fd, &s->dir);
	fstat(isolated->tmp_fd, &s->tmp);
	fstat(isolated->shm_fd, &s->shm);
	s->has_last_pid = isolated->last_pid_fd >= 0 && pwrite(isolated->last_pid_fd, "4000", 4, 0) == 4;
	const pid_t child = fork();
	if (child == 0)
		be_program(s, place, isolated);
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status))
		return;
	read_text("file", s->status, sizeof s->status);
	s->done = s->status[0] != '\0';
}

static void hide_part_of_proc(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/proc/bus", "tmpfs", MS_RDONLY, NULL) != 0)
		_exit(99);
}

static void be_worker(struct seen *s, enum kind kind, const struct place *place)
{
	if (kind == HIDDEN_PROC)
		hide_part_of_proc();
	be_user(s->id);
	if (kind == WITHOUT_SETATTR)
		refuse_call(SCMP_SYS(mount_setattr), ENOSYS);
	umask(UMASK);
	const struct torn_isolation isolation = isolation_of(place);
	struct torn_isolated isolated;
	const uint64_t began = now_ns();
	s->entered = torn_isolation_enter(&isolation, &isolated, s->message, sizeof s->message);
	s->enter_ns = now_ns() - began;
	if (s->entered == 0)
		be_first(s, place, &isolated);
	_exit(42);
}

/* ------------------------------------------------------------------- the host */

/* Those of this process that a worker could have changed: other tests mount, too. */
static void read_mounts(char *to, size_t size)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	char line[1024], point[512];
	size_t length = 0;
	to[0] = '\0';
	while (in && fgets(line, sizeof line, in)) {
		if (sscanf(line, "%*s %*s %*s %*s %511s", point) != 1)
			continue;
		if (strstr(point, MARK) || strcmp(point, "/") == 0 || strncmp(point, "/proc", 5) == 0 ||
		    strcmp(point, "/tmp") == 0 || strcmp(point, "/dev/shm") == 0)
			length += (size_t)snprintf(to + length, size - length, "%s", line);
		if (length >= size)
			abort();
	}
	if (in)
		fclose(in);
}

static bool is_whole(void)
{
	struct stat status;
	return stat(victim, &status) == 0 && status.st_size == 6 && (status.st_mode & 0777) == 0666;
}

static int run_one(enum kind kind, const char *name, uid_t id)
{
	static char before[65536], after[65536];
	struct seen *s = &seen[seen_count];
	struct place place;
	int ends[2], status = 0;
	*s = (struct seen){.name = name, .id = id};
	if (make_place(&place, kind, id) < 0 || pipe(ends) != 0) /* not close-on-exec: all inside holds it */
		return -1;
	read_mounts(before, sizeof before);
	fflush(NULL);
	const pid_t worker = fork();
	if (worker == 0)
		be_worker(s, kind, &place);
	close(ends[1]);
	const bool waited = worker > 0 && waitpid(worker, &status, 0) == worker;
	s->all_ended = is_hung_up(ends[0], 0);
	close(ends[0]);
	read_mounts(after, sizeof after);
	s->worker_status = status;
	s->mounts_are_same = strcmp(before, after) == 0;
	s->victim_is_whole = is_whole();
	s->nothing_left = access("/etc/" MARK "x", F_OK) != 0 && access("/tmp/" MARK "x", F_OK) != 0 &&
			  access("/dev/shm/" MARK "x", F_OK) != 0;
	/* "second" lies beside, and nothing in it. */
	s->dir_is_empty = is_empty(place.dir);
	remove_place(&place);
	seen_count++;
	return waited ? 0 : -1;
}

static int prepare(void)
{
	snprintf(victim, sizeof victim, "/var/tmp/" MARK "XXXXXX");
	const int fd = mkstemp(victim);
	if (fd < 0 || write(fd, "whole\n", 6) != 6 || fchmod(fd, 0666) != 0)
		return -1;
	close(fd);
	socklen_t size = sizeof listening;
	listening = (struct sockaddr_in){.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	host_pid = getpid();
	shared_memory = shmget(IPC_PRIVATE, 4096, 0666);
	if (shared_memory < 0)
		return -1;
	listening_at = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(listening_at.sun_path, sizeof listening_at.sun_path, "%.60s.socket", victim);
	listener_at = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener_at, (struct sockaddr *)&listening_at, sizeof listening_at) != 0 ||
	    listen(listener_at, 64) != 0 || chmod(listening_at.sun_path, 0777) != 0)
		return -1;
	return bind(listener, (struct sockaddr *)&listening, size) == 0 && listen(listener, 64) == 0 &&
			       getsockname(listener, (struct sockaddr *)&listening, &size) == 0
		       ? 0
		       : -1;
}

static int run_all(void **state)
{
	(void)state;
	seen = mmap(NULL, 16 * sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED || prepare() < 0)
		return -1;
	unavailable = why_unavailable();
	if (unavailable)
		return 0;
	const uid_t ids[] = {geteuid(), ORDINARY_ID};
	const bool is_root = ids[0] == 0;
	for (size_t i = 0; i < (is_root ? 2 : 1); i++)
		if (run_one(PLAIN, "plain", ids[i]) < 0 || run_one(BELOW_TMP, "below /tmp", ids[i]) < 0 ||
		    run_one(PRIVATE, "private", ids[i]) < 0 ||
		    run_one(PRIVATE_IN_TMP, "private below /tmp", ids[i]) < 0 ||
		    run_one(WITHOUT_SETATTR, "without mount_setattr", ids[i]) < 0)
			return -1;
	return is_root ? run_one(HIDDEN_PROC, "hidden /proc", 0) : 0;
}

static int clean_up(void **state)
{
	(void)state;
	close(listener);
	close(listener_at);
	shmctl(shared_memory, IPC_RMID, NULL);
	unlink(listening_at.sun_path);
	unlink(victim);
	return munmap(seen, 16 * sizeof *seen);
}

#define FOR_EACH_SEEN(s)                                                                           \
	if (unavailable) {                                                                         \
		print_message("SKIP: %s\n", unavailable);                                          \
		skip();                                                                            \
	}                                                                                          \
	for (const struct seen *s = seen; s < seen + seen_count; s++)

static bool has_landlock(const struct seen *s, int version)
{
	if (s->landlock < version)
		print_message("SKIP: needs Landlock %d, this kernel has %d\n", version, s->landlock);
	return s->landlock >= version;
}

/* ------------------------------------------------------------------- tests */

static void test_it_can_be_entered(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		if (!s->done)
			print_message("%s as %u: %s\n", s->name, s->id, s->message);
		assert_string_equal(s->message, "");
		assert_int_equal(s->entered, 0);
		assert_int_equal(s->confined, 0);
		assert_true(s->done);
		assert_int_equal(s->first_pid, 1);
		/* All that this kernel has is in force, or some of this is skipped for nothing. */
		const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* _VERSION */);
		assert_int_equal(s->landlock, version < 0 ? 0 : version);
		assert_true(WIFEXITED(s->worker_status) && WEXITSTATUS(s->worker_status) == 42);
		print_message("%s as %u: enter %.0f us, confine %.1f us\n", s->name, s->id,
			      (double)s->enter_ns / 1e3, (double)s->confine_ns / 1e3);
	}
}

static void test_even_pid_1_cannot_write_files_of_the_host(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->first_victim, EROFS);
		assert_int_equal(s->first_victim_chmod, EROFS);
		assert_int_equal(s->first_etc, EROFS);
		assert_int_equal(s->first_last_pid, EROFS);
		assert_int_equal(s->first_namespaces, EROFS);
		assert_string_equal(s->other, "");
		assert_int_equal(s->other_writable, 0);
		/* dir, /tmp, /dev/shm, /proc (and what they cover): or nothing was read. */
		assert_in_range(s->writable_mounts, s->has_own_proc ? 4 : 3, 8);
	}
}

static bool is_refused(int error)
{
	return error == EACCES || error == EROFS || error == EPERM;
}

static void test_programs_cannot_write_files_of_the_host(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_true(is_refused(s->victim));
		assert_true(is_refused(s->etc));
		assert_true(is_refused(s->proc_sys));
		assert_true(is_refused(s->sys) || s->sys == ENOENT);
		/* No mount is in the way of this one. */
		if (has_landlock(s, 1))
			assert_int_equal(s->proc_self, s->has_own_proc ? EACCES : EROFS);
	}
}

static void test_programs_see_no_process_of_the_host(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->kill_host, ESRCH);
		if (has_landlock(s, 6))
			assert_int_equal(s->kill_first, EPERM);
		if (strcmp(s->name, "hidden /proc") == 0)
			assert_false(s->has_own_proc);
		if (!s->has_own_proc) {
			print_message("SKIP: /proc cannot be mounted here\n");
			continue;
		}
		assert_int_equal(s->host_proc, ENOENT);
		assert_int_equal(s->processes, 2); /* pid 1 and itself */
	}
}

static void test_programs_have_no_privileges(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->capabilities, 0);
		assert_int_equal(s->secure_bits & LOCKED, LOCKED);
		assert_int_equal(s->mount_on, EPERM);
		assert_int_equal(s->unmount, EPERM);
		assert_int_equal(s->chroot_in, EPERM);
		assert_int_equal(s->own_mounts, EPERM);
		assert_int_equal(s->own_users, ENOSPC);
		assert_true(s->become_other == EPERM || s->become_other == EINVAL);
		assert_int_equal(s->device, EPERM);
		assert_int_equal(s->core.rlim_max, 0);
		assert_non_null(strstr(s->status, "\nCapInh:\t0000000000000000\n"));
		assert_non_null(strstr(s->status, "\nCapPrm:\t0000000000000000\n"));
		assert_non_null(strstr(s->status, "\nCapEff:\t0000000000000000\n"));
		assert_non_null(strstr(s->status, "\nCapAmb:\t0000000000000000\n"));
		assert_non_null(strstr(s->status, "\nNoNewPrivs:\t1\n"));
	}
}

static void test_programs_see_the_ids_of_who_started_torn(void **state)
{
	(void)state;
	char line[64];
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->uid, s->id);
		assert_int_equal(s->gid, s->id == 0 || s->id == ORDINARY_ID ? s->id : getgid());
		const uid_t outside = s->id == 0 ? TORN_UNPRIVILEGED_ID : s->id;
		snprintf(line, sizeof line, "%10u %10u %10u\n", s->id, outside, 1);
		assert_string_equal(s->uid_map, line);
		snprintf(line, sizeof line, "\nUid:\t%u\t%u\t%u\t%u\n", s->id, s->id, s->id, s->id);
		assert_non_null(strstr(s->status, line));
	}
}

static void test_programs_share_nothing_by_system_v(void **state)
{
	(void)state;
	struct shmid_ds segment;
	assert_int_equal(shmctl(shared_memory, IPC_STAT, &segment), 0);
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->shared_memory, EINVAL);
	}
}

static void test_programs_have_no_network_and_no_terminal(void **state)
{
	(void)state;
	assert_int_equal(connect_by_path(), 0); /* it is there, for others */
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->connected, ENETUNREACH);
		assert_int_equal(s->connected_by_path, ECONNREFUSED);
		assert_int_equal(s->terminal, ENXIO);
		assert_int_equal(s->session, 1);
	}
}

static void test_programs_write_in_dir_tmp_and_shm(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_true(s->is_in_dir);
		assert_true(s->dir_was_empty);
		assert_int_equal(s->write_dir, 0);
		assert_int_equal(s->write_tmp, 0);
		assert_int_equal(s->write_shm, 0);
		assert_int_equal(s->write_null, 0);
		assert_int_equal(s->rename_across, 0);
		assert_int_equal(s->fifo, 0);
		assert_int_equal(s->dir.st_mode, S_IFDIR | 0755);
		assert_int_equal(s->tmp.st_mode, S_IFDIR | 01777);
		assert_int_equal(s->shm.st_mode, S_IFDIR | 01777);
		assert_int_equal(s->above_dir.st_mode, S_IFDIR | 0755);
		assert_int_equal(s->umask, UMASK);
		assert_int_equal(s->dir.st_uid, s->id);
		assert_int_equal(s->dir.st_gid, s->gid);
	}
}

static void test_dir_is_bounded(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->bytes_errno, ENOSPC);
		assert_int_equal(s->bytes_written, BYTES_MAX);
		assert_int_equal(s->inodes_errno, ENOSPC);
		assert_in_range(s->inodes_made, INODES_MAX / 2, INODES_MAX);
	}
}

static void test_what_is_shown_can_be_read_and_run_and_not_written(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		for (int i = 0; i < (strcmp(s->name, "plain") == 0 ? 2 : 4); i++) {
			assert_int_equal(s->shown_read[i], 0);
			assert_int_equal(s->shown_exec[i], 7);
			assert_int_equal(s->shown_first_write[i], EROFS);
			assert_true(is_refused(s->shown_write[i]));
		}
	}
}

static void test_pids_can_be_chosen(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		if (!s->has_last_pid) {
			print_message("SKIP: ns_last_pid cannot be written here\n");
			continue;
		}
		assert_int_equal(s->program_pid, PROGRAM_PID);
	}
}

static void test_nothing_is_left_on_the_host(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_true(s->all_ended);
		assert_true(s->mounts_are_same);
		assert_true(s->victim_is_whole);
		assert_true(s->nothing_left);
		assert_true(s->dir_is_empty);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_can_be_entered),
		cmocka_unit_test(test_even_pid_1_cannot_write_files_of_the_host),
		cmocka_unit_test(test_programs_cannot_write_files_of_the_host),
		cmocka_unit_test(test_programs_see_no_process_of_the_host),
		cmocka_unit_test(test_programs_have_no_privileges),
		cmocka_unit_test(test_programs_see_the_ids_of_who_started_torn),
		cmocka_unit_test(test_programs_share_nothing_by_system_v),
		cmocka_unit_test(test_programs_have_no_network_and_no_terminal),
		cmocka_unit_test(test_programs_write_in_dir_tmp_and_shm),
		cmocka_unit_test(test_dir_is_bounded),
		cmocka_unit_test(test_what_is_shown_can_be_read_and_run_and_not_written),
		cmocka_unit_test(test_pids_can_be_chosen),
		cmocka_unit_test(test_nothing_is_left_on_the_host),
	};
	return cmocka_run_group_tests(tests, run_all, clean_up);
}
