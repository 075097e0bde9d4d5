/*
 * sandbox_test.c: the second wall: see sandbox.h. A child goes behind it and
 * tries with system calls of its own, without any gate; what they gave it
 * tells through shared memory, and the parent asserts. All of it twice where
 * the test was started as root: as root, and as an ordinary user.
 *
 * Not stopped by Landlock, and so not asserted: chmod, chown, utime and
 * setxattr of files that belong to the user (landlock(7), "current
 * limitations"). There the gate is the only wall.
 */
#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../injectors/view.h"

#define ORDINARY_ID 65534
#define NOT_TRIED 9999
#define DESCRIPTORS 40 /* that the child inherits and must not keep */

/* What each attempt gave: 0, or the errno. */
struct seen {
	bool done;
	int entered, landlock;
	char message[256];
	/* outside */
	int etc, proc_sys, oom_score, victim_write, victim_append, victim_truncate, victim_unlink;
	int victim_rename, victim_link, victim_up, make_file, make_folder, make_symlink, make_fifo;
	int rename_out, link_out, unlink_folder, grandchild_write;
	/* below */
	int below_file, below_write, below_truncate, below_folder, below_rename, below_into, below_link;
	int below_symlink, below_fifo, below_unlink, below_rmdir;
	/* others */
	int kill_parent, stop_parent, trace_parent, memory_of_parent, connect_tcp, bind_tcp;
	/* itself */
	uid_t uids[3], gids[3];
	int groups, become_root, no_new_privs, death_signal, new_namespace;
	uint32_t capabilities;
	mode_t umask;
	struct rlimit files, core;
	int open_descriptors, first_open, std_are_null, null_is_null;
};

static struct seen *seen; /* [0]: as started; [1]: as an ordinary user, where that is another */
static size_t seen_count;
static char outside[64], victim[96], root[96], elsewhere[96];
static int listener = -1;
static struct sockaddr_in listening;

static int gave(long result)
{
	return result < 0 ? errno : 0;
}

static int gave_open(int dir, const char *name, int flags)
{
	const int fd = (int)syscall(SYS_openat, dir, name, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* ------------------------------------------------------- behind the wall */

static void try_outside(struct seen *s, int root_fd)
{
	char name[160];
	s->etc = gave_open(AT_FDCWD, "/etc/torn-sandbox-test", O_WRONLY | O_CREAT);
	s->proc_sys = gave_open(AT_FDCWD, "/proc/sys/kernel/panic", O_WRONLY);
	s->oom_score = gave_open(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY);
	s->victim_write = gave_open(AT_FDCWD, victim, O_WRONLY);
	s->victim_append = gave_open(AT_FDCWD, victim, O_RDWR | O_APPEND);
	s->victim_up = gave_open(root_fd, "../victim", O_WRONLY);
	s->victim_truncate = gave(syscall(SYS_truncate, victim, 0));
	s->victim_rename = gave(syscall(SYS_renameat2, AT_FDCWD, victim, root_fd, "taken", 0));
	s->victim_link = gave(syscall(SYS_linkat, AT_FDCWD, victim, root_fd, "taken", 0));
	s->victim_unlink = gave(syscall(SYS_unlink, victim));
	snprintf(name, sizeof name, "%s/made", outside);
	s->make_file = gave_open(AT_FDCWD, name, O_WRONLY | O_CREAT);
	s->make_folder = gave(syscall(SYS_mkdir, name, 0755));
	s->make_symlink = gave(syscall(SYS_symlink, "x", name));
	s->make_fifo = gave(syscall(SYS_mknod, name, S_IFIFO | 0644, 0));
	(void)gave_open(root_fd, "out", O_WRONLY | O_CREAT);
	s->rename_out = gave(syscall(SYS_renameat2, root_fd, "out", AT_FDCWD, name, 0));
	s->link_out = gave(syscall(SYS_linkat, root_fd, "out", AT_FDCWD, name, 0));
	s->unlink_folder = gave(syscall(SYS_rmdir, elsewhere));
	/* What it starts is behind the wall, too. */
	const pid_t child = fork();
	if (child == 0)
		_exit(gave_open(AT_FDCWD, victim, O_WRONLY));
	int status = 0;
	s->grandchild_write = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
				      ? WEXITSTATUS(status)
				      : NOT_TRIED;
}

static void try_below(struct seen *s, int root_fd)
{
	s->below_file = gave_open(root_fd, "file", O_WRONLY | O_CREAT | O_EXCL);
	const int fd = (int)syscall(SYS_openat, root_fd, "file", O_RDWR | O_CLOEXEC, 0);
	s->below_write = gave(syscall(SYS_write, fd, "text", 4));
	s->below_truncate = gave(syscall(SYS_ftruncate, fd, 2));
	close(fd);
	s->below_folder = gave(syscall(SYS_mkdirat, root_fd, "folder", 0755));
	s->below_rename = gave(syscall(SYS_renameat2, root_fd, "file", root_fd, "renamed", 0));
	s->below_into = gave(syscall(SYS_renameat2, root_fd, "renamed", root_fd, "folder/in", 0));
	s->below_link = gave(syscall(SYS_linkat, root_fd, "folder/in", root_fd, "linked", 0));
	s->below_symlink = gave(syscall(SYS_symlinkat, "x", root_fd, "symlink"));
	s->below_fifo = gave(syscall(SYS_mknodat, root_fd, "fifo", S_IFIFO | 0644, 0));
	s->below_unlink = gave(syscall(SYS_unlinkat, root_fd, "folder/in", 0));
	s->below_rmdir = gave(syscall(SYS_unlinkat, root_fd, "folder", AT_REMOVEDIR));
}

static void try_others(struct seen *s, pid_t parent)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {victim, 1};
	s->kill_parent = gave(syscall(SYS_kill, parent, 0));
	s->stop_parent = gave(syscall(SYS_kill, parent, SIGCONT));
	s->trace_parent = gave(syscall(SYS_ptrace, PTRACE_SEIZE, parent, 0, 0));
	s->memory_of_parent =
		gave(syscall(SYS_process_vm_writev, parent, &local, 1UL, &remote, 1UL, 0UL));
	const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->connect_tcp = gave(connect(client, (struct sockaddr *)&listening, sizeof listening));
	close(client);
	const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	s->bind_tcp = gave(bind(server, (struct sockaddr *)&any, sizeof any));
	close(server);
}

static bool is_null(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

static void look_at_itself(struct seen *s, const int *keep, size_t keep_count)
{
	getresuid(&s->uids[0], &s->uids[1], &s->uids[2]);
	getresgid(&s->gids[0], &s->gids[1], &s->gids[2]);
	s->groups = getgroups(0, NULL);
	s->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	prctl(PR_GET_PDEATHSIG, &s->death_signal);
	s->umask = umask(0);
	getrlimit(RLIMIT_NOFILE, &s->files);
	getrlimit(RLIMIT_CORE, &s->core);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	syscall(SYS_capget, &header, data);
	s->capabilities = data[0].effective | data[0].permitted | data[1].effective | data[1].permitted;
	s->first_open = -1;
	for (int fd = 3; fd < 4096; fd++) {
		bool kept = false;
		for (size_t i = 0; i < keep_count; i++)
			kept |= keep[i] == fd;
		if (kept || fcntl(fd, F_GETFD) < 0)
			continue;
		if (s->open_descriptors++ == 0)
			s->first_open = fd;
	}
	s->std_are_null = is_null(0) && is_null(1) && is_null(2);
	s->null_is_null = is_null(TORN_FD_NULL);
	/* Last: what would change it. */
	s->become_root = gave(syscall(SYS_setresuid, 0, 0, 0));
	s->new_namespace = gave(syscall(SYS_unshare, 0x00020000 /* CLONE_NEWNS */));
}

static void behind_the_wall(struct seen *s, pid_t parent)
{
	const int keep[] = {
		TORN_FD_NULL,
		fcntl(open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), F_DUPFD_CLOEXEC, TORN_FD_NULL + 40),
		fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, TORN_FD_NULL + 7),
	};
	/* Below, among and above those that stay. */
	for (int i = 0; i < DESCRIPTORS; i++)
		fcntl(STDERR_FILENO, F_DUPFD, i % 4 == 0 ? TORN_FD_NULL + 100 : i % 2 ? 3 : TORN_FD_NULL);
	umask(077);
	s->entered = torn_sandbox_enter(keep[1], -1, keep, sizeof keep / sizeof *keep, &s->landlock,
					s->message, sizeof s->message);
	if (s->entered == 0) {
		try_below(s, keep[1]);
		try_outside(s, keep[1]);
		try_others(s, parent);
		look_at_itself(s, keep, sizeof keep / sizeof *keep);
	}
	s->done = true;
}

/* ----------------------------------------------------------- before the wall */

static int make_places(uid_t owner)
{
	snprintf(outside, sizeof outside, "/dev/shm/sandbox_test.XXXXXX");
	if (!mkdtemp(outside) || chmod(outside, 0777) != 0 || chown(outside, owner, owner) != 0)
		return -1;
	snprintf(victim, sizeof victim, "%s/victim", outside);
	snprintf(root, sizeof root, "%s/root", outside);
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", outside);
	const int fd = open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, "whole\n", 6) != 6 || fchmod(fd, 0666) != 0 ||
	    fchown(fd, owner, owner) != 0 || close(fd) != 0)
		return -1;
	/* All may do all with it: only the second wall is in the way. */
	return mkdir(elsewhere, 0777) == 0 && chown(elsewhere, owner, owner) == 0 &&
			       mkdir(root, 0777) == 0 && chmod(root, 0777) == 0
		       ? 0
		       : -1;
}

static bool victim_is_whole(void)
{
	char is[16] = "";
	FILE *in = fopen(victim, "r");
	if (!in)
		return false;
	is[fread(is, 1, sizeof is - 1, in)] = '\0';
	fclose(in);
	return strcmp(is, "whole\n") == 0;
}

static void remove_places(void)
{
	char command[160];
	snprintf(command, sizeof command, "rm -rf '%s'", outside);
	if (system(command) != 0)
		fprintf(stderr, "%s is left\n", outside);
}

static int listen_somewhere(void)
{
	socklen_t size = sizeof listening;
	listening = (struct sockaddr_in){.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(listener, (struct sockaddr *)&listening, size) == 0 && listen(listener, 4) == 0 &&
			       getsockname(listener, (struct sockaddr *)&listening, &size) == 0
		       ? 0
		       : -1;
}

/* A parent of its own for each, of the same user as its child. */
static int run_behind_the_wall(struct seen *s, uid_t id)
{
	if (make_places(id == 0 ? TORN_UNPRIVILEGED_ID : id) < 0)
		return -1;
	fflush(NULL);
	const pid_t parent = fork();
	if (parent == 0) {
		if (geteuid() != id && (setgroups(0, NULL) != 0 || setresgid(id, id, id) != 0 ||
					setresuid(id, id, id) != 0))
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1);
		const pid_t self = getpid(), child = fork();
		if (child == 0) {
			behind_the_wall(s, self);
			_exit(0);
		}
		int status;
		_exit(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? 0 : 1);
	}
	int status = 0;
	const bool ok = parent > 0 && waitpid(parent, &status, 0) == parent && WIFEXITED(status) &&
			WEXITSTATUS(status) == 0 && victim_is_whole() && access(elsewhere, F_OK) == 0;
	remove_places();
	return ok && s->done ? 0 : -1;
}

static int go_behind_the_wall(void **state)
{
	(void)state;
	seen = mmap(NULL, 2 * sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED || listen_somewhere() < 0)
		return -1;
	if (run_behind_the_wall(&seen[seen_count++], geteuid()) < 0)
		return -1;
	if (geteuid() == 0 && run_behind_the_wall(&seen[seen_count++], ORDINARY_ID) < 0)
		return -1;
	return 0;
}

static int come_back(void **state)
{
	(void)state;
	close(listener);
	return munmap(seen, 2 * sizeof *seen);
}

/* Landlock of this version, which keeps what is asserted next. */
static bool has_landlock(const struct seen *s, int version, const char *what)
{
	if (s->landlock >= version)
		return true;
	print_message("SKIP: %s: needs Landlock %d, this kernel has %d\n", what, version, s->landlock);
	return false;
}

#define FOR_EACH_SEEN(s) for (const struct seen *s = seen; s < seen + seen_count; s++)

/* ------------------------------------------------------------------- tests */

static void test_it_can_be_entered(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_string_equal(s->message, "");
		assert_int_equal(s->entered, 0);
		/* All that this kernel has is in force, or the rest of this test is skipped for nothing. */
		const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* _VERSION */);
		assert_int_equal(s->landlock, version < 0 ? 0 : version);
	}
}

static void test_files_of_the_host_cannot_be_written(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->etc, EACCES);
		assert_int_equal(s->proc_sys, EACCES);
		if (!has_landlock(s, 1, "files of the host"))
			continue;
		assert_int_equal(s->oom_score, EACCES);
		assert_int_equal(s->victim_write, EACCES);
		assert_int_equal(s->victim_append, EACCES);
		assert_int_equal(s->victim_up, EACCES);
		assert_int_equal(s->grandchild_write, EACCES);
		if (has_landlock(s, 3, "truncate"))
			assert_int_equal(s->victim_truncate, EACCES);
	}
}

static void test_names_of_the_host_cannot_be_changed(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		if (!has_landlock(s, 1, "names of the host"))
			continue;
		assert_int_equal(s->victim_unlink, EACCES);
		assert_int_equal(s->unlink_folder, EACCES);
		assert_int_equal(s->make_file, EACCES);
		assert_int_equal(s->make_folder, EACCES);
		assert_int_equal(s->make_symlink, EACCES);
		assert_int_equal(s->make_fifo, EACCES);
		/* EXDEV where the rights alone would allow it: landlock(7). */
		assert_true(s->victim_rename == EACCES || s->victim_rename == EXDEV);
		assert_true(s->victim_link == EACCES || s->victim_link == EXDEV);
		assert_true(s->rename_out == EACCES || s->rename_out == EXDEV);
		assert_true(s->link_out == EACCES || s->link_out == EXDEV);
	}
}

static void test_everything_can_be_done_below_the_root(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->below_file, 0);
		assert_int_equal(s->below_write, 0);
		assert_int_equal(s->below_truncate, 0);
		assert_int_equal(s->below_folder, 0);
		assert_int_equal(s->below_rename, 0);
		if (s->landlock != 1) { /* version 1 forbids it altogether */
			assert_int_equal(s->below_into, 0);
			assert_int_equal(s->below_link, 0);
			assert_int_equal(s->below_unlink, 0);
		}
		assert_int_equal(s->below_symlink, 0);
		assert_int_equal(s->below_fifo, 0);
		assert_int_equal(s->below_rmdir, 0);
	}
}

static void test_other_processes_cannot_be_touched(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		if (s->landlock >= 6 || s->uids[0] == TORN_UNPRIVILEGED_ID) {
			assert_int_equal(s->kill_parent, EPERM);
			assert_int_equal(s->stop_parent, EPERM);
		} else {
			(void)has_landlock(s, 6, "signals to processes of the same user");
		}
		if (s->landlock >= 1 || s->uids[0] == TORN_UNPRIVILEGED_ID) {
			assert_int_equal(s->trace_parent, EPERM);
			assert_int_equal(s->memory_of_parent, EPERM);
		}
	}
}

static void test_no_tcp_port_can_be_used(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		if (!has_landlock(s, 4, "TCP"))
			continue;
		assert_int_equal(s->connect_tcp, EACCES);
		assert_int_equal(s->bind_tcp, EACCES);
	}
}

static void test_root_is_given_up_for_good(void **state)
{
	(void)state;
	const uid_t started = geteuid();
	for (size_t k = 0; k < seen_count; k++) {
		const uid_t is = started != 0 ? started : k == 0 ? TORN_UNPRIVILEGED_ID : ORDINARY_ID;
		for (int i = 0; i < 3; i++) {
			assert_int_equal(seen[k].uids[i], is);
			assert_int_not_equal(seen[k].uids[i], 0);
			if (started == 0)
				assert_int_equal(seen[k].gids[i], is);
		}
		if (started == 0)
			assert_int_equal(seen[k].groups, 0);
		assert_int_equal(seen[k].capabilities, 0);
		assert_int_equal(seen[k].no_new_privs, 1);
		assert_int_equal(seen[k].become_root, EPERM);
		assert_int_equal(seen[k].new_namespace, EPERM);
	}
}

static void test_only_the_descriptors_to_keep_are_open(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->first_open, -1);
		assert_int_equal(s->open_descriptors, 0);
		assert_true(s->std_are_null);
		assert_true(s->null_is_null);
	}
}

static void test_limits_and_masks_are_the_same_everywhere(void **state)
{
	(void)state;
	FOR_EACH_SEEN(s) {
		assert_int_equal(s->umask, 0);
		assert_int_equal(s->files.rlim_cur, s->files.rlim_max);
		assert_int_equal(s->core.rlim_max, 0);
		assert_int_equal(s->death_signal, SIGKILL);
	}
}

/* A root that is none is told, and not passed over. */
static void test_a_root_that_is_none_is_refused(void **state)
{
	(void)state;
	struct seen *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(s != MAP_FAILED);
	const pid_t child = fork();
	if (child == 0) {
		const int keep[] = {TORN_FD_NULL};
		s->entered = torn_sandbox_enter(-1, -1, keep, 1, &s->landlock, s->message, sizeof s->message);
		s->done = true;
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	const struct seen copy = *s;
	munmap(s, sizeof *s);
	assert_true(copy.done);
	if (!has_landlock(&seen[0], 1, "a root that is none"))
		return;
	assert_true(copy.entered < 0);
	assert_true(strlen(copy.message) > 0);
}

/* The child dies with its parent, even of a SIGKILL that nobody can act on. */
static void test_it_dies_with_its_parent(void **state)
{
	(void)state;
	pid_t *confined = mmap(NULL, sizeof *confined, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ready[2];
	assert_true(confined != MAP_FAILED);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(make_places(TORN_UNPRIVILEGED_ID * (geteuid() == 0) + geteuid()), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	const pid_t parent = fork();
	if (parent == 0) {
		if (fork() == 0) {
			*confined = getpid();
			const int keep[] = {TORN_FD_NULL,
					    fcntl(open(root, O_RDONLY | O_DIRECTORY), F_DUPFD, TORN_FD_NULL + 1),
					    fcntl(ready[1], F_DUPFD, TORN_FD_NULL + 1)};
			struct seen s;
			if (torn_sandbox_enter(keep[1], -1, keep, 3, &s.landlock, s.message,
					       sizeof s.message) == 0 &&
			    write(keep[2], "r", 1) == 1)
				for (;;)
					pause();
			_exit(1);
		}
		for (;;)
			pause();
	}
	char byte = 0;
	close(ready[1]);
	const bool ready_read = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	kill(parent, SIGKILL);
	int status = 0;
	waitpid(parent, &status, 0);
	const pid_t child = *confined;
	const pid_t reaped = child > 0 ? waitpid(child, &status, 0) : -1;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	munmap(confined, sizeof *confined);
	remove_places();
	assert_true(ready_read);
	assert_int_equal(reaped, child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_can_be_entered),
		cmocka_unit_test(test_files_of_the_host_cannot_be_written),
		cmocka_unit_test(test_names_of_the_host_cannot_be_changed),
		cmocka_unit_test(test_everything_can_be_done_below_the_root),
		cmocka_unit_test(test_other_processes_cannot_be_touched),
		cmocka_unit_test(test_no_tcp_port_can_be_used),
		cmocka_unit_test(test_root_is_given_up_for_good),
		cmocka_unit_test(test_only_the_descriptors_to_keep_are_open),
		cmocka_unit_test(test_limits_and_masks_are_the_same_everywhere),
		cmocka_unit_test(test_a_root_that_is_none_is_refused),
		cmocka_unit_test(test_it_dies_with_its_parent),
	};
	return cmocka_run_group_tests(tests, go_behind_the_wall, come_back);
}
