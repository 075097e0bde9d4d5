/*
 * gate_runtime_for_tests.h: a root with what a kernel keeps in it, and where this machine allows namespaces the same
 * on the real kernel. For tests only.
 */
#ifndef TORN_GATE_RUNTIME_FOR_TESTS_H
#define TORN_GATE_RUNTIME_FOR_TESTS_H

#include <fiu-control.h>
#include <fiu.h>
#include <linux/audit.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "effects.h"
#include "gate_for_tests.h"
#include "gate_uring_for_tests.h"
#include "points.h"

#define NET "/proc/sys/net"
#define FORWARD NET "/ipv4/ip_forward"
#define HOSTNAME "/proc/sys/kernel/hostname"
#define KEPT "proc/sys/net/ipv4/ip_forward"

/* There is a sound module that is used by another, and a mount that is not of the root. */
static const char KERNEL[] =
	"old srv/f file \"1\\n\"\n"
	"old lib/modules/dummy.ko file \"\"\n"
	"old lib/modules/notes.txt file \"\"\n"
	"old mnt/data dir\n"
	"old proc runtime\n"
	"old proc/sys/net/ipv4/ip_forward file \"0\\n\"\n"
	"old proc/sys/kernel/hostname file \"abcdef\\n\"\n"
	"old proc/sys/kernel/osrelease file mode=0444 \"6.18.0\\n\"\n"
	"old proc/modules file \"usb_storage 81920 0 - Live 0x0000000000000000\\n"
	"snd 90112 1 snd_timer, Live 0x0000000000000000\\n"
	"snd_timer 40960 0 - Live 0x0000000000000000\\n\"\n"
	"old proc/self/mountinfo file \"20 1 0:5 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\\n"
	"21 20 0:6 / /mnt/data rw,relatime - ext4 /dev/sdb1 rw\\n\"\n"
	"old proc/audit/rules file \"\"\n"
	"old proc/audit/enabled file \"1\\n\"\n";

#define runtime_test(function) cmocka_unit_test_setup_teardown(function, open_runtime, close_test)

static inline int open_runtime(void **state)
{
	const int r = open_test(state);
	begin_with(KERNEL);
	test->watch[0] = KEPT;
	return r;
}

/* What a file reads as, without its newline. */
static const char *read_of(const char *path)
{
	static char text[64];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

#define IS(value) (strcmp(read_of(FORWARD), value) == 0)

/* ------------------------------------------------------- on the real kernel */

/* The same in a root of its own: with the host's procfs, whose net is that of a new namespace. */
static inline bool enter_kernel(const char *root)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", root, "tmpfs", 0, NULL) == 0 && chdir(root) == 0 &&
	       mkdir("proc", 0755) == 0 && mkdir("srv", 0755) == 0 &&
	       mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) == 0 && chroot(".") == 0 &&
	       sethostname("abcdef", 6) == 0 && access(FORWARD, W_OK) == 0;
}

static inline bool make_srv_f(void)
{
	const int fd = open("/srv/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd >= 0 && write(fd, "1\n", 2) == 2 && close(fd) == 0;
}

#define NOT_ALLOWED 255

static inline int on_kernel(int (*operation)(const struct torn_run *run))
{
	char root[] = "/tmp/torn-runtime-test-XXXXXX";
	assert_non_null(mkdtemp(root));
	const pid_t child = fork();
	if (child == 0) {
		if (geteuid() != 0 || !enter_kernel(root) || !make_srv_f())
			_exit(NOT_ALLOWED);
		const int line = operation(NULL);
		if (line)
			fprintf(stderr, "on the real kernel line %d does not hold\n", line);
		_exit(line ? 1 : 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(rmdir(root), 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The gate answers as the kernel does: each operation says itself what is to be found. */
static inline void assert_as_the_kernel(int (*operation)(const struct torn_run *run))
{
	assert_holds(operation);
	const int real = on_kernel(operation);
	if (real == NOT_ALLOWED)
		print_message("SKIPPED: no namespaces here, or a procfs to read only: the kernel was not asked\n");
	else
		assert_int_equal(real, 0);
}

#endif
