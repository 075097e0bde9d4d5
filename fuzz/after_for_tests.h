/*
 * after_for_tests.h: operations that may be run again after a crash, where what the first run
 * did is in effect and not yet durable. For tests only.
 */
#ifndef TORN_AFTER_FOR_TESTS_H
#define TORN_AFTER_FOR_TESTS_H

#include "operations_for_tests.h"

static inline int sync_srv(void)
{
	const int dir = open("/srv", O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return -1;
	const int r = fsync(dir);
	return close(dir) == 0 ? r : -1;
}

static inline bool f_is_new(void)
{
	char bytes[8];
	const int fd = open("/srv/f", O_RDONLY);
	if (fd < 0)
		return false;
	const ssize_t size = read(fd, bytes, sizeof bytes);
	close(fd);
	return size == 4 && memcmp(bytes, "new!", 4) == 0;
}

/* A correct replace, that may be run again after a kill. */
static inline int replace_f(void)
{
	if (unlink("/srv/.t") != 0 && errno != ENOENT)
		return -1;
	if (make_temp("/srv/.t") != 0 || rename("/srv/.t", "/srv/f") != 0) {
		unlink("/srv/.t");
		return -1;
	}
	return sync_srv();
}

/* The flaw: what it finds it takes for durable. Whoever wrote it may have died before the fsync. */
static inline int finds_nothing_to_do(const struct torn_run *run)
{
	(void)run;
	return f_is_new() ? 0 : replace_f();
}

static inline int syncs_what_it_finds(const struct torn_run *run)
{
	(void)run;
	return f_is_new() ? sync_srv() : replace_f();
}

#endif
