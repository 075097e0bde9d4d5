/* view_test.c: what paths and descriptors mean, as a table: a path, and where it leads or why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "view.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The tree: its inodes in the order of their numbers, the root being 1. */
static const struct {
	const char *path;
	enum torn_type type;
	const char *text;
} inodes[] = {
	{"d", TORN_DIRECTORY, ""},	 {"d/e", TORN_DIRECTORY, ""},	  {"d/e/f", TORN_FILE, ""},
	{"f", TORN_FILE, ""},		 {"to_f", TORN_SYMLINK, "f"},	  {"to_d", TORN_SYMLINK, "/d"},
	{"d/up", TORN_SYMLINK, "../f"},	 {"d/over", TORN_SYMLINK, "../../../../f"},
	{"dangling", TORN_SYMLINK, "d/none"}, {"loop", TORN_SYMLINK, "loop"},
	{"a", TORN_SYMLINK, "b"},	 {"b", TORN_SYMLINK, "a"},	  {"slashed", TORN_SYMLINK, "d/"},
	{"slashed_f", TORN_SYMLINK, "f/"}, {"root", TORN_SYMLINK, "/"},	  {"to_to_d", TORN_SYMLINK, "to_d/e"},
};

static struct torn_arena arena;
static struct torn_view view;
static char long_255[256], long_256[257], long_path[TORN_PATH_MAX + 1];

static const struct torn_node *put(const struct torn_node *dir, struct torn_bytes path,
				   const struct torn_node *node, torn_object object)
{
	const uint8_t *slash = memchr(path.data, '/', path.size);
	if (!slash)
		return torn_node_put(&arena, dir, path, node, object);
	const struct torn_bytes name = {path.data, (size_t)(slash - path.data)};
	const struct torn_bytes rest = {slash + 1, path.size - name.size - 1};
	const struct torn_entry *entry = torn_node_entry(dir, name);
	return torn_node_put(&arena, dir, name, put(entry->node, rest, node, object), entry->object);
}

static int set_up(void **state)
{
	(void)state;
	if (torn_arena_open(&arena, 16u << 20) < 0)
		return -1;
	const struct torn_attributes attributes = {.mode = 0755, .links = 1};
	const struct torn_bytes none = {NULL, 0};
	const struct torn_node *root = torn_node_make(&arena, TORN_DIRECTORY, attributes, none);
	for (size_t i = 0; i < COUNT(inodes); i++)
		root = put(root, torn_bytes_of(inodes[i].path),
			   torn_node_make(&arena, inodes[i].type, attributes, torn_bytes_of(inodes[i].text)),
			   (torn_object)(i + 2));
	struct torn_fold_base base;
	if (torn_fold_base_make(&arena, root, COUNT(inodes) + 1, &base) < 0 ||
	    torn_view_begin(&view, &arena, &base) < 0)
		return -1;
	memset(long_255, 'n', 255);
	memset(long_256, 'n', 256);
	for (size_t i = 0; i < TORN_PATH_MAX; i++)
		long_path[i] = i % 2 ? '/' : '.';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	torn_arena_close(&arena);
	return 0;
}

static torn_object object_of(const char *path)
{
	for (size_t i = 0; i < COUNT(inodes); i++)
		if (strcmp(path, inodes[i].path) == 0)
			return (torn_object)(i + 2);
	return strcmp(path, "") == 0 ? TORN_FOLD_ROOT : 0;
}

static struct torn_description directory(const char *path)
{
	return (struct torn_description){.class = TORN_FD_ROOT, .object = object_of(path)};
}

/* Hold a path against where it should lead: "d/e/f", or "errno" with `error`. */
static void assert_leads(int dirfd, const char *path, enum torn_resolve how, const char *wanted, int error)
{
	struct torn_place place;
	const int r = torn_view_resolve(&view, dirfd, torn_bytes_of(path), how, &place);
	if (r != -error)
		print_message("%.60s gives %d\n", path, r);
	assert_int_equal(r, -error);
	if (error)
		return;
	struct torn_bytes full, name;
	assert_int_equal(torn_view_path(&view, place.dir, place.name, &full, &name), 0);
	if (!torn_bytes_equal(full, torn_bytes_of(wanted)))
		print_message("%.60s leads to %.*s\n", path, (int)full.size, (const char *)full.data);
	assert_true(torn_bytes_equal(full, torn_bytes_of(wanted)));
	assert_int_equal(place.object, object_of(wanted));
	assert_int_equal(place.descriptor, -1);
	assert_int_equal(name.data[name.size], '\0'); /* the kernel reads it as a string */
}

static void test_each_path_leads_where_path_resolution_says(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum torn_resolve how;
		const char *wanted;
		int error;
	} table[] = {
		{"f", TORN_RESOLVE_FOLLOW, "f", 0},
		{"/f", TORN_RESOLVE_FOLLOW, "f", 0},
		{"//d//e///f", TORN_RESOLVE_FOLLOW, "d/e/f", 0},
		{"/", TORN_RESOLVE_FOLLOW, "", 0},
		{".", TORN_RESOLVE_FOLLOW, "", 0},
		{"..", TORN_RESOLVE_FOLLOW, "", 0},
		{"../../../f", TORN_RESOLVE_FOLLOW, "f", 0}, /* clamped at the root */
		{"d/..", TORN_RESOLVE_FOLLOW, "", 0},
		{"d/e/.", TORN_RESOLVE_FOLLOW, "d/e", 0},
		{"d/e/../../f", TORN_RESOLVE_FOLLOW, "f", 0},
		{"d/", TORN_RESOLVE_SELF, "d", 0},
		{"none", TORN_RESOLVE_FOLLOW, "none", 0}, /* an absent last name is no error */
		{"none/", TORN_RESOLVE_PARENT, "none", 0},
		{"d/none", TORN_RESOLVE_SELF, "d/none", 0},
		{"none/f", TORN_RESOLVE_FOLLOW, NULL, ENOENT},
		{"none/..", TORN_RESOLVE_FOLLOW, NULL, ENOENT},
		{"", TORN_RESOLVE_FOLLOW, NULL, ENOENT},
		{"f/x", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR},
		{"f/.", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR},
		{"f/..", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR},
		{"f/", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR},
		{"f/", TORN_RESOLVE_PARENT, "f", 0}, /* the call itself looks at the slash */
		/* symlinks */
		{"to_f", TORN_RESOLVE_FOLLOW, "f", 0},
		{"to_f", TORN_RESOLVE_SELF, "to_f", 0},
		{"to_f", TORN_RESOLVE_PARENT, "to_f", 0},
		{"to_f/", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR},
		{"to_d", TORN_RESOLVE_FOLLOW, "d", 0},
		{"to_d/", TORN_RESOLVE_SELF, "d", 0}, /* a slash follows also what would not be */
		{"to_d/", TORN_RESOLVE_PARENT, "to_d", 0},
		{"to_d/e/f", TORN_RESOLVE_SELF, "d/e/f", 0},
		{"to_to_d/f", TORN_RESOLVE_FOLLOW, "d/e/f", 0},
		{"to_d/..", TORN_RESOLVE_FOLLOW, "", 0},
		{"d/up", TORN_RESOLVE_FOLLOW, "f", 0},
		{"d/over", TORN_RESOLVE_FOLLOW, "f", 0},
		{"root/root/d", TORN_RESOLVE_FOLLOW, "d", 0},
		{"root", TORN_RESOLVE_FOLLOW, "", 0},
		{"dangling", TORN_RESOLVE_FOLLOW, "d/none", 0},
		{"dangling/", TORN_RESOLVE_FOLLOW, NULL, ENOENT},
		{"dangling/x", TORN_RESOLVE_FOLLOW, NULL, ENOENT},
		{"slashed", TORN_RESOLVE_FOLLOW, "d", 0},
		{"slashed/e", TORN_RESOLVE_FOLLOW, "d/e", 0},
		{"slashed_f", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR},
		{"loop", TORN_RESOLVE_FOLLOW, NULL, ELOOP},
		{"loop", TORN_RESOLVE_SELF, "loop", 0},
		{"loop/x", TORN_RESOLVE_SELF, NULL, ELOOP},
		{"a", TORN_RESOLVE_FOLLOW, NULL, ELOOP},
		/* open(O_CREAT) */
		{"none/", TORN_RESOLVE_CREATE, NULL, EISDIR},
		{"d/", TORN_RESOLVE_CREATE, NULL, EISDIR},
		{"slashed_f", TORN_RESOLVE_CREATE, NULL, EISDIR},
		{"slashed_f", TORN_RESOLVE_CREATE_SELF, "slashed_f", 0},
		{"dangling", TORN_RESOLVE_CREATE, "d/none", 0},
		{"d/..", TORN_RESOLVE_CREATE, "", 0},
		/* lengths */
		{long_256, TORN_RESOLVE_FOLLOW, NULL, ENAMETOOLONG},
		{long_path, TORN_RESOLVE_FOLLOW, NULL, ENAMETOOLONG},
		{long_path + 1, TORN_RESOLVE_FOLLOW, "", 0},
	};
	for (size_t i = 0; i < COUNT(table); i++)
		assert_leads(AT_FDCWD, table[i].path, table[i].how, table[i].wanted, table[i].error);
	assert_leads(AT_FDCWD, long_255, TORN_RESOLVE_FOLLOW, long_255, 0);
}

static void test_the_last_component_is_told_by_its_kind(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum torn_last last;
	} table[] = {
		{"/", TORN_LAST_ROOT},	 {"//", TORN_LAST_ROOT},	{".", TORN_LAST_DOT},
		{"d/.", TORN_LAST_DOT},	 {"d/./", TORN_LAST_DOT},	{"..", TORN_LAST_DOTDOT},
		{"d/../", TORN_LAST_DOTDOT}, {"d", TORN_LAST_NAME},	{"none/", TORN_LAST_NAME},
		{"to_d/", TORN_LAST_NAME}, {"...", TORN_LAST_NAME},	{".d", TORN_LAST_NAME},
		{long_256, TORN_LAST_LONG},
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		struct torn_place place;
		assert_int_equal(torn_view_resolve(&view, AT_FDCWD, torn_bytes_of(table[i].path),
						   TORN_RESOLVE_PARENT, &place),
				 0);
		assert_int_equal(place.last, table[i].last);
	}
}

static void test_a_path_starts_at_its_descriptor_or_the_working_directory(void **state)
{
	(void)state;
	const struct torn_description dir = directory("d"), file = directory("f");
	const struct torn_description pipe = {.class = TORN_FD_OTHER};
	torn_view_open(&view, 5, &dir);
	torn_view_open(&view, 6, &file);
	torn_view_open(&view, 7, &pipe);
	assert_leads(5, "e", TORN_RESOLVE_FOLLOW, "d/e", 0);
	assert_leads(5, "/f", TORN_RESOLVE_FOLLOW, "f", 0);
	assert_leads(5, "..", TORN_RESOLVE_FOLLOW, "", 0);
	assert_leads(6, "x", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR);
	assert_leads(7, "x", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR);
	assert_leads(8, "x", TORN_RESOLVE_FOLLOW, NULL, EBADF);
	assert_leads(-1, "x", TORN_RESOLVE_FOLLOW, NULL, EBADF);
	assert_leads(TORN_FD_NULL, "x", TORN_RESOLVE_FOLLOW, NULL, EBADF);
	assert_leads(8, "/f", TORN_RESOLVE_FOLLOW, "f", 0); /* not looked at */
	view.cwd = object_of("d/e");
	assert_leads(AT_FDCWD, "f", TORN_RESOLVE_FOLLOW, "d/e/f", 0);
	assert_leads(AT_FDCWD, "../up", TORN_RESOLVE_FOLLOW, "f", 0);
	assert_leads(AT_FDCWD, ".", TORN_RESOLVE_FOLLOW, "d/e", 0);
}

static void test_a_proc_name_leads_to_its_descriptor_and_below_it(void **state)
{
	(void)state;
	const struct torn_description dir = directory("d"), file = directory("f");
	torn_view_open(&view, 5, &dir);
	torn_view_open(&view, 12, &file);
	static const char *const spellings[] = {"/proc/self/fd/12", "/dev/fd/12", "/proc/thread-self/fd/12"};
	for (size_t i = 0; i < COUNT(spellings); i++) {
		struct torn_place place;
		assert_int_equal(torn_view_resolve(&view, AT_FDCWD, torn_bytes_of(spellings[i]),
						   TORN_RESOLVE_FOLLOW, &place),
				 0);
		assert_int_equal(place.descriptor, 12);
		assert_int_equal(place.object, object_of("f"));
	}
	assert_leads(AT_FDCWD, "/proc/self/fd/5/e/f", TORN_RESOLVE_FOLLOW, "d/e/f", 0);
	assert_leads(AT_FDCWD, "/proc/self/fd/5/..", TORN_RESOLVE_FOLLOW, "", 0);
	assert_leads(AT_FDCWD, "/proc/self/fd/5/", TORN_RESOLVE_FOLLOW, "d", 0);
	assert_leads(AT_FDCWD, "/proc/self/fd/12/x", TORN_RESOLVE_FOLLOW, NULL, ENOTDIR);
	static const char *const absent[] = {"/proc/self/fd/6", "/proc/self/fd/12x", "/proc/self/fd/99999999999",
					     "/proc/self/fd/1001", "/proc/self/fd/", "/proc/self/root/f"};
	for (size_t i = 0; i < COUNT(absent); i++)
		assert_leads(AT_FDCWD, absent[i], TORN_RESOLVE_FOLLOW, NULL, ENOENT);
}

static void test_dup_shares_a_description_and_close_ends_one_name_only(void **state)
{
	(void)state;
	const struct torn_description file = directory("f");
	assert_int_equal(torn_view_open(&view, 3, &file), 0);
	assert_int_equal(torn_view_duplicate(&view, 3, 9), 0);
	torn_view_fd(&view, 3)->offset = 77;
	torn_view_close(&view, 3);
	assert_null(torn_view_fd(&view, 3));
	assert_int_equal(torn_view_fd(&view, 9)->offset, 77);
	assert_int_equal(torn_view_duplicate(&view, 3, 4), -EBADF);
	assert_int_equal(torn_view_duplicate(&view, 9, TORN_FD_RESERVED), -EMFILE);
	assert_int_equal(torn_view_open(&view, TORN_FD_RESERVED, &file), -EMFILE);
	assert_int_equal(torn_view_open(&view, -1, &file), -EMFILE);
	for (int fd = TORN_FD_RESERVED - 1; fd < TORN_FD_RESERVED + 2; fd++)
		assert_null(torn_view_fd(&view, fd));
	assert_null(torn_view_fd(&view, -1));
}

static void test_a_run_begins_with_three_descriptors_at_the_root(void **state)
{
	(void)state;
	assert_int_equal(torn_view_fd(&view, 0)->class, TORN_FD_OTHER);
	assert_int_equal(torn_view_fd(&view, 1)->class, TORN_FD_OUTPUT);
	assert_int_equal(torn_view_fd(&view, 2)->class, TORN_FD_OUTPUT);
	assert_null(torn_view_fd(&view, 3));
	assert_int_equal(view.cwd, TORN_FOLD_ROOT);
	assert_int_equal(view.umask, 022);
}

static void test_hundreds_of_descriptors_keep_what_they_are_open_on(void **state)
{
	(void)state;
	for (int fd = 3; fd < TORN_FD_RESERVED; fd++) {
		struct torn_description file = directory("f");
		file.offset = (uint64_t)fd;
		assert_int_equal(torn_view_open(&view, fd, &file), 0);
	}
	for (int fd = 3; fd < TORN_FD_RESERVED; fd++)
		assert_int_equal(torn_view_fd(&view, fd)->offset, fd);
}

static void test_a_directory_that_moved_has_its_new_path(void **state)
{
	(void)state;
	assert_true(torn_bytes_equal(torn_view_object_path(&view, object_of("d/e")), torn_bytes_of("d/e")));
	const struct torn_op op = {.kind = TORN_KIND_rename,
				   .flags = TORN_OP_PERFORMED,
				   .object = object_of("d/e"),
				   .dir = object_of("d"),
				   .name = torn_bytes_of("e"),
				   .dir_to = TORN_FOLD_ROOT,
				   .name_to = torn_bytes_of("moved")};
	assert_int_equal(torn_fold_step(&view.fold, &op), 0);
	torn_view_moved(&view);
	assert_true(torn_bytes_equal(torn_view_object_path(&view, object_of("d/e")), torn_bytes_of("moved")));
	struct torn_place place;
	assert_int_equal(torn_view_resolve(&view, AT_FDCWD, torn_bytes_of("d/e"), TORN_RESOLVE_FOLLOW, &place), 0);
	assert_int_equal(place.object, 0);
	assert_int_equal(torn_view_resolve(&view, AT_FDCWD, torn_bytes_of("moved"), TORN_RESOLVE_FOLLOW, &place), 0);
	assert_int_equal(place.object, object_of("d/e"));
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_each_path_leads_where_path_resolution_says),
		EACH(test_the_last_component_is_told_by_its_kind),
		EACH(test_a_path_starts_at_its_descriptor_or_the_working_directory),
		EACH(test_a_proc_name_leads_to_its_descriptor_and_below_it),
		EACH(test_dup_shares_a_description_and_close_ends_one_name_only),
		EACH(test_a_run_begins_with_three_descriptors_at_the_root),
		EACH(test_hundreds_of_descriptors_keep_what_they_are_open_on),
		EACH(test_a_directory_that_moved_has_its_new_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
