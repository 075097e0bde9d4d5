/*
 * device_image_test.c: what is put on a device is what was there before a run and the writes that an image has, whole or torn,
 * byte for byte and by each of the ways; and no page is written that is there already. What is expected is a plain array that
 * the same writes are made in. Needs root and loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device_image.h"
#include "device_names.h"

#define PAGE TORN_DEVICE_PAGE
#define SECTOR TORN_DEVICE_SECTOR
#define PAGES 64u
#define SIZE ((size_t)PAGES * PAGE)
#define ALL TORN_DEVICE_ALL_SECTORS

static struct torn_device_image *image;
static int device_fd; /* through the kernel's cache of the device, as a file system reads it */
static uint8_t base[SIZE], other_base[SIZE], wanted[SIZE], before[SIZE];

struct step {
	enum torn_device_request_kind kind;
	uint32_t offset, size, sectors;
};

/* Pages 0 to 7 and 16 to 31 have bytes at first, all others none. */
static const struct step steps[] = {
	{TORN_DEVICE_WRITE, 1 * PAGE, PAGE, ALL},
	{TORN_DEVICE_WRITE, 2 * PAGE, PAGE, 3},               /* torn */
	{TORN_DEVICE_WRITE, 3 * PAGE, 4 * PAGE, 11},          /* torn in its second page */
	{TORN_DEVICE_WRITE, 7 * PAGE, PAGE, 0},               /* lost */
	{TORN_DEVICE_FLUSH, 0, 0, ALL},
	{TORN_DEVICE_WRITE, 10 * PAGE + SECTOR, 2 * SECTOR, ALL}, /* these four on one page */
	{TORN_DEVICE_WRITE, 10 * PAGE + 2 * SECTOR, 3 * SECTOR, ALL},
	{TORN_DEVICE_ZERO, 10 * PAGE + 4 * SECTOR, 2 * SECTOR, ALL},
	{TORN_DEVICE_WRITE, 10 * PAGE + 7 * SECTOR, SECTOR, 8}, /* it has no eight */
	{TORN_DEVICE_WRITE, 12 * PAGE - SECTOR, PAGE, ALL},     /* on two pages */
	{TORN_DEVICE_DISCARD, 17 * PAGE, 3 * PAGE, ALL},
	{TORN_DEVICE_ZERO, 21 * PAGE + SECTOR, 2 * PAGE, 9}, /* torn */
	{TORN_DEVICE_DISCARD, 40 * PAGE, 2 * PAGE, ALL},     /* there was nothing */
	{TORN_DEVICE_WRITE, 50 * PAGE, PAGE, ALL},
	{TORN_DEVICE_DISCARD, 50 * PAGE, PAGE, ALL},
	{TORN_DEVICE_WRITE, 63 * PAGE, PAGE, ALL},
};

#define STEPS_COUNT (sizeof steps / sizeof *steps)

/* No two steps write the same byte to a place, and none a zero. */
static uint8_t byte_of(size_t step, uint32_t at)
{
	return (uint8_t)(1 + (step * 37 + at / SECTOR * 11 + at % 7) % 255);
}

static void fill_base(uint8_t *bytes, unsigned seed, uint32_t begin, uint32_t end)
{
	for (uint32_t at = begin * PAGE; at < end * PAGE; at++)
		bytes[at] = (uint8_t)(1 + (at / SECTOR * 5 + at % 3 + seed) % 255);
}

/* In the image, and in the array. */
static void apply(size_t number, const struct step *step)
{
	uint8_t bytes[4 * PAGE];
	for (uint32_t i = 0; i < step->size; i++)
		bytes[i] = byte_of(number, i);
	const bool is_write = step->kind == TORN_DEVICE_WRITE;
	const struct torn_device_request request = {
		.kind = step->kind, .offset = step->offset, .size = step->size, .data = is_write ? bytes : NULL};
	torn_device_image_apply(image, &request, step->sectors);
	for (uint32_t i = 0; i < step->size && i / SECTOR < step->sectors; i++)
		wanted[step->offset + i] = is_write ? bytes[i] : 0;
}

static void begin_image(const uint8_t *with)
{
	torn_device_image_begin(image);
	memcpy(wanted, with, SIZE);
}

/* What lies behind the device: nobody else of this process has a file of that name. */
static int open_backing(void)
{
	char name[TORN_DEVICE_DISK_ROOM], expected[64], path[TORN_DEVICE_SELF_ROOM], found[64];
	torn_device_disk_name(name);
	snprintf(expected, sizeof expected, "/memfd:%s (deleted)", name);
	for (int fd = 0; fd < 64; fd++) {
		const ssize_t size = readlink(torn_device_self(fd, path), found, sizeof found - 1);
		if (size < 0)
			continue;
		found[size] = '\0';
		if (strcmp(found, expected) == 0)
			return fd;
	}
	fail_msg("no descriptor of %s", expected);
	return -1;
}

static void read_device(uint8_t *bytes)
{
	assert_int_equal(pread(device_fd, bytes, SIZE, 0), SIZE);
}

static int64_t differing_pages(const uint8_t *a, const uint8_t *b)
{
	int64_t count = 0;
	for (size_t at = 0; at < SIZE; at += PAGE)
		count += memcmp(a + at, b + at, PAGE) != 0;
	return count;
}

/* Put the image, and hold the device and what lies behind it against the array. */
static void put(enum torn_device_way way)
{
	static uint8_t seen[SIZE];
	read_device(before);
	assert_int_equal(torn_device_image_put(image, way), differing_pages(before, wanted));
	read_device(seen);
	assert_memory_equal(seen, wanted, SIZE);
	assert_int_equal(pread(open_backing(), seen, SIZE, 0), SIZE);
	assert_memory_equal(seen, wanted, SIZE);
}

static void put_all_steps(enum torn_device_way way)
{
	begin_image(base);
	for (size_t i = 0; i < STEPS_COUNT; i++)
		apply(i, &steps[i]);
	put(way);
}

static void test_a_new_device_has_the_base(void **state)
{
	(void)state;
	static uint8_t seen[SIZE];
	read_device(seen);
	assert_memory_equal(seen, base, SIZE);
	begin_image(base);
	put(TORN_DEVICE_BY_URING);
	assert_memory_equal(before, wanted, SIZE);
}

static void test_each_way_brings_all_writes_whole_and_torn(void **state)
{
	(void)state;
	static const enum torn_device_way ways[] = {TORN_DEVICE_BY_URING, TORN_DEVICE_BY_PWRITE,
						    TORN_DEVICE_BEHIND_ITS_BACK};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		put_all_steps(ways[i]);
		assert_true(differing_pages(before, wanted) > 8);
		begin_image(base);
		put(ways[i]);
	}
}

static void test_each_step_alone_is_brought(void **state)
{
	(void)state;
	for (size_t i = 0; i < STEPS_COUNT; i++) {
		begin_image(base);
		apply(i, &steps[i]);
		put(TORN_DEVICE_BY_URING);
	}
}

static void test_of_the_next_image_only_what_differs_is_written(void **state)
{
	(void)state;
	put_all_steps(TORN_DEVICE_BY_URING);
	put_all_steps(TORN_DEVICE_BY_URING);
	assert_int_equal(differing_pages(before, wanted), 0);
	const struct step one_more = {TORN_DEVICE_WRITE, 30 * PAGE, SECTOR, ALL};
	put_all_steps(TORN_DEVICE_BY_URING);
	apply(STEPS_COUNT, &one_more);
	put(TORN_DEVICE_BY_URING);
	assert_int_equal(differing_pages(before, wanted), 1);
}

/* As the recovery of a mount writes. */
static void overwrite(uint32_t offset, uint32_t size)
{
	uint8_t bytes[2 * PAGE];
	memset(bytes, 0xee, sizeof bytes);
	assert_int_equal(pwrite(device_fd, bytes, size, offset), size);
	assert_int_equal(fsync(device_fd), 0);
}

static void test_what_a_mount_made_of_the_last_one_is_gone(void **state)
{
	(void)state;
	put_all_steps(TORN_DEVICE_BY_URING);
	overwrite(0, PAGE);              /* where the base has bytes */
	overwrite(10 * PAGE, 2 * PAGE);  /* where the image has its own */
	overwrite(45 * PAGE, PAGE);      /* where there is nothing */
	put(TORN_DEVICE_BY_URING);
	assert_int_equal(differing_pages(before, wanted), 4);
}

static void test_what_a_mount_discarded_is_there_again(void **state)
{
	(void)state;
	put_all_steps(TORN_DEVICE_BY_URING);
	const uint64_t of_the_base[2] = {25 * PAGE, 2 * PAGE}, of_the_image[2] = {10 * PAGE, PAGE};
	assert_int_equal(ioctl(device_fd, BLKDISCARD, of_the_base), 0);
	assert_int_equal(ioctl(device_fd, BLKDISCARD, of_the_image), 0);
	put(TORN_DEVICE_BY_URING);
	assert_int_equal(differing_pages(before, wanted), 3);
}

static void test_another_base_takes_the_place_of_the_first(void **state)
{
	(void)state;
	put_all_steps(TORN_DEVICE_BY_URING);
	torn_device_image_rebase(image, other_base);
	memcpy(wanted, other_base, SIZE); /* what was applied is forgotten, too */
	put(TORN_DEVICE_BY_URING);
	begin_image(other_base);
	for (size_t i = 0; i < STEPS_COUNT; i++)
		apply(i, &steps[i]);
	put(TORN_DEVICE_BEHIND_ITS_BACK);
	begin_image(other_base);
	put(TORN_DEVICE_BY_PWRITE);
}

static int open_image(void **state)
{
	(void)state;
	memset(base, 0, SIZE);
	fill_base(base, 1, 0, 8);
	fill_base(base, 1, 16, 32);
	memset(other_base, 0, SIZE);
	fill_base(other_base, 2, 4, 12);
	fill_base(other_base, 1, 20, 24); /* the same as in the first */
	fill_base(other_base, 2, 50, 60);
	char message[256];
	if (torn_device_image_open(&image, base, SIZE, message, sizeof message) < 0) {
		print_message("%s\n", message);
		return -1;
	}
	device_fd = open(torn_device_image_path(image), O_RDWR | O_CLOEXEC);
	return device_fd < 0 ? -1 : 0;
}

static int close_image(void **state)
{
	(void)state;
	close(device_fd);
	torn_device_image_close(image);
	return 0;
}

#define image_test(function) cmocka_unit_test_setup_teardown(function, open_image, close_image)

int main(void)
{
	const struct CMUnitTest tests[] = {
		image_test(test_a_new_device_has_the_base),
		image_test(test_each_way_brings_all_writes_whole_and_torn),
		image_test(test_each_step_alone_is_brought),
		image_test(test_of_the_next_image_only_what_differs_is_written),
		image_test(test_what_a_mount_made_of_the_last_one_is_gone),
		image_test(test_what_a_mount_discarded_is_there_again),
		image_test(test_another_base_takes_the_place_of_the_first),
	};
	if (geteuid() != 0 || access("/dev/loop-control", R_OK | W_OK) != 0) {
		print_message("SKIPPED: loop devices need root and /dev/loop-control\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
