/*
 * disk_test.c: after every trial the disk is held against the log; here the disk
 * is changed behind torn's back, and it has to be noticed, each way there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	struct torn_disk_seen seen[TORN_DISK_SEEN_MAX];
	struct torn_disk disk;
	int dirfds[16];
};

static int dirfd_of(void *context, torn_object dir)
{
	return ((struct place *)context)->dirfds[dir];
}

static void open_dirs(struct place *place, int fd, const struct torn_node *dir)
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

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	snprintf(place->path, sizeof place->path, "/tmp/torn-disk-test-XXXXXX");
	umask(0);
	struct torn_case old;
	struct torn_case_error error;
	char message[200];
	if (!mkdtemp(place->path) || torn_arena_open(&place->arena, 8 << 20) < 0 ||
	    torn_case_parse_world(torn_bytes_of(world), &place->arena, &old, &error) < 0 ||
	    torn_world_build(&place->arena, old.olds, old.olds_count, &place->tree, &place->base,
			     message, sizeof message) < 0)
		return -1;
	place->root_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (torn_disk_make(place->root_fd, place->tree) < 0)
		return -1;
	open_dirs(place, place->root_fd, place->tree);
	place->disk = (struct torn_disk){.root_fd = place->root_fd,
					 .seen = place->seen,
					 .dirfd = dirfd_of,
					 .context = place};
	*state = place;
	return 0;
}

static int clear_place(void **state)
{
	struct place *place = *state;
	for (size_t i = 0; i < sizeof place->dirfds / sizeof *place->dirfds; i++)
		if (place->dirfds[i] > 0)
			close(place->dirfds[i]);
	const int r = torn_disk_clear(place->root_fd);
	close(place->root_fd);
	rmdir(place->path);
	torn_arena_close(&place->arena);
	free(place);
	return r;
}

static int settle(struct place *place, char difference[200])
{
	bool anew;
	difference[0] = '\0';
	return torn_disk_settle(&place->disk, place->tree, place->tree, difference, 200, &anew);
}

static void write_file(int root_fd, const char *path, const char *text, int how)
{
	const int fd = openat(root_fd, path, O_WRONLY | O_CREAT | how, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void other_bytes(int root_fd)
{
	write_file(root_fd, "a/f", "SOME", 0);
}

static void longer(int root_fd)
{
	write_file(root_fd, "a/f", "!", O_APPEND);
}

static void another_mode(int root_fd)
{
	assert_int_equal(fchmodat(root_fd, "a/g", 0666, 0), 0);
}

static void a_name_more(int root_fd)
{
	write_file(root_fd, "b/c/more", "", 0);
}

static void a_name_less(int root_fd)
{
	assert_int_equal(unlinkat(root_fd, "a/g", 0), 0);
}

static void another_name(int root_fd)
{
	assert_int_equal(renameat(root_fd, "a/g", root_fd, "a/h"), 0);
}

static void a_hard_link(int root_fd)
{
	assert_int_equal(linkat(root_fd, "a/f", AT_FDCWD, "/tmp/torn-disk-test-link", 0), 0);
}

static void another_type(int root_fd)
{
	assert_int_equal(unlinkat(root_fd, "b/c/deep", 0), 0);
	assert_int_equal(mkfifoat(root_fd, "b/c/deep", 0644), 0);
}

static void another_link(int root_fd)
{
	assert_int_equal(unlinkat(root_fd, "a/l", 0), 0);
	assert_int_equal(symlinkat("g", root_fd, "a/l"), 0);
}

static void a_directory_s_mode(int root_fd)
{
	assert_int_equal(fchmodat(root_fd, "b/c", 0700, 0), 0);
}

static const struct {
	void (*change)(int root_fd);
	const char *says;
} changes[] = {
	{other_bytes, "/f: other bytes"},	 {longer, "/f: another size"},
	{another_mode, "/g: another mode"},	 {a_name_more, "/more: there"},
	{a_name_less, "fewer names"},		 {another_name, "/h: there"},
	{a_hard_link, "/f: another count of names"}, {another_type, "/deep: another type"},
	{another_link, "/l: leads elsewhere"},	 {a_directory_s_mode, "/c: another mode"},
};

static void test_whatever_was_changed_behind_the_log_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		void *context = NULL;
		assert_int_equal(make_place(&context), 0);
		struct place *place = context;
		char difference[200];
		assert_int_equal(settle(place, difference), 0);
		changes[i].change(place->root_fd);
		assert_int_equal(settle(place, difference), -EUCLEAN);
		if (!strstr(difference, changes[i].says))
			fail_msg("%s: expected %s", difference, changes[i].says);
		unlink("/tmp/torn-disk-test-link");
		assert_int_equal(clear_place(&context), 0);
	}
}

/* Remedy against its opposite: a ctime that stands still means that nothing was listed again. */
static void test_a_directory_whose_names_are_known_is_listed_again_once_it_changes(void **state)
{
	struct place *place = *state;
	char difference[200];
	const torn_object c = torn_tree_entry(place->tree, torn_bytes_of("b/c"))->object;
	/* Fresh, its ctime may be that of a change to come: it must not be trusted. */
	assert_int_equal(settle(place, difference), 0);
	assert_int_equal(place->seen[c].changed_ns, 0);
	/* A file in it that is newer by far shows that it is old. */
	struct stat before, now;
	assert_int_equal(fstatat(place->root_fd, "b/c", &before, 0), 0);
	do {
		write_file(place->root_fd, "b/c/deep", "x", O_TRUNC);
		assert_int_equal(fstatat(place->root_fd, "b/c/deep", &now, 0), 0);
	} while (now.st_ctim.tv_sec < before.st_ctim.tv_sec + 2);
	assert_int_equal(settle(place, difference), 0);
	assert_int_not_equal(place->seen[c].changed_ns, 0);
	a_name_more(place->root_fd);
	assert_int_equal(settle(place, difference), -EUCLEAN);
	assert_non_null(strstr(difference, "/more: there"));
}

static void test_old_is_put_back_whatever_the_run_left(void **state)
{
	struct place *place = *state;
	struct torn_case old;
	struct torn_case_error error;
	char message[200], difference[200];
	const struct torn_node *now;
	struct torn_fold_base base;
	static const char left[] = "old a dir mode=0700\n"
				   "old a/f file mode=0600 \"longer than it was before\"\n"
				   "old a/l file \"was a link\"\n"
				   "old a/temp file t\n"
				   "old a/z file zzz\n"
				   "old b/c/deep file x\n";
	assert_int_equal(torn_case_parse_world(torn_bytes_of(left), &place->arena, &old, &error), 0);
	assert_int_equal(torn_world_build(&place->arena, old.olds, old.olds_count, &now, &base, message,
					  sizeof message), 0);
	bool anew;
	assert_int_equal(torn_disk_change(&place->disk, place->tree, now, &anew), 0);
	/* Objects were numbered anew: directories may not be the same ones, so all is made again. */
	open_dirs(place, place->root_fd, now);
	assert_int_equal(torn_disk_settle(&place->disk, now, place->tree, difference,
					  sizeof difference, &anew), 0);
	memset(place->seen, 0, sizeof place->seen);
	open_dirs(place, place->root_fd, place->tree);
	assert_int_equal(settle(place, difference), 0);
}

static void expect_one_inode(int root_fd, const char *a, const char *b)
{
	struct stat first, second;
	assert_int_equal(fstatat(root_fd, a, &first, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(root_fd, b, &second, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(first.st_nlink, 2);
}

static void test_names_of_one_inode_are_made_so_of_whatever_type(void **state)
{
	static const enum torn_type types[] = {TORN_FILE, TORN_SYMLINK, TORN_FIFO, TORN_SOCKET};
	struct place *place = *state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct torn_attributes dir = {.mode = 0755, .links = 1},
					     two = {.mode = 0644, .links = 2};
		const struct torn_node *node = torn_node_make(&place->arena, types[i], two,
							      torn_bytes_of("to"));
		const struct torn_node *tree = torn_node_make(&place->arena, TORN_DIRECTORY, dir,
							      (struct torn_bytes){NULL, 0});
		tree = torn_node_put(&place->arena, tree, torn_bytes_of("one"), node, 2);
		tree = torn_node_put(&place->arena, tree, torn_bytes_of("two"), node, 2);
		assert_int_equal(torn_disk_clear(place->root_fd), 0);
		assert_int_equal(torn_disk_make(place->root_fd, tree), 0);
		expect_one_inode(place->root_fd, "one", "two");
	}
}

static void test_what_nobody_may_enter_is_cleared_all_the_same(void **state)
{
	struct place *place = *state;
	/* Root is stopped by no mode; an ordinary user's workspace may hold this. */
	assert_int_equal(fchmodat(place->root_fd, "b/c", 0000, 0), 0);
	assert_int_equal(fchmodat(place->root_fd, "b", 0500, 0), 0);
	assert_int_equal(torn_disk_clear(place->root_fd), 0);
	assert_int_equal(unlinkat(place->root_fd, "b", AT_REMOVEDIR), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatever_was_changed_behind_the_log_is_noticed),
		cmocka_unit_test_setup_teardown(
			test_a_directory_whose_names_are_known_is_listed_again_once_it_changes, make_place,
			clear_place),
		cmocka_unit_test_setup_teardown(test_what_nobody_may_enter_is_cleared_all_the_same,
						make_place, clear_place),
		cmocka_unit_test_setup_teardown(test_names_of_one_inode_are_made_so_of_whatever_type,
						make_place, clear_place),
		cmocka_unit_test_setup_teardown(test_old_is_put_back_whatever_the_run_left, make_place,
						clear_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
