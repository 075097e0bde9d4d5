/* bench_disk.c: see bench_disk.h. */
#include "bench_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../injectors/device.h"

#define PAGE TORN_DEVICE_PAGE
#define SIZE ((uint64_t)16 << 20)
#define ROUNDS 201
#define APART 37u /* pages between one write and the next: none lies behind another */

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, by_size);
	return values[count / 2];
}

/* ------------------------------------------------------------------ images */

static const struct {
	enum torn_device_way way;
	const char *name;
} ways[] = {{TORN_DEVICE_BY_URING, "io_uring"},
	    {TORN_DEVICE_BY_PWRITE, "pwrite on the device"},
	    {TORN_DEVICE_BEHIND_ITS_BACK, "pwrite into the backing file"}};
#define WAYS (sizeof ways / sizeof *ways)

/* One image, all of whose pages differ from the last one's. Returns seconds, or -1. */
static double put_one(struct torn_device_image *image, unsigned writes, enum torn_device_way way)
{
	static uint8_t page[PAGE];
	memset(page, page[0] % 255 + 1, sizeof page);
	torn_device_image_begin(image);
	for (unsigned i = 0; i < writes; i++) {
		const struct torn_device_request request = {.kind = TORN_DEVICE_WRITE,
							    .offset = (uint64_t)i * APART * PAGE,
							    .size = PAGE,
							    .data = page};
		torn_device_image_apply(image, &request, TORN_DEVICE_ALL_SECTORS);
	}
	const double begun = now_s();
	const int64_t written = torn_device_image_put(image, way);
	const double seconds = now_s() - begun;
	return written == writes ? seconds : -1;
}

/* Of images that differ by so many pages, and of no other page of the disk. */
static bool print_images(struct torn_device_image *image, unsigned writes)
{
	static double seconds[WAYS][ROUNDS];
	double us[WAYS];
	bool done = put_one(image, writes, TORN_DEVICE_BY_URING) > 0; /* the pages are there from here on */
	for (size_t round = 0; done && round < ROUNDS; round++)
		for (size_t i = 0; i < WAYS; i++) {
			seconds[i][round] = put_one(image, writes, ways[i].way);
			done = done && seconds[i][round] > 0;
		}
	if (!done)
		return false;
	printf("  %2u writes:", writes);
	for (size_t i = 0; i < WAYS; i++) {
		us[i] = median(seconds[i], ROUNDS) * 1e6;
		printf(" %s %.0f us%s", ways[i].name, us[i], i + 1 < WAYS ? "," : "");
	}
	printf("; io_uring is %.1f times pwrite on the device%s\n", us[1] / us[0], writes >= 16 ? " (wanted: 5)" : "");
	return true;
}

int torn_bench_images(void)
{
	static const unsigned counts[] = {1, 4, 8, 16, 32, 64};
	const uint8_t *base = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int r = base == MAP_FAILED ? -ENOMEM : 0;
	bool done = true;
	char message[160] = "no memory";
	for (size_t i = 0; r == 0 && done && i < sizeof counts / sizeof *counts; i++) {
		struct torn_device_image *image;
		r = torn_device_image_open(&image, base, SIZE, message, sizeof message);
		if (r < 0)
			break;
		done = print_images(image, counts[i]);
		torn_device_image_close(image);
	}
	if (r < 0)
		fprintf(stderr, "torn-bench: no device for images: %s\n", message);
	else if (!done)
		fprintf(stderr, "torn-bench: an image was not written whole\n");
	return r < 0 || !done;
}

/* ------------------------------------------------------------------ mounts */

#define AT "/tmp/torn-bench-mounted"
#define MADE "/tmp/torn-bench-made"
#define RESTORED ((size_t)1 << 20) /* at the begin, and in the middle, where the journal is */

/* What bare mounting needs: an image whose journal was not emptied. */
struct bare {
	struct torn_device_choice choice;
	struct torn_device_loop loop;
	int backing_fd;
	char *image;
};

static bool read_all(int fd, char *bytes)
{
	for (uint64_t at = 0; at < SIZE; at += RESTORED)
		if (pread(fd, bytes + at, RESTORED, (off_t)at) != (ssize_t)RESTORED)
			return false;
	return true;
}

static bool write_back(const struct bare *bare)
{
	return pwrite(bare->backing_fd, bare->image, RESTORED, 0) == (ssize_t)RESTORED &&
	       pwrite(bare->backing_fd, bare->image + SIZE / 2, RESTORED, (off_t)(SIZE / 2)) == (ssize_t)RESTORED &&
	       ioctl(bare->loop.fd, BLKFLSBUF, 0) == 0;
}

/* Mounted, with a file made and committed: what is on the disk then has a journal to recover. */
static bool make_dirty(struct bare *bare)
{
	if (torn_device_fs_mount(&bare->choice, bare->loop.path, AT, 0) < 0)
		return false;
	const int fd = open(AT "/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	const bool done = fd >= 0 && write(fd, "new", 3) == 3 && fsync(fd) == 0 && read_all(bare->backing_fd, bare->image);
	if (fd >= 0)
		close(fd);
	return torn_device_fs_unmount(&bare->choice, bare->loop.path, AT) == 0 && done;
}

static bool is_recovered(void)
{
	char text[4];
	const int fd = open(AT "/f", O_RDONLY | O_CLOEXEC);
	const bool is = fd >= 0 && read(fd, text, sizeof text) == 3;
	if (fd >= 0)
		close(fd);
	return is;
}

/* Returns seconds, or -1. */
static double mount_once(const struct bare *bare, unsigned long flags)
{
	const double begun = now_s();
	if (!write_back(bare) || mount(bare->loop.path, AT, "ext4", flags, NULL) != 0)
		return -1;
	const bool is_there = is_recovered();
	return umount2(AT, 0) == 0 && is_there ? now_s() - begun : -1;
}

/* Both recover the journal; what is mounted read-write is also marked so, and written once more when it is unmounted. */
static const struct {
	unsigned long flags;
	const char *name;
} mounts[] = {{0, "read-write"}, {MS_RDONLY, "read-only"}};
#define MOUNTS (sizeof mounts / sizeof *mounts)

static bool measure(const struct bare *bare)
{
	static double seconds[MOUNTS][ROUNDS];
	for (size_t round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < MOUNTS; i++) {
			seconds[i][round] = mount_once(bare, mounts[i].flags);
			if (seconds[i][round] < 0)
				return false;
		}
	for (size_t i = 0; i < MOUNTS; i++)
		printf("%s %.0f\n", mounts[i].name, 1 / median(seconds[i], ROUNDS));
	return true;
}

static int open_bare(struct bare *bare)
{
	char expected[128];
	if (torn_device_choose(torn_bytes_of("ext4"), &bare->choice, expected, sizeof expected) < 0 ||
	    bare->choice.fs->size != SIZE)
		return -EINVAL;
	bare->image = malloc(SIZE);
	int r = bare->image ? torn_device_fs_make(bare->choice.fs, MADE) : -ENOMEM;
	const int made_fd = r == 0 ? open(MADE, O_RDONLY | O_CLOEXEC) : -1;
	unlink(MADE);
	bare->backing_fd = memfd_create("torn-bench", MFD_CLOEXEC);
	if (r == 0 && (made_fd < 0 || bare->backing_fd < 0 || !read_all(made_fd, bare->image)))
		r = -errno;
	if (made_fd >= 0)
		close(made_fd);
	for (uint64_t at = 0; r == 0 && at < SIZE; at += RESTORED)
		if (pwrite(bare->backing_fd, bare->image + at, RESTORED, (off_t)at) != (ssize_t)RESTORED)
			r = -errno;
	return r < 0 ? r : torn_device_loop_attach(&bare->loop, bare->backing_fd, false);
}

int torn_bench_mounts(void)
{
	struct bare bare = {.backing_fd = -1, .loop = {.fd = -1}};
	char message[256] = "";
	int r = torn_device_enter(message, sizeof message);
	if (r == 0 && mkdir(AT, 0700) != 0)
		r = -errno;
	if (r == 0)
		r = open_bare(&bare);
	const bool done = r == 0 && make_dirty(&bare) && measure(&bare);
	if (!done)
		fprintf(stderr, "torn-bench: no bare mount: %s\n", r < 0 ? strerror(-r) : "a call failed");
	torn_device_loop_detach(&bare.loop);
	if (bare.backing_fd >= 0)
		close(bare.backing_fd);
	free(bare.image);
	return !done;
}
