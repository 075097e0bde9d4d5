/*
 * runtime_kernel_for_tests.h: a part of a test that runs on the real kernel, in namespaces that end
 * with it. For tests only.
 */
#ifndef TORN_RUNTIME_KERNEL_FOR_TESTS_H
#define TORN_RUNTIME_KERNEL_FOR_TESTS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena_for_tests.h"
#include "runtime_real_shared.h"
#include "runtime_text.h"

#define NO_NAMESPACES 255
#define COUNT(table) (sizeof(table) / sizeof *(table))

/*
 * Run `part` in a child with those namespaces (CLONE_NEW*); it tells on stderr what differs and returns
 * how much. Returns false where this machine does not allow them.
 */
static inline bool holds_on_kernel(int namespaces, int (*part)(void))
{
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (torn_real_unshare(namespaces) < 0)
			_exit(NO_NAMESPACES);
		_exit(part() ? 1 : 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_NAMESPACES) {
		print_message("SKIPPED: this machine allows no namespace: the kernel was not asked\n");
		return false;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

/* For people: bytes that are no text as \xHH, and no more than fit. */
static inline const char *shown(struct torn_bytes bytes)
{
	static char texts[8][400];
	static unsigned turn;
	char *text = texts[turn++ % COUNT(texts)];
	size_t size = 0;
	for (size_t i = 0; i < bytes.size && size + 8 < sizeof texts[0]; i++) {
		const bool is_plain = bytes.data[i] >= ' ' && bytes.data[i] < 0x7f;
		size += (size_t)snprintf(text + size, sizeof texts[0] - size, is_plain ? "%c" : "\\x%02x",
					 bytes.data[i]);
	}
	text[size] = '\0';
	return text;
}

#endif
