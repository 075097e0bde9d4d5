/* coverage.c: see coverage.h. */
#include "coverage.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang's pc table: an entry beside each counter. */
struct place {
	uintptr_t address, flags;
};
#define IS_FUNCTION_ENTRY 1u

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

struct missed {
	char function[128], file[256]; /* file: its last two parts, and the line */
	bool is_entry;		       /* of the function */
};

static int by_function(const void *a, const void *b)
{
	const struct missed *left = a, *right = b;
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

/* Have addr2line tell where the edges that never ran are. Returns how many it told. */
static size_t find_missed(const uint8_t *seen, size_t count, struct missed *missed)
{
	const struct place *places = __start___sancov_pcs;
	char program[PATH_MAX];
	const ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
	if (size < 0 || memchr(program, '\'', (size_t)size))
		return 0;
	program[size] = '\0';
	char *command = NULL;
	size_t command_size = 0;
	FILE *text = open_memstream(&command, &command_size);
	if (!text)
		return 0;
	fprintf(text, "addr2line -f -e '%s'", program);
	for (size_t i = 0; i < count; i++)
		if (!seen[i])
			fprintf(text, " 0x%lx", places[i].address - (uintptr_t)__executable_start);
	fprintf(text, " 2>/dev/null");
	fclose(text);
	size_t told = 0, edge = 0;
	FILE *in = popen(command, "re");
	while (in && told < count && fgets(missed[told].function, sizeof missed->function, in) &&
	       fgets(missed[told].file, sizeof missed->file, in)) {
		missed[told].function[strcspn(missed[told].function, "\n")] = '\0';
		shorten(missed[told].file);
		while (seen[edge])
			edge++;
		missed[told++].is_entry = places[edge++].flags & IS_FUNCTION_ENTRY;
	}
	if (in)
		pclose(in);
	free(command);
	return told;
}

/* A line for each function: "write_all (x/y.c): lines 12, 15" or "close_all (x/y.c): never called". */
static void print_function(FILE *out, const struct missed *missed, size_t count)
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
	struct missed *missed = calloc(count, sizeof *missed);
	const size_t told = missed ? find_missed(seen, count, missed) : 0;
	if (told == 0)
		fprintf(out, "  (install binutils, for addr2line, to be told which)\n");
	else
		qsort(missed, told, sizeof *missed, by_function);
	for (size_t i = 0; i < told;) {
		size_t same = 1;
		while (i + same < told && strcmp(missed[i].function, missed[i + same].function) == 0)
			same++;
		print_function(out, &missed[i], same);
		i += same;
	}
	free(missed);
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
	if (edges < count)
		print_missed(out, seen, count);
}
