/*
 * operations_for_tests.h: small operations of the kinds that sweeps meet: loops,
 * retries, fallbacks, cleanup, rollback, signals. For tests only; each is broken
 * somewhere, and mostly only where a second fault hits what the first one made run.
 */
#ifndef TORN_OPERATIONS_FOR_TESTS_H
#define TORN_OPERATIONS_FOR_TESTS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "torn.h"

/* Write it all, however little each write gets done. Returns 0 or -1. */
static inline int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t done = write(fd, bytes, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes += done;
		size -= (size_t)done;
	}
	return 0;
}

/* Returns 0 or -1; the temp is left where it failed. */
static inline int make_temp(const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "new!", 4);
	if (r == 0)
		r = fsync(fd);
	return close(fd) == 0 ? r : -1;
}

static inline void empty_f(void)
{
	const int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	if (fd >= 0)
		close(fd);
}

/* All is well with one fault; where the cleanup fails too, it panics and empties the file. */
static inline int panics_in_cleanup(const struct torn_run *run)
{
	(void)run;
	if (make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0)
		return 0;
	if (unlink("/srv/.t") != 0 && errno != ENOENT)
		empty_f();
	return -1;
}

/* The same with one more attempt before the panic: three faults are needed. */
static inline int panics_in_cleanup_of_cleanup(const struct torn_run *run)
{
	(void)run;
	if (make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0)
		return 0;
	if (unlink("/srv/.t") != 0 && errno != ENOENT && chmod("/srv/.t", 0) != 0 && errno != ENOENT)
		empty_f();
	return -1;
}

/* Where the cleanup fails it syncs what is left; where that fails too, it panics. */
static inline int syncs_again(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "new!", 4);
	if (r == 0)
		r = fsync(fd);
	if (r == 0)
		r = rename("/srv/.t", "/srv/f");
	if (r != 0 && unlink("/srv/.t") != 0 && fsync(fd) != 0)
		empty_f();
	close(fd);
	return r;
}

/* The cleanup tries twice: it takes a fault that lasts, behind another, to make it panic. */
static inline int unlinks_twice(const struct torn_run *run)
{
	(void)run;
	if (make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0)
		return 0;
	if (unlink("/srv/.t") != 0 && errno != ENOENT && unlink("/srv/.t") != 0 && errno != ENOENT)
		empty_f();
	return -1;
}

/* Where a folder cannot be made it panics, whatever stood against it. */
static inline int panics_without_a_folder(const struct torn_run *run)
{
	if (mkdir("/srv/.a", 0755) != 0) {
		empty_f();
		return -1;
	}
	rmdir("/srv/.a");
	return panics_in_cleanup(run);
}

/* Cleans up, and crashes all the same. */
static inline int crashes_after_cleanup(const struct torn_run *run)
{
	(void)run;
	if (make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0)
		return 0;
	if (unlink("/srv/.t") != 0 && errno != ENOENT)
		empty_f();
	abort();
}

/* Other temp names where one is taken, retries of EINTR, and a failed sync is tried once more. */
static inline int retries(const struct torn_run *run)
{
	(void)run;
	char temp[32];
	int fd = -1;
	for (int i = 0; fd < 0 && i < 3; i++) {
		snprintf(temp, sizeof temp, "/srv/.t%d", i);
		fd = open(temp, O_WRONLY | O_CREAT | O_EXCL, 0600);
	}
	if (fd < 0)
		return -1;
	int r = write_all(fd, "new!", 4);
	if (r == 0 && fsync(fd) != 0 && fsync(fd) != 0)
		r = -1;
	close(fd);
	if (r == 0 && rename(temp, "/srv/f") != 0 && rename(temp, "/srv/f") != 0)
		r = -1;
	return r; /* and the temp is left */
}

/* A link is made where it can be, else a copy; where that fails too, half of it stays. */
static inline int falls_back(const struct torn_run *run)
{
	(void)run;
	unlink("/srv/g");
	if (link("/srv/f", "/srv/g") != 0) {
		const int fd = open("/srv/g", O_WRONLY | O_CREAT, 0644);
		if (fd < 0)
			return -1;
		const int r = write_all(fd, "old", 3);
		close(fd);
		if (r < 0)
			return -1;
	}
	if (make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0)
		return 0;
	unlink("/srv/.t");
	return -1;
}

/* Keeps the old file aside, changes it in place, and puts it back where that fails. */
static inline int rolls_back(const struct torn_run *run)
{
	(void)run;
	if (rename("/srv/f", "/srv/f.old") != 0)
		return -1;
	if (make_temp("/srv/f") == 0 && unlink("/srv/f.old") == 0)
		return 0;
	(void)!rename("/srv/f.old", "/srv/f");
	return -1;
}

/* Two folders in turn: where the second one cannot be made, the first is removed again. */
static inline int makes_folders(const struct torn_run *run)
{
	(void)run;
	if (mkdir("/srv/.a", 0755) != 0) {
		/* Perhaps it is in the way: and then a file does as well. */
		if (rmdir("/srv/.a") != 0 && errno != ENOENT) {
			const int fd = open("/srv/.a", O_WRONLY | O_CREAT, 0644);
			if (fd < 0)
				empty_f(); /* only a disk that stays full comes here by two faults */
			else
				close(fd);
			unlink("/srv/.a");
		}
		return -1;
	}
	if (mkdir("/srv/.b", 0755) != 0) {
		rmdir("/srv/.a");
		return -1;
	}
	rmdir("/srv/.b");
	rmdir("/srv/.a");
	return make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0 ? 0 : -1;
}

static volatile sig_atomic_t asked_to_end;

static inline void on_term(int number)
{
	(void)number;
	asked_to_end = 1;
}

/* Asked to end it stops where it is, and cleans up: not after the write. */
static inline int heeds_signals(const struct torn_run *run)
{
	(void)run;
	const struct sigaction heed = {.sa_handler = on_term};
	struct sigaction before;
	asked_to_end = 0;
	sigaction(SIGTERM, &heed, &before);
	int r = make_temp("/srv/.t");
	if (r == 0 && !asked_to_end)
		r = rename("/srv/.t", "/srv/f");
	else
		r = unlink("/srv/.t") == 0 ? -1 : -2;
	sigaction(SIGTERM, &before, NULL);
	return r;
}

/* A lock that a killed run leaves stops the next one; meant to be run again, it is not. */
static inline int leaves_a_lock(const struct torn_run *run)
{
	(void)run;
	const int lock = open("/srv/lock", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (lock < 0)
		return -1;
	close(lock);
	int r = -1;
	if (make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0)
		r = 0;
	unlink("/srv/lock");
	return r;
}

#endif
