/* setup_test.c: what a target declares, and what a case says, as a trial runs it. */
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include "../injectors/arena_for_tests.h"
#include "registry.h"
#include "setup.h"

static struct torn_setup setup;
static char message[200];

static int does_nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static const struct torn_variant variants[] = {{"only", does_nothing}, {NULL, NULL}};
static const struct torn_world worlds[] = {
	{"plain", "old srv/f file old\n", .refuses = false},
	{"no_suffix", "old srv/f file old\narg suffix \"\"\n", .refuses = true},
	{"other_file_system", "old srv mount lacks=exchange\nold srv/f file old\n", .refuses = false},
	{NULL, NULL, false},
};
static const struct torn_default args[] = {
	{"path", "/srv/f"}, {"suffix", ".old"}, {"content", "\"a b\""}, {NULL, NULL}};
static const char *const watch[] = {"$path", NULL};
static struct torn_target target = {
	.name = "test.setup",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.backup = "$path$suffix",
};

static int begin(void **state)
{
	target.between = NULL;
	target.mode = NULL;
	target.spares = NULL;
	return open_arena(state);
}

static int set_up(const struct torn_world *world)
{
	message[0] = '\0';
	return torn_setup_world(&arena, &target, &variants[0], world, &setup, message, sizeof message);
}

#define assert_bytes(bytes, text) assert_true(torn_bytes_equal(bytes, torn_bytes_of(text)))

static void test_an_old_state_may_go_with_other_arguments(void **state)
{
	(void)state;
	assert_int_equal(set_up(&worlds[0]), 0);
	assert_bytes(torn_run_arg(&setup.run, "suffix"), ".old");
	assert_bytes(setup.promised.backup, "srv/f.old");
	assert_int_equal(set_up(&worlds[1]), 0);
	assert_bytes(torn_run_arg(&setup.run, "suffix"), "");
	assert_bytes(torn_run_arg(&setup.run, "path"), "/srv/f");
	assert_bytes(setup.promised.backup, "srv/f");
	assert_bytes(setup.promised.watch[0], "srv/f");
}

static void test_an_argument_ends_at_a_nul_in_a_path(void **state)
{
	(void)state;
	const struct torn_world world = {"nul", "old srv/f file old\narg path \"/srv/f\\x00g\"\n", false};
	assert_int_equal(set_up(&world), 0);
	assert_bytes(setup.promised.watch[0], "srv/f");
	assert_bytes(setup.promised.backup, "srv/f.old");
}

static void test_what_is_watched_is_what_its_path_leads_to_in_the_old_state(void **state)
{
	static const struct {
		const char *old, *path, *watched;
	} rows[] = {
		/* a symlink on the way is followed: one, two, one to the root, one with ".." */
		{"old srv symlink var\nold var/f file old\n", "/srv/f", "var/f"},
		{"old srv symlink a\nold a symlink b/c\nold b/c/f file old\n", "/srv/f", "b/c/f"},
		{"old run/urunc symlink /\n", "/run/urunc/c1/state.json", "c1/state.json"},
		{"old run/urunc symlink ../var\nold var/c1 dir\n", "/run/urunc/c1/x", "var/c1/x"},
		/* and one at the end is what is watched */
		{"old srv/f symlink g\nold srv/g file old\n", "/srv/f", "srv/f"},
		{"old srv symlink var\nold var/f symlink /g\n", "srv/f", "var/f"},
		/* what is missing keeps its name behind what is there */
		{"old srv symlink var\nold var dir\n", "/srv/a/../f", "var/a/../f"},
		{"old srv symlink /none\n", "/srv/a/f", "none/a/f"},
		{"old srv symlink no/where\n", "/srv/a/f", "srv/a/f"},
		{"old srv symlink var\nold var file x\n", "/srv/a/f", "var/a/f"},
		{"old srv symlink /\nold a symlink no/where\n", "/srv/a/f", "a/f"},
		/* nothing can be reached below a loop */
		{"old srv symlink srv\n", "/srv/f", "srv/f"},
		{"old a/b dir\nold f file old\n", "/a/./b/..//../../f", "f"},
		{"old a dir\n", "/", ""},
	};
	(void)state;
	const struct torn_between between[] = {{"$path", "<>"}, {NULL, NULL}};
	target.between = between;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char old[200], backup[80];
		snprintf(old, sizeof old, "%sarg path %s\n", rows[i].old, rows[i].path);
		const struct torn_world world = {"row", old, false};
		assert_int_equal(set_up(&world), 0);
		assert_bytes(setup.promised.watch[0], rows[i].watched);
		assert_bytes(setup.promised.between[0].path, rows[i].watched);
		snprintf(backup, sizeof backup, "%s.old", rows[i].watched);
		if (rows[i].watched[0])
			assert_bytes(setup.promised.backup, backup);
	}
}

static void test_what_is_to_be_spared_is_found_as_what_is_watched_is(void **state)
{
	(void)state;
	static const char *const spares[] = {"srv/g", "$path.theirs", NULL};
	const struct torn_world world = {"moved", "old srv symlink var\nold var dir\n", false};
	assert_int_equal(set_up(&world), 0);
	assert_int_equal(setup.promised.spares_count, 0);
	target.spares = spares;
	assert_int_equal(set_up(&world), 0);
	assert_int_equal(setup.promised.spares_count, 2);
	assert_bytes(setup.promised.spares[0], "var/g");
	assert_bytes(setup.promised.spares[1], "var/f.theirs");
	static const char *const wrong[] = {"$none", NULL};
	target.spares = wrong;
	assert_int_equal(set_up(&world), -EINVAL);
	assert_string_equal(message, "test.setup: $NAME stands for none of its arguments");
}

static void test_an_argument_that_is_not_declared_is_refused(void **state)
{
	(void)state;
	const struct torn_world wrong = {"wrong", "old a absent\narg sufix x\n", false};
	assert_int_equal(set_up(&wrong), -EINVAL);
	assert_string_equal(message, "test.setup, old state \"wrong\", line 2: "
				     "expected an argument of test.setup, found sufix");
}

/* The world that torn finds for a case on this target, by name. */
/* A traced program asks its disk, and torn's has attributes of users only: a false alarm, were it not said. */
static void test_an_attribute_that_no_traced_disk_keeps_is_refused(void **state)
{
	(void)state;
	static const struct torn_world kept = {"kept", "old a/f file xattr=user.note:x y\n", .refuses = false},
				       lost = {"lost", "old a/f file xattr=security.selinux:x y\n", .refuses = false};
	assert_int_equal(set_up(&lost), 0); /* in process the gate has it */
	target.starts_programs = true;
	assert_int_equal(set_up(&kept), 0);
	assert_int_equal(set_up(&lost), -EINVAL);
	target.starts_programs = false;
	assert_string_equal(message,
			    "test.setup starts programs, and xattr=security.selinux is none that their disk keeps: user. only");
}

static const char *world_of(const char *lines)
{
	struct torn_case c;
	struct torn_case_error error;
	char text[512];
	snprintf(text, sizeof text, "torn-case 1\ntarget example.replace\n%s", lines);
	assert_int_equal(torn_case_parse("test", torn_bytes_of(text), &arena, &c, &error), 0);
	assert_int_equal(torn_setup_case(&arena, &c, &error.lines, &setup, &error), 0);
	return setup.world ? setup.world->name : "none";
}

static void test_a_case_is_of_the_old_state_whose_tree_and_arguments_it_has(void **state)
{
	(void)state;
	const struct torn_target *example = torn_target_named(torn_bytes_of("example.replace"));
	assert_non_null(example);
	char olds[300];
	snprintf(olds, sizeof olds, "%s", example->worlds[0].old);
	assert_string_equal(world_of(olds), example->worlds[0].name);
	strcat(olds, "arg content other\n");
	assert_string_equal(world_of(olds), "none");
	snprintf(olds, sizeof olds, "old mnt mount\n%s", example->worlds[0].old);
	assert_string_equal(world_of(olds), "none");
}

static void test_what_stands_on_the_way_is_text_of_arguments_or_a_file_of_old(void **state)
{
	(void)state;
	const struct torn_between between[] = {
		{"$path", "<$content>"}, {"$path", "@$path"}, {"$path", "@none"}, {NULL, NULL}};
	target.between = between;
	assert_int_equal(set_up(&worlds[0]), 0);
	assert_int_equal(setup.promised.between_count, 2); /* old has no "none" */
	char bytes[16];
	const struct torn_version *versions = setup.promised.between;
	assert_bytes(versions[0].path, "srv/f");
	assert_int_equal(torn_node_read(versions[0].node, 0, bytes, sizeof bytes), 5);
	assert_memory_equal(bytes, "<a b>", 5);
	assert_bytes(versions[1].path, "srv/f");
	assert_int_equal(torn_node_read(versions[1].node, 0, bytes, sizeof bytes), 3);
	assert_memory_equal(bytes, "old", 3);

	const struct torn_between wrong[] = {{"$path", "$none"}, {NULL, NULL}};
	target.between = wrong;
	assert_int_equal(set_up(&worlds[0]), -EINVAL);
	assert_string_equal(message, "test.setup: $NAME stands for none of its arguments");
}

static void test_a_mode_is_said_or_that_of_a_file_of_old(void **state)
{
	static const struct {
		const char *said, *old;
		bool sets;
		uint32_t mode;
	} rows[] = {
		{NULL, "old srv/f file old\n", false, 0},
		{"0640", "old srv/f file old\n", true, 0640},
		{"04711", "old srv/f file old\n", true, 04711},
		{"$content", "old srv/f file old\narg content 0604\n", true, 0604},
		{"@$path", "old srv/f file mode=04751 old\n", true, 0751},
		{"@$path", "old srv/f absent\n", false, 0},
		{"@$path", "old srv/f dir mode=0700\n", false, 0},
		{"@$path", "old srv/f symlink g\nold srv/g file mode=0700 x\n", false, 0},
		{"@$path", "old srv symlink a/b\nold a/b/f file mode=0700 x\n", true, 0700},
		{"@$path", "old srv symlink /a/../c/.\nold a dir\nold c/f file mode=0701 x\n", true, 0701},
		{"@$path", "old srv symlink srv\n", false, 0},
		{"@/x/..//../srv/$content", "old srv/g file mode=0702 x\nold x dir\narg content g\n", true, 0702},
		{"@/x/../srv/f", "old srv/f file old\n", false, 0},
		{"@$path$content", "old srv/fg file mode=0703 x\narg content \"g\\x00h\"\n", true, 0703},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct torn_world world = {"row", rows[i].old, false};
		target.mode = rows[i].said;
		assert_int_equal(set_up(&world), 0);
		assert_int_equal(setup.promised.sets_mode, rows[i].sets);
		assert_int_equal(setup.promised.mode, rows[i].mode);
	}
	target.mode = "@$none";
	assert_int_equal(set_up(&worlds[0]), -EINVAL);
	assert_string_equal(message, "test.setup: $NAME stands for none of its arguments");
}

static void test_an_old_state_may_lie_on_another_file_system(void **state)
{
	(void)state;
	assert_int_equal(set_up(&worlds[0]), 0);
	const struct torn_node *plain = setup.old_tree;
	assert_int_equal(set_up(&worlds[2]), 0);
	assert_int_equal(torn_tree_find(setup.old_tree, torn_bytes_of("srv"))->mount,
			 TORN_MOUNT | TORN_LACKS_EXCHANGE);
	assert_false(torn_tree_equal(plain, setup.old_tree));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, close_arena)

int main(void)
{
	torn_registry_begin();
	const struct CMUnitTest tests[] = {
		TEST(test_an_old_state_may_go_with_other_arguments),
		TEST(test_an_argument_ends_at_a_nul_in_a_path),
		TEST(test_what_is_watched_is_what_its_path_leads_to_in_the_old_state),
		TEST(test_what_is_to_be_spared_is_found_as_what_is_watched_is),
		TEST(test_an_argument_that_is_not_declared_is_refused),
		TEST(test_an_attribute_that_no_traced_disk_keeps_is_refused),
		TEST(test_a_case_is_of_the_old_state_whose_tree_and_arguments_it_has),
		TEST(test_what_stands_on_the_way_is_text_of_arguments_or_a_file_of_old),
		TEST(test_a_mode_is_said_or_that_of_a_file_of_old),
		TEST(test_an_old_state_may_lie_on_another_file_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
