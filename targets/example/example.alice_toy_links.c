/*
 * example.alice_toy_links: ALICE's toy program (alice_toy.h), held to its pair of
 * links: both are there, or none is.
 *
 * Both variants make one after the other: a kill between the two, a power cut that
 * loses one, an error of the second, and there is one link. published: a link may
 * be there without the bytes, too.
 */
#include "alice_toy.h"

static const struct torn_variant variants[] = {
	{.name = "published", .operation = alice_toy_published},
	{.name = "file_synced", .operation = alice_toy_file_synced},
	{.name = NULL},
};

static const struct torn_world worlds[] = {
	{"present", "old srv/app/file1 file hello\n", .refuses = false},
	{NULL, NULL, .refuses = false},
};

static const struct torn_default args[] = {{"content", "world"}, {NULL, NULL}};

static const char *const watch[] = {"srv/app/link1", "srv/app/link2", NULL};

static const struct torn_target target = {
	.name = "example.alice_toy_links",
	.summary = "ALICE's toy program: its pair of links",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_TOGETHER,
};
TORN_TARGET(target);
