/*
 * hostile.close_std: closes every descriptor that it can name, its own three
 * and whatever torn may keep open (above 1000), and then opens a file, which
 * gets the number 0, and puts it in the place of stdout and of a high one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "hostile.h"

static int close_std(const struct torn_run *run)
{
	for (int fd = 0; fd < 3; fd++)
		hostile_ignore(close(fd));
	hostile_ignore(close_range(3, ~0U, 0));
	closefrom(0);
	for (int fd = 1000; fd < 1100; fd++)
		hostile_ignore(close(fd));

	int output = open("/srv/output", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	hostile_ignore(dup2(output, 1));
	hostile_ignore(write(1, "to a file\n", 10));
	hostile_ignore(close(1));
	hostile_ignore(dup2(output, 1003));
	hostile_ignore(write(1003, "to a high one\n", 14));
	hostile_ignore(close(1003));
	int result = hostile_replace(run);
	hostile_ignore(close(output));
	return result;
}

static const struct torn_variant variants[] = {
	{"close_std", close_std},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.close_std",
	.summary = "closes descriptors 0 to 2 and all others, then opens and writes",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
