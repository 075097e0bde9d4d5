/*
 * device_recorder_test.c: a recorded disk has on its tape each request with its bytes, in order and with its mark, and in its
 * memory what they make of it: asked by calls on its file, and through the loop device that file systems lie on. Needs
 * root and FUSE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "device_for_tests.h"
#include "device_loop.h"
#include "device_recorder.h"

#define PAGE TORN_DEVICE_PAGE
#define PAGES 32u
#define SIZE ((size_t)PAGES * PAGE)
#define POINT "/tmp/recorded" /* of torn_device_enter() */
#define KEEP FALLOC_FL_KEEP_SIZE

static struct torn_device_recorder recorder;
static uint8_t wanted[SIZE];  /* what the disk should have */
static uint32_t requests_seen;

/* The next request on the tape is this one; of a write its bytes are those that are wanted now. */
static void expect_request(enum torn_device_request_kind kind, uint32_t mark, uint64_t offset, uint32_t size)
{
	assert_true(recorder.tape->count > requests_seen);
	const struct torn_device_request *request = &recorder.tape->requests[requests_seen++];
	assert_int_equal(request->kind, kind);
	assert_int_equal(request->mark, mark);
	assert_int_equal(request->offset, offset);
	assert_int_equal(request->size, size);
	if (kind == TORN_DEVICE_WRITE)
		assert_memory_equal(request->data, wanted + offset, size);
	else
		assert_null(request->data);
}

static void expect_no_more(void)
{
	static uint8_t seen[SIZE];
	assert_int_equal(recorder.tape->count, requests_seen);
	assert_false(recorder.tape->overflows);
	assert_memory_equal(recorder.image, wanted, SIZE);
	assert_int_equal(pread(recorder.fd, seen, SIZE, 0), SIZE);
	assert_memory_equal(seen, wanted, SIZE);
	assert_int_equal(recorder.tape->count, requests_seen); /* nobody is told of a read */
}

static void write_pages(int fd, uint32_t offset, uint32_t size, uint8_t seed)
{
	for (uint32_t i = 0; i < size; i++)
		wanted[offset + i] = (uint8_t)(seed + i % 251);
	assert_int_equal(pwrite(fd, wanted + offset, size, offset), size);
}

static void zero(int how, uint32_t offset, uint32_t size)
{
	memset(wanted + offset, 0, size);
	assert_int_equal(fallocate(recorder.fd, how | KEEP, offset, size), 0);
}

static void test_each_request_is_on_the_tape(void **state)
{
	(void)state;
	recorder.tape->mark = 3;
	write_pages(recorder.fd, 2 * PAGE, 6 * PAGE, 1);
	expect_request(TORN_DEVICE_WRITE, 3, 2 * PAGE, 6 * PAGE);
	assert_int_equal(fsync(recorder.fd), 0);
	expect_request(TORN_DEVICE_FLUSH, 3, 0, 0);
	recorder.tape->mark = 8;
	zero(FALLOC_FL_PUNCH_HOLE, 3 * PAGE, 2 * PAGE);
	expect_request(TORN_DEVICE_DISCARD, 8, 3 * PAGE, 2 * PAGE);
	recorder.tape->mark = 9;
	zero(FALLOC_FL_ZERO_RANGE, 6 * PAGE, PAGE);
	expect_request(TORN_DEVICE_ZERO, 9, 6 * PAGE, PAGE);
	write_pages(recorder.fd, 4 * PAGE, PAGE, 100);
	expect_request(TORN_DEVICE_WRITE, 9, 4 * PAGE, PAGE);
	assert_int_equal(fdatasync(recorder.fd), 0);
	expect_request(TORN_DEVICE_FLUSH, 9, 0, 0);
	expect_no_more();
}

/* Neither is on the tape, and neither changes a byte. */
static void test_what_is_past_the_end_is_refused(void **state)
{
	(void)state;
	static const uint8_t bytes[2 * PAGE] = {1};
	write_pages(recorder.fd, SIZE - PAGE, PAGE, 5);
	expect_request(TORN_DEVICE_WRITE, 0, SIZE - PAGE, PAGE);
	assert_int_equal(pwrite(recorder.fd, bytes, sizeof bytes, SIZE - PAGE), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fallocate(recorder.fd, FALLOC_FL_PUNCH_HOLE | KEEP, SIZE - PAGE, 2 * PAGE), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(fallocate(recorder.fd, 0, 0, PAGE), -1); /* it makes nothing zero */
	assert_int_equal(errno, EOPNOTSUPP);
	expect_no_more();
}

static void test_a_tape_that_is_off_has_nothing_and_the_disk_all(void **state)
{
	(void)state;
	recorder.tape->is_off = true;
	write_pages(recorder.fd, 0, PAGE, 9);
	zero(FALLOC_FL_PUNCH_HOLE, 0, PAGE / 2);
	recorder.tape->is_off = false;
	expect_no_more();
}

/* What a file system asks a disk for comes as the calls above: drivers/block/loop.c. */
static void test_a_loop_device_over_it_hands_all_on(void **state)
{
	(void)state;
	struct torn_device_loop loop;
	const uint64_t discarded[2] = {3 * PAGE, 2 * PAGE}, zeroed[2] = {8 * PAGE, PAGE};
	uint8_t *pages = aligned_alloc(PAGE, 4 * PAGE); /* the device is open with O_DIRECT */
	assert_non_null(pages);
	memset(pages, 'p', 4 * PAGE);
	memset(wanted + 2 * PAGE, 'p', 4 * PAGE);
	assert_int_equal(torn_device_loop_attach(&loop, recorder.fd, true), 0);
	requests_seen = recorder.tape->count; /* to set it up takes a flush */
	recorder.tape->mark = 1;
	const bool is_done = pwrite(loop.fd, pages, 4 * PAGE, 2 * PAGE) == 4 * PAGE;
	free(pages);
	assert_true(is_done);
	expect_request(TORN_DEVICE_WRITE, 1, 2 * PAGE, 4 * PAGE);
	assert_int_equal(fsync(loop.fd), 0);
	expect_request(TORN_DEVICE_FLUSH, 1, 0, 0);
	recorder.tape->mark = 2;
	assert_int_equal(ioctl(loop.fd, BLKDISCARD, discarded), 0);
	memset(wanted + 3 * PAGE, 0, 2 * PAGE);
	expect_request(TORN_DEVICE_DISCARD, 2, 3 * PAGE, 2 * PAGE);
	assert_int_equal(ioctl(loop.fd, BLKZEROOUT, zeroed), 0);
	expect_request(TORN_DEVICE_ZERO, 2, 8 * PAGE, PAGE);
	torn_device_loop_detach(&loop);
	expect_no_more();
}

static void test_nothing_is_left_of_one_that_is_stopped(void **state)
{
	(void)state;
	struct stat inside, outside;
	const pid_t pid = recorder.pid;
	assert_int_equal(stat(POINT, &inside), 0);
	torn_device_recorder_stop(&recorder);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(stat(POINT, &outside), 0);
	assert_int_not_equal(inside.st_dev, outside.st_dev);
}

static int start(void **state)
{
	(void)state;
	char message[256];
	memset(wanted, 0, SIZE);
	requests_seen = 0;
	if (torn_device_recorder_start(&recorder, POINT, SIZE, message, sizeof message) == 0)
		return 0;
	print_message("%s\n", message);
	return -1;
}

static int stop(void **state)
{
	(void)state;
	torn_device_recorder_stop(&recorder);
	return 0;
}

#define recorder_test(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		recorder_test(test_each_request_is_on_the_tape),
		recorder_test(test_what_is_past_the_end_is_refused),
		recorder_test(test_a_tape_that_is_off_has_nothing_and_the_disk_all),
		recorder_test(test_a_loop_device_over_it_hands_all_on),
		recorder_test(test_nothing_is_left_of_one_that_is_stopped),
	};
	char message[256];
	if (!has_disks())
		return 0;
	if (torn_device_enter(message, sizeof message) < 0) {
		print_message("%s\n", message);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
