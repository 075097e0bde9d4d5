/*
 * disk_test.c: after every trial the disk is held against the log; here the disk
 * is changed behind torn's back, and it has to be noticed, each way there is.
 */
#include "disk_for_tests.h"

static void test_whatever_was_changed_behind_the_log_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		void *context = NULL;
		assert_int_equal(make_place(&context), 0);
		struct place *place = context;
		char difference[200];
		assert_int_equal(settle(place, difference), 0);
		expect_noticed(place, &changes[i], "/tmp/torn-disk-test-link");
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
	assert_int_equal(place->disk.seen[c].changed_ns, 0);
	/* A file in it that is newer by far shows that it is old. */
	struct stat before, now;
	assert_int_equal(fstatat(place->root_fd, "b/c", &before, 0), 0);
	do {
		write_file(place->root_fd, "b/c/deep", "x", O_TRUNC);
		assert_int_equal(fstatat(place->root_fd, "b/c/deep", &now, 0), 0);
	} while (now.st_ctim.tv_sec < before.st_ctim.tv_sec + 2);
	assert_int_equal(settle(place, difference), 0);
	assert_int_not_equal(place->disk.seen[c].changed_ns, 0);
	a_name_more(place->root_fd);
	assert_int_equal(settle(place, difference), -EUCLEAN);
	assert_non_null(strstr(difference, "/more: there"));
}

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
	(void)number;
	ticks++;
}

/* A tracer's lab has a clock that ticks: getdents64(2) returns early where a signal is pending. */
static void test_a_directory_is_listed_whole_whatever_signals_come(void **state)
{
	enum { NAMES = 200 };
	static char names[NAMES][8];
	struct place *place = *state;
	const struct torn_attributes attributes = {.mode = 0755, .links = 1};
	const struct torn_bytes none = {NULL, 0};
	struct torn_entry *entries = torn_arena_take(&place->arena, NAMES * sizeof *entries);
	for (uint32_t i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof names[i], "%03u", i);
		entries[i].name = torn_bytes_of(names[i]);
		entries[i].node = torn_node_make(&place->arena, TORN_FIFO, attributes, none);
		entries[i].object = 2 + i;
	}
	place->tree = torn_node_fill(&place->arena,
				     torn_node_make(&place->arena, TORN_DIRECTORY, attributes, none),
				     entries, NAMES);
	torn_disk_close(&place->disk); /* so that it is listed each time */
	assert_int_equal(torn_disk_clear(place->root_fd), 0);
	assert_int_equal(torn_disk_make(&place->disk, place->tree), 0);
	const struct sigaction action = {.sa_handler = on_tick};
	const struct itimerval often = {{0, 30}, {0, 30}}, never = {{0, 0}, {0, 0}};
	char difference[200];
	int r = 0;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (r == 0 && ticks < 5000)
		r = settle(place, difference);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(r, 0);
}

/* As many directories as a project may have under node_modules: each has a file in it. */
static const struct torn_node *many_directories(struct torn_arena *arena, uint32_t count, const char *text)
{
	static char names[200][8];
	const struct torn_attributes attributes = {.mode = 0755, .links = 1};
	const struct torn_bytes none = {NULL, 0};
	const struct torn_node *dir = torn_node_make(arena, TORN_DIRECTORY, attributes, none);
	const struct torn_node *root = dir, *file = torn_node_make(arena, TORN_FILE, attributes, none);
	file = torn_node_write(arena, file, 0, torn_bytes_of(text));
	for (uint32_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof names[i], "%03u", i);
		const struct torn_node *one =
			torn_node_put(arena, dir, torn_bytes_of("f"), file, 3 + 2 * i);
		root = torn_node_put(arena, root, torn_bytes_of(names[i]), one, 2 + 2 * i);
	}
	return root;
}

static void test_more_directories_than_descriptors_are_settled_and_changed(void **state)
{
	enum { DIRECTORIES = 200 };
	struct place *place = *state;
	struct rlimit kept, few;
	char difference[200];
	bool anew;
	const struct torn_node *tree = many_directories(&place->arena, DIRECTORIES, "old"),
			       *other = many_directories(&place->arena, DIRECTORIES, "other");
	place->disk.dirfd = NULL;
	assert_int_equal(torn_disk_clear(place->root_fd), 0);
	assert_int_equal(torn_disk_make(&place->disk, tree), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &kept), 0);
	few = kept;
	few.rlim_cur = (rlim_t)place->root_fd + DIRECTORIES / 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	const int changed = torn_disk_change(&place->disk, tree, other, &anew);
	const int settled = torn_disk_settle(&place->disk, other, tree, difference, sizeof difference, &anew);
	place->tree = tree;
	const int is = settle(place, difference);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &kept), 0);
	assert_int_equal(changed, 0);
	assert_int_equal(settled, 0);
	assert_int_equal(is, 0);
	assert_false(anew);
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
	torn_disk_forget(&place->disk);
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
		assert_int_equal(torn_disk_make(&place->disk, tree), 0);
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

static void test_as_many_inodes_with_several_names_are_made_as_there_are(void **state)
{
	struct place *place = *state;
	const struct torn_attributes dir = {.mode = 0755, .links = 1}, two = {.mode = 0644, .links = 2};
	const struct torn_bytes none = {NULL, 0};
	const struct torn_node *below = torn_node_make(&place->arena, TORN_DIRECTORY, dir, none);
	const struct torn_node *tree = below;
	for (uint32_t i = 0; i < 200; i++) {
		char name[8];
		snprintf(name, sizeof name, "%03u", i);
		const struct torn_bytes copy = torn_arena_copy(&place->arena, name, 3);
		const struct torn_node *node = torn_node_make(&place->arena, TORN_FILE, two, none);
		tree = torn_node_put(&place->arena, tree, copy, node, 3 + i);
		below = torn_node_put(&place->arena, below, copy, node, 3 + i);
	}
	tree = torn_node_put(&place->arena, tree, torn_bytes_of("a"),
			     torn_node_put(&place->arena, torn_node_make(&place->arena, TORN_DIRECTORY, dir, none),
					   torn_bytes_of("b"), below, 203), 204);
	assert_int_equal(torn_disk_clear(place->root_fd), 0);
	assert_int_equal(torn_disk_make(&place->disk, tree), 0);
	expect_one_inode(place->root_fd, "000", "a/b/000");
	expect_one_inode(place->root_fd, "199", "a/b/199");
}

/* What both have is not written again, unless it had to go for a hole. */
static void test_what_two_states_of_a_file_share_is_there_after_either(void **state)
{
	static uint8_t block[TORN_BLOCK_SIZE];
	struct place *place = *state;
	char difference[200];
	bool anew;
	memset(block, 'b', sizeof block);
	const struct torn_entry *deep = torn_tree_entry(place->tree, torn_bytes_of("b/c/deep"));
	const struct torn_bytes bytes = {block, sizeof block};
	const struct torn_node *whole = torn_node_write(&place->arena, deep->node, 0, bytes);
	const struct torn_node *versions[] = {
		whole,
		torn_node_resize(&place->arena, whole, 3 * TORN_BLOCK_SIZE),
		torn_node_write(&place->arena, whole, 2 * TORN_BLOCK_SIZE, bytes),
		torn_node_write(&place->arena, whole, TORN_BLOCK_SIZE, bytes),
		torn_node_write(&place->arena, whole, 10, torn_bytes_of("other")),
	};
	const struct torn_node *c = torn_tree_find(place->tree, torn_bytes_of("b/c"));
	const struct torn_node *trees[5], *on_disk = place->tree;
	for (size_t i = 0; i < 5; i++) {
		const struct torn_node *b = torn_tree_find(place->tree, torn_bytes_of("b"));
		b = torn_node_put(&place->arena, b, torn_bytes_of("c"),
				  torn_node_put(&place->arena, c, deep->name, versions[i], deep->object),
				  torn_tree_entry(place->tree, torn_bytes_of("b/c"))->object);
		trees[i] = torn_node_put(&place->arena, place->tree, torn_bytes_of("b"), b,
					 torn_tree_entry(place->tree, torn_bytes_of("b"))->object);
	}
	for (size_t from = 0; from < 5; from++)
		for (size_t to = 0; to < 5; to++) {
			assert_int_equal(torn_disk_change(&place->disk, on_disk, trees[from], &anew), 0);
			assert_int_equal(torn_disk_change(&place->disk, trees[from], trees[to], &anew), 0);
			on_disk = trees[to];
			assert_int_equal(torn_disk_settle(&place->disk, on_disk, on_disk, difference,
							  sizeof difference, &anew), 0);
		}
}

static void test_a_file_system_without_attributes_is_said_to_be_one(void **state)
{
	(void)state;
	assert_non_null(strstr(torn_disk_error(-EOPNOTSUPP), "Linux 6.6"));
	assert_string_equal(torn_disk_error(-ENOSPC), strerror(ENOSPC));
}

static void test_a_tree_with_hard_links_is_turned_by_making_it_anew(void **state)
{
	struct place *place = *state;
	const struct torn_attributes attributes = {.mode = 0755, .links = 1}, two = {.mode = 0644, .links = 2};
	const struct torn_bytes none = {NULL, 0};
	const struct torn_node *file = torn_node_make(&place->arena, TORN_FILE, two, none);
	const struct torn_node *trees[2];
	static const char *const names[] = {"a", "b", "c", "d"};
	place->disk.dirfd = NULL;
	for (uint32_t which = 0; which < 2; which++) {
		trees[which] = torn_node_make(&place->arena, TORN_DIRECTORY, attributes, none);
		for (uint32_t i = 0; i < 4; i++)
			trees[which] = torn_node_put(&place->arena, trees[which], torn_bytes_of(names[i]),
						     file, 2 + (which ? i / 2 : i % 2));
	}
	assert_true(torn_tree_equal(trees[0], trees[1]));
	assert_int_equal(torn_disk_clear(place->root_fd), 0);
	assert_int_equal(torn_disk_make(&place->disk, trees[0]), 0);
	expect_one_inode(place->root_fd, "a", "c");
	assert_int_equal(torn_disk_turn(&place->disk, trees[0], trees[1], 4), 0);
	expect_one_inode(place->root_fd, "a", "b");
	expect_one_inode(place->root_fd, "c", "d");
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
		cmocka_unit_test_setup_teardown(
			test_a_directory_is_listed_whole_whatever_signals_come, make_place, clear_place),
		cmocka_unit_test_setup_teardown(
			test_more_directories_than_descriptors_are_settled_and_changed, make_place,
			clear_place),
		cmocka_unit_test_setup_teardown(test_a_tree_with_hard_links_is_turned_by_making_it_anew,
						make_place, clear_place),
		cmocka_unit_test_setup_teardown(test_old_is_put_back_whatever_the_run_left, make_place,
						clear_place),
		cmocka_unit_test_setup_teardown(
			test_as_many_inodes_with_several_names_are_made_as_there_are, make_place,
			clear_place),
		cmocka_unit_test_setup_teardown(
			test_what_two_states_of_a_file_share_is_there_after_either, make_place,
			clear_place),
		cmocka_unit_test(test_a_file_system_without_attributes_is_said_to_be_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
