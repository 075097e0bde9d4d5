/*
 * device_redo_test.c: a run that is done again on a real file system makes there the tree that its log says, owners, modes and
 * attributes too, from an old state that is made with all that it has; what is in no tree is done as well (times, blocks
 * that are written early); and where the file system answers otherwise the run is given up. Needs root, FUSE and loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"
#include "device_for_tests.h"
#include "device_redo.h"
#include "device_server.h"
#include "device_tree.h"
#include "disk.h"
#include "log.h"

#define MUST(condition)             \
	do {                        \
		if (!(condition))   \
			return __LINE__; \
	} while (0)

#define OLDS                                                                         \
	"old srv dir mode=0750 owner=11:12\n"                                        \
	"old srv/f file owner=5:6 xattr=trusted.one:1 xattr=user.two:22 old\n"       \
	"old srv/g file mode=04755 owner=7:8 xattr=security.torn:kept other\n"        \
	"old srv/h link srv/g\n"                                                     \
	"old srv/a file a\n"                                                         \
	"old srv/b file b\n"                                                         \
	"old srv/gone file gone\n"                                                   \
	"old srv/empty dir\n"                                                        \
	"old srv/l symlink f\n"                                                      \
	"old srv/p fifo mode=0620 owner=9:10\n"                                      \
	"old srv/s socket mode=0600\n"                                               \
	"old srv/blocks file \"" MANY MANY MANY "\"\n"
#define TEN(text) text text text text text text text text text text
#define MANY TEN(TEN("oooooooooo"))

static struct torn_test *test;
static struct torn_log the_log;

/* ---------------------------------------------------------------- the run */

/* Bytes that no old file has. */
static bool write_new(int fd, size_t size, off_t offset)
{
	static char bytes[9000];
	memset(bytes, 'n', sizeof bytes);
	return pwrite(fd, bytes, size, offset) == (ssize_t)size;
}

static int changes_names(void)
{
	MUST(mkdir("/srv/d", 0710) == 0);
	MUST(symlink("some text", "/srv/d/link") == 0);
	MUST(mkfifo("/srv/d/fifo", 0640) == 0);
	MUST(mknod("/srv/d/socket", S_IFSOCK | 0600, 0) == 0);
	MUST(mknod("/srv/d/node", S_IFREG | 0444, 0) == 0);
	MUST(link("/srv/f", "/srv/d/f") == 0);
	MUST(renameat2(AT_FDCWD, "/srv/a", AT_FDCWD, "/srv/b", RENAME_EXCHANGE) == 0);
	MUST(rename("/srv/l", "/srv/d/renamed") == 0);
	MUST(unlink("/srv/gone") == 0);
	MUST(rmdir("/srv/empty") == 0);
	return 0;
}

static int changes_bytes(void)
{
	const int fd = open("/srv/new", O_RDWR | O_CREAT | O_EXCL, 0604);
	MUST(fd >= 0 && write_new(fd, 9000, 0) && write_new(fd, 10, 20000));
	MUST(ftruncate(fd, 19000) == 0);
	MUST(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096) == 0);
	MUST(fallocate(fd, 0, 19000, 5000) == 0);
	const int copy_fd = open("/srv/copy", O_WRONLY | O_CREAT, 0644);
	loff_t from = 100;
	MUST(copy_fd >= 0 && copy_file_range(fd, &from, copy_fd, NULL, 5000, 0) == 5000);
	MUST(close(copy_fd) == 0 && close(fd) == 0);
	const int end_fd = open("/srv/a", O_WRONLY | O_APPEND);
	MUST(end_fd >= 0 && write(end_fd, "appended", 8) == 8 && close(end_fd) == 0);
	const int cut_fd = open("/srv/b", O_WRONLY | O_TRUNC);
	MUST(cut_fd >= 0 && write(cut_fd, "b again", 7) == 7 && close(cut_fd) == 0);
	MUST(truncate("/srv/blocks", 1500) == 0);
	MUST(truncate("/srv/blocks", 9999) == 0);
	const int mapped_fd = open("/srv/blocks", O_RDWR);
	MUST(mapped_fd >= 0);
	char *pages = mmap(NULL, 9999, PROT_READ | PROT_WRITE, MAP_SHARED, mapped_fd, 0);
	MUST(pages != MAP_FAILED);
	memcpy(pages + 5000, "stored", 6);
	MUST(munmap(pages, 9999) == 0 && close(mapped_fd) == 0);
	return 0;
}

static int changes_attributes(void)
{
	MUST(chmod("/srv/g", 0640) == 0);
	MUST(chmod("/srv/p", 0666) == 0);
	MUST(chown("/srv/f", 101, 102) == 0);
	MUST(lchown("/srv/d/link", 103, 104) == 0);
	MUST(chown("/srv/d", 105, -1) == 0);
	MUST(setxattr("/srv/f", "trusted.new", "made", 4, XATTR_CREATE) == 0);
	MUST(setxattr("/srv/f", "trusted.one", "changed", 7, 0) == 0);
	MUST(removexattr("/srv/f", "user.two") == 0);
	MUST(setxattr("/srv/d", "user.dir", "", 0, 0) == 0);
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1234567, .tv_nsec = 89000}};
	MUST(utimensat(AT_FDCWD, "/srv/g", times, 0) == 0);
	return 0;
}

static int makes_without_a_name(void)
{
	const int fd = open("/srv", O_TMPFILE | O_WRONLY, 0600);
	MUST(fd >= 0 && write_new(fd, 5000, 0));
	MUST(fchmod(fd, 0461) == 0);
	MUST(linkat(fd, "", AT_FDCWD, "/srv/d/linked", AT_EMPTY_PATH) == 0);
	const int lost_fd = open("/srv", O_TMPFILE | O_WRONLY, 0600);
	MUST(lost_fd >= 0 && write_new(lost_fd, 10, 0) && close(lost_fd) == 0);
	MUST(close(fd) == 0);
	return 0;
}

static int changes_all(const struct torn_run *run)
{
	int (*const parts[])(void) = {changes_names, changes_bytes, changes_attributes, makes_without_a_name};
	int r = 0;
	(void)run;
	for (size_t i = 0; r == 0 && i < sizeof parts / sizeof *parts; i++)
		r = parts[i]();
	sync();
	return r;
}

static int changes_all_and_clones(const struct torn_run *run)
{
	const int fd = open("/srv/blocks", O_RDONLY), clone_fd = open("/srv/clone", O_WRONLY | O_CREAT, 0666);
	MUST(fd >= 0 && clone_fd >= 0 && ioctl(clone_fd, FICLONE, fd) == 0);
	MUST(close(fd) == 0 && close(clone_fd) == 0);
	return changes_all(run);
}

/*
 * Whoever made something was somebody, each time another: a target that torn calls is always root. What changes a mode says
 * the owner, too.
 */
static void give_owners(struct torn_log *log)
{
	for (uint32_t i = 0; i < log->count; i++) {
		struct torn_op *op = &log->ops[i];
		const bool makes = op->flags & TORN_OP_CREATES && op->kind != TORN_KIND_link;
		const bool is_of_new = op->kind == TORN_KIND_chmod && op->object > test->setup.base.count;
		if (!makes && !is_of_new)
			continue;
		op->uid = 1000 + op->object;
		op->gid = 2000 + op->object;
	}
}

static void run(int (*operation)(const struct torn_run *run))
{
	assert_int_equal(torn_test_run(test, operation, ""), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.code, 0);
	assert_int_equal(torn_log_copy(&test->arena, test->trial.log, &the_log), 0);
}

static const struct torn_node *tree_of_log(void)
{
	struct torn_fold fold;
	torn_object highest = test->setup.base.count;
	for (uint32_t i = 0; i < the_log.count; i++)
		highest = the_log.ops[i].object > highest ? the_log.ops[i].object : highest;
	assert_int_equal(torn_fold_begin_with(&fold, &test->arena, &test->setup.base, highest), 0);
	for (uint32_t i = 0; i < the_log.count; i++)
		assert_int_equal(torn_fold_step(&fold, &the_log.ops[i]), 0);
	assert_int_equal(torn_fold_settle(&fold), 0);
	return torn_fold_tree(&fold);
}

static const struct torn_op *op_of(enum torn_call call)
{
	for (uint32_t i = 0; i < the_log.count; i++)
		if (the_log.ops[i].call == call)
			return &the_log.ops[i];
	fail_msg("the run has no %s", torn_call_name(call));
	return NULL;
}

/* -------------------------------------------------------------- comparing */

static bool are_equal_xattrs(const struct torn_node *a, const struct torn_node *b)
{
	bool are_equal = a->xattrs_count == b->xattrs_count;
	for (uint32_t i = 0; are_equal && i < a->xattrs_count; i++)
		are_equal = torn_bytes_equal(a->xattrs[i].name, b->xattrs[i].name) &&
			    torn_bytes_equal(a->xattrs[i].value, b->xattrs[i].value);
	return are_equal;
}

/* What differs first; the hashes decide, and this says where. */
static void tell_difference(const struct torn_node *seen, const struct torn_node *wanted, const char *path)
{
	if (seen->type != wanted->type || seen->mode != wanted->mode || seen->uid != wanted->uid ||
	    seen->gid != wanted->gid || seen->size != wanted->size || !are_equal_xattrs(seen, wanted))
		fail_msg("%s: mode %o owner %u:%u size %ju, %u attributes; expected %o %u:%u %ju, %u", path, seen->mode,
			 seen->uid, seen->gid, (uintmax_t)seen->size, seen->xattrs_count, wanted->mode, wanted->uid,
			 wanted->gid, (uintmax_t)wanted->size, wanted->xattrs_count);
	for (uint32_t i = 0; i < wanted->entries_count; i++) {
		char below[256];
		const struct torn_entry *entry = torn_node_entry(seen, wanted->entries[i].name);
		snprintf(below, sizeof below, "%.150s/%.*s", path, (int)wanted->entries[i].name.size,
			 (const char *)wanted->entries[i].name.data);
		if (!entry)
			fail_msg("%s: not there", below);
		if (memcmp(&entry->node->hash, &wanted->entries[i].node->hash, sizeof wanted->hash) != 0)
			tell_difference(entry->node, wanted->entries[i].node, below);
	}
	fail_msg("%s: other bytes or names", path);
}

static void assert_same_tree(const struct torn_node *seen, const struct torn_node *wanted)
{
	if (memcmp(&seen->hash, &wanted->hash, sizeof wanted->hash) != 0)
		tell_difference(seen, wanted, "");
}

/* ---------------------------------------------------------------- on disks */

struct at_end {
	const struct torn_node *wanted;
	uint32_t states;
};

/* All has been synced: whatever is lost of what came behind that is not missed. */
static bool hold_state(void *context, const struct torn_device_state *state)
{
	struct at_end *at_end = context;
	assert_non_null(state->tree);
	assert_same_tree(state->tree, at_end->wanted);
	at_end->states++;
	return true;
}

static void hold_on(const char *name, int (*operation)(const struct torn_run *run))
{
	struct torn_device_server *server;
	struct torn_device_choice choice;
	char message[256];
	run(operation);
	assert_memory_equal(&tree_of_log()->hash, &test->trial.now->hash, sizeof(struct torn_hash));
	give_owners(&the_log);
	struct at_end at_end = {.wanted = tree_of_log()};
	assert_int_equal(torn_device_choose(torn_bytes_of(name), &choice, message, sizeof message), 0);
	const int started = torn_device_server_start(&server, &choice, message, sizeof message);
	if (started < 0)
		fail_msg("%s", message);
	const struct torn_device_run again = {
		.base = &test->setup.base, .log = &the_log, .commit = TORN_DEVICE_NO_COMMIT};
	const struct torn_device_how how = {.from = torn_device_last_moment(the_log.count)};
	struct torn_device_count count = {.all = true};
	const int asked = torn_device_ask_states(server, &again, &how, hold_state, &at_end, &count, message,
						 sizeof message);
	torn_device_server_stop(server);
	if (asked < 0)
		fail_msg("%s: %s", name, message);
	assert_true(at_end.states > 0);
}

static void test_ext4_has_all_changes(void **state)
{
	(void)state;
	hold_on("ext4", changes_all);
}

static void test_xfs_has_all_changes_and_clones(void **state)
{
	(void)state;
	hold_on("xfs", changes_all_and_clones);
}

static void test_btrfs_has_all_changes_and_clones(void **state)
{
	(void)state;
	hold_on("btrfs", changes_all_and_clones);
}

/* ------------------------------------------------------------ in a directory */

static char folder[64];
static int root_fd;
static struct torn_device_redo *redo;

/* Begin in the old state. */
static void begin_redo(void)
{
	assert_int_equal(torn_device_tree_make(root_fd, test->setup.base.objects[TORN_FOLD_ROOT].node), 0);
	assert_int_equal(torn_device_redo_begin(&redo, root_fd, &test->setup.base), 0);
}

static int redo_op(const struct torn_op *op, char message[256])
{
	message[0] = '\0';
	return torn_device_redo_op(redo, op, message, 256);
}

static void test_times_are_set(void **state)
{
	(void)state;
	char message[256];
	struct stat seen;
	run(changes_all);
	begin_redo();
	assert_int_equal(redo_op(op_of(TORN_CALL_utimensat), message), 0);
	assert_int_equal(fstatat(root_fd, "srv/g", &seen, 0), 0);
	assert_int_equal(seen.st_mtim.tv_sec, 1234567);
	assert_int_equal(seen.st_mtim.tv_nsec, 89000);
}

static int makes_names(const struct torn_run *run)
{
	(void)run;
	MUST(mknod("/srv/n", S_IFIFO | 0600, 0) == 0);
	MUST(mkdir("/srv/m", 0700) == 0);
	MUST(symlink("text", "/srv/t") == 0);
	MUST(open("/srv/c", O_WRONLY | O_CREAT, 0600) >= 0);
	return 0;
}

/* Where the name is taken. */
static void test_what_the_file_system_refuses_ends_it(void **state)
{
	(void)state;
	static const struct {
		enum torn_call call;
		const char *path, *said;
	} rows[] = {
		{TORN_CALL_mknodat, "srv/n", "mknodat, succeeded in the run and is EEXIST on this file system"},
		{TORN_CALL_mkdir, "srv/m", "mkdir, succeeded in the run and is EEXIST on this file system"},
		{TORN_CALL_symlink, "srv/t", "symlink, succeeded in the run and is EEXIST on this file system"},
		{TORN_CALL_openat, "srv/c", "openat, succeeded in the run and is EEXIST on this file system"},
	};
	run(makes_names);
	begin_redo();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char message[256];
		assert_int_equal(mkdirat(root_fd, rows[i].path, 0700), 0);
		assert_int_equal(redo_op(op_of(rows[i].call), message), -ENOTSUP);
		if (!strstr(message, rows[i].said))
			fail_msg("%s: expected %s", message, rows[i].said);
		assert_int_equal(unlinkat(root_fd, rows[i].path, AT_REMOVEDIR), 0);
		assert_int_equal(redo_op(op_of(rows[i].call), message), 0);
	}
}

static void test_an_old_state_is_made_with_all_that_it_has(void **state)
{
	(void)state;
	const struct torn_node *seen, *old;
	run(changes_all); /* sets it up */
	begin_redo();
	old = test->setup.base.objects[TORN_FOLD_ROOT].node;
	assert_int_equal(torn_device_tree_read(&test->arena, root_fd, old, &seen), 0);
	assert_same_tree(seen, old);
	uint8_t value[16];
	assert_int_equal(fsetxattr(root_fd, "trusted.probe", "", 0, 0), 0); /* it knows these here */
	char path[128];
	snprintf(path, sizeof path, "%s/srv/f", folder);
	assert_int_equal(getxattr(path, "trusted.one", value, sizeof value), 1);
	snprintf(path, sizeof path, "%s/srv/g", folder);
	assert_int_equal(getxattr(path, "security.torn", value, sizeof value), 4);
}

/* ------------------------------------------------------------ what is early */

static int writes_early(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/new", O_WRONLY | O_CREAT, 0644);
	MUST(fd >= 0 && write_new(fd, 9000, 0));
	MUST(sync_file_range(fd, 0, 9000,
			     SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) == 0);
	MUST(mkdir("/srv/d", 0755) == 0);
	return 0;
}

struct moments {
	bool has[64]; /* a cut's last request came then */
};

static bool note_moment(void *context, const struct torn_device_state *state)
{
	struct moments *moments = context;
	assert_true(state->first < sizeof moments->has);
	moments->has[state->first] = true;
	return true;
}

static void test_sync_file_range_writes_in_its_own_time(void **state)
{
	(void)state;
	struct torn_device_server *server;
	struct torn_device_choice choice;
	struct moments moments = {0};
	struct torn_device_count count = {.all = true};
	char message[256];
	run(writes_early);
	const uint32_t index = (uint32_t)(op_of(TORN_CALL_sync_file_range) - the_log.ops);
	assert_int_equal(torn_device_choose(torn_bytes_of("ext4"), &choice, message, sizeof message), 0);
	assert_int_equal(torn_device_server_start(&server, &choice, message, sizeof message), 0);
	const struct torn_device_run again = {
		.base = &test->setup.base, .log = &the_log, .commit = TORN_DEVICE_NO_COMMIT};
	const struct torn_device_how how = {0};
	const int asked = torn_device_ask_states(server, &again, &how, note_moment, &moments, &count, message,
						 sizeof message);
	torn_device_server_stop(server);
	assert_int_equal(asked, 0);
	for (uint32_t moment = 1; moment <= torn_device_last_moment(the_log.count); moment++)
		assert_int_equal(moments.has[moment], moment == 2 * index);
}

static int open_test(void **state)
{
	(void)state;
	test = torn_test_open(OLDS);
	redo = NULL;
	snprintf(folder, sizeof folder, "/tmp/torn-redo-test-XXXXXX");
	root_fd = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return root_fd < 0 ? -1 : 0;
}

static int close_test(void **state)
{
	(void)state;
	if (redo)
		torn_device_redo_end(redo);
	const int r = torn_disk_clear(root_fd);
	close(root_fd);
	torn_test_close(test);
	return r < 0 || rmdir(folder) != 0 ? -1 : 0;
}

#define redo_test(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		redo_test(test_ext4_has_all_changes),
		redo_test(test_xfs_has_all_changes_and_clones),
		redo_test(test_btrfs_has_all_changes_and_clones),
		redo_test(test_times_are_set),
		redo_test(test_what_the_file_system_refuses_ends_it),
		redo_test(test_an_old_state_is_made_with_all_that_it_has),
		redo_test(test_sync_file_range_writes_in_its_own_time),
	};
	if (!has_disks())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
