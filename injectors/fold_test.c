/*
 * fold_test.c: what ops do to a tree. Every script is folded twice, at once and
 * lazily with one settling at its end, and both must give the same tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fold.h"
#include "tree.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The old tree: /d, /d/f "inner", /e, /f "0123456789", /h a second name of /f. */
enum { ROOT = TORN_FOLD_ROOT, D, INNER, E, F, OLD_COUNT = F, MADE, MADE_NEXT };

static struct torn_arena arena;
static struct torn_fold_base base;
static const struct torn_node *old_tree;
static const struct torn_bytes none;

static const struct torn_node *make(enum torn_type type, uint32_t links)
{
	return torn_node_make(&arena, type, (struct torn_attributes){.mode = 0755, .links = links}, none);
}

static const struct torn_node *text(const char *bytes, uint32_t links)
{
	return torn_node_write(&arena, make(TORN_FILE, links), 0, torn_bytes_of(bytes));
}

static const struct torn_node *put(const struct torn_node *dir, const char *name,
				   const struct torn_node *node, torn_object object)
{
	return torn_node_put(&arena, dir, torn_bytes_of(name), node, object);
}

static int set_up(void **state)
{
	(void)state;
	if (torn_arena_open(&arena, 64u << 20) < 0)
		return -1;
	const struct torn_node *file = text("0123456789", 2);
	const struct torn_node *dir = put(make(TORN_DIRECTORY, 1), "f", text("inner", 1), INNER);
	old_tree = put(put(put(put(make(TORN_DIRECTORY, 1), "d", dir, D), "e", make(TORN_DIRECTORY, 1), E), "f",
			   file, F),
		       "h", file, F);
	return torn_fold_base_make(&arena, old_tree, OLD_COUNT, &base);
}

static int tear_down(void **state)
{
	(void)state;
	torn_arena_close(&arena);
	return 0;
}

/* -------------------------------------------------------------------- ops */

#define DONE .flags = TORN_OP_PERFORMED
#define NAMED(in, text) .dir = (in), .name = {(const uint8_t *)(text), sizeof(text) - 1}
#define NAMED_TO(in, text) .dir_to = (in), .name_to = {(const uint8_t *)(text), sizeof(text) - 1}
#define OP(k) .call = TORN_CALL_NONE, .kind = TORN_KIND_##k, .fd = -1
#define CREATES .flags = TORN_OP_PERFORMED | TORN_OP_CREATES
#define BYTES(text) .data = {(const uint8_t *)(text), sizeof(text) - 1}

static const struct torn_node *at(const struct torn_fold *fold, const char *path)
{
	return torn_tree_find(torn_fold_tree(fold), torn_bytes_of(path));
}

static bool holds(const struct torn_node *file, const char *bytes)
{
	char read[64];
	return file && torn_node_read(file, 0, read, sizeof read) == strlen(bytes) && file->size == strlen(bytes) &&
	       memcmp(read, bytes, strlen(bytes)) == 0;
}

/* Fold a script both ways; `fold` is the eager one. */
static void fold_all(struct torn_fold *fold, const struct torn_op *ops, size_t count)
{
	struct torn_fold lazy;
	assert_int_equal(torn_fold_begin(fold, &arena, &base), 0);
	assert_int_equal(torn_fold_begin(&lazy, &arena, &base), 0);
	lazy.lazy = true;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(torn_fold_step(fold, &ops[i]), 0);
		assert_int_equal(torn_fold_step(&lazy, &ops[i]), 0);
	}
	assert_int_equal(torn_fold_settle(&lazy), 0);
	assert_true(torn_tree_equal(torn_fold_tree(fold), torn_fold_tree(&lazy)));
	assert_int_equal(fold->count, lazy.count);
	for (torn_object object = 1; object <= fold->count; object++)
		assert_true(torn_tree_equal(fold->objects[object].node, lazy.objects[object].node));
	/* The old tree is a value: nothing of it changed. */
	assert_ptr_equal(base.objects[ROOT].node, old_tree);
}

#define FOLD(fold, ...)                                                                            \
	do {                                                                                       \
		const struct torn_op ops_[] = {__VA_ARGS__};                                       \
		fold_all(fold, ops_, COUNT(ops_));                                                 \
	} while (0)

/* ------------------------------------------------------------------ tests */

static void test_an_op_that_was_not_performed_or_failed_changes_nothing(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(truncate), .object = F, .length = 0},
	     {OP(truncate), DONE, .object = F, .length = 0, .result = -EIO},
	     {OP(unlink), DONE, .object = F, NAMED(ROOT, "f"), .result = -EPERM},
	     {OP(mkdir), CREATES, NAMED(ROOT, "n"), .result = -ENOSPC},
	     {OP(sync), DONE, .object = F});
	assert_ptr_equal(torn_fold_tree(&fold), old_tree);
}

static void test_a_write_shows_under_every_name_of_its_inode(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(write), DONE, .object = F, .offset = 8, BYTES("abc"), .result = 3});
	assert_true(holds(at(&fold, "f"), "01234567abc"));
	assert_ptr_equal(at(&fold, "f"), at(&fold, "h"));
}

static void test_only_what_a_write_got_done_is_written(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(write), DONE, .object = F, BYTES("abcdef"), .result = 2});
	assert_true(holds(at(&fold, "f"), "ab23456789"));
}

static void test_an_inode_without_a_name_lives_on_for_its_descriptor(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(unlink), DONE, .object = INNER, NAMED(D, "f")},
	     {OP(write), DONE, .object = INNER, BYTES("x"), .result = 1});
	assert_null(at(&fold, "d/f"));
	assert_int_equal(fold.objects[INNER].node->links, 0);
	assert_null(fold.objects[INNER].links);
	assert_true(holds(fold.objects[INNER].node, "xnner"));
	/* and no tree has it */
	const struct torn_node *without = torn_node_put(&arena, old_tree, torn_bytes_of("d"), make(TORN_DIRECTORY, 1), D);
	assert_true(torn_tree_equal(torn_fold_tree(&fold), without));
}

static void test_a_file_made_without_a_name_is_in_no_tree_until_it_is_linked(void **state)
{
	(void)state;
	struct torn_fold fold;
	const struct torn_op ops[] = {
		{OP(open), CREATES, .object = MADE, .dir = D, .mode = 0600, .how = O_TMPFILE | O_WRONLY},
		{OP(write), DONE, .object = MADE, BYTES("new"), .result = 3},
		{OP(link), CREATES, .object = MADE, NAMED_TO(D, "n")},
	};
	fold_all(&fold, ops, 2);
	assert_true(torn_tree_equal(torn_fold_tree(&fold), old_tree));
	assert_int_equal(fold.objects[MADE].node->links, 0);
	fold_all(&fold, ops, 3);
	assert_true(holds(at(&fold, "d/n"), "new"));
	assert_int_equal(at(&fold, "d/n")->links, 1);
	assert_int_equal(at(&fold, "d/n")->mode, 0600);
}

static void test_links_are_counted_up_and_down(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(link), CREATES, .object = F, NAMED_TO(D, "n")});
	assert_int_equal(at(&fold, "f")->links, 3);
	assert_int_equal(at(&fold, "h")->links, 3);
	assert_int_equal(at(&fold, "d/n")->links, 3);
	FOLD(&fold, {OP(unlink), DONE, .object = F, NAMED(ROOT, "f")});
	assert_null(at(&fold, "f"));
	assert_int_equal(at(&fold, "h")->links, 1);
	FOLD(&fold, {OP(rmdir), DONE, .object = E, NAMED(ROOT, "e")});
	assert_null(at(&fold, "e"));
	assert_null(fold.objects[E].links);
}

static void test_rename_moves_and_replaces(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(rename), DONE, .object = INNER, NAMED(D, "f"), NAMED_TO(ROOT, "n")});
	assert_null(at(&fold, "d/f"));
	assert_true(holds(at(&fold, "n"), "inner"));
	FOLD(&fold, {OP(rename), DONE, .object = INNER, NAMED(D, "f"), .object_to = F, NAMED_TO(ROOT, "f")});
	assert_null(at(&fold, "d/f"));
	assert_true(holds(at(&fold, "f"), "inner"));
	assert_true(holds(at(&fold, "h"), "0123456789"));
	assert_int_equal(at(&fold, "h")->links, 1);
}

static void test_rename_onto_another_name_of_itself_does_nothing(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(rename), DONE, .object = F, NAMED(ROOT, "f"), .object_to = F, NAMED_TO(ROOT, "h")});
	assert_ptr_equal(torn_fold_tree(&fold), old_tree);
}

static void test_exchange_swaps_a_file_and_a_directory(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {.call = TORN_CALL_renameat2, .kind = TORN_KIND_rename, .how = RENAME_EXCHANGE, DONE,
		     .object = F, NAMED(ROOT, "f"), .object_to = D, NAMED_TO(ROOT, "d")},
	     {OP(write), DONE, .object = INNER, BYTES("I"), .result = 1});
	assert_true(holds(at(&fold, "d"), "0123456789"));
	assert_true(holds(at(&fold, "f/f"), "Inner"));
	assert_int_equal(at(&fold, "d")->links, 2);
}

static void test_a_directory_that_moved_takes_what_is_below_it_along(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(rename), DONE, .object = D, NAMED(ROOT, "d"), NAMED_TO(E, "n")},
	     {OP(write), DONE, .object = INNER, BYTES("I"), .result = 1},
	     {OP(mkdir), CREATES, .object = MADE, NAMED(D, "m"), .mode = 0700});
	assert_null(at(&fold, "d"));
	assert_true(holds(at(&fold, "e/n/f"), "Inner"));
	assert_int_equal(at(&fold, "e/n/m")->type, TORN_DIRECTORY);
}

static void test_what_is_made_has_its_type_owner_and_mode(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(symlink), CREATES, .object = MADE, NAMED(ROOT, "l"), .path_to = {(const uint8_t *)"to", 2},
		     .mode = 0777},
	     {OP(mknod), CREATES, .object = MADE_NEXT, NAMED(D, "p"), .how = S_IFIFO, .mode = 0640, .uid = 3, .gid = 4});
	assert_int_equal(at(&fold, "l")->type, TORN_SYMLINK);
	assert_true(torn_bytes_equal(at(&fold, "l")->link, torn_bytes_of("to")));
	const struct torn_node *fifo = at(&fold, "d/p");
	assert_int_equal(fifo->type, TORN_FIFO);
	assert_int_equal(fifo->mode, 0640);
	assert_int_equal(fifo->uid, 3);
	assert_int_equal(fifo->gid, 4);
}

static void test_attributes_and_xattrs_follow_the_inode(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(chmod), DONE, .object = F, .mode = 0600, .uid = 0, .gid = 0},
	     {OP(chown), DONE, .object = F, .mode = 0600, .uid = 1, .gid = 2},
	     {.call = TORN_CALL_setxattr, .kind = TORN_KIND_setxattr, DONE, .object = F,
	      .xattr = {(const uint8_t *)"user.a", 6}, BYTES("one")},
	     {.call = TORN_CALL_setxattr, .kind = TORN_KIND_setxattr, DONE, .object = F,
	      .xattr = {(const uint8_t *)"user.b", 6}, BYTES("two")},
	     {.call = TORN_CALL_fremovexattr, .kind = TORN_KIND_setxattr, DONE, .object = F,
	      .xattr = {(const uint8_t *)"user.a", 6}});
	const struct torn_node *file = at(&fold, "h");
	assert_int_equal(file->mode, 0600);
	assert_int_equal(file->uid, 1);
	assert_int_equal(file->xattrs_count, 1);
	assert_true(torn_bytes_equal(file->xattrs[0].value, torn_bytes_of("two")));
}

static void test_sizes_follow_truncate_allocate_and_o_trunc(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(truncate), DONE, .object = F, .length = 3}, {OP(truncate), DONE, .object = F, .length = 5});
	assert_int_equal(at(&fold, "f")->size, 5);
	char bytes[8];
	torn_node_read(at(&fold, "f"), 0, bytes, sizeof bytes);
	assert_memory_equal(bytes, "012\0\0", 5);
	FOLD(&fold, {OP(allocate), DONE, .object = F, .offset = 8, .length = 8});
	assert_int_equal(at(&fold, "f")->size, 16);
	FOLD(&fold, {OP(allocate), DONE, .object = F, .how = FALLOC_FL_KEEP_SIZE, .offset = 8, .length = 8});
	assert_true(holds(at(&fold, "f"), "0123456789"));
	FOLD(&fold, {OP(allocate), DONE, .object = F, .how = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		     .offset = 8, .length = 80});
	assert_int_equal(at(&fold, "f")->size, 10);
	FOLD(&fold, {OP(open), DONE, .object = F, NAMED(ROOT, "f"), .how = O_WRONLY | O_TRUNC, .result = 3});
	assert_true(holds(at(&fold, "h"), ""));
	FOLD(&fold, {OP(open), DONE, .object = F, NAMED(ROOT, "f"), .how = O_PATH | O_TRUNC, .result = 3});
	assert_true(holds(at(&fold, "h"), "0123456789"));
}

static void test_a_clone_has_the_size_of_its_source(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(clone), DONE, .object = F, BYTES("inner")});
	assert_true(holds(at(&fold, "f"), "inner"));
}

static void test_bytes_of_a_fifo_are_in_no_tree(void **state)
{
	(void)state;
	struct torn_fold fold;
	FOLD(&fold, {OP(mknod), CREATES, .object = MADE, NAMED(ROOT, "p"), .how = S_IFIFO, .mode = 0640},
	     {OP(write), DONE, .object = MADE, BYTES("abc"), .result = 3});
	assert_int_equal(at(&fold, "p")->size, 0);
}

static void test_an_op_that_does_not_fit_the_tree_is_torns_own_failure(void **state)
{
	(void)state;
	static const struct torn_op misfits[] = {
		{OP(unlink), DONE, .object = F, NAMED(ROOT, "absent")},
		{OP(mkdir), CREATES, .object = MADE_NEXT, NAMED(ROOT, "n")}, /* a number was left out */
		{OP(rename), DONE, .object = INNER, NAMED(ROOT, "f"), NAMED_TO(ROOT, "n")},
	};
	for (size_t i = 0; i < COUNT(misfits); i++) {
		struct torn_fold fold;
		assert_int_equal(torn_fold_begin(&fold, &arena, &base), 0);
		assert_int_equal(torn_fold_step(&fold, &misfits[i]), -EPROTO);
	}
}

/* ---------------------------------------------------------- parts of a write */

static void test_each_prefix_of_a_write_is_the_tree_of_a_shorter_one(void **state)
{
	(void)state;
	const struct torn_op whole = {OP(write), DONE, .object = F, .offset = 4, BYTES("abcdef"), .result = 6};
	struct torn_fold parts;
	assert_int_equal(torn_fold_begin(&parts, &arena, &base), 0);
	assert_true(torn_op_is_divisible(&whole));
	for (uint64_t bytes = 1; bytes <= 6; bytes++) {
		struct torn_op shorter = whole;
		shorter.result = (int64_t)bytes;
		struct torn_fold once;
		fold_all(&once, &shorter, 1);
		assert_int_equal(torn_fold_step_part(&parts, &whole, bytes), 0);
		assert_true(torn_tree_equal(torn_fold_tree(&parts), torn_fold_tree(&once)));
	}
	/* and the whole op at last changes nothing more */
	const struct torn_hash hash = torn_fold_tree(&parts)->hash;
	assert_int_equal(torn_fold_step(&parts, &whole), 0);
	assert_memory_equal(&torn_fold_tree(&parts)->hash, &hash, sizeof hash);
}

static void test_only_a_performed_write_of_two_bytes_or_more_is_divisible(void **state)
{
	(void)state;
	struct torn_op op = {OP(write), DONE, .object = F, BYTES("abc"), .result = 2};
	assert_true(torn_op_is_divisible(&op));
	op.result = 1;
	assert_false(torn_op_is_divisible(&op));
	op.result = -EIO;
	assert_false(torn_op_is_divisible(&op));
	op.result = 2;
	op.flags = 0;
	assert_false(torn_op_is_divisible(&op));
	op.flags = TORN_OP_PERFORMED;
	op.object = 0;
	assert_false(torn_op_is_divisible(&op));
	op.object = F;
	op.kind = TORN_KIND_truncate;
	assert_false(torn_op_is_divisible(&op));
}

/* --------------------------------------------------------------- snapshots */

static void test_a_copy_of_the_objects_is_a_snapshot_that_can_go_another_way(void **state)
{
	(void)state;
	const struct torn_op write = {OP(write), DONE, .object = F, BYTES("X"), .result = 1};
	const struct torn_op unlink = {OP(unlink), DONE, .object = INNER, NAMED(D, "f")};
	struct torn_fold fold, other;
	fold_all(&fold, &write, 1);
	other = fold;
	other.objects = torn_arena_take(&arena, fold.room * sizeof *other.objects);
	memcpy(other.objects, fold.objects, fold.room * sizeof *other.objects);
	const struct torn_node *there = torn_fold_tree(&fold);
	assert_int_equal(torn_fold_step(&fold, &unlink), 0);
	assert_null(at(&fold, "d/f"));
	assert_ptr_equal(torn_fold_tree(&other), there);
	assert_non_null(at(&other, "d/f"));
	assert_int_equal(torn_fold_step(&other, &unlink), 0);
	assert_true(torn_tree_equal(torn_fold_tree(&fold), torn_fold_tree(&other)));
}

static void test_a_base_with_a_gap_in_its_numbers_is_refused(void **state)
{
	(void)state;
	struct torn_fold_base other;
	assert_int_equal(torn_fold_base_make(&arena, put(make(TORN_DIRECTORY, 1), "a", text("x", 1), 5), 2, &other),
			 -EPROTO);
	assert_int_equal(torn_fold_base_make(&arena, put(make(TORN_DIRECTORY, 1), "a", text("x", 1), 1), 2, &other),
			 -EPROTO);
}

static void test_hundreds_of_inodes_made_in_a_run_are_all_there(void **state)
{
	(void)state;
	struct torn_fold fold;
	assert_int_equal(torn_fold_begin(&fold, &arena, &base), 0);
	static char names[600][8];
	for (uint32_t i = 0; i < 600; i++) {
		snprintf(names[i], sizeof names[i], "n%u", i);
		const struct torn_op op = {OP(open), CREATES, .object = MADE + i, .dir = i % 2 ? D : E,
					   .name = torn_bytes_of(names[i]), .mode = 0600, .how = O_CREAT};
		assert_int_equal(torn_fold_step(&fold, &op), 0);
	}
	assert_int_equal(at(&fold, "e")->entries_count, 300);
	assert_int_equal(at(&fold, "d")->entries_count, 301);
	assert_int_equal(torn_tree_entry(torn_fold_tree(&fold), torn_bytes_of("d/n599"))->object, MADE + 599);
}

/* -------------------------------------------------------- lazy, at random */

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static const char *const names[] = {"a", "b", "c", "d"};

/* A random op that fits what `fold` holds; false: none was found. */
static bool random_op(uint64_t *random, const struct torn_fold *fold, struct torn_op *op)
{
	const torn_object dir = (torn_object)(1 + next(random) % fold->count);
	const struct torn_node *node = fold->objects[dir].node;
	const struct torn_bytes name = torn_bytes_of(names[next(random) % COUNT(names)]);
	if (node->type != TORN_DIRECTORY || (dir != ROOT && !fold->objects[dir].links))
		return false;
	const struct torn_entry *entry = torn_node_entry(node, name);
	const uint64_t which = next(random) % 4;
	if (!entry) {
		*op = (struct torn_op){OP(mkdir), CREATES, .object = fold->count + 1, .dir = dir, .name = name,
				       .mode = 0700};
		if (which < 2)
			op->kind = TORN_KIND_open;
		return true;
	}
	if (entry->node->type == TORN_DIRECTORY) {
		if (fold->objects[entry->object].node->entries_count > 0)
			return false;
		*op = (struct torn_op){OP(rmdir), DONE, .object = entry->object, .dir = dir, .name = name};
		return which == 0;
	}
	static const uint8_t bytes[] = "some bytes";
	*op = (struct torn_op){OP(write), DONE, .object = entry->object, .offset = next(random) % 5,
			       .data = {bytes, 10}, .result = (int64_t)(1 + next(random) % 10)};
	if (which == 0)
		*op = (struct torn_op){OP(unlink), DONE, .object = entry->object, .dir = dir, .name = name};
	else if (which == 1 && !torn_node_entry(fold->objects[ROOT].node, torn_bytes_of("z")))
		*op = (struct torn_op){OP(rename), DONE, .object = entry->object, .dir = dir, .name = name,
				       .dir_to = ROOT, .name_to = torn_bytes_of("z")};
	return true;
}

static void test_a_lazy_fold_settled_now_and_then_is_the_eager_one(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t random = seed;
		const size_t mark = torn_arena_mark(&arena);
		struct torn_fold eager, lazy;
		torn_fold_begin(&eager, &arena, &base);
		torn_fold_begin(&lazy, &arena, &base);
		lazy.lazy = true;
		for (int i = 0; i < 150; i++) {
			struct torn_op op;
			if (!random_op(&random, &eager, &op))
				continue;
			assert_int_equal(torn_fold_step(&eager, &op), 0);
			assert_int_equal(torn_fold_step(&lazy, &op), 0);
			if (next(&random) % 8)
				continue;
			assert_int_equal(torn_fold_settle(&lazy), 0);
			assert_true(torn_tree_equal(torn_fold_tree(&eager), torn_fold_tree(&lazy)));
		}
		assert_int_equal(torn_fold_settle(&lazy), 0);
		assert_true(torn_tree_equal(torn_fold_tree(&eager), torn_fold_tree(&lazy)));
		torn_arena_return(&arena, mark);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_op_that_was_not_performed_or_failed_changes_nothing),
		cmocka_unit_test(test_a_write_shows_under_every_name_of_its_inode),
		cmocka_unit_test(test_only_what_a_write_got_done_is_written),
		cmocka_unit_test(test_an_inode_without_a_name_lives_on_for_its_descriptor),
		cmocka_unit_test(test_a_file_made_without_a_name_is_in_no_tree_until_it_is_linked),
		cmocka_unit_test(test_links_are_counted_up_and_down),
		cmocka_unit_test(test_rename_moves_and_replaces),
		cmocka_unit_test(test_rename_onto_another_name_of_itself_does_nothing),
		cmocka_unit_test(test_exchange_swaps_a_file_and_a_directory),
		cmocka_unit_test(test_a_directory_that_moved_takes_what_is_below_it_along),
		cmocka_unit_test(test_what_is_made_has_its_type_owner_and_mode),
		cmocka_unit_test(test_attributes_and_xattrs_follow_the_inode),
		cmocka_unit_test(test_sizes_follow_truncate_allocate_and_o_trunc),
		cmocka_unit_test(test_a_clone_has_the_size_of_its_source),
		cmocka_unit_test(test_bytes_of_a_fifo_are_in_no_tree),
		cmocka_unit_test(test_an_op_that_does_not_fit_the_tree_is_torns_own_failure),
		cmocka_unit_test(test_each_prefix_of_a_write_is_the_tree_of_a_shorter_one),
		cmocka_unit_test(test_only_a_performed_write_of_two_bytes_or_more_is_divisible),
		cmocka_unit_test(test_a_copy_of_the_objects_is_a_snapshot_that_can_go_another_way),
		cmocka_unit_test(test_a_base_with_a_gap_in_its_numbers_is_refused),
		cmocka_unit_test(test_hundreds_of_inodes_made_in_a_run_are_all_there),
		cmocka_unit_test(test_a_lazy_fold_settled_now_and_then_is_the_eager_one),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
