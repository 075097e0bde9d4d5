/*
 * explain_for_tests.h: logs and trees made by hand, for the tests of what torn_explain() says of them. For tests
 * only.
 */
#ifndef TORN_EXPLAIN_FOR_TESTS_H
#define TORN_EXPLAIN_FOR_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../injectors/tree.h"

#define ROOT_MODE 0755

static inline int nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static const struct torn_variant before = {"before", nothing};
static const char *const watched[] = {"srv/state.json", NULL};
static const struct torn_target target = {
	.name = "urunc.state_json", .variants = &before, .watch = watched};
static const struct torn_bytes watched_path = {(const uint8_t *)"srv/state.json", 14};
static const struct torn_promised promised = {.watch = &watched_path, .watch_count = 1};
static const struct torn_world world = {.name = "existing"};
static const struct torn_invariant old_or_new = {.id = "old-or-new"};

struct fixture {
	struct torn_arena arena;
	char *text;
	size_t size;
};

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	if (!fixture || torn_arena_open(&fixture->arena, 1 << 20) < 0)
		return -1;
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;
	torn_arena_close(&fixture->arena);
	free(fixture->text);
	free(fixture);
	return 0;
}

static inline const struct torn_node *file(struct fixture *fixture, uint32_t mode, const char *bytes,
				    size_t size)
{
	struct torn_attributes attributes = {.mode = mode, .links = 1};
	const struct torn_node *node = torn_node_make(&fixture->arena, TORN_FILE, attributes,
						      (struct torn_bytes){NULL, 0});
	return torn_node_write(&fixture->arena, node, 0,
			       (struct torn_bytes){(const uint8_t *)bytes, size});
}

static inline const struct torn_node *directory(struct fixture *fixture)
{
	return torn_node_make(&fixture->arena, TORN_DIRECTORY,
			      (struct torn_attributes){.mode = ROOT_MODE, .links = 1},
			      (struct torn_bytes){NULL, 0});
}

static inline const struct torn_node *with(struct fixture *fixture, const struct torn_node *dir,
				    const char *name, const struct torn_node *node)
{
	return torn_node_put(&fixture->arena, dir, torn_bytes_of(name), node, 2);
}

/* The tree /srv/state.json; `node` NULL: /srv is empty. */
static inline const struct torn_node *tree_of(struct fixture *fixture, const struct torn_node *node)
{
	const struct torn_node *srv = directory(fixture);
	if (node)
		srv = with(fixture, srv, "state.json", node);
	return with(fixture, directory(fixture), "srv", srv);
}

/* The same with a file of these bytes. */
static inline const struct torn_node *tree(struct fixture *fixture, const char *bytes)
{
	return tree_of(fixture, bytes ? file(fixture, 0644, bytes, strlen(bytes)) : NULL);
}

/* Return the tree with one more file in /srv. */
static inline const struct torn_node *beside(struct fixture *fixture, const struct torn_node *root,
				      const char *name, const struct torn_node *node)
{
	const struct torn_node *srv = torn_tree_find(root, torn_bytes_of("srv"));
	return with(fixture, root, "srv", with(fixture, srv, name, node));
}

static inline const char *explain(struct fixture *fixture, const struct torn_trial *trial,
			   const struct torn_judgement *judgement)
{
	free(fixture->text);
	fixture->text = NULL;
	FILE *out = open_memstream(&fixture->text, &fixture->size);
	assert_non_null(out);
	torn_explain(out, trial, &old_or_new, judgement);
	assert_int_equal(fclose(out), 0);
	return fixture->text;
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in:\n%s", part, text);
}

#define OLD "{\"status\":\"creating\",\"pid\":-1}"
#define NEW "{\"status\":\"created\",\"pid\":4711,\"id\":\"c1\"}"

/* open(O_TRUNC), write, close: the published way. */
static struct torn_op ops[3];
static const struct torn_log log3 = {.ops = ops, .count = 3, .numbered = 3};

static inline void reset_ops(void)
{
	struct torn_bytes path = torn_bytes_of("srv/state.json");
	ops[0] = (struct torn_op){.number = 1,
				  .call = TORN_CALL_openat,
				  .kind = TORN_KIND_open,
				  .flags = TORN_OP_PERFORMED | TORN_OP_CREATES,
				  .fd = 5,
				  .how = 01101,
				  .mode = 0644,
				  .object = 3,
				  .path = path,
				  .result = 5,
				  .told = 5};
	ops[1] = (struct torn_op){.number = 2,
				  .call = TORN_CALL_write,
				  .kind = TORN_KIND_write,
				  .flags = TORN_OP_PERFORMED,
				  .fd = 5,
				  .length = strlen(NEW),
				  .object = 3,
				  .path = path,
				  .data = torn_bytes_of(NEW),
				  .result = (int64_t)strlen(NEW),
				  .told = (int64_t)strlen(NEW)};
	ops[2] = (struct torn_op){.number = 3,
				  .call = TORN_CALL_close,
				  .kind = TORN_KIND_close,
				  .flags = TORN_OP_PERFORMED,
				  .fd = 5,
				  .object = 3,
				  .path = path};
}

static inline struct torn_trial trial_of(struct fixture *fixture, const struct torn_plan *plan,
				  const char *now)
{
	reset_ops();
	return (struct torn_trial){
		.target = &target,
		.promised = &promised,
		.variant = &before,
		.world = &world,
		.plan = plan,
		.log = &log3,
		.old_tree = tree(fixture, OLD),
		.new_tree = tree(fixture, NEW),
		.now = tree(fixture, now),
	};
}

static const struct torn_plan no_faults;

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
