/*
 * example.alice_toy: ALICE's toy program (alice_toy.h), held to the update of
 * file1: it is wholly old or wholly new, and new once "Updated" was printed.
 *
 * published: the rename may reach the disk before the bytes, so that a power cut
 * leaves file1 empty, but where the file system keeps the order (ext4 only where
 * the rename is over an old file1). file_synced: that is repaired, and a power cut
 * still takes "Updated" back, as the directory is never synced.
 */
#include "alice_toy.h"

static const struct torn_variant variants[] = {
	{.name = "published", .operation = alice_toy_published},
	{.name = "file_synced", .operation = alice_toy_file_synced},
	{.name = NULL},
};

static const struct torn_world worlds[] = {
	{"present", "old srv/app/file1 file hello\n", .refuses = false},
	{"absent",
	 "old srv/app dir\n"
	 "old srv/app/file1 absent\n",
	 .refuses = false},
	{NULL, NULL, .refuses = false},
};

static const struct torn_default args[] = {{"content", "world"}, {NULL, NULL}};

static const char *const watch[] = {"srv/app/file1", NULL};

static const struct torn_target target = {
	.name = "example.alice_toy",
	.summary = "ALICE's toy program: its update of file1 and its message",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.ack = "^Updated",
};
TORN_TARGET(target);
