/*
 * disk_exact_test.c: the same of an exact disk, which a program looks at: modes and attributes are as the tree
 * says, and what is known of an inode is not read again.
 */
#include "disk_for_tests.h"

/* The same names as in `world`, for the same changes. */
static const char exact_world[] = "old a dir mode=2750\n"
				  "old a/f file mode=4751 xattr=user.note:one \"some bytes\"\n"
				  "old a/g file mode=0000 other\n"
				  "old a/l symlink f\n"
				  "old a/p fifo mode=0622\n"
				  "old b/c dir mode=0000\n"
				  "old b/c/deep file xattr=user.x:1 xattr=user.y:2 x\n";

static bool lacks_root(void)
{
	if (geteuid() == 0)
		return false;
	print_message("an exact disk holds what its owner may not read: this needs root\n");
	return true;
}

static int make_exact_place(void **state)
{
	return geteuid() == 0 ? make_place_of(state, "/dev/shm", exact_world, true) : 0;
}

static int clear_exact_place(void **state)
{
	return geteuid() == 0 ? clear_place(state) : 0;
}

/* Settle until nothing is so young any more that it would be read again. */
static void settle_until_all_is_known(struct place *place)
{
	char difference[200];
	for (bool is_known = false; !is_known;) {
		is_known = true;
		assert_int_equal(settle(place, difference), 0);
		for (uint32_t i = 1; i <= place->base.count; i++)
			is_known &= place->disk.seen[i].changed_ns != 0;
	}
}

static void no_set_id_bit(int root_fd)
{
	assert_int_equal(fchmodat(root_fd, "a/f", 0751, 0), 0);
}

static void a_directory_s_set_id_bit(int root_fd)
{
	assert_int_equal(fchmodat(root_fd, "a", 0750, 0), 0);
}

static void a_fifo_s_mode(int root_fd)
{
	assert_int_equal(fchmodat(root_fd, "a/p", 0600, 0), 0);
}

static void the_root_s_mode(int root_fd)
{
	assert_int_equal(fchmod(root_fd, 0700), 0);
}

static void set_attribute(int root_fd, const char *path, const char *name, const char *value)
{
	const int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fsetxattr(fd, name, value, strlen(value), 0), 0);
	close(fd);
}

static void another_value(int root_fd)
{
	set_attribute(root_fd, "a/f", "user.note", "two");
}

static void a_shorter_value(int root_fd)
{
	set_attribute(root_fd, "a/f", "user.note", "on");
}

static void an_attribute_more(int root_fd)
{
	set_attribute(root_fd, "a/g", "user.note", "");
}

static void an_attribute_less(int root_fd)
{
	const int fd = openat(root_fd, "b/c/deep", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fremovexattr(fd, "user.x"), 0);
	close(fd);
}

static void a_directory_s_attribute(int root_fd)
{
	set_attribute(root_fd, "b/c", "user.note", "one");
}

static void the_root_s_attribute(int root_fd)
{
	set_attribute(root_fd, ".", "user.note", "one");
}

static const struct change exact_changes[] = {
	{other_bytes, "/f: other bytes"},
	{longer, "/f: another size"},
	{another_mode, "/g: another mode"},
	{a_name_more, "/more: there"},
	{a_name_less, "fewer names"},
	{another_name, "/h: there"},
	{a_hard_link, "/f: another count of names"},
	{another_type, "/deep: another type"},
	{another_link, "/l: leads elsewhere"},
	{a_directory_s_mode, "/c: another mode"},
	{no_set_id_bit, "/f: another mode"},
	{a_directory_s_set_id_bit, "/a: another mode"},
	{a_fifo_s_mode, "/p: another mode"},
	{the_root_s_mode, "/: another mode"},
	{another_value, "/f: other attributes"},
	{a_shorter_value, "/f: other attributes"},
	{an_attribute_more, "/g: other attributes"},
	{an_attribute_less, "/deep: other attributes"},
	{a_directory_s_attribute, "/c: other attributes"},
	{the_root_s_attribute, "/: other attributes"},
};

static void test_on_an_exact_disk_modes_and_attributes_are_noticed_too(void **state)
{
	(void)state;
	if (lacks_root())
		skip();
	for (size_t i = 0; i < 2 * sizeof exact_changes / sizeof *exact_changes; i++) {
		void *context = NULL;
		assert_int_equal(make_exact_place(&context), 0);
		struct place *place = context;
		char difference[200];
		/* Once while all is read, once while only what changed is. */
		if (i % 2)
			settle_until_all_is_known(place);
		else
			assert_int_equal(settle(place, difference), 0);
		expect_noticed(place, &exact_changes[i / 2], "/dev/shm/torn-disk-test-link");
		assert_int_equal(clear_place(&context), 0);
	}
}

static uint32_t mode_of(int root_fd, const char *path)
{
	struct stat status;
	assert_int_equal(fstatat(root_fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status.st_mode & 07777;
}

static const struct torn_node *tree_of(struct place *place, const char *text)
{
	struct torn_case old;
	struct torn_case_error error;
	struct torn_fold_base base;
	const struct torn_node *tree;
	char message[200];
	assert_int_equal(torn_case_parse_world(torn_bytes_of(text), &place->arena, &old, &error), 0);
	assert_int_equal(torn_world_build(&place->arena, old.olds, old.olds_count, &tree, &base, message,
					  sizeof message), 0);
	return tree;
}

static const struct torn_node *with_root(struct place *place, const struct torn_node *tree,
					 uint32_t mode)
{
	struct torn_attributes attributes = torn_node_attributes(tree);
	attributes.mode = mode;
	const struct torn_bytes value = torn_bytes_of("of the root");
	return torn_node_set_xattr(&place->arena, torn_node_with(&place->arena, tree, attributes),
				   torn_bytes_of("user.root"), &value);
}

static void test_an_exact_disk_has_all_mode_bits_and_gets_them_back(void **state)
{
	static const char left[] = "old a dir mode=1700\n"
				   "old a/f file mode=2644 xattr=user.note:two xattr=user.more:z longer\n"
				   "old a/g file mode=6777 other\n"
				   "old a/l symlink f\n"
				   "old a/p fifo mode=0000\n"
				   "old b/c dir mode=7777\n"
				   "old b/c/deep file xattr=user.y:2 xattr=user.z:3 x\n";
	if (lacks_root())
		skip();
	struct place *place = *state;
	char difference[200];
	bool anew;
	const struct torn_node *now = with_root(place, tree_of(place, left), 01711);
	assert_int_equal(torn_disk_change(&place->disk, place->tree, now, &anew), 0);
	assert_false(anew);
	assert_int_equal(mode_of(place->root_fd, "."), 01711);
	assert_int_equal(mode_of(place->root_fd, "a/f"), 02644);
	assert_int_equal(mode_of(place->root_fd, "b/c"), 07777);
	char value[32];
	assert_int_equal(fgetxattr(place->root_fd, "user.root", value, sizeof value), 11);
	assert_int_equal(torn_disk_settle(&place->disk, now, place->tree, difference,
					  sizeof difference, &anew), 0);
	assert_int_equal(mode_of(place->root_fd, "."), 0755);
	assert_int_equal(mode_of(place->root_fd, "a"), 02750);
	assert_int_equal(mode_of(place->root_fd, "a/f"), 04751);
	assert_int_equal(mode_of(place->root_fd, "a/g"), 0);
	assert_int_equal(mode_of(place->root_fd, "a/p"), 0622);
	assert_int_equal(mode_of(place->root_fd, "b/c"), 0);
	assert_int_equal(fgetxattr(place->root_fd, "user.root", value, sizeof value), -1);
	assert_int_equal(settle(place, difference), 0);
}

/* All made again, over a root that has what another tree gave it. */
static void test_an_exact_disk_that_is_made_anew_keeps_nothing_of_the_root(void **state)
{
	if (lacks_root())
		skip();
	struct place *place = *state;
	char difference[200];
	bool anew;
	const struct torn_node *now = with_root(place, tree_of(place, "old other dir\n"), 02700);
	assert_int_equal(torn_disk_change(&place->disk, place->tree, now, &anew), 0);
	assert_true(anew);
	assert_int_equal(mode_of(place->root_fd, "."), 02700);
	open_dirs(place, place->root_fd, now);
	assert_int_equal(torn_disk_settle(&place->disk, now, place->tree, difference,
					  sizeof difference, &anew), 0);
	assert_true(anew);
	torn_disk_forget(&place->disk);
	open_dirs(place, place->root_fd, place->tree);
	assert_int_equal(settle(place, difference), 0);
}

/* The tree with other bytes in a/f. */
static const struct torn_node *with_other_bytes(struct place *place, const struct torn_node **ret_file)
{
	const struct torn_entry *f = torn_tree_entry(place->tree, torn_bytes_of("a/f"));
	const struct torn_entry *a = torn_tree_entry(place->tree, torn_bytes_of("a"));
	*ret_file = torn_node_write(&place->arena, f->node, 0, torn_bytes_of("SOME"));
	const struct torn_node *dir = torn_node_put(&place->arena, a->node, f->name, *ret_file, f->object);
	return torn_node_put(&place->arena, place->tree, a->name, dir, a->object);
}

/* What is remembered is made a lie: who believes it has not looked at the bytes. */
static void test_what_is_known_of_a_file_is_believed_unless_it_was_mapped(void **state)
{
	if (lacks_root())
		skip();
	struct place *place = *state;
	char difference[200];
	bool anew;
	settle_until_all_is_known(place);
	const struct torn_entry *f = torn_tree_entry(place->tree, torn_bytes_of("a/f"));
	const struct torn_node *other;
	const struct torn_node *lie = with_other_bytes(place, &other);
	struct torn_disk_seen *seen = &place->disk.seen[f->object];
	assert_int_equal(torn_disk_settle(&place->disk, lie, lie, difference, sizeof difference, &anew),
			 -EUCLEAN);
	seen->what = other->hash.low;
	const struct torn_disk_seen before = *seen;
	assert_int_equal(torn_disk_settle(&place->disk, lie, lie, difference, sizeof difference, &anew), 0);
	place->is_mapped = true;
	assert_int_equal(torn_disk_settle(&place->disk, lie, lie, difference, sizeof difference, &anew),
			 -EUCLEAN);
	place->is_mapped = false;
	seen->inode++;
	assert_int_equal(torn_disk_settle(&place->disk, lie, lie, difference, sizeof difference, &anew),
			 -EUCLEAN);
	*seen = before;
	seen->changed_ns++;
	assert_int_equal(torn_disk_settle(&place->disk, lie, lie, difference, sizeof difference, &anew),
			 -EUCLEAN);
}

static void test_what_is_known_of_a_directory_is_its_attributes_too(void **state)
{
	if (lacks_root())
		skip();
	struct place *place = *state;
	char difference[200];
	bool anew;
	settle_until_all_is_known(place);
	const struct torn_node *now = with_root(place, place->tree, 0755);
	assert_int_equal(torn_disk_settle(&place->disk, now, now, difference, sizeof difference, &anew),
			 -EUCLEAN);
	assert_string_equal(difference, "/: other attributes than the log says");
}

static void test_what_is_young_or_was_rewritten_is_not_known(void **state)
{
	if (lacks_root())
		skip();
	struct place *place = *state;
	char difference[200];
	bool anew;
	settle_until_all_is_known(place);
	const struct torn_entry *f = torn_tree_entry(place->tree, torn_bytes_of("a/f"));
	const struct torn_node *other;
	const struct torn_node *now = with_other_bytes(place, &other);
	assert_int_equal(torn_disk_change(&place->disk, place->tree, now, &anew), 0);
	assert_int_equal(torn_disk_settle(&place->disk, now, place->tree, difference,
					  sizeof difference, &anew), 0);
	assert_int_equal(place->disk.seen[f->object].changed_ns, 0);
	/* Written this moment: another write could get the same ctime. */
	write_file(place->root_fd, "a/f", "some", 0);
	assert_int_equal(fchmodat(place->root_fd, "a/f", 04751, 0), 0);
	assert_int_equal(settle(place, difference), 0);
	struct stat status;
	struct timespec now_is;
	assert_int_equal(fstatat(place->root_fd, "a/f", &status, 0), 0);
	clock_gettime(CLOCK_REALTIME_COARSE, &now_is);
	const int64_t age_ns = (now_is.tv_sec - status.st_ctim.tv_sec) * INT64_C(1000000000) +
			       now_is.tv_nsec - status.st_ctim.tv_nsec;
	if (age_ns < TORN_DISK_RACY_NS)
		assert_int_equal(place->disk.seen[f->object].changed_ns, 0);
}

/* Root of a user namespace, as whoever runs torn is: a write of theirs takes set-ID bits away. */
static bool become_root_of_a_namespace(void)
{
	static const char map[] = "0 0 1";
	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	const int groups = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	const bool is_denied = write(groups, "deny", 4) == 4; /* or gid_map is refused: user_namespaces(7) */
	close(groups);
	const int uids = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	const int gids = open("/proc/self/gid_map", O_WRONLY | O_CLOEXEC);
	const bool is_mapped = is_denied && write(uids, map, sizeof map - 1) > 0 &&
			       write(gids, map, sizeof map - 1) > 0;
	close(uids);
	close(gids);
	return is_mapped;
}

enum { IS_AS_WANTED, IS_NOT, IS_NOT_MADE, HAS_NO_NAMESPACE };

static int make_and_put_back(struct place *place)
{
	char difference[200];
	bool anew;
	if (!become_root_of_a_namespace())
		return HAS_NO_NAMESPACE;
	const struct torn_node *now = tree_of(place, "old a dir mode=2750\n"
						     "old a/f file mode=4751 was\n"
						     "old a/l symlink f\n"
						     "old a/s file mode=2711 new\n");
	const struct torn_node *old = tree_of(place, "old a dir mode=2750\n"
						     "old a/f file mode=4751 is\n"
						     "old a/l symlink f\n"
						     "old a/s file mode=2711 new\n");
	if (torn_disk_clear(place->root_fd) < 0 || torn_disk_make(&place->disk, now) < 0)
		return IS_NOT_MADE;
	open_dirs(place, place->root_fd, now);
	const int r = torn_disk_settle(&place->disk, now, old, difference, sizeof difference, &anew);
	return r == 0 && !anew &&
			       torn_disk_settle(&place->disk, old, old, difference, sizeof difference,
						&anew) == 0
		       ? IS_AS_WANTED : IS_NOT;
}

static void test_set_id_bits_outlive_what_is_written_in_a_user_namespace(void **state)
{
	if (lacks_root())
		skip();
	struct place *place = *state;
	const pid_t child = fork();
	if (child == 0)
		_exit(make_and_put_back(place));
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == HAS_NO_NAMESPACE) {
		print_message("no user namespace can be made here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), IS_AS_WANTED);
}

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Few names, types and contents: two such trees have much in common. */
static const struct torn_node *random_node(struct torn_arena *arena, uint64_t *state, int depth)
{
	static const char *const texts[] = {"some", "other bytes", "", "a third text"};
	static const char *const names[] = {"a", "b", "c", "d"};
	static const uint32_t modes[] = {0755, 0700, 0550};
	static const enum torn_type types[] = {TORN_FILE, TORN_FILE, TORN_SYMLINK, TORN_FIFO,
					       TORN_DIRECTORY, TORN_DIRECTORY};
	const enum torn_type type = depth == 3 ? TORN_DIRECTORY : types[next(state) % (depth ? 6 : 4)];
	const struct torn_attributes attributes = {.mode = modes[next(state) % 3], .links = 1};
	const struct torn_bytes text = torn_bytes_of(texts[next(state) % 4]);
	const struct torn_node *node = torn_node_make(
		arena, type, attributes,
		type == TORN_SYMLINK ? torn_bytes_of("to") : (struct torn_bytes){NULL, 0});
	if (type == TORN_FILE)
		node = torn_node_write(arena, node, next(state) % 3 ? 0 : 5000, text);
	if (type == TORN_FILE && next(state) % 4 == 0)
		node = torn_node_set_xattr(arena, node, torn_bytes_of("user.x"), &text);
	for (size_t i = 0; type == TORN_DIRECTORY && i < 4; i++)
		if (next(state) % 4)
			node = torn_node_put(arena, node, torn_bytes_of(names[i]),
					     random_node(arena, state, depth - 1), 2);
	return node;
}

static const struct torn_node *random_tree(struct torn_arena *arena, uint64_t seed, torn_object *ret_objects)
{
	uint64_t random = seed;
	return torn_tree_copy_numbered(arena, random_node(arena, &random, 3), ret_objects);
}

/* Read all of it, whatever is known. */
static void expect_on_disk(const struct torn_disk *disk, const struct torn_node *tree)
{
	struct torn_disk knows_nothing = *disk;
	knows_nothing.seen = NULL;
	char difference[200] = "";
	bool anew;
	assert_int_equal(torn_disk_settle(&knows_nothing, tree, tree, difference, 200, &anew), 0);
	assert_int_equal(torn_disk_settle(disk, tree, tree, difference, 200, &anew), 0);
	assert_false(anew);
}

static uint32_t count_known(const struct torn_disk *disk)
{
	uint32_t known = 0;
	for (uint32_t i = 0; i < disk->seen_count; i++)
		known += disk->seen[i].changed_ns != 0;
	return known;
}

/* A program's disk goes from one state to another many times: only what differs is made. */
static void test_a_tree_is_turned_into_any_other_and_what_stays_is_known(void **state)
{
	struct place *place = *state;
	if (geteuid() != 0)
		return;
	place->disk.dirfd = NULL;
	uint32_t known = 0;
	torn_object objects;
	assert_int_equal(torn_disk_clear(place->root_fd), 0);
	place->tree = random_tree(&place->arena, 1, &objects);
	torn_disk_expect(&place->disk, objects + 1);
	assert_int_equal(torn_disk_make(&place->disk, place->tree), 0);
	for (uint64_t seed = 2; seed < 300; seed++) {
		char difference[200];
		bool anew;
		const struct torn_node *from = place->tree;
		place->tree = random_tree(&place->arena, seed, &objects);
		while (seed % 20 == 0 && count_known(&place->disk) == 0) /* until it is old enough */
			expect_on_disk(&place->disk, from);
		/* The way of a trial that made directories, back again, and that from setup to setup. */
		assert_int_equal(torn_disk_settle(&place->disk, from, place->tree, difference, 200, &anew), 0);
		assert_false(anew);
		expect_on_disk(&place->disk, place->tree);
		assert_int_equal(torn_disk_settle(&place->disk, place->tree, from, difference, 200, &anew), 0);
		assert_int_equal(torn_disk_turn(&place->disk, from, place->tree, objects + 1), 0);
		known += count_known(&place->disk);
		expect_on_disk(&place->disk, place->tree);
	}
	assert_true(known > 0);
}

/* Names alone do not tell which inodes are the same: then all is made anew. */

#define EXACT_TEST(test) cmocka_unit_test_setup_teardown(test, make_exact_place, clear_exact_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXACT_TEST(test_a_tree_is_turned_into_any_other_and_what_stays_is_known),
		EXACT_TEST(test_set_id_bits_outlive_what_is_written_in_a_user_namespace),
		cmocka_unit_test(test_on_an_exact_disk_modes_and_attributes_are_noticed_too),
		EXACT_TEST(test_an_exact_disk_has_all_mode_bits_and_gets_them_back),
		EXACT_TEST(test_an_exact_disk_that_is_made_anew_keeps_nothing_of_the_root),
		EXACT_TEST(test_what_is_known_of_a_file_is_believed_unless_it_was_mapped),
		EXACT_TEST(test_what_is_known_of_a_directory_is_its_attributes_too),
		EXACT_TEST(test_what_is_young_or_was_rewritten_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
