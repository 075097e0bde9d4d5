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

static int dirfd_of(void *context, torn_object dir)
{
	return ((struct place *)context)->dirfds[dir];
}

static bool is_mapped(void *context, torn_object file)
{
	(void)file;
	return ((struct place *)context)->is_mapped;
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

static int make_place_of(void **state, const char *folder, const char *text, bool exact)
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

static int make_place(void **state)
{
	return make_place_of(state, "/tmp", world, false);
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
	torn_disk_close(&place->disk);
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
	assert_int_equal(linkat(root_fd, "a/f", root_fd, "../torn-disk-test-link", 0), 0);
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

static void expect_noticed(struct place *place, const struct change *change, const char *link)
{
	char difference[200];
	change->change(place->root_fd);
	assert_int_equal(settle(place, difference), -EUCLEAN);
	if (!strstr(difference, change->says))
		fail_msg("%s: expected %s", difference, change->says);
	unlink(link);
}

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

/* ------------------------------------------------------------ an exact disk */

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
	const struct torn_node *other = torn_node_write(&place->arena, f->node, 0, torn_bytes_of("SOME"));
	const struct torn_node *a = torn_tree_find(place->tree, torn_bytes_of("a"));
	a = torn_node_put(&place->arena, a, f->name, other, f->object);
	const torn_object object_of_a = torn_tree_entry(place->tree, torn_bytes_of("a"))->object;
	const struct torn_node *lie = torn_node_put(&place->arena, place->tree, torn_bytes_of("a"), a,
						    object_of_a);
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
	const struct torn_node *other = torn_node_write(&place->arena, f->node, 0, torn_bytes_of("SOME"));
	const struct torn_node *a = torn_tree_find(place->tree, torn_bytes_of("a"));
	a = torn_node_put(&place->arena, a, f->name, other, f->object);
	const torn_object object_of_a = torn_tree_entry(place->tree, torn_bytes_of("a"))->object;
	const struct torn_node *now = torn_node_put(&place->arena, place->tree, torn_bytes_of("a"), a,
						    object_of_a);
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

#define EXACT_TEST(test) cmocka_unit_test_setup_teardown(test, make_exact_place, clear_exact_place)

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
		EXACT_TEST(test_a_tree_is_turned_into_any_other_and_what_stays_is_known),
		cmocka_unit_test_setup_teardown(test_old_is_put_back_whatever_the_run_left, make_place,
						clear_place),
		cmocka_unit_test_setup_teardown(
			test_as_many_inodes_with_several_names_are_made_as_there_are, make_place,
			clear_place),
		cmocka_unit_test_setup_teardown(
			test_what_two_states_of_a_file_share_is_there_after_either, make_place,
			clear_place),
		EXACT_TEST(test_set_id_bits_outlive_what_is_written_in_a_user_namespace),
		cmocka_unit_test(test_a_file_system_without_attributes_is_said_to_be_one),
		cmocka_unit_test(test_on_an_exact_disk_modes_and_attributes_are_noticed_too),
		EXACT_TEST(test_an_exact_disk_has_all_mode_bits_and_gets_them_back),
		EXACT_TEST(test_an_exact_disk_that_is_made_anew_keeps_nothing_of_the_root),
		EXACT_TEST(test_what_is_known_of_a_file_is_believed_unless_it_was_mapped),
		EXACT_TEST(test_what_is_known_of_a_directory_is_its_attributes_too),
		EXACT_TEST(test_what_is_young_or_was_rewritten_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
