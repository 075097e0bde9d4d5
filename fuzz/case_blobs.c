/* case_blobs.c: see case_blobs.h. */
#include "case_blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob_name.h"
#include "output.h"
#include "regular.h"
#include "words.h"

static bool is_file(const struct torn_old *old)
{
	return !old->absent && !old->is_link && old->type == TORN_FILE;
}

bool torn_case_blobs_wants(struct torn_bytes content)
{
	return content.size > TORN_CASE_INLINE_MAX || !torn_word_is_text(content);
}

static int refer(struct torn_old *old, struct torn_arena *arena)
{
	char reference[TORN_BLOB_REFERENCE_SIZE];
	old->file = (struct torn_bytes){NULL, 0};
	if (!is_file(old) || !torn_case_blobs_wants(old->text))
		return 0;
	torn_blob_reference(old->text, reference);
	old->file = torn_arena_copy(arena, reference, strlen(reference));
	return old->file.data ? 0 : -ENOMEM;
}

int torn_case_blobs_refer(struct torn_case *c, struct torn_arena *arena)
{
	if (c->olds_count == 0)
		return 0;
	const size_t mark = torn_arena_mark(arena);
	/* a copy: a sweep's cases have the olds of their world, all the same ones */
	struct torn_old *olds = torn_arena_take_raw(arena, c->olds_count * sizeof(*olds));
	int r = olds ? 0 : -ENOMEM;
	if (olds)
		memcpy(olds, c->olds, c->olds_count * sizeof(*olds));
	for (size_t i = 0; r == 0 && i < c->olds_count; i++)
		r = refer(&olds[i], arena);
	if (r < 0) {
		torn_arena_return(arena, mark);
		return r;
	}
	c->olds = olds;
	return 0;
}

/* Is that the content of an open file? Any doubt is a no: then it is written once more. */
static bool has_content(int fd, struct torn_bytes content)
{
	uint8_t buffer[1 << 16];
	struct stat status;
	/* nothing is empty that is in a blob: a fifo, a device has another size */
	if (fstat(fd, &status) != 0 || (uint64_t)status.st_size != content.size)
		return false;
	for (size_t done = 0; done < content.size;) {
		const ssize_t got = read(fd, buffer, sizeof buffer);
		if (got <= 0 || (size_t)got > content.size - done ||
		    memcmp(buffer, content.data + done, (size_t)got) != 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool is_stored(int blobs_fd, const char *name, struct torn_bytes content)
{
	/* a fifo would wait for a writer, here in the open */
	const int fd = openat(blobs_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool stored = has_content(fd, content);
	close(fd);
	return stored;
}

static int write_content(FILE *out, const void *context)
{
	const struct torn_bytes *content = context;
	return fwrite(content->data, 1, content->size, out) == content->size ? 0 : -EIO;
}

static int store(int blobs_fd, struct torn_bytes content)
{
	char reference[TORN_BLOB_REFERENCE_SIZE];
	if (content.size > TORN_CONTENT_SIZE_MAX)
		return -EFBIG;
	torn_blob_reference(content, reference);
	const char *name = strchr(reference, '/') + 1;
	if (is_stored(blobs_fd, name, content))
		return 0;
	return torn_output_write_at(blobs_fd, name, write_content, &content);
}

static int open_blobs(int folder_fd)
{
	if (mkdirat(folder_fd, TORN_BLOBS_FOLDER, 0777) != 0 && errno != EEXIST)
		return -errno;
	const int fd = openat(folder_fd, TORN_BLOBS_FOLDER,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * Make blobs/ and what is in it durable: also what was there before, for another process may have
 * put it there and not have come to this yet.
 */
static int sync_both(int folder_fd, int blobs_fd)
{
	if (fsync(blobs_fd) != 0)
		return -errno;
	/* the caller's may be O_PATH, on which there is no fsync(2) */
	const int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const int r = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

int torn_case_blobs_write(const struct torn_case *c, int folder_fd)
{
	int blobs_fd = -1, r = 0;
	for (size_t i = 0; r == 0 && i < c->olds_count; i++) {
		const struct torn_old *old = &c->olds[i];
		if (!is_file(old) || !torn_blob_is_referred(old->file))
			continue;
		if (blobs_fd < 0)
			blobs_fd = open_blobs(folder_fd);
		r = blobs_fd < 0 ? blobs_fd : store(blobs_fd, old->text);
	}
	if (r == 0 && blobs_fd >= 0)
		r = sync_both(folder_fd, blobs_fd);
	if (blobs_fd >= 0)
		close(blobs_fd);
	return r;
}
