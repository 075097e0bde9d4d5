/* fuzz_parse.c: see fuzz_parse.h. */
#include "fuzz_parse.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An xattr of 64 KiB in each line of an input of 1 MiB, twice: far below it. */
#define ARENA_SIZE ((size_t)1 << 28)

/* -error_exitcode of libFuzzer is not asked where a sanitizer ends the process. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "exitcode=86";
}

struct torn_arena *torn_fuzz_arena(void)
{
	static struct torn_arena arena;
	if (!arena.base && torn_arena_open(&arena, ARENA_SIZE) != 0)
		abort();
	torn_arena_return(&arena, 0);
	return &arena;
}

/* It is removed as soon as it is open, so that a crash leaves nothing behind. */
int torn_fuzz_folder(void)
{
	static int folder = -1;
	char path[] = "/tmp/torn-fuzz.XXXXXX";
	if (folder >= 0)
		return folder;
	if (!mkdtemp(path))
		abort();
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rmdir(path) != 0 || folder < 0)
		abort();
	return folder;
}

void torn_fuzz_claim_message(const char *message)
{
	const char *found = strstr(message, ", found ");
	assert(strncmp(message, "expected ", strlen("expected ")) == 0);
	assert(found && found[strlen(", found ")]);
	for (const char *at = message; *at; at++)
		assert(*at >= ' ' && *at <= '~');
}

void torn_fuzz_claim_line(struct torn_bytes text, uint32_t line)
{
	uint32_t lines = 0;
	for (size_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n' || i + 1 == text.size;
	assert(line >= 1 && line <= (lines ? lines : 1));
}

void torn_fuzz_claim_same_old(const struct torn_old *a, const struct torn_old *b)
{
	assert(torn_bytes_equal(a->path, b->path));
	assert(a->absent == b->absent && a->is_link == b->is_link && a->type == b->type);
	assert(a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->mount == b->mount);
	assert(torn_bytes_equal(a->text, b->text));
	assert(torn_bytes_equal(a->file, b->file));
	assert(a->xattrs_count == b->xattrs_count);
	for (uint32_t i = 0; i < a->xattrs_count; i++) {
		assert(torn_bytes_equal(a->xattrs[i].name, b->xattrs[i].name));
		assert(torn_bytes_equal(a->xattrs[i].value, b->xattrs[i].value));
	}
}

void torn_fuzz_print_begin(struct torn_fuzz_print *print)
{
	*print = (struct torn_fuzz_print){0};
	print->out = open_memstream(&print->text, &print->size);
	if (!print->out)
		abort();
}

struct torn_bytes torn_fuzz_print_end(struct torn_fuzz_print *print)
{
	if (fclose(print->out) != 0)
		abort();
	return (struct torn_bytes){(const uint8_t *)print->text, print->size};
}
