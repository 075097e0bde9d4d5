/*
 * kensa_runtime.h: a runtime value and its drop-in, for the programs beside kensa's pages.
 *
 * The value is a sysctl of net.*, in a network namespace of the program's own, so that the machine's is not
 * touched. The drop-in and the journal are in the program's folder. Needs root: 77 without.
 */
#ifndef KENSA_RUNTIME_H
#define KENSA_RUNTIME_H

#include "power.h"

#define VALUE "/proc/sys/net/ipv4/conf/all/log_martians"
#define DROP_IN "sysctl.d/99-kensa.conf"
#define JOURNAL "0000000001.prepared"

static inline void set_value(const char *text)
{
	int file = open(VALUE, O_WRONLY | O_CLOEXEC);
	MUST(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}

static inline void show_value(void)
{
	char text[16];
	int file = open(VALUE, O_RDONLY | O_CLOEXEC);
	const ssize_t size = file < 0 ? -1 : read(file, text, sizeof text);
	MUST(size > 0 && close(file) == 0);
	printf("  log_martians: %.*s", (int)size, text);
}

/* Behind begin() or begin_on(): the value is 0 from here on. */
static inline void begin_runtime(void)
{
	if (unshare(CLONE_NEWNET) < 0 || access(VALUE, W_OK) < 0)
		skip("no network namespace whose values can be set");
	set_value("0");
}

/* What AtomicWrite and AtomicRemove do first. Returns -1 where the directory is not there. */
static inline int open_folder(const char *operation)
{
	int folder = open("sysctl.d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		printf("%s: sysctl.d: %s\n", operation, strerror(errno));
	return folder;
}

#endif
