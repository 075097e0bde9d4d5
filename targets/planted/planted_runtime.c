/* planted_runtime.c: see planted_runtime.h. */
#include "planted_runtime.h"

#include <fcntl.h>
#include <unistd.h>

const struct torn_world planted_runtime_worlds[] = {
	{"present",
	 "old etc/sysctl.d/f.conf file \"kernel.panic_on_oops = 0\\n\"\n"
	 "old proc runtime\n"
	 "old proc/sys/kernel/panic_on_oops file \"0\\n\"\n"
	 "old srv/f file \"old\\n\"\n",
	 .refuses = false},
	{NULL, NULL, false},
};

const struct torn_default planted_runtime_args[] = {
	{"content", "\"new content\\n\""},
	{"value", "1"},
	{NULL, NULL},
};

const char *const planted_runtime_watch[] = {"srv/f", "proc/sys/kernel/panic_on_oops", NULL};

int planted_set(struct torn_bytes value)
{
	const int file = open("/proc/sys/kernel/panic_on_oops", O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	const ssize_t written = write(file, value.data, value.size);
	close(file);
	return written == (ssize_t)value.size ? 0 : -1;
}
