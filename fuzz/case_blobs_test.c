/* case_blobs_test.c: see case_blobs.h, blob_name.h. What is written is read by torn_case_load(). */
#include "case_blobs.h"

#include "case_for_tests.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob_name.h"
#include "output.h"

static char folder[PATH_MAX];
static int folder_fd;

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/case_blobs_test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return folder_fd < 0 ? -1 : empty_arena(state);
}

/* How much is in a folder below the test's, removed where `removes`; -1: there is no such folder. */
static int count_files(const char *below, bool removes)
{
	const int fd = openat(folder_fd, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int count = 0;
	if (!dir)
		return -1;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (removes && unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
	return count;
}

static int remove_folder(void **state)
{
	(void)state;
	count_files("blobs", true);
	count_files(".", true);
	close(folder_fd);
	return rmdir(folder);
}

static const char *inside(const char *name)
{
	static char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *out = fopen(inside(name), "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

/* Bytes that no other number gives, some of them no text. */
static struct torn_bytes content_of(size_t size, uint64_t number)
{
	uint8_t *data = torn_arena_take(&arena, size + 1);
	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i % 8 == 0 ? next_random(&number) : i);
	return (struct torn_bytes){data, size};
}

static struct torn_bytes text_of(size_t size)
{
	uint8_t *data = torn_arena_take(&arena, size + 1);
	assert_non_null(data);
	memset(data, 'a', size);
	return (struct torn_bytes){data, size};
}

static struct torn_old file_of(const char *path, struct torn_bytes content)
{
	return (struct torn_old){.path = torn_bytes_of(path), .mode = 0644, .text = content};
}

static struct torn_case case_of(struct torn_old *olds, size_t count)
{
	static struct torn_bytes command[1];
	command[0] = torn_bytes_of("sh");
	return (struct torn_case){.target = torn_bytes_of("exec"),
				  .command = command,
				  .command_count = 1,
				  .olds = olds,
				  .olds_count = count,
				  .plan.seed = 1};
}

static int write_text(FILE *out, const void *context)
{
	return torn_case_print(context, out);
}

/* As whoever writes a case does it. */
static void write_case(struct torn_case *c)
{
	assert_int_equal(torn_case_blobs_refer(c, &arena), 0);
	assert_int_equal(torn_case_blobs_write(c, folder_fd), 0);
	assert_int_equal(torn_output_write_at(folder_fd, "x.case", write_text, c), 0);
}

static int load(struct torn_case *ret_case, struct torn_case_error *ret_error)
{
	return torn_case_load(inside("x.case"), &arena, ret_case, ret_error);
}

/* -------------------------------------------------------------------- what */

static void test_the_name_is_the_hash_that_cases_are_named_by(void **state)
{
	(void)state;
	char reference[TORN_BLOB_REFERENCE_SIZE];
	/* XXH3_64bits of nothing with seed 0: its authors' test vector, xxhash's tests/sanity_test */
	torn_blob_reference(torn_bytes_of(""), reference);
	assert_string_equal(reference, "@blobs/2d06800538d394c2");
	for (uint64_t i = 0; i < 200; i++) { /* some of the hashes begin with zeroes */
		torn_blob_reference((struct torn_bytes){(uint8_t *)&i, sizeof(i)}, reference);
		assert_int_equal(strlen(reference), strlen("@blobs/0123456789abcdef"));
		assert_string_not_equal(reference, "@blobs/2d06800538d394c2");
	}
}

static void test_long_contents_and_such_that_are_no_text_want_a_blob(void **state)
{
	(void)state;
	static const struct {
		const char *content;
		size_t size;
		bool wants;
	} rows[] = {
		{"", 0, false},
		{"a \"text\"\\\n\tof lines\r\n", 20, false},
		{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 11, false},
		{"a\0b", 3, true},
		{"\x7f" "ELF", 4, true},
		{"\x1b[2J", 4, true},
		{"\xff", 1, true},
		{"a\xc3", 2, true},	      /* a character that is cut off */
		{"\xc0\xaf", 2, true},	      /* an overlong form */
		{"\xed\xa0\x80", 3, true}, /* a surrogate */
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct torn_bytes content = {(const uint8_t *)rows[i].content, rows[i].size};
		assert_int_equal(torn_case_blobs_wants(content), rows[i].wants);
	}
	assert_false(torn_case_blobs_wants(text_of(4096)));
	assert_true(torn_case_blobs_wants(text_of(4097)));
}

static void test_only_files_that_want_one_refer_to_a_blob(void **state)
{
	(void)state;
	struct torn_old olds[] = {
		file_of("a", text_of(4096)),
		file_of("b", text_of(4097)),
		file_of("c", torn_bytes_of("was elsewhere")),
		{.path = torn_bytes_of("d"), .is_link = true, .text = torn_bytes_of("b")},
		{.path = torn_bytes_of("e"), .type = TORN_SYMLINK, .text = torn_bytes_of("\xff")},
		{.path = torn_bytes_of("f"), .absent = true, .text = text_of(5000)},
	};
	olds[1].file = torn_bytes_of("@far/away");
	olds[2].file = torn_bytes_of("@far/away");
	struct torn_case c = case_of(olds, COUNT(olds));
	assert_int_equal(torn_case_blobs_refer(&c, &arena), 0);
	for (size_t i = 0; i < COUNT(olds); i++)
		assert_int_equal(c.olds[i].file.size, i == 1 ? strlen("@blobs/0123456789abcdef") : 0);
	assert_memory_equal(c.olds[1].file.data, "@blobs/", 7);
	assert_text(olds[1].file, "@far/away"); /* others have the same olds */
	assert_text(olds[2].file, "@far/away");
}

static void test_without_room_the_case_stays_as_it_was(void **state)
{
	(void)state;
	struct torn_old olds[] = {file_of("a", text_of(5000)), file_of("b", text_of(6000))};
	struct torn_arena small;
	assert_int_equal(torn_arena_open(&small, 4096), 0);
	bool was_enough = false;
	for (size_t size = 0; size < 2048; size += 16) {
		struct torn_case c = case_of(olds, COUNT(olds));
		small.size = size;
		torn_arena_return(&small, 0);
		const int r = torn_case_blobs_refer(&c, &small);
		assert_true(r == 0 || (r == -ENOMEM && !was_enough));
		assert_int_equal(c.olds == olds, r != 0);
		assert_int_equal(small.used == 0, r != 0);
		was_enough = r == 0;
	}
	assert_true(was_enough);
	torn_arena_close(&small);
}

/* ------------------------------------------------------------------- there */

static void test_a_case_with_blobs_is_loaded_as_it_was_written(void **state)
{
	(void)state;
	const size_t size = 64 << 20; /* the largest */
	struct torn_old olds[] = {
		file_of("bin/server", content_of(size, 1)),
		file_of("etc/conf", torn_bytes_of("a\n")),
		file_of("var/state", content_of(100, 2)),
	};
	olds[0].mode = 04755;
	olds[0].uid = 7;
	struct torn_case c = case_of(olds, COUNT(olds)), again;
	struct torn_case_error error;
	write_case(&c);
	assert_int_equal(count_files("blobs", false), 2);
	char *text = printed(&c);
	assert_non_null(strstr(text, "\nold bin/server file mode=04755 owner=7:0 @blobs/"));
	assert_non_null(strstr(text, "\nold etc/conf file \"a\\n\"\n"));
	if (load(&again, &error) != 0)
		fail_msg("line %" PRIu32 ": %s", error.line, error.message);
	assert_int_equal(again.olds_count, COUNT(olds));
	for (size_t i = 0; i < COUNT(olds); i++)
		assert_true(torn_bytes_equal(again.olds[i].text, olds[i].text));
	assert_int_equal(again.olds[0].text.data[size], 0);
	char *second = printed(&again);
	assert_string_equal(second, text);
	free(second);
	free(text);
}

static void test_a_blob_that_is_there_is_left_alone(void **state)
{
	(void)state;
	struct torn_old olds[] = {file_of("a", content_of(70000, 1)), file_of("b", content_of(70000, 1)),
				  file_of("c", content_of(70000, 2))};
	struct torn_case c = case_of(olds, COUNT(olds));
	struct stat before, after;
	write_case(&c);
	assert_int_equal(count_files("blobs", false), 2); /* one for equal contents */
	assert_int_equal(stat(inside((const char *)c.olds[0].file.data + 1), &before), 0);
	write_case(&c);
	assert_int_equal(stat(inside((const char *)c.olds[0].file.data + 1), &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
	assert_int_equal(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
	assert_int_equal(count_files("blobs", false), 2);
}

static void test_a_case_that_needs_no_blob_makes_no_folder(void **state)
{
	(void)state;
	struct torn_old olds[] = {file_of("a", text_of(10))};
	struct torn_case c = case_of(olds, COUNT(olds));
	write_case(&c);
	assert_int_equal(count_files("blobs", false), -1);
}

static void test_a_blob_that_was_changed_is_refused_until_it_is_written_again(void **state)
{
	(void)state;
	const off_t size = 2 << 16; /* a reader's last block is a whole one */
	struct torn_old olds[] = {file_of("a", torn_bytes_of("x")), file_of("b", content_of(size, 1))};
	struct torn_case c = case_of(olds, COUNT(olds)), again;
	struct torn_case_error error;
	char message[TORN_MESSAGE_SIZE];
	write_case(&c);
	const char *reference = (const char *)c.olds[1].file.data;
	snprintf(message, sizeof(message),
		 "expected a blob whose name is the hash of its bytes (was it changed?), found %s",
		 reference);
	const off_t sizes[] = {size, size - 1, size + 1, 0}; /* the first: one bit is another */
	for (size_t i = 0; i < COUNT(sizes); i++) {
		const int fd = open(inside(reference + 1), O_RDWR | O_CLOEXEC);
		uint8_t byte;
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &byte, 1, size - 1), 1);
		byte ^= sizes[i] == size;
		assert_int_equal(pwrite(fd, &byte, 1, size - 1), 1);
		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		close(fd);
		const size_t used = arena.used;
		assert_int_equal(load(&again, &error), -EINVAL);
		assert_string_equal(error.message, message);
		assert_int_equal(error.line, 5);
		assert_int_equal(arena.used, used);
		write_case(&c);
		assert_int_equal(load(&again, &error), 0);
		assert_int_equal(count_files("blobs", false), 1);
	}
}

static void test_a_name_below_blobs_that_is_no_hash_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"blobs/text", "blobs/2D06800538D394C2",
					    "blobs/2d06800538d394c20", "blobs/2d06800538d394c"};
	assert_int_equal(mkdir(inside("blobs"), 0755), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		char text[256], message[TORN_MESSAGE_SIZE];
		struct torn_case c;
		struct torn_case_error error;
		write_file(names[i], "");
		snprintf(text, sizeof(text), HEAD "old a file @%s\n", names[i]);
		snprintf(message, sizeof(message),
			 "expected a blob whose name is the hash of its bytes (was it changed?), "
			 "found @%s", names[i]);
		write_file("x.case", text);
		assert_int_equal(load(&c, &error), -EINVAL);
		assert_string_equal(error.message, message);
		assert_int_equal(error.line, 3);
	}
	/* the name is asked of blobs only */
	struct torn_case c;
	struct torn_case_error error;
	write_file("blob", "anything");
	write_file("blobs/2d06800538d394c2", "");
	write_file("x.case", HEAD "old a file @blob\nold b file @blobs/2d06800538d394c2\n");
	assert_int_equal(load(&c, &error), 0);
}

static void test_a_blob_that_is_not_there_is_told(void **state)
{
	(void)state;
	struct torn_case c;
	struct torn_case_error error;
	write_file("x.case", HEAD "old a file @blobs/0123456789abcdef\n");
	assert_int_equal(load(&c, &error), -EINVAL);
	assert_string_equal(error.message,
			    "expected a file that exists, found @blobs/0123456789abcdef");
}

/* -------------------------------------------------------------- in the way */

static void test_a_content_that_could_not_be_read_again_is_not_written(void **state)
{
	(void)state;
	struct torn_old olds[] = {file_of("a", text_of((64 << 20) + 1))};
	struct torn_case c = case_of(olds, COUNT(olds));
	assert_int_equal(torn_case_blobs_refer(&c, &arena), 0);
	assert_int_equal(torn_case_blobs_write(&c, folder_fd), -EFBIG);
	assert_int_equal(count_files("blobs", false), 0);
}

static void test_what_leads_elsewhere_is_not_followed(void **state)
{
	(void)state;
	struct torn_old olds[] = {file_of("a", content_of(5000, 1))};
	struct torn_case c = case_of(olds, COUNT(olds)), again;
	struct torn_case_error error;
	struct stat status;
	assert_int_equal(torn_case_blobs_refer(&c, &arena), 0);
	assert_int_equal(mkdir(inside("elsewhere"), 0755), 0);
	assert_int_equal(symlink("elsewhere", inside("blobs")), 0);
	assert_int_equal(torn_case_blobs_write(&c, folder_fd), -ENOTDIR);
	assert_int_equal(count_files("elsewhere", false), 0);

	/* a symlink, also to the right bytes, and a fifo that nobody reads: the blob takes their place */
	const char *name = (const char *)c.olds[0].file.data + 1;
	assert_int_equal(unlink(inside("blobs")), 0);
	write_case(&c);
	assert_int_equal(renameat(folder_fd, name, folder_fd, "right"), 0);
	write_file("other", "other");
	for (int way = 0; way < 3; way++) {
		if (way == 0)
			assert_int_equal(mkfifo(inside(name), 0600), 0);
		else
			assert_int_equal(symlink(way == 1 ? "../right" : "../other", inside(name)), 0);
		write_case(&c);
		assert_int_equal(lstat(inside(name), &status), 0);
		assert_true(S_ISREG(status.st_mode));
		assert_int_equal(load(&again, &error), 0);
		assert_int_equal(unlink(inside(name)), 0);
	}
	assert_int_equal(stat(inside("other"), &status), 0);
	assert_int_equal(status.st_size, 5);
}

static void test_nothing_stays_open(void **state)
{
	(void)state;
	struct torn_old olds[] = {file_of("a", content_of(5000, 1))};
	struct torn_case c = case_of(olds, COUNT(olds));
	const int before = count_files("/proc/self/fd", false);
	write_case(&c);
	write_case(&c);
	write_file((const char *)c.olds[0].file.data + 1, "changed");
	write_case(&c);
	assert_int_equal(torn_case_blobs_write(&c, -1), -EBADF);
	assert_int_equal(count_files("/proc/self/fd", false), before);
}

#define FILES(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_the_name_is_the_hash_that_cases_are_named_by),
		PLAIN(test_long_contents_and_such_that_are_no_text_want_a_blob),
		PLAIN(test_only_files_that_want_one_refer_to_a_blob),
		PLAIN(test_without_room_the_case_stays_as_it_was),
		FILES(test_a_case_with_blobs_is_loaded_as_it_was_written),
		FILES(test_a_blob_that_is_there_is_left_alone),
		FILES(test_a_case_that_needs_no_blob_makes_no_folder),
		FILES(test_a_blob_that_was_changed_is_refused_until_it_is_written_again),
		FILES(test_a_name_below_blobs_that_is_no_hash_is_refused),
		FILES(test_a_blob_that_is_not_there_is_told),
		FILES(test_a_content_that_could_not_be_read_again_is_not_written),
		FILES(test_what_leads_elsewhere_is_not_followed),
		FILES(test_nothing_stays_open),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
