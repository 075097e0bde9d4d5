/* tree_test.c: trees as values, held against plain arrays of bytes and plain lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena_for_tests.h"
#include "tree.h"

#define FILE_BYTES_MAX (5 * TORN_BLOCK_SIZE + 100)
#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct torn_bytes none;

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static const struct torn_node *make(enum torn_type type)
{
	return torn_node_make(&arena, type, (struct torn_attributes){.mode = 0644, .links = 1}, none);
}

static const struct torn_node *file_of(const void *bytes, size_t size)
{
	return torn_node_write(&arena, make(TORN_FILE), 0, torn_arena_copy(&arena, bytes, size));
}

static const struct torn_node *text(const char *bytes)
{
	return file_of(bytes, strlen(bytes));
}

static const struct torn_node *put(const struct torn_node *dir, const char *name,
				   const struct torn_node *node)
{
	return torn_node_put(&arena, dir, torn_bytes_of(name), node, 7);
}

/* ------------------------------------------------------------------ files */

struct model {
	uint8_t bytes[FILE_BYTES_MAX];
	size_t size;
};

/* Do one random thing to both. Offsets are near the edges of blocks more often than not. */
static const struct torn_node *change(uint64_t *state, struct model *model, const struct torn_node *file)
{
	static const size_t edges[] = {0, 0, 1, TORN_BLOCK_SIZE - 1, TORN_BLOCK_SIZE, TORN_BLOCK_SIZE + 1,
				       2 * TORN_BLOCK_SIZE, 3 * TORN_BLOCK_SIZE - 2};
	const size_t at = next(state) % 3 ? edges[next(state) % COUNT(edges)]
					  : next(state) % (FILE_BYTES_MAX - 1);
	size_t size = next(state) % 2 ? next(state) % 9 : next(state) % (2 * TORN_BLOCK_SIZE);
	if (size > FILE_BYTES_MAX - at)
		size = FILE_BYTES_MAX - at;
	switch (next(state) % 4) {
	case 0: /* cut or extend */
		if (at > model->size)
			memset(model->bytes + model->size, 0, at - model->size);
		model->size = at;
		return torn_node_resize(&arena, file, at);
	case 1: /* zero, within the file */
		if (at < model->size)
			memset(model->bytes + at, 0, size < model->size - at ? size : model->size - at);
		return torn_node_zero(&arena, file, at, size);
	default: {
		uint8_t *bytes = torn_arena_take(&arena, size + 1);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(next(state) % 3); /* zeroes too */
		if (size > 0 && at > model->size)
			memset(model->bytes + model->size, 0, at - model->size);
		if (size > 0 && at + size > model->size)
			model->size = at + size;
		memcpy(model->bytes + at, bytes, size);
		return torn_node_write(&arena, file, at, (struct torn_bytes){bytes, size});
	}
	}
}

static void assert_is(const struct torn_node *file, const struct model *model)
{
	static uint8_t bytes[FILE_BYTES_MAX + 1];
	assert_non_null(file);
	assert_int_equal(file->size, model->size);
	assert_int_equal(file->blocks_count, (model->size + TORN_BLOCK_SIZE - 1) / TORN_BLOCK_SIZE);
	assert_int_equal(torn_node_read(file, 0, bytes, sizeof bytes), model->size);
	assert_memory_equal(bytes, model->bytes, model->size);
}

static void test_a_file_has_the_bytes_of_an_array_after_any_writes_cuts_and_zeroes(void **state)
{
	(void)state;
	static struct model model;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		uint64_t random = seed;
		const size_t mark = torn_arena_mark(&arena);
		const struct torn_node *file = make(TORN_FILE);
		model.size = 0;
		for (int i = 0; i < 60; i++) {
			file = change(&random, &model, file);
			assert_is(file, &model);
			/* The same bytes, written at once, are the same node. */
			const struct torn_node *fresh = file_of(model.bytes, model.size);
			assert_true(torn_tree_equal(file, fresh));
			assert_true(torn_tree_same_content(file, fresh));
		}
		torn_arena_return(&arena, mark);
	}
}

static void test_a_file_with_one_other_byte_has_another_hash(void **state)
{
	(void)state;
	static uint8_t bytes[3 * TORN_BLOCK_SIZE];
	const struct torn_node *file = file_of(bytes, sizeof bytes);
	static const size_t places[] = {0, 1, TORN_BLOCK_SIZE - 1, TORN_BLOCK_SIZE, sizeof bytes - 1};
	for (size_t i = 0; i < COUNT(places); i++) {
		const struct torn_bytes one = {(const uint8_t *)"x", 1};
		const struct torn_node *other = torn_node_write(&arena, file, places[i], one);
		assert_false(torn_tree_equal(file, other));
		assert_false(torn_tree_same_content(file, other));
		for (size_t j = 0; j < i; j++) /* the same byte elsewhere */
			assert_false(torn_tree_equal(torn_node_write(&arena, file, places[j], one), other));
	}
}

static void test_blocks_that_change_places_make_another_file(void **state)
{
	(void)state;
	uint8_t bytes[2 * TORN_BLOCK_SIZE], swapped[2 * TORN_BLOCK_SIZE];
	memset(bytes, 'a', TORN_BLOCK_SIZE);
	memset(bytes + TORN_BLOCK_SIZE, 'b', TORN_BLOCK_SIZE);
	memcpy(swapped, bytes + TORN_BLOCK_SIZE, TORN_BLOCK_SIZE);
	memcpy(swapped + TORN_BLOCK_SIZE, bytes, TORN_BLOCK_SIZE);
	assert_false(torn_tree_equal(file_of(bytes, sizeof bytes), file_of(swapped, sizeof swapped)));
}

static void test_a_hole_is_the_same_as_zeroes_and_not_the_same_as_a_shorter_file(void **state)
{
	(void)state;
	static const uint8_t zeroes[2 * TORN_BLOCK_SIZE];
	const struct torn_node *hole = torn_node_resize(&arena, make(TORN_FILE), sizeof zeroes);
	assert_true(torn_tree_equal(hole, file_of(zeroes, sizeof zeroes)));
	assert_null(hole->blocks[0].data);
	assert_false(torn_tree_equal(hole, torn_node_resize(&arena, hole, sizeof zeroes - 1)));
}

static void test_what_was_cut_off_does_not_come_back(void **state)
{
	(void)state;
	const struct torn_node *file = torn_node_resize(&arena, text("secret"), 2);
	char bytes[8];
	assert_int_equal(torn_node_read(torn_node_resize(&arena, file, 6), 0, bytes, sizeof bytes), 6);
	assert_memory_equal(bytes, "se\0\0\0\0", 6);
}

static void test_a_change_shares_the_blocks_that_it_leaves(void **state)
{
	(void)state;
	static uint8_t bytes[4 * TORN_BLOCK_SIZE];
	memset(bytes, 'x', sizeof bytes);
	const struct torn_node *file = file_of(bytes, sizeof bytes);
	const struct torn_node *other = torn_node_write(&arena, file, TORN_BLOCK_SIZE + 5, torn_bytes_of("y"));
	for (size_t i = 0; i < 4; i++)
		assert_true((other->blocks[i].data == file->blocks[i].data) == (i != 1));
	assert_int_equal(file->blocks[1].data[5], 'x'); /* the old one is as it was */
}

static void test_a_change_of_nothing_gives_the_node_itself(void **state)
{
	(void)state;
	const struct torn_node *file = text("abc");
	assert_ptr_equal(torn_node_write(&arena, file, 9, none), file);
	assert_ptr_equal(torn_node_resize(&arena, file, 3), file);
	assert_ptr_equal(torn_node_zero(&arena, file, 3, 5), file);
	assert_ptr_equal(torn_node_set_xattr(&arena, file, torn_bytes_of("user.a"), NULL), file);
	const struct torn_node *dir = put(make(TORN_DIRECTORY), "a", file);
	assert_ptr_equal(torn_node_drop(&arena, dir, torn_bytes_of("b")), dir);
}

static void test_reading_from_the_end_on_or_from_a_directory_gives_nothing(void **state)
{
	(void)state;
	char byte = 'k';
	assert_int_equal(torn_node_read(text("abc"), 3, &byte, 1), 0);
	assert_int_equal(torn_node_read(text("abc"), UINT64_MAX, &byte, 1), 0);
	assert_int_equal(torn_node_read(make(TORN_DIRECTORY), 0, &byte, 1), 0);
	assert_int_equal(byte, 'k');
}

/* ------------------------------------------------------------- attributes */

static void test_attributes_and_xattrs_are_part_of_a_node_and_not_of_its_content(void **state)
{
	(void)state;
	const struct torn_node *file = text("abc");
	const struct torn_bytes one = torn_bytes_of("one"), name = torn_bytes_of("user.a");
	const struct torn_node *others[] = {
		torn_node_with(&arena, file, (struct torn_attributes){0600, 0, 0, 1, 0}),
		torn_node_with(&arena, file, (struct torn_attributes){0644, 1, 0, 1, 0}),
		torn_node_with(&arena, file, (struct torn_attributes){0644, 0, 1, 1, 0}),
		torn_node_with(&arena, file, (struct torn_attributes){0644, 0, 0, 2, 0}),
		torn_node_with(&arena, file, (struct torn_attributes){0644, 0, 0, 1, TORN_MOUNT}),
		torn_node_set_xattr(&arena, file, name, &one),
	};
	for (size_t i = 0; i < COUNT(others); i++) {
		assert_false(torn_tree_equal(file, others[i]));
		assert_true(torn_tree_same_content(file, others[i]));
		for (size_t j = 0; j < i; j++)
			assert_false(torn_tree_equal(others[i], others[j]));
	}
	assert_true(torn_tree_equal(file, torn_node_set_xattr(&arena, others[5], name, NULL)));
}

static void test_the_order_in_which_xattrs_came_is_not_seen(void **state)
{
	(void)state;
	static const char *const names[] = {"user.b", "user.a", "user.c", "security.x"};
	const struct torn_node *there = text("abc"), *back = there;
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct torn_bytes value = torn_bytes_of(names[i]);
		there = torn_node_set_xattr(&arena, there, torn_bytes_of(names[i]), &value);
		const struct torn_bytes late = torn_bytes_of(names[COUNT(names) - 1 - i]);
		back = torn_node_set_xattr(&arena, back, late, &late);
	}
	assert_true(torn_tree_equal(there, back));
	for (uint32_t i = 1; i < there->xattrs_count; i++)
		assert_true(torn_bytes_compare(there->xattrs[i - 1].name, there->xattrs[i].name) < 0);
	const struct torn_bytes replaced = torn_bytes_of("new");
	const struct torn_node *other = torn_node_set_xattr(&arena, there, torn_bytes_of("user.a"), &replaced);
	assert_int_equal(other->xattrs_count, there->xattrs_count);
	assert_true(torn_bytes_equal(torn_node_xattr(other, torn_bytes_of("user.a"))->value, replaced));
	assert_false(torn_tree_equal(there, other));
}

static void test_an_xattr_of_two_others_joined_is_not_them(void **state)
{
	(void)state;
	const struct torn_bytes value = torn_bytes_of("bc"), shorter = torn_bytes_of("c");
	assert_false(torn_tree_equal(
		torn_node_set_xattr(&arena, text(""), torn_bytes_of("user.a"), &value),
		torn_node_set_xattr(&arena, text(""), torn_bytes_of("user.ab"), &shorter)));
}

static void test_types_of_equal_bytes_are_not_equal(void **state)
{
	(void)state;
	for (int a = 0; a < TORN_TYPE_COUNT; a++)
		for (int b = 0; b < a; b++) {
			assert_false(torn_tree_equal(make((enum torn_type)a), make((enum torn_type)b)));
			assert_false(torn_tree_same_content(make((enum torn_type)a), make((enum torn_type)b)));
		}
	assert_false(torn_tree_equal(text(""), NULL));
	assert_true(torn_tree_equal(NULL, NULL));
}

/* ------------------------------------------------------------ directories */

#define NAMES 300

static void test_a_directory_is_the_same_whatever_order_its_names_came_in(void **state)
{
	(void)state;
	const size_t mark = torn_arena_mark(&arena);
	char names[NAMES][12];
	int order[NAMES];
	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof names[i], "n%d", i * 37 % NAMES);
		order[i] = i;
	}
	uint64_t random = 5;
	for (int i = NAMES - 1; i > 0; i--) {
		const int j = (int)(next(&random) % (uint64_t)(i + 1)), kept = order[i];
		order[i] = order[j];
		order[j] = kept;
	}
	const struct torn_node *a = make(TORN_DIRECTORY), *b = a;
	for (int i = 0; i < NAMES; i++) {
		a = put(a, names[i], text(names[i]));
		b = put(b, names[order[i]], text(names[order[i]]));
	}
	assert_true(torn_tree_equal(a, b));
	assert_int_equal(a->entries_count, NAMES);
	for (uint32_t i = 1; i < a->entries_count; i++)
		assert_true(torn_bytes_compare(a->entries[i - 1].name, a->entries[i].name) < 0);
	for (int i = 0; i < NAMES; i++)
		assert_true(torn_tree_equal(torn_tree_find(a, torn_bytes_of(names[i])), text(names[i])));
	assert_null(torn_tree_find(a, torn_bytes_of("n")));
	/* Taking half of them out again is as if they had never been there. */
	const struct torn_node *half = make(TORN_DIRECTORY);
	for (int i = 0; i < NAMES; i++) {
		if (i % 2)
			a = torn_node_drop(&arena, a, torn_bytes_of(names[i]));
		else
			half = put(half, names[i], text(names[i]));
	}
	assert_true(torn_tree_equal(a, half));
	torn_arena_return(&arena, mark);
}

static void test_names_that_swap_their_files_make_another_directory(void **state)
{
	(void)state;
	const struct torn_node *a = put(put(make(TORN_DIRECTORY), "a", text("1")), "b", text("2"));
	const struct torn_node *b = put(put(make(TORN_DIRECTORY), "a", text("2")), "b", text("1"));
	assert_false(torn_tree_equal(a, b));
	assert_false(torn_tree_same_content(a, b));
	assert_true(torn_tree_equal(a, put(put(b, "a", text("1")), "b", text("2"))));
}

static void test_a_change_deep_down_shares_the_subtrees_beside_it(void **state)
{
	(void)state;
	const struct torn_node *left = put(make(TORN_DIRECTORY), "f", text("left"));
	const struct torn_node *right = put(make(TORN_DIRECTORY), "f", text("right"));
	const struct torn_node *root = put(put(make(TORN_DIRECTORY), "l", left), "r", right);
	const struct torn_node *other = put(root, "l", put(left, "f", text("new")));
	assert_ptr_equal(torn_tree_find(other, torn_bytes_of("r")), right);
	assert_ptr_equal(torn_tree_find(root, torn_bytes_of("l")), left);
	assert_false(torn_tree_equal(root, other));
}

static void test_a_path_through_a_file_or_nothing_finds_nothing(void **state)
{
	(void)state;
	const struct torn_node *root =
		put(make(TORN_DIRECTORY), "d", put(make(TORN_DIRECTORY), "f", text("x")));
	assert_ptr_equal(torn_tree_find(root, none), root);
	assert_non_null(torn_tree_find(root, torn_bytes_of("d/f")));
	assert_int_equal(torn_tree_entry(root, torn_bytes_of("d/f"))->object, 7);
	assert_null(torn_tree_entry(root, none));
	static const char *const absent[] = {"f", "d/g", "d/f/x", "e/f", "D", "d/f/"};
	for (size_t i = 0; i < COUNT(absent); i++)
		if (absent[i][strlen(absent[i]) - 1] != '/')
			assert_null(torn_tree_find(root, torn_bytes_of(absent[i])));
	assert_null(torn_tree_find(NULL, torn_bytes_of("d")));
}

/* ------------------------------------------------------------ differences */

#define PLACES 7

/* Places of a small tree, the parents before what is in them. */
static const char *const places[PLACES] = {"a", "a/b", "a/b/c", "a/d", "e", "e/f", "g"};
static const bool can_hold[PLACES] = {true, true, false, false, true, false, false};

/* State of each place: 0 absent, 1 file "x", 2 file "y", 3 directory, 4 the same with another mode. */
struct shape {
	int what[PLACES];
};

static int parent_of(int place)
{
	static const int parents[PLACES] = {-1, 0, 1, 0, -1, 4, -1};
	return parents[place];
}

static struct shape random_shape(uint64_t *random)
{
	struct shape shape;
	for (int i = 0; i < PLACES; i++) {
		const int above = parent_of(i);
		if (above >= 0 && shape.what[above] < 3)
			shape.what[i] = 0;
		else
			shape.what[i] = (int)(next(random) % (can_hold[i] ? 5 : 3));
	}
	return shape;
}

static const struct torn_node *build(const struct shape *shape, int above)
{
	const bool other = above >= 0 && shape->what[above] == 4;
	const struct torn_node *dir = torn_node_make(
		&arena, TORN_DIRECTORY, (struct torn_attributes){.mode = other ? 0700 : 0755, .links = 1}, none);
	for (int i = 0; i < PLACES; i++) {
		if (parent_of(i) != above || shape->what[i] == 0)
			continue;
		const char *slash = strrchr(places[i], '/');
		dir = put(dir, slash ? slash + 1 : places[i],
			  shape->what[i] >= 3 ? build(shape, i) : text(shape->what[i] == 1 ? "x" : "y"));
	}
	return dir;
}

struct seen {
	bool at[PLACES];
	unsigned visits, limit;
	const struct torn_node *a, *b;
};

static bool see(void *context, struct torn_bytes path, const struct torn_node *a, const struct torn_node *b)
{
	struct seen *seen = context;
	for (int i = 0; i < PLACES; i++)
		if (torn_bytes_equal(path, torn_bytes_of(places[i])))
			seen->at[i] = true;
	/* What it hands over is what is there. */
	assert_ptr_equal(a, torn_tree_find(seen->a, path));
	assert_ptr_equal(b, torn_tree_find(seen->b, path));
	return ++seen->visits != seen->limit;
}

static void test_differences_are_those_of_two_plain_lists(void **state)
{
	(void)state;
	uint64_t random = 11;
	for (int round = 0; round < 2000; round++) {
		const size_t mark = torn_arena_mark(&arena);
		const struct shape left = random_shape(&random), right = random_shape(&random);
		const struct torn_node *a = build(&left, -1), *b = build(&right, -1);
		struct seen seen = {.limit = UINT32_MAX, .a = a, .b = b};
		torn_tree_differences(a, b, see, &seen);
		unsigned differing = 0;
		for (int i = 0; i < PLACES; i++) {
			assert_int_equal(seen.at[i], left.what[i] != right.what[i]);
			differing += left.what[i] != right.what[i];
		}
		assert_int_equal(seen.visits, differing);
		assert_int_equal(torn_tree_equal(a, b), differing == 0);
		torn_arena_return(&arena, mark);
	}
}

static void test_differences_stop_when_told_to_and_take_an_absent_side(void **state)
{
	(void)state;
	const struct shape shape = {{3, 3, 1, 1, 3, 1, 1}};
	const struct torn_node *tree = build(&shape, -1);
	struct seen seen = {.limit = 2, .a = tree, .b = NULL};
	torn_tree_differences(tree, NULL, see, &seen);
	assert_int_equal(seen.visits, 2);
	seen = (struct seen){.limit = UINT32_MAX, .a = NULL, .b = tree};
	torn_tree_differences(NULL, tree, see, &seen);
	assert_int_equal(seen.visits, 1 + PLACES); /* the root too */
}

/* ---------------------------------------------------------------- copying */

static void test_a_copy_is_equal_and_outlives_what_it_was_made_from(void **state)
{
	(void)state;
	struct torn_arena other;
	assert_int_equal(torn_arena_open(&other, 1 << 20), 0);
	struct torn_arena kept = arena;
	assert_int_equal(torn_arena_open(&arena, 1 << 20), 0);
	const struct torn_bytes value = torn_arena_copy(&arena, "one", 3);
	const struct torn_bytes target = torn_arena_copy(&arena, "f", 1);
	const struct torn_node *link = torn_node_make(
		&arena, TORN_SYMLINK, (struct torn_attributes){.mode = 0777, .links = 1}, target);
	const struct torn_node *file = torn_node_set_xattr(&arena, text("bytes"), torn_bytes_of("user.a"), &value);
	const struct torn_node *tree = put(put(make(TORN_DIRECTORY), "l", link), "f", file);
	const struct torn_hash hash = tree->hash;
	const struct torn_node *copy = torn_tree_copy(&other, tree);
	torn_arena_close(&arena);
	arena = kept;
	assert_non_null(copy);
	assert_memory_equal(&copy->hash, &hash, sizeof hash);
	char bytes[8];
	assert_int_equal(torn_node_read(torn_tree_find(copy, torn_bytes_of("f")), 0, bytes, 8), 5);
	assert_memory_equal(bytes, "bytes", 5);
	assert_memory_equal(torn_tree_find(copy, torn_bytes_of("l"))->link.data, "f", 1);
	assert_memory_equal(torn_tree_find(copy, torn_bytes_of("f"))->xattrs[0].value.data, "one", 3);
	assert_int_equal(torn_tree_entry(copy, torn_bytes_of("f"))->object, 7);
	torn_arena_close(&other);
}

static void test_a_copy_shares_what_lies_in_its_arena_already(void **state)
{
	(void)state;
	struct torn_arena other;
	assert_int_equal(torn_arena_open(&other, 1 << 20), 0);
	const struct torn_node *old = put(put(make(TORN_DIRECTORY), "f", text("f")), "g", text("g"));
	/* A run's: one file of two is another, in an arena that goes. */
	struct torn_arena kept = arena;
	arena = other;
	const struct torn_node *now = put(old, "g", text("other"));
	other = arena;
	arena = kept;
	const struct torn_node *copy = torn_tree_copy(&arena, now);
	const struct torn_hash hash = now->hash;
	torn_arena_close(&other);
	assert_memory_equal(&copy->hash, &hash, sizeof hash);
	assert_ptr_equal(torn_tree_find(copy, torn_bytes_of("f")), torn_tree_find(old, torn_bytes_of("f")));
	assert_ptr_equal(torn_tree_copy(&arena, copy), copy);
	char bytes[8];
	assert_int_equal(torn_node_read(torn_tree_find(copy, torn_bytes_of("g")), 0, bytes, 8), 5);
	assert_memory_equal(bytes, "other", 5);
	/* Numbers are the directory's own: it is another one, the files are not. */
	torn_object objects;
	const struct torn_node *numbered = torn_tree_copy_numbered(&arena, copy, &objects);
	assert_ptr_not_equal(numbered, copy);
	assert_ptr_equal(torn_tree_find(numbered, torn_bytes_of("f")), torn_tree_find(old, torn_bytes_of("f")));
	assert_int_equal(torn_tree_entry(numbered, torn_bytes_of("f"))->object, 2);
	assert_int_equal(torn_tree_entry(old, torn_bytes_of("f"))->object, 7);
}

static void test_a_full_arena_is_told_and_the_old_node_stays(void **state)
{
	(void)state;
	const struct torn_node *elsewhere = text("abc");
	struct torn_arena kept = arena;
	assert_int_equal(torn_arena_open(&arena, 4096), 0);
	const struct torn_node *file = text("abc");
	while (torn_arena_take(&arena, 16))
		;
	const struct torn_bytes value = torn_bytes_of("one");
	assert_null(torn_node_write(&arena, file, 0, torn_bytes_of("x")));
	assert_null(torn_node_resize(&arena, file, 1));
	assert_null(torn_node_zero(&arena, file, 0, 1));
	assert_null(torn_node_set_xattr(&arena, file, torn_bytes_of("user.a"), &value));
	assert_null(torn_tree_copy(&arena, elsewhere));
	char bytes[4];
	assert_int_equal(torn_node_read(file, 0, bytes, 4), 3);
	assert_memory_equal(bytes, "abc", 3);
	torn_arena_close(&arena);
	arena = kept;
}

/* Each inode but the root, in the order of the walk: its old number and its new one. */
static void collect_objects(const struct torn_node *before, const struct torn_node *now,
			    torn_object (*pairs)[2], size_t *count)
{
	assert_int_equal(before->entries_count, now->entries_count);
	for (uint32_t i = 0; i < now->entries_count; i++) {
		assert_true(*count < 64);
		pairs[*count][0] = before->entries[i].object;
		pairs[(*count)++][1] = now->entries[i].object;
		if (now->entries[i].node->type == TORN_DIRECTORY)
			collect_objects(before->entries[i].node, now->entries[i].node, pairs, count);
	}
}

static const struct torn_node *linked(const char *bytes, uint32_t links)
{
	struct torn_attributes attributes = torn_node_attributes(text(bytes));
	attributes.links = links;
	return torn_node_with(&arena, text(bytes), attributes);
}

static const struct torn_node *put_as(const struct torn_node *dir, const char *name,
				      const struct torn_node *node, torn_object object)
{
	return torn_node_put(&arena, dir, torn_bytes_of(name), node, object);
}

static void test_a_copy_numbered_anew_has_no_gaps_and_keeps_hard_links(void **state)
{
	(void)state;
	/* Numbers as a run leaves them: high, with gaps; two inodes with several names, across folders. */
	const struct torn_node *deep = put_as(make(TORN_DIRECTORY), "z", linked("b", 3), 900);
	deep = put_as(deep, "alone", text("x"), 17);
	const struct torn_node *middle = put_as(make(TORN_DIRECTORY), "deep", deep, 70);
	middle = put_as(middle, "b", linked("b", 3), 900);
	const struct torn_node *root = put_as(make(TORN_DIRECTORY), "middle", middle, 12);
	root = put_as(root, "a1", linked("b", 2), 31); /* the same bytes, another inode */
	root = put_as(root, "a2", linked("b", 2), 31);
	root = put_as(root, "b", linked("b", 3), 900);
	root = put_as(root, "empty", make(TORN_DIRECTORY), 5000);

	torn_object objects = 0, pairs[64][2];
	const struct torn_node *copy = torn_tree_copy_numbered(&arena, root, &objects);
	assert_non_null(copy);
	assert_true(torn_tree_equal(copy, root));
	size_t count = 0;
	collect_objects(root, copy, pairs, &count);
	assert_int_equal(count, 9);
	bool is_taken[64] = {false};
	torn_object highest = 1;
	for (size_t i = 0; i < count; i++) {
		assert_true(pairs[i][1] >= 2 && pairs[i][1] <= objects);
		is_taken[pairs[i][1]] = true;
		highest = pairs[i][1] > highest ? pairs[i][1] : highest;
		for (size_t j = 0; j < count; j++)
			assert_int_equal(pairs[i][0] == pairs[j][0], pairs[i][1] == pairs[j][1]);
	}
	assert_int_equal(objects, 7); /* the root, three folders, two with several names, one file */
	assert_int_equal(highest, objects);
	for (torn_object i = 2; i <= objects; i++)
		assert_true(is_taken[i]);
	/* What it was copied from is as it was. */
	assert_int_equal(torn_node_entry(root, torn_bytes_of("a1"))->object, 31);
	assert_int_equal(torn_node_entry(middle, torn_bytes_of("deep"))->object, 70);
	/* Numbered once more it is the same. */
	torn_object again = 0;
	const struct torn_node *twice = torn_tree_copy_numbered(&arena, copy, &again);
	assert_int_equal(again, objects);
	count = 0;
	collect_objects(copy, twice, pairs, &count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pairs[i][0], pairs[i][1]);
}

static void test_an_empty_tree_numbered_anew_is_its_root(void **state)
{
	(void)state;
	torn_object objects = 0;
	assert_non_null(torn_tree_copy_numbered(&arena, make(TORN_DIRECTORY), &objects));
	assert_int_equal(objects, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_has_the_bytes_of_an_array_after_any_writes_cuts_and_zeroes),
		cmocka_unit_test(test_a_file_with_one_other_byte_has_another_hash),
		cmocka_unit_test(test_blocks_that_change_places_make_another_file),
		cmocka_unit_test(test_a_hole_is_the_same_as_zeroes_and_not_the_same_as_a_shorter_file),
		cmocka_unit_test(test_what_was_cut_off_does_not_come_back),
		cmocka_unit_test(test_a_change_shares_the_blocks_that_it_leaves),
		cmocka_unit_test(test_a_change_of_nothing_gives_the_node_itself),
		cmocka_unit_test(test_reading_from_the_end_on_or_from_a_directory_gives_nothing),
		cmocka_unit_test(test_attributes_and_xattrs_are_part_of_a_node_and_not_of_its_content),
		cmocka_unit_test(test_the_order_in_which_xattrs_came_is_not_seen),
		cmocka_unit_test(test_an_xattr_of_two_others_joined_is_not_them),
		cmocka_unit_test(test_types_of_equal_bytes_are_not_equal),
		cmocka_unit_test(test_a_directory_is_the_same_whatever_order_its_names_came_in),
		cmocka_unit_test(test_names_that_swap_their_files_make_another_directory),
		cmocka_unit_test(test_a_change_deep_down_shares_the_subtrees_beside_it),
		cmocka_unit_test(test_a_path_through_a_file_or_nothing_finds_nothing),
		cmocka_unit_test(test_differences_are_those_of_two_plain_lists),
		cmocka_unit_test(test_differences_stop_when_told_to_and_take_an_absent_side),
		cmocka_unit_test(test_a_copy_is_equal_and_outlives_what_it_was_made_from),
		cmocka_unit_test(test_a_copy_shares_what_lies_in_its_arena_already),
		cmocka_unit_test(test_a_full_arena_is_told_and_the_old_node_stays),
		cmocka_unit_test(test_a_copy_numbered_anew_has_no_gaps_and_keeps_hard_links),
		cmocka_unit_test(test_an_empty_tree_numbered_anew_is_its_root),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
