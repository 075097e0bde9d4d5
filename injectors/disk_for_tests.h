/*
 * disk_for_tests.h: a disk with a tree on it, and ways to change it behind torn's back. For tests only.
 */
#ifndef TORN_DISK_FOR_TESTS_H
#define TORN_DISK_FOR_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "../fuzz/case.h"
#include "../fuzz/world.h"
#include "disk.h"
#include "tree.h"

static const char world[] = "old a dir\n"
			    "old a/f file \"some bytes\"\n"
			    "old a/g file other\n"
			    "old a/l symlink f\n"
			    "old a/z file \"z\\x00\\x00\"\n" /* zeroes at an end are stored as none */
			    "old b/c/deep file x\n";

struct place {
	char path[64];
	int root_fd;
	struct torn_arena arena;
	const struct torn_node *tree;
	struct torn_fold_base base;
	bool is_mapped; /* whatever it is */
	struct torn_disk disk;
	int dirfds[16];
};

static inline int dirfd_of(void *context, torn_object dir)
{
	return ((struct place *)context)->dirfds[dir];
}

static inline bool is_mapped(void *context, torn_object file)
{
	(void)file;
	return ((struct place *)context)->is_mapped;
}

static inline void open_dirs(struct place *place, int fd, const struct torn_node *dir)
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		if (entry->node->type != TORN_DIRECTORY)
			continue;
		char name[256];
		snprintf(name, sizeof name, "%.*s", (int)entry->name.size, (const char *)entry->name.data);
		place->dirfds[entry->object] = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		open_dirs(place, place->dirfds[entry->object], entry->node);
	}
}

static inline int make_place_of(void **state, const char *folder, const char *text, bool exact)
{
	struct place *place = calloc(1, sizeof *place);
	snprintf(place->path, sizeof place->path, "%s/torn-disk-test-XXXXXX", folder);
	umask(0);
	struct torn_case old;
	struct torn_case_error error;
	char message[200];
	if (!mkdtemp(place->path) || torn_arena_open(&place->arena, 64 << 20) < 0 ||
	    torn_case_parse_world(torn_bytes_of(text), &place->arena, &old, &error) < 0 ||
	    torn_world_build(&place->arena, old.olds, old.olds_count, &place->tree, &place->base,
			     message, sizeof message) < 0)
		return -1;
	place->root_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place->disk = (struct torn_disk){.root_fd = place->root_fd,
					 .exact = exact,
					 .dirfd = dirfd_of,
					 .must_read = is_mapped,
					 .context = place};
	torn_disk_expect(&place->disk, place->base.count + 1);
	if (torn_disk_make(&place->disk, place->tree) < 0)
		return -1;
	open_dirs(place, place->root_fd, place->tree);
	*state = place;
	return 0;
}

static inline int make_place(void **state)
{
	return make_place_of(state, "/tmp", world, false);
}

static inline int clear_place(void **state)
{
	struct place *place = *state;
	for (size_t i = 0; i < sizeof place->dirfds / sizeof *place->dirfds; i++)
		if (place->dirfds[i] > 0)
			close(place->dirfds[i]);
	const int r = torn_disk_clear(place->root_fd);
	close(place->root_fd);
	rmdir(place->path);
	torn_disk_close(&place->disk);
	torn_arena_close(&place->arena);
	free(place);
	return r;
}

static inline int settle(struct place *place, char difference[200])
{
	bool anew;
	difference[0] = '\0';
	return torn_disk_settle(&place->disk, place->tree, place->tree, difference, 200, &anew);
}

static inline void write_file(int root_fd, const char *path, const char *text, int how)
{
	const int fd = openat(root_fd, path, O_WRONLY | O_CREAT | how, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline void other_bytes(int root_fd)
{
	write_file(root_fd, "a/f", "SOME", 0);
}

static inline void longer(int root_fd)
{
	write_file(root_fd, "a/f", "!", O_APPEND);
}

static inline void another_mode(int root_fd)
{
	assert_int_equal(fchmodat(root_fd, "a/g", 0666, 0), 0);
}

static inline void a_name_more(int root_fd)
{
	write_file(root_fd, "b/c/more", "", 0);
}

static inline void a_name_less(int root_fd)
{
	assert_int_equal(unlinkat(root_fd, "a/g", 0), 0);
}

static inline void another_name(int root_fd)
{
	assert_int_equal(renameat(root_fd, "a/g", root_fd, "a/h"), 0);
}

static inline void a_hard_link(int root_fd)
{
	assert_int_equal(linkat(root_fd, "a/f", root_fd, "../torn-disk-test-link", 0), 0);
}

static inline void another_type(int root_fd)
{
	assert_int_equal(unlinkat(root_fd, "b/c/deep", 0), 0);
	assert_int_equal(mkfifoat(root_fd, "b/c/deep", 0644), 0);
}

static inline void another_link(int root_fd)
{
	assert_int_equal(unlinkat(root_fd, "a/l", 0), 0);
	assert_int_equal(symlinkat("g", root_fd, "a/l"), 0);
}

static inline void a_directory_s_mode(int root_fd)
{
	assert_int_equal(fchmodat(root_fd, "b/c", 0700, 0), 0);
}

struct change {
	void (*change)(int root_fd);
	const char *says;
};

static const struct change changes[] = {
	{other_bytes, "/f: other bytes"},	 {longer, "/f: another size"},
	{another_mode, "/g: another mode"},	 {a_name_more, "/more: there"},
	{a_name_less, "fewer names"},		 {another_name, "/h: there"},
	{a_hard_link, "/f: another count of names"}, {another_type, "/deep: another type"},
	{another_link, "/l: leads elsewhere"},	 {a_directory_s_mode, "/c: another mode"},
};

static inline void expect_noticed(struct place *place, const struct change *change, const char *link)
{
	char difference[200];
	change->change(place->root_fd);
	assert_int_equal(settle(place, difference), -EUCLEAN);
	if (!strstr(difference, change->says))
		fail_msg("%s: expected %s", difference, change->says);
	unlink(link);
}

#endif
