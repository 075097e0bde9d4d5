/* sysctl_set where /etc/sysctl.d is missing: in a network namespace, whose log_martians is its own. */
#include "../confirm.h"

#include <sched.h>

#define VALUE "/proc/sys/net/ipv4/conf/all/log_martians"

static void set(const char *value)
{
	int file = open(VALUE, O_WRONLY | O_CLOEXEC);
	MUST(file >= 0 && write(file, value, 2) == 2 && close(file) == 0);
}

static char value(void)
{
	char bytes[4];
	int file = open(VALUE, O_RDONLY | O_CLOEXEC);
	MUST(file >= 0 && read(file, bytes, sizeof bytes) == 2 && close(file) == 0);
	return bytes[0];
}

static void walk(const char *operation)
{
	MUST(open("sysctl.d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) < 0);
	printf("%s: openat(sysctl.d): %s\n", operation, strerror(errno));
}

int main(void)
{
	begin();
	if (unshare(CLONE_NEWNET) < 0 || access(VALUE, W_OK) < 0) {
		printf("SKIPPED: no network namespace with sysctls here\n");
		return 77;
	}
	set("0\n");
	printf("log_martians is %c\n", value());
	set("1\n");
	walk("apply, AtomicWrite");
	walk("rollback, AtomicRemove");
	printf("rollback returns here, and log_martians is %c\n", value());
	return 0;
}
