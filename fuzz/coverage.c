/* coverage.c: see coverage.h. */
#include "coverage.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* clang's pc table: an entry beside each counter. */
struct place {
	uintptr_t address, flags;
};
#define IS_FUNCTION_ENTRY 1u
#define FILES_BYTES ((size_t)4 << 20)

/* Defined by the linker where some object has such a section. */
extern uint8_t __start___sancov_cntrs[] __attribute__((weak, visibility("hidden")));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak, visibility("hidden")));
extern const struct place __start___sancov_pcs[] __attribute__((weak, visibility("hidden")));
/* Where the program itself was loaded: what addr2line is told is an offset from it. */
extern const char __executable_start[] __attribute__((visibility("hidden")));

struct torn_counters torn_coverage_counters(void)
{
	if (!__start___sancov_cntrs)
		return (struct torn_counters){NULL, 0};
	return (struct torn_counters){__start___sancov_cntrs,
				      (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs)};
}

void torn_coverage_take(uint8_t *seen)
{
	const struct torn_counters counters = torn_coverage_counters();
	for (size_t i = 0; i < counters.count; i++)
		seen[i] |= counters.first[i] != 0;
}

/* ---------------------------------------------------------------- printing */

struct edge {
	char function[128], file[256]; /* file: its last two parts, and the line */
	bool is_entry;		       /* of the function */
	bool is_seen;
};

static int by_function(const void *a, const void *b)
{
	const struct edge *left = a, *right = b;
	const int order = strcmp(left->function, right->function);
	return order ? order : strverscmp(left->file, right->file);
}

/* "/a/b/targets/x/y.c:12 (discriminator 3)" -> "x/y.c:12" */
static void shorten(char *file)
{
	char *end = strpbrk(file, " \n");
	if (end)
		*end = '\0';
	char *from = file;
	for (char *slash = strchr(file, '/'); slash && strchr(slash + 1, '/'); slash = strchr(slash + 1, '/'))
		from = slash + 1;
	memmove(file, from, strlen(from) + 1);
}

/*
 * A file with the address of each edge, to be read from its start: more of them than a command
 * can have (MAX_ARG_STRLEN). Returns -1 where there is none.
 */
static int open_addresses(size_t count)
{
	const int fd = memfd_create("edges", 0);
	for (size_t i = 0; fd >= 0 && i < count; i++)
		dprintf(fd, "0x%lx\n", __start___sancov_pcs[i].address - (uintptr_t)__executable_start);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Have addr2line tell where the edges are. Returns how many it told: all, or it cannot be asked. */
static size_t find_edges(const uint8_t *seen, size_t count, struct edge *edges)
{
	char program[PATH_MAX], command[PATH_MAX + 64];
	const ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
	if (size < 0 || memchr(program, '\'', (size_t)size))
		return 0;
	program[size] = '\0';
	const int addresses_fd = open_addresses(count);
	if (addresses_fd < 0)
		return 0;
	snprintf(command, sizeof command, "addr2line -f -e '%s' </proc/self/fd/%d 2>/dev/null", program, addresses_fd);
	size_t told = 0;
	FILE *in = popen(command, "re");
	while (in && told < count && fgets(edges[told].function, sizeof edges->function, in) &&
	       fgets(edges[told].file, sizeof edges->file, in)) {
		edges[told].function[strcspn(edges[told].function, "\n")] = '\0';
		shorten(edges[told].file);
		edges[told].is_seen = seen[told];
		edges[told].is_entry = __start___sancov_pcs[told].flags & IS_FUNCTION_ENTRY;
		told++;
	}
	if (in)
		pclose(in);
	close(addresses_fd);
	return told == count ? told : 0;
}

/* ------------------------------------------------------------------- files */

static int by_file(const void *a, const void *b)
{
	return strcmp(((const struct torn_covered *)a)->file, ((const struct torn_covered *)b)->file);
}

static struct torn_covered *covered_named(struct torn_covered *files, size_t *count, struct torn_arena *arena,
					  const char *name, size_t size)
{
	for (size_t i = 0; i < *count; i++)
		if (strncmp(files[i].file, name, size) == 0 && files[i].file[size] == '\0')
			return &files[i];
	const struct torn_bytes copy = torn_arena_copy(arena, name, size);
	if (!copy.data)
		return NULL;
	files[*count] = (struct torn_covered){.file = (const char *)copy.data};
	return &files[(*count)++];
}

static size_t count_files(const struct edge *edges, size_t count, struct torn_arena *arena,
			  struct torn_covered *files)
{
	size_t files_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct torn_covered *file = covered_named(files, &files_count, arena, edges[i].file,
							  strcspn(edges[i].file, ":"));
		if (!file)
			return 0;
		file->edges++;
		file->seen += edges[i].is_seen;
	}
	qsort(files, files_count, sizeof *files, by_file);
	return files_count;
}

size_t torn_coverage_files(const uint8_t *seen, struct torn_arena *arena, const struct torn_covered **ret_files)
{
	const size_t count = __start___sancov_pcs ? torn_coverage_counters().count : 0;
	struct edge *edges = calloc(count + 1, sizeof *edges);
	struct torn_covered *files = calloc(count + 1, sizeof *files);
	size_t files_count = 0;
	*ret_files = NULL;
	if (edges && files && count > 0 && find_edges(seen, count, edges) > 0)
		files_count = count_files(edges, count, arena, files);
	if (files_count > 0)
		*ret_files = (const struct torn_covered *)torn_arena_copy(arena, files,
									files_count * sizeof *files).data;
	free(edges);
	free(files);
	return *ret_files ? files_count : 0;
}

static void print_files(FILE *out, const uint8_t *seen)
{
	struct torn_arena arena;
	const struct torn_covered *files;
	if (torn_arena_open(&arena, FILES_BYTES) < 0)
		return;
	const size_t count = torn_coverage_files(seen, &arena, &files);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  %s: %lu of %lu edges\n", files[i].file, files[i].seen, files[i].edges);
	torn_arena_close(&arena);
}

/* --------------------------------------------------------------- functions */

/* A line for each function: "write_all (x/y.c): lines 12, 15" or "close_all (x/y.c): never called". */
static void print_function(FILE *out, const struct edge *missed, size_t count)
{
	const char *colon = strrchr(missed->file, ':');
	bool never_called = false;
	for (size_t i = 0; i < count; i++)
		never_called |= missed[i].is_entry;
	fprintf(out, "  %s (%.*s): %s", missed->function,
		(int)(colon ? colon - missed->file : (long)strlen(missed->file)), missed->file,
		never_called ? "never called" : "never reached line");
	const char *last = "";
	for (size_t i = 0; i < count && !never_called; i++) {
		const char *line = strrchr(missed[i].file, ':');
		if (!line || line[1] == '?' || strcmp(line + 1, last) == 0)
			continue;
		fprintf(out, "%s %s", *last ? "," : "", line + 1);
		last = line + 1;
	}
	fputc('\n', out);
}

static void print_missed(FILE *out, const uint8_t *seen, size_t count)
{
	struct edge *edges = calloc(count, sizeof *edges);
	const size_t told = edges ? find_edges(seen, count, edges) : 0;
	size_t missed = 0;
	if (told == 0)
		fprintf(out, "  (install binutils, for addr2line, to be told which)\n");
	for (size_t i = 0; i < told; i++)
		if (!edges[i].is_seen)
			edges[missed++] = edges[i];
	if (missed > 0)
		qsort(edges, missed, sizeof *edges, by_function);
	for (size_t i = 0; i < missed;) {
		size_t same = 1;
		while (i + same < missed && strcmp(edges[i].function, edges[i + same].function) == 0)
			same++;
		print_function(out, &edges[i], same);
		i += same;
	}
	free(edges);
}

void torn_coverage_print(FILE *out, const uint8_t *seen)
{
	const size_t count = torn_coverage_counters().count;
	const struct place *places = __start___sancov_pcs;
	if (count == 0 || !places) {
		fprintf(out, "coverage: the target was compiled without it\n");
		return;
	}
	size_t edges = 0, functions = 0, entered = 0;
	for (size_t i = 0; i < count; i++) {
		const bool is_entry = places[i].flags & IS_FUNCTION_ENTRY;
		edges += seen[i];
		functions += is_entry;
		entered += is_entry && seen[i];
	}
	fprintf(out, "coverage of the target's code: %zu of %zu edges, %zu of %zu functions\n", edges,
		count, entered, functions);
	print_files(out, seen);
	if (edges < count)
		print_missed(out, seen, count);
}
