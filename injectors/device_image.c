/* device_image.c: see device_image.h. */
#include "device_image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device_names.h"

#define PAGE TORN_DEVICE_PAGE
#define RING_ENTRIES 256u
#define OUT_PAGES 2048u /* at most in one submission; longer ones are several */

struct torn_device_image {
	int memory_fd;   /* the backing file: on tmpfs, and in no directory */
	uint8_t *memory; /* it, mapped */
	uint64_t size;
	struct torn_device_loop loop;
	const uint8_t *base;
	bool *base_has_bytes; /* by page; where it has none it is not read: that would make pages of it */
	/* By page, what the image has in place of the base's; NULL: the base's. */
	uint8_t **pages;
	uint32_t *changed; /* numbers of those, in no order */
	uint32_t changed_count;
	uint8_t *made; /* their bytes: as many pages as the device has, paged in as they are used */
	/* What is on its way: registered with the ring. */
	uint8_t *out;
	struct io_uring ring;
	bool has_ring;
	unsigned in_flight;
};

static void *map_pages(uint64_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return pages == MAP_FAILED ? NULL : pages;
}

static int open_ring(struct torn_device_image *image)
{
	const struct iovec out = {image->out, OUT_PAGES * PAGE};
	int r = io_uring_queue_init(RING_ENTRIES, &image->ring, 0);
	if (r < 0)
		return r;
	image->has_ring = true;
	r = io_uring_register_buffers(&image->ring, &out, 1);
	return r < 0 ? r : io_uring_register_files(&image->ring, &image->loop.fd, 1);
}

static void take_base(struct torn_device_image *image, const uint8_t *base)
{
	image->base = base;
	for (uint64_t at = 0; at < image->size; at += PAGE)
		image->base_has_bytes[at / PAGE] = !torn_device_is_zero(base + at);
}

/* Pages of zeroes are left out: the file has holes there. */
static int fill(struct torn_device_image *image)
{
	if (ftruncate(image->memory_fd, (off_t)image->size) != 0)
		return -errno;
	for (uint64_t at = 0; at < image->size; at += PAGE)
		if (image->base_has_bytes[at / PAGE] &&
		    pwrite(image->memory_fd, image->base + at, PAGE, (off_t)at) != PAGE)
			return errno ? -errno : -EIO;
	return 0;
}

static int open_memory(struct torn_device_image *image)
{
	const uint64_t pages = image->size / PAGE;
	char name[TORN_DEVICE_DISK_ROOM];
	image->base_has_bytes = calloc(pages, sizeof *image->base_has_bytes);
	if (!image->base_has_bytes)
		return -ENOMEM;
	take_base(image, image->base);
	torn_device_disk_name(name);
	image->memory_fd = memfd_create(name, MFD_CLOEXEC);
	if (image->memory_fd < 0)
		return -errno;
	int r = fill(image);
	if (r < 0)
		return r;
	void *memory = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_SHARED, image->memory_fd, 0);
	image->memory = memory == MAP_FAILED ? NULL : memory;
	image->pages = calloc(pages, sizeof *image->pages);
	image->changed = calloc(pages, sizeof *image->changed);
	image->made = map_pages(image->size);
	image->out = map_pages(OUT_PAGES * PAGE);
	return image->memory && image->pages && image->changed && image->made && image->out ? 0 : -ENOMEM;
}

/* Each is refused in places of its own: a person has to know which it was. */
static int open_all(struct torn_device_image *image, char *ret_message, size_t size)
{
	const char *what = "memory for a disk's image";
	int r = open_memory(image);
	if (r == 0) {
		what = "loop devices";
		r = torn_device_loop_attach(&image->loop, image->memory_fd, false);
	}
	if (r == 0) {
		what = "io_uring (the sysctl kernel.io_uring_disabled, or a container's seccomp filter?)";
		r = open_ring(image);
	}
	if (r < 0)
		snprintf(ret_message, size, "real file systems need %s: %s", what, strerror(-r));
	return r;
}

int torn_device_image_open(struct torn_device_image **ret_image, const uint8_t *base, uint64_t size, char *ret_message,
			   size_t message_size)
{
	assert(size % PAGE == 0);
	struct torn_device_image *image = calloc(1, sizeof *image);
	snprintf(ret_message, message_size, "no memory for a disk's image");
	if (!image)
		return -ENOMEM;
	image->memory_fd = -1;
	image->loop.fd = -1;
	image->base = base;
	image->size = size;
	const int r = open_all(image, ret_message, message_size);
	if (r < 0)
		torn_device_image_close(image);
	else
		*ret_image = image;
	return r;
}

void torn_device_image_close(struct torn_device_image *image)
{
	if (!image)
		return;
	if (image->has_ring)
		io_uring_queue_exit(&image->ring);
	torn_device_loop_detach(&image->loop);
	if (image->memory)
		munmap(image->memory, image->size);
	if (image->made)
		munmap(image->made, image->size);
	if (image->out)
		munmap(image->out, OUT_PAGES * PAGE);
	if (image->memory_fd >= 0)
		close(image->memory_fd);
	free(image->base_has_bytes);
	free(image->pages);
	free(image->changed);
	free(image);
}

const char *torn_device_image_path(const struct torn_device_image *image)
{
	return image->loop.path;
}

void torn_device_image_rebase(struct torn_device_image *image, const uint8_t *base)
{
	torn_device_image_begin(image);
	take_base(image, base);
}

/* -------------------------------------------------------------- the image */

void torn_device_image_begin(struct torn_device_image *image)
{
	for (uint32_t i = 0; i < image->changed_count; i++)
		image->pages[image->changed[i]] = NULL;
	image->changed_count = 0;
}

static uint8_t *page_of(struct torn_device_image *image, uint64_t number)
{
	if (!image->pages[number]) {
		uint8_t *page = image->made + (uint64_t)image->changed_count * PAGE;
		memcpy(page, image->base + number * PAGE, PAGE);
		image->pages[number] = page;
		image->changed[image->changed_count++] = (uint32_t)number;
	}
	return image->pages[number];
}

void torn_device_image_apply(struct torn_device_image *image, const struct torn_device_request *request,
			     uint32_t sectors)
{
	uint64_t left = request->size;
	if (sectors != TORN_DEVICE_ALL_SECTORS && (uint64_t)sectors * TORN_DEVICE_SECTOR < left)
		left = (uint64_t)sectors * TORN_DEVICE_SECTOR;
	const uint8_t *from = request->data;
	for (uint64_t at = request->offset; torn_device_writes(request) && left > 0;) {
		const uint64_t within = at % PAGE;
		const uint64_t size = PAGE - within < left ? PAGE - within : left;
		uint8_t *to = page_of(image, at / PAGE) + within;
		if (from) {
			memcpy(to, from, size);
			from += size;
		} else {
			memset(to, 0, size);
		}
		at += size;
		left -= size;
	}
}

/* -------------------------------------------------------------- the device */

static int reap(struct torn_device_image *image)
{
	int r = 0;
	while (image->in_flight > 0) {
		struct io_uring_cqe *done;
		const int waited = io_uring_wait_cqe(&image->ring, &done);
		if (waited == -EINTR)
			continue;
		if (waited < 0)
			return waited;
		if (r == 0 && done->res != (int)(uintptr_t)io_uring_cqe_get_data(done))
			r = done->res < 0 ? done->res : -EIO;
		io_uring_cqe_seen(&image->ring, done);
		image->in_flight--;
	}
	return r;
}

static int submit(struct torn_device_image *image)
{
	const unsigned prepared = io_uring_sq_ready(&image->ring);
	if (prepared == 0)
		return 0;
	const int r = io_uring_submit_and_wait(&image->ring, prepared);
	if (r < 0)
		return r;
	image->in_flight += (unsigned)r;
	return reap(image);
}

/* Pages that lie one behind the other on the device and on their way are one write. */
static int send_by_uring(struct torn_device_image *image, uint64_t offset, const uint8_t *from, uint32_t size)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&image->ring);
	if (!entry) {
		const int r = submit(image);
		entry = r == 0 ? io_uring_get_sqe(&image->ring) : NULL;
		if (!entry)
			return r < 0 ? r : -EIO;
	}
	io_uring_prep_write_fixed(entry, 0, from, size, offset, 0);
	entry->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(entry, (void *)(uintptr_t)size);
	return 0;
}

static int write_pages(struct torn_device_image *image, uint64_t offset, const uint8_t *from, uint32_t size,
		enum torn_device_way way)
{
	if (way == TORN_DEVICE_BY_URING)
		return send_by_uring(image, offset, from, size);
	const int fd = way == TORN_DEVICE_BY_PWRITE ? image->loop.fd : image->memory_fd;
	const ssize_t done = pwrite(fd, from, size, (off_t)offset);
	return done == (ssize_t)size ? 0 : done < 0 ? -errno : -EIO;
}

/* What is on its way. */
struct putting {
	struct torn_device_image *image;
	enum torn_device_way way;
	uint32_t used;   /* pages of `out` */
	uint32_t begun;  /* where those begin that are not sent */
	uint64_t number; /* of the page that these begin with */
	int64_t written;
};

static int send_run(struct putting *putting)
{
	const uint32_t count = putting->used - putting->begun;
	if (count == 0)
		return 0;
	const int r = write_pages(putting->image, putting->number * PAGE, putting->image->out + (uint64_t)putting->begun * PAGE,
			   count * PAGE, putting->way);
	putting->begun = putting->used;
	return r;
}

static int finish(struct putting *putting)
{
	int r = send_run(putting);
	if (r == 0 && putting->way == TORN_DEVICE_BY_URING)
		r = submit(putting->image);
	putting->used = putting->begun = 0;
	return r;
}

/* Numbers rise. */
static int put_page(struct putting *putting, uint64_t number, const uint8_t *page)
{
	int r = 0;
	const bool follows = putting->used > putting->begun &&
			     number == putting->number + (putting->used - putting->begun);
	if (!follows)
		r = send_run(putting);
	if (r == 0 && putting->used == OUT_PAGES)
		r = finish(putting);
	if (r < 0)
		return r;
	if (putting->used == putting->begun)
		putting->number = number;
	memcpy(putting->image->out + (uint64_t)putting->used++ * PAGE, page, PAGE);
	putting->written++;
	return 0;
}

/*
 * Pages of a hole that the image has bytes for: it has its own there, or another base, or a mount discarded what was there
 * (btrfs does so of its own).
 */
static int put_hole(struct putting *putting, uint64_t begin, uint64_t end)
{
	const struct torn_device_image *image = putting->image;
	int r = 0;
	for (uint64_t number = begin / PAGE; r == 0 && number < end / PAGE; number++) {
		const uint8_t *wanted = image->pages[number];
		if (!wanted && image->base_has_bytes[number])
			wanted = image->base + number * PAGE;
		if (wanted && !torn_device_is_zero(wanted))
			r = put_page(putting, number, wanted);
	}
	return r;
}

static int put_data(struct putting *putting, uint64_t begin, uint64_t end)
{
	const struct torn_device_image *image = putting->image;
	int r = 0;
	for (uint64_t at = begin; r == 0 && at < end; at += PAGE) {
		const uint8_t *own = image->pages[at / PAGE];
		const uint8_t *wanted = own ? own : image->base + at;
		if (memcmp(image->memory + at, wanted, PAGE) != 0)
			r = put_page(putting, at / PAGE, wanted);
	}
	return r;
}

int64_t torn_device_image_put(struct torn_device_image *image, enum torn_device_way way)
{
	struct putting putting = {.image = image, .way = way};
	int r = 0;
	for (uint64_t at = 0; r == 0 && at < image->size;) {
		const off_t data = lseek(image->memory_fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return -errno;
		const uint64_t begin = data < 0 ? image->size : (uint64_t)data;
		const off_t hole = data < 0 ? (off_t)image->size : lseek(image->memory_fd, data, SEEK_HOLE);
		r = put_hole(&putting, at, begin);
		if (r == 0)
			r = put_data(&putting, begin, (uint64_t)hole);
		at = (uint64_t)hole;
	}
	if (r == 0)
		r = finish(&putting);
	if (r == 0 && way == TORN_DEVICE_BEHIND_ITS_BACK && ioctl(image->loop.fd, BLKFLSBUF) != 0)
		r = -errno;
	return r < 0 ? r : putting.written;
}
