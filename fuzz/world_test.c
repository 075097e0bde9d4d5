/*
 * world_test.c: see world.h. What a tree should hold is written down by hand,
 * and the base is held against the tree that it was made of.
 */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/arena_for_tests.h"
#include "../injectors/tree.h"
#include "case.h"
#include "sort.h"

static struct torn_fold_base base;
static const struct torn_node *tree;
static char message[200];

static int build(const char *text)
{
	struct torn_case world;
	struct torn_case_error error;
	assert_int_equal(torn_case_parse_world(torn_bytes_of(text), &arena, &world, &error), 0);
	tree = NULL;
	base = (struct torn_fold_base){0};
	message[0] = '\0';
	return torn_world_build(&arena, world.olds, world.olds_count, &tree, &base, message,
				sizeof message);
}

static const struct torn_node *at(const char *path)
{
	return torn_tree_find(tree, torn_bytes_of(path));
}

static torn_object object_at(const char *path)
{
	const struct torn_entry *entry = torn_tree_entry(tree, torn_bytes_of(path));
	return entry ? entry->object : 0;
}

static void assert_content(const char *path, const char *content)
{
	char is[64] = "";
	const struct torn_node *node = at(path);
	assert_non_null(node);
	assert_int_equal(node->type, TORN_FILE);
	assert_int_equal(node->size, strlen(content));
	assert_int_equal(torn_node_read(node, 0, is, sizeof is - 1), strlen(content));
	assert_string_equal(is, content);
}

/* Each inode below `dir` is one object of the base, and the same node. */
static void assert_in_base(const struct torn_node *dir, bool seen[static 64])
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		assert_in_range(entry->object, TORN_FOLD_ROOT + 1, base.count);
		assert_true(entry->object < 64);
		seen[entry->object] = true;
		assert_true(torn_tree_equal(base.objects[entry->object].node, entry->node));
		if (entry->node->type == TORN_DIRECTORY)
			assert_in_base(entry->node, seen);
	}
}

static void assert_base_is_the_tree(void)
{
	bool seen[64] = {false};
	seen[0] = seen[TORN_FOLD_ROOT] = true;
	assert_ptr_equal(base.objects[TORN_FOLD_ROOT].node, tree);
	assert_null(base.objects[TORN_FOLD_ROOT].links);
	assert_in_base(tree, seen);
	for (torn_object i = 0; i <= base.count; i++)
		assert_true(seen[i]); /* no gaps */
	struct torn_fold fold;
	assert_int_equal(torn_fold_begin(&fold, &arena, &base), 0);
	assert_true(torn_tree_equal(torn_fold_tree(&fold), tree));
}

static void test_nothing_is_an_empty_root(void **state)
{
	(void)state;
	assert_int_equal(build(""), 0);
	assert_int_equal(tree->type, TORN_DIRECTORY);
	assert_int_equal(tree->mode, 0755);
	assert_int_equal(tree->links, 1);
	assert_int_equal(tree->entries_count, 0);
	assert_base_is_the_tree();
}

static void test_missing_parents_are_directories(void **state)
{
	(void)state;
	assert_int_equal(build("old a/b/c file x\n"), 0);
	assert_content("a/b/c", "x");
	assert_int_equal(at("a")->type, TORN_DIRECTORY);
	assert_int_equal(at("a")->mode, 0755);
	assert_int_equal(at("a/b")->mode, 0755);
	assert_int_equal(at("a/b")->uid, 0);
	assert_null(at("a/c"));
	assert_base_is_the_tree();
}

static void test_a_declared_parent_keeps_its_attributes(void **state)
{
	(void)state;
	assert_int_equal(build("old a dir mode=0700 owner=7:8\nold a/b file x\nold a.b file y\n"), 0);
	assert_int_equal(at("a")->mode, 0700);
	assert_int_equal(at("a")->uid, 7);
	assert_int_equal(at("a")->gid, 8);
	assert_content("a/b", "x");
	assert_content("a.b", "y");
	assert_base_is_the_tree();
}

static void test_every_type_is_made(void **state)
{
	(void)state;
	assert_int_equal(build("old d dir\nold e file \"\"\nold f file mode=0604 owner=1:2 "
			       "xattr=user.a:b \"con\\x00tent\"\nold l symlink ../x\nold p fifo\nold s socket\n"),
			 0);
	assert_int_equal(at("d")->type, TORN_DIRECTORY);
	assert_content("e", "");
	assert_int_equal(at("f")->mode, 0604);
	assert_int_equal(at("f")->uid, 1);
	assert_int_equal(at("f")->gid, 2);
	assert_int_equal(at("f")->size, 8);
	assert_int_equal(at("f")->links, 1);
	assert_int_equal(at("f")->xattrs_count, 1);
	assert_true(torn_bytes_equal(at("f")->xattrs[0].name, torn_bytes_of("user.a")));
	assert_true(torn_bytes_equal(at("f")->xattrs[0].value, torn_bytes_of("b")));
	assert_int_equal(at("l")->type, TORN_SYMLINK);
	assert_true(torn_bytes_equal(at("l")->link, torn_bytes_of("../x")));
	assert_int_equal(at("p")->type, TORN_FIFO);
	assert_int_equal(at("s")->type, TORN_SOCKET);
	assert_base_is_the_tree();
}

static void test_absent_makes_nothing_nor_its_parents(void **state)
{
	(void)state;
	assert_int_equal(build("old a/b absent\nold c absent\n"), 0);
	assert_int_equal(tree->entries_count, 0);
	assert_base_is_the_tree();
}

static void test_hard_links_are_one_inode_with_a_count(void **state)
{
	(void)state;
	/* Names sort before, after and in other folders than what they link to. */
	assert_int_equal(build("old m file x\nold a link m\nold z/q link m\nold other file x\n"), 0);
	assert_int_equal(object_at("a"), object_at("m"));
	assert_int_equal(object_at("z/q"), object_at("m"));
	assert_int_not_equal(object_at("other"), object_at("m"));
	assert_int_equal(at("m")->links, 3);
	assert_int_equal(at("a")->links, 3);
	assert_int_equal(at("z/q")->links, 3);
	assert_int_equal(at("other")->links, 1);
	assert_content("z/q", "x");
	assert_base_is_the_tree();
	size_t names = 0;
	for (const struct torn_fold_link *link = base.objects[object_at("m")].links; link; link = link->next)
		names++;
	assert_int_equal(names, 3);
}

static void test_two_groups_of_links_stay_apart(void **state)
{
	(void)state;
	assert_int_equal(build("old a file x\nold b file x\nold c link a\nold d link b\nold e link a\n"), 0);
	assert_int_equal(object_at("c"), object_at("a"));
	assert_int_equal(object_at("e"), object_at("a"));
	assert_int_equal(object_at("d"), object_at("b"));
	assert_int_not_equal(object_at("a"), object_at("b"));
	assert_int_equal(at("a")->links, 3);
	assert_int_equal(at("b")->links, 2);
	assert_base_is_the_tree();
}

/* What the parser lets through, the builder must refuse: it is the last who can. */
static int build_link(enum torn_type type, const char *to, bool there)
{
	struct torn_old olds[2] = {
		{.path = torn_bytes_of("a"), .type = type, .mode = 0755, .text = torn_bytes_of("x")},
		{.path = torn_bytes_of("b"), .is_link = true, .text = torn_bytes_of(to)},
	};
	olds[0].absent = !there;
	message[0] = '\0';
	return torn_world_build(&arena, olds, 2, &tree, &base, message, sizeof message);
}

static void test_a_link_to_what_is_no_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(build_link(TORN_FILE, "a", true), 0);
	assert_int_equal(build_link(TORN_FILE, "missing", true), -EINVAL);
	assert_string_equal(message, "expected a file of this case, found missing");
	assert_int_equal(build_link(TORN_FILE, "a", false), -EINVAL);
	assert_int_equal(build_link(TORN_DIRECTORY, "a", true), -EINVAL);
	assert_int_equal(build_link(TORN_FILE, "b", true), -EINVAL); /* to itself */
}

static void test_a_link_from_one_file_system_to_another_is_refused(void **state)
{
	static const struct {
		const char *olds;
		int result;
	} rows[] = {
		{"old d dir\nold d/a file x\nold b link d/a\n", 0},
		{"old m mount\nold m/a file x\nold m/b link m/a\n", 0},
		{"old m mount\nold m/a file x\nold m/d/b link m/a\n", 0},
		{"old m mount\nold a file x\nold mm/b link a\n", 0},
		{"old m mount\nold a file x\nold m/b link a\n", -EINVAL},
		{"old m mount\nold m/a file x\nold b link m/a\n", -EINVAL},
		{"old m mount\nold n mount\nold m/a file x\nold n/b link m/a\n", -EINVAL},
		{"old m mount\nold m/n mount\nold m/a file x\nold m/n/b link m/a\n", -EINVAL},
		{"old m mount\nold m/n mount\nold m/n/a file x\nold m/n/b link m/n/a\n", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(build(rows[i].olds), rows[i].result);
		if (rows[i].result < 0)
			assert_non_null(strstr(message, "expected a file of the same file system, found "));
	}
}

static void test_the_file_system_of_a_path_is_the_nearest_mount_in_any_order_of_lines(void **state)
{
	(void)state;
	struct torn_old olds[] = {
		{.path = torn_bytes_of("m/n"), .type = TORN_DIRECTORY, .mount = TORN_MOUNT},
		{.path = torn_bytes_of("m"), .type = TORN_DIRECTORY, .mount = TORN_MOUNT},
		{.path = torn_bytes_of("m/n/o"), .type = TORN_DIRECTORY, .mount = TORN_MOUNT, .absent = true},
	};
	static const char *const rows[][2] = {
		{"m/n/o/f", "m/n"}, {"m/n/f", "m/n"}, {"m/nn", "m"}, {"m/n", "m"}, {"m", ""}, {"f", ""}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_true(torn_bytes_equal(torn_world_filesystem(olds, 3, torn_bytes_of(rows[i][0])),
					     torn_bytes_of(rows[i][1])));
}

static void test_the_same_text_is_the_same_tree(void **state)
{
	(void)state;
	assert_int_equal(build("old a/b file x\nold c link a/b\n"), 0);
	const struct torn_node *first = tree;
	const uint32_t count = base.count;
	assert_int_equal(build("old c link a/b\nold a/b file x\n"), 0);
	assert_true(torn_tree_equal(first, tree));
	assert_int_equal(base.count, count);
	assert_int_equal(build("old a/b file x\nold c file x\n"), 0);
	assert_false(torn_tree_equal(first, tree));
}

/* ------------------------------------------------------------ name by name */

/* The same built in the simple way: each name put into its directory, which is copied for it. */
struct simply {
	const struct torn_node *root;
	torn_object objects;
};

static const struct torn_node *simply_made(enum torn_type type, uint32_t mode)
{
	const struct torn_attributes attributes = {.mode = mode, .links = 1};
	return torn_node_make(&arena, type, attributes, (struct torn_bytes){NULL, 0});
}

static const struct torn_node *simply_put(struct simply *simply, const struct torn_node *dir,
					  struct torn_bytes path, const struct torn_node *node,
					  torn_object object)
{
	const uint8_t *slash = memchr(path.data, '/', path.size);
	const struct torn_bytes name = {path.data, slash ? (size_t)(slash - path.data) : path.size};
	if (!slash)
		return torn_node_put(&arena, dir, name, node, object ? object : ++simply->objects);
	const struct torn_entry *entry = torn_node_entry(dir, name);
	const torn_object below_object = entry ? entry->object : ++simply->objects;
	const struct torn_node *below = entry ? entry->node : simply_made(TORN_DIRECTORY, 0755);
	const struct torn_bytes rest = {slash + 1, path.size - name.size - 1};
	below = simply_put(simply, below, rest, node, object);
	return torn_node_put(&arena, dir, name, below, below_object);
}

/* With its count of names; only files have more of them than one. */
static const struct torn_node *simply_node(const struct torn_old *olds, size_t count, size_t which)
{
	struct torn_attributes attributes = {.mode = olds[which].mode, .links = 1};
	for (size_t i = 0; i < count; i++)
		attributes.links += olds[i].is_link && torn_bytes_equal(olds[i].text, olds[which].path);
	const struct torn_node *node =
		torn_node_with(&arena, simply_made(olds[which].type, 0), attributes);
	return olds[which].type == TORN_FILE ? torn_node_write(&arena, node, 0, olds[which].text) : node;
}

static void build_simply(struct simply *simply, const struct torn_old *olds, size_t count)
{
	*simply = (struct simply){simply_made(TORN_DIRECTORY, 0755), TORN_FOLD_ROOT};
	for (int links = 0; links < 2; links++)
		for (size_t i = 0; i < count; i++) {
			if (olds[i].is_link != links)
				continue;
			size_t to = i;
			while (!torn_bytes_equal(olds[to].path, links ? olds[i].text : olds[i].path))
				to = (to + 1) % count;
			const struct torn_entry *entry = torn_tree_entry(simply->root, olds[to].path);
			simply->root = simply_put(simply, simply->root, olds[i].path,
						  simply_node(olds, count, to),
						  entry ? entry->object : 0);
		}
}

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Names that order otherwise with a slash behind them than without. */
static struct torn_bytes random_path(uint64_t *state)
{
	static const char *const names[] = {"a", "a-b", "a.b", "ab", "b", "a-", "b b", "c"};
	char path[64];
	size_t size = 0;
	for (uint64_t depth = 1 + next(state) % 4; depth > 0; depth--)
		size += (size_t)snprintf(path + size, sizeof path - size, "%s%s", size ? "/" : "",
					 names[next(state) % 8]);
	return torn_arena_copy(&arena, path, size);
}

static bool is_below(struct torn_bytes path, struct torn_bytes above)
{
	return path.size > above.size && path.data[above.size] == '/' &&
	       memcmp(path.data, above.data, above.size) == 0;
}

/* Could a parsed case have this line too? */
static bool fits(const struct torn_old *olds, size_t count, const struct torn_old *old)
{
	for (size_t i = 0; i < count; i++) {
		const bool is_dir = !olds[i].is_link && olds[i].type == TORN_DIRECTORY;
		const bool would_be_dir = !old->is_link && old->type == TORN_DIRECTORY;
		if (torn_bytes_equal(olds[i].path, old->path) ||
		    (is_below(old->path, olds[i].path) && !is_dir) ||
		    (is_below(olds[i].path, old->path) && !would_be_dir))
			return false;
	}
	return true;
}

static size_t random_lines(uint64_t *state, struct torn_old *olds, size_t wanted)
{
	size_t count = 0;
	for (size_t tries = 0; tries < 4 * wanted && count < wanted; tries++) {
		const struct torn_old *to = count ? &olds[next(state) % count] : NULL;
		struct torn_old old = {.path = random_path(state), .mode = next(state) & 0777};
		old.is_link = to && !to->is_link && to->type == TORN_FILE && next(state) % 2;
		old.type = next(state) % 3 ? TORN_FILE : TORN_DIRECTORY;
		if (old.is_link || old.type == TORN_FILE)
			old.text = old.is_link ? to->path : old.path;
		if (fits(olds, count, &old))
			olds[count++] = old;
	}
	torn_sort(olds, count, sizeof *olds, NULL);
	return count;
}

static void assert_same_objects(const struct torn_node *is, const struct torn_node *wanted)
{
	assert_int_equal(is->entries_count, wanted->entries_count);
	for (uint32_t i = 0; i < is->entries_count; i++) {
		assert_int_equal(is->entries[i].object, wanted->entries[i].object);
		assert_memory_equal(&is->entries[i].term, &wanted->entries[i].term,
				    sizeof is->entries[i].term);
		if (is->entries[i].node->type == TORN_DIRECTORY)
			assert_same_objects(is->entries[i].node, wanted->entries[i].node);
	}
}

static void test_a_world_is_what_putting_name_by_name_makes_of_it(void **state)
{
	(void)state;
	size_t linked = 0;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		uint64_t random = seed;
		struct torn_old olds[80];
		const size_t count = random_lines(&random, olds, 1 + seed % 80);
		struct simply simply;
		build_simply(&simply, olds, count);
		assert_int_equal(torn_world_build(&arena, olds, count, &tree, &base, message,
						  sizeof message), 0);
		assert_true(torn_tree_equal(tree, simply.root));
		assert_int_equal(base.count, simply.objects);
		assert_same_objects(tree, simply.root);
		for (size_t i = 0; i < count; i++)
			linked += olds[i].is_link;
	}
	assert_true(linked > 1000);
}

/* What grows with the square of the names would want gigabytes. */
static void test_a_large_directory_takes_room_by_its_names_only(void **state)
{
	(void)state;
	enum { NAMES = 10000, LINKS = 2000 };
	struct torn_old *olds = torn_arena_take(&arena, NAMES * sizeof *olds);
	assert_non_null(olds);
	for (size_t i = 0; i < NAMES; i++) {
		char path[16];
		const int size = snprintf(path, sizeof path, "d/%05zu", i);
		olds[i].path = torn_arena_copy(&arena, path, (size_t)size);
		olds[i].is_link = i >= NAMES - LINKS;
		olds[i].text = olds[i].is_link ? olds[0].path : torn_bytes_of("x");
	}
	const size_t before = torn_arena_mark(&arena);
	assert_int_equal(torn_world_build(&arena, olds, NAMES, &tree, &base, message, sizeof message), 0);
	assert_in_range(torn_arena_mark(&arena) - before, 0, NAMES * 1024);
	assert_int_equal(at("d")->entries_count, NAMES);
	assert_int_equal(at("d/00000")->links, 1 + LINKS);
	assert_int_equal(at("d/09999")->links, 1 + LINKS);
	assert_int_equal(base.count, 2 + NAMES - LINKS);
}

/* No parser lets these through. */
/* What reads and boots it looks for one directory of the root, and for files there: runtime.h. */
static void test_what_the_kernel_keeps_is_one_directory_of_plain_files(void **state)
{
	(void)state;
	assert_int_equal(build("old proc runtime\nold proc/k file \"1\\n\"\nold proc/l symlink k\nold proc/d dir\n"), 0);
	static const struct {
		const char *text, *says;
	} refused[] = {
		{"old a/proc runtime\n", "expected a runtime directory in the root, found a/proc"},
		{"old proc runtime\nold sys runtime\n", "expected one runtime directory, found sys"},
		{"old proc runtime\nold proc/k fifo\n", "what the kernel keeps, found proc/k"},
		{"old proc runtime\nold proc/d/k socket\n", "what the kernel keeps, found proc/d/k"},
		{"old proc runtime\nold proc/k file 1\nold proc/l link proc/k\n", "what the kernel keeps, found proc/l"},
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		assert_int_equal(build(refused[i].text), -EINVAL);
		if (!strstr(message, refused[i].says))
			fail_msg("%s: %s", refused[i].text, message);
	}
}

static void test_a_path_twice_or_below_a_file_is_refused(void **state)
{
	(void)state;
	struct torn_old olds[] = {{.path = torn_bytes_of("a"), .text = torn_bytes_of("x")},
				  {.path = torn_bytes_of("a/b"), .text = torn_bytes_of("x")}};
	assert_int_equal(torn_world_build(&arena, olds, 2, &tree, &base, message, sizeof message),
			 -EINVAL);
	assert_string_equal(message, "expected each path once and below directories, found a/b");
	olds[1].path = olds[0].path;
	assert_int_equal(torn_world_build(&arena, olds, 2, &tree, &base, message, sizeof message),
			 -EINVAL);
	olds[1].path = torn_bytes_of("b");
	assert_int_equal(torn_world_build(&arena, olds, 2, &tree, &base, message, sizeof message), 0);
}

static void test_a_full_arena_is_told(void **state)
{
	(void)state;
	static const char text[] = "old a/b/c file x\nold a/d link a/b/c\nold e symlink x\n";
	struct torn_case world;
	struct torn_case_error error;
	assert_int_equal(torn_case_parse_world(torn_bytes_of(text), &arena, &world, &error), 0);
	bool built = false;
	static uint8_t bytes[16384] __attribute__((aligned(16)));
	for (size_t room = 0; !built; room += 16) {
		memset(bytes, 0, sizeof bytes);
		assert_true(room < sizeof bytes);
		struct torn_arena small = {.base = bytes, .size = room};
		int r = torn_world_build(&small, world.olds, world.olds_count, &tree, &base, message,
					 sizeof message);
		built = r == 0;
		if (!built)
			assert_int_equal(r, -ENOMEM);
	}
	assert_int_equal(at("a/d")->links, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_nothing_is_an_empty_root),
		arena_test(test_missing_parents_are_directories),
		arena_test(test_a_declared_parent_keeps_its_attributes),
		arena_test(test_every_type_is_made),
		arena_test(test_absent_makes_nothing_nor_its_parents),
		arena_test(test_hard_links_are_one_inode_with_a_count),
		arena_test(test_two_groups_of_links_stay_apart),
		arena_test(test_a_link_to_what_is_no_file_is_refused),
		arena_test(test_a_link_from_one_file_system_to_another_is_refused),
		arena_test(test_the_file_system_of_a_path_is_the_nearest_mount_in_any_order_of_lines),
		arena_test(test_the_same_text_is_the_same_tree),
		arena_test(test_a_world_is_what_putting_name_by_name_makes_of_it),
		arena_test(test_a_large_directory_takes_room_by_its_names_only),
		arena_test(test_a_path_twice_or_below_a_file_is_refused),
		arena_test(test_what_the_kernel_keeps_is_one_directory_of_plain_files),
		arena_test(test_a_full_arena_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
