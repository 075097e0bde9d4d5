/* case_random_test.c: cases drawn by a seed are read as they were printed; changed ones are refused, or canonical. */
#include "case_for_tests.h"

#include <signal.h>

#include "../injectors/presets.h"

static uint32_t below(uint64_t *seed, uint32_t bound)
{
	return (uint32_t)(next_random(seed) % bound);
}

static struct torn_bytes random_bytes(uint64_t *seed, uint32_t size_max, bool with_nul)
{
	static const char favourites[] = "@# \"\\\n=:mode=/\xc3\xa4";
	uint8_t *data = torn_arena_take(&arena, size_max + 1);
	uint32_t size = below(seed, size_max + 1);
	uint32_t taste = below(seed, 3);
	for (uint32_t i = 0; i < size; i++) {
		data[i] = taste == 0   ? (uint8_t)('a' + below(seed, 26))
			  : taste == 1 ? (uint8_t)favourites[below(seed, sizeof(favourites) - 1)]
				       : (uint8_t)below(seed, 256);
		if (!data[i] && !with_nul)
			data[i] = 1;
	}
	return (struct torn_bytes){data, size};
}

/* A value that no other number gives, of bytes that are hard on a parser. */
static struct torn_bytes numbered(uint64_t *seed, const char *prefix, uint32_t number)
{
	struct torn_bytes tail = random_bytes(seed, 5, false);
	uint8_t *data = torn_arena_take(&arena, 64);
	int size = sprintf((char *)data, "%s%" PRIu32 "_", prefix, number);
	for (size_t i = 0; i < tail.size; i++)
		data[size++] = tail.data[i] == '/' || tail.data[i] == ':' ? '.' : tail.data[i];
	return (struct torn_bytes){data, (size_t)size};
}

static struct torn_bytes random_name(uint64_t *seed, uint32_t number)
{
	uint8_t *data = torn_arena_take(&arena, 32);
	int size = sprintf((char *)data, "%c%" PRIu32, 'A' + (char)below(seed, 26), number);
	return (struct torn_bytes){data, (size_t)size};
}

static void random_old(uint64_t *seed, struct torn_case *c, uint32_t i, uint32_t file)
{
	struct torn_old *old = &c->olds[i];
	old->path = numbered(seed, below(seed, 2) ? "etc/x" : "", i);
	switch (i == file ? 0 : below(seed, 7)) {
	case 0:
		old->mode = below(seed, 2) ? 0644 : below(seed, 010000);
		old->text = random_bytes(seed, 40, true);
		old->xattrs_count = below(seed, 3);
		if (old->xattrs_count) {
			struct torn_xattr *xattrs = torn_arena_take(&arena, 2 * sizeof(*xattrs));
			for (uint32_t j = 0; j < old->xattrs_count; j++) {
				xattrs[j].name = numbered(seed, "user.", j);
				xattrs[j].value = random_bytes(seed, 10, true);
			}
			old->xattrs = xattrs;
		}
		break;
	case 1:
		old->type = TORN_DIRECTORY;
		old->mode = below(seed, 2) ? 0755 : below(seed, 010000);
		break;
	case 2:
		old->type = TORN_SYMLINK;
		old->mode = 0777;
		old->text = numbered(seed, "../", i);
		return;
	case 3:
		old->type = TORN_FIFO;
		old->mode = below(seed, 010000);
		break;
	case 4:
		old->type = TORN_SOCKET;
		old->mode = below(seed, 010000);
		break;
	case 5:
		old->is_link = true;
		old->text = c->olds[file].path;
		return;
	default:
		old->absent = true;
		return;
	}
	if (below(seed, 2)) {
		old->uid = below(seed, UINT32_MAX);
		old->gid = below(seed, 3);
	}
}

static void random_fault(uint64_t *seed, struct torn_fault *fault)
{
	static const int errnos[] = {EIO, ENOSPC, EROFS};
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	uint32_t first = 1 + below(seed, 50), shape = below(seed, 4);
	fault->when = (struct torn_when){first, first, 0};
	if (shape == 0)
		fault->when = (struct torn_when){first, first + 1 + below(seed, 9), 1};
	if (shape == 1)
		fault->when = (struct torn_when){first, UINT32_MAX, 1 + below(seed, 9)};
	fault->call = (enum torn_call)(1 + below(seed, TORN_CALL_COUNT - 1));
	do {
		fault->name = (enum torn_fault_name)below(seed, TORN_FAULT_COUNT);
	} while (fault->name == TORN_FAULT_KILL);
	switch (fault->name) {
	case TORN_FAULT_ERRNO:
	case TORN_FAULT_STICKY:
	case TORN_FAULT_LATE:
		fault->value = errnos[below(seed, COUNT(errnos))];
		break;
	case TORN_FAULT_SIGNAL:
		fault->value = signals[below(seed, COUNT(signals))];
		break;
	case TORN_FAULT_FSYNC:
		fault->value = TORN_FSYNC_VALUE(TORN_FSYNC_LOST + below(seed, TORN_FSYNC_COUNT - 1),
						errnos[below(seed, COUNT(errnos))]);
		break;
	case TORN_FAULT_SHORT:
		fault->value = below(seed, 3);
		break;
	case TORN_FAULT_EINTR:
		fault->value = below(seed, 2) ? 0 : 2 + below(seed, 3);
		break;
	default:
		fault->value = 0;
	}
}

/* In program order: of each op parts that rise, kinds in any order. */
static void random_cut(uint64_t *seed, struct torn_cut *cut)
{
	static const uint32_t ops[] = {60, UINT32_MAX - 1}; /* the faults are before them */
	cut->preset = torn_preset_name((enum torn_preset)below(seed, TORN_PRESET_COUNT));
	cut->op = ops[below(seed, COUNT(ops))];
	cut->during = below(seed, 2);
	const uint32_t count = below(seed, 12);
	struct torn_lost *lost = torn_arena_take(&arena, (count + 1) * sizeof(*lost));
	struct torn_lost at = {.op = 1};
	for (uint32_t i = 0; i < count; i++) {
		if (below(seed, 3) == 0)
			at = (struct torn_lost){.op = at.op + 1 + below(seed, 4)};
		at.kind = below(seed, TORN_EFFECT_KIND_COUNT);
		at.part += i && lost[i - 1].op == at.op ? 1 + below(seed, 2) : below(seed, 2);
		lost[i] = at;
	}
	cut->lost = count ? lost : NULL;
	cut->lost_count = count;
}

/* Words of any bytes but NUL; paths that no two share. */
static void random_program(uint64_t *seed, struct torn_case *c)
{
	c->target = torn_bytes_of("exec");
	c->command_count = 1 + below(seed, 5);
	c->command = torn_arena_take(&arena, c->command_count * sizeof(*c->command));
	c->command[0] = numbered(seed, "", 0);
	for (uint32_t i = 1; i < c->command_count; i++)
		c->command[i] = random_bytes(seed, 20, false);
	c->watches_count = below(seed, 5);
	c->watches = torn_arena_take(&arena, c->watches_count * sizeof(*c->watches));
	for (uint32_t i = 0; i < c->watches_count; i++)
		c->watches[i] = numbered(seed, below(seed, 2) ? "etc/x" : "", i);
}

static struct torn_case random_case(uint64_t *seed)
{
	struct torn_case c = {.target = random_name(seed, 1), .plan.seed = 1};
	if (below(seed, 2))
		random_program(seed, &c);
	if (below(seed, 2))
		c.variant = random_name(seed, 2);
	if (below(seed, 2))
		c.plan.seed = next_random(seed);
	c.args_count = below(seed, 4);
	c.args = torn_arena_take(&arena, c.args_count * sizeof(*c.args));
	for (uint32_t i = 0; i < c.args_count; i++)
		c.args[i] =
			(struct torn_case_arg){random_name(seed, i), random_bytes(seed, 20, true)};
	c.olds_count = below(seed, 8);
	c.olds = torn_arena_take(&arena, c.olds_count * sizeof(*c.olds));
	if (c.olds_count) { /* the file goes first, as links name its path */
		uint32_t file = below(seed, (uint32_t)c.olds_count);
		random_old(seed, &c, file, file);
		for (uint32_t i = 0; i < c.olds_count; i++)
			if (i != file)
				random_old(seed, &c, i, file);
	}
	c.plan.faults_count = below(seed, TORN_FAULTS_MAX + 1);
	for (uint32_t i = 0; i < c.plan.faults_count; i++)
		random_fault(seed, &c.plan.faults[i]);
	if (c.plan.faults_count && below(seed, 2))
		c.plan.faults[0] = (struct torn_fault){
			{60, 60, 0}, TORN_CALL_write, TORN_FAULT_KILL, (int64_t)below(seed, 9) - 1};
	else if (below(seed, 2))
		random_cut(seed, &c.plan.cut);
	c.expect = (enum torn_expect)below(seed, 3);
	if (c.expect != TORN_EXPECT_NOTHING)
		c.invariant = random_name(seed, 3);
	torn_case_sort(&c);
	return c;
}

static void assert_equal_cases(const struct torn_case *a, const struct torn_case *b)
{
	assert_bytes(a->target, b->target);
	assert_bytes(a->variant, b->variant);
	assert_true(a->plan.seed == b->plan.seed);
	assert_int_equal(a->args_count, b->args_count);
	for (size_t i = 0; i < a->args_count; i++) {
		assert_bytes(a->args[i].name, b->args[i].name);
		assert_bytes(a->args[i].value, b->args[i].value);
	}
	assert_int_equal(a->command_count, b->command_count);
	for (size_t i = 0; i < a->command_count; i++)
		assert_bytes(a->command[i], b->command[i]);
	assert_int_equal(a->watches_count, b->watches_count);
	for (size_t i = 0; i < a->watches_count; i++)
		assert_bytes(a->watches[i], b->watches[i]);
	assert_int_equal(a->olds_count, b->olds_count);
	for (size_t i = 0; i < a->olds_count; i++) {
		const struct torn_old *x = &a->olds[i], *y = &b->olds[i];
		assert_bytes(x->path, y->path);
		assert_int_equal(x->absent, y->absent);
		assert_int_equal(x->is_link, y->is_link);
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->mode, y->mode);
		assert_int_equal(x->uid, y->uid);
		assert_int_equal(x->gid, y->gid);
		assert_bytes(x->text, y->text);
		assert_bytes(x->file, y->file);
		assert_int_equal(x->xattrs_count, y->xattrs_count);
		for (uint32_t j = 0; j < x->xattrs_count; j++) {
			assert_bytes(x->xattrs[j].name, y->xattrs[j].name);
			assert_bytes(x->xattrs[j].value, y->xattrs[j].value);
		}
	}
	assert_int_equal(a->plan.faults_count, b->plan.faults_count);
	for (uint32_t i = 0; i < a->plan.faults_count; i++) {
		const struct torn_fault *x = &a->plan.faults[i], *y = &b->plan.faults[i];
		assert_int_equal(x->when.first, y->when.first);
		assert_int_equal(x->when.last, y->when.last);
		assert_int_equal(x->when.step, y->when.step);
		assert_int_equal(x->call, y->call);
		assert_int_equal(x->name, y->name);
		assert_true(x->value == y->value);
	}
	const struct torn_cut *x = &a->plan.cut, *y = &b->plan.cut;
	assert_ptr_equal(x->preset, y->preset);
	assert_int_equal(x->op, y->op);
	assert_int_equal(x->during, y->during);
	assert_int_equal(x->lost_count, y->lost_count);
	for (uint32_t i = 0; i < x->lost_count; i++) {
		assert_int_equal(x->lost[i].op, y->lost[i].op);
		assert_int_equal(x->lost[i].kind, y->lost[i].kind);
		assert_int_equal(x->lost[i].part, y->lost[i].part);
	}
	assert_int_equal(a->expect, b->expect);
	assert_bytes(a->invariant, b->invariant);
}

static void test_random_cases_read_back_as_they_were_printed(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int i = 0; i < 3000; i++) {
		torn_arena_return(&arena, 0);
		struct torn_case c = random_case(&seed), again;
		char *text = printed(&c);
		parse_good(text, &again);
		assert_equal_cases(&again, &c);
		char *second = printed(&again);
		assert_string_equal(second, text);
		free(text);
		free(second);
	}
}

/* Put the lines behind the first into another order. */
static void shuffle_lines(uint64_t *seed, char *text, char *shuffled)
{
	char *lines[128];
	uint32_t count = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		lines[count++] = line;
	for (uint32_t i = count - 1; i > 1; i--) {
		uint32_t j = 1 + below(seed, i);
		char *line = lines[i];
		lines[i] = lines[j];
		lines[j] = line;
	}
	*shuffled = 0;
	for (uint32_t i = 0; i < count; i++)
		shuffled += sprintf(shuffled, "%s\n", lines[i]);
}

static void test_the_order_of_lines_does_not_matter(void **state)
{
	(void)state;
	uint64_t seed = 2;
	static char shuffled[1 << 16];
	for (int i = 0; i < 1000; i++) {
		torn_arena_return(&arena, 0);
		struct torn_case c = random_case(&seed), again;
		char *text = printed(&c), *lines = strdup(text);
		shuffle_lines(&seed, lines, shuffled);
		parse_good(shuffled, &again);
		char *second = printed(&again);
		assert_string_equal(second, text);
		free(lines);
		free(text);
		free(second);
	}
}

static void test_changed_texts_are_refused_or_canonical(void **state)
{
	(void)state;
	static const char *const pieces[] = {"\"",    "\\", "\n",   " ",  "old ", "fault ",
					     "kill=", "@",  "/",    "..", "=",	  ":",
					     "#",     "0",  "9999", "\r", "\t",
					     "cut ",  "[",  "]",    ",",  " lost=2.entry,",
					     "command ", "watch ", "target exec\n"};
	uint64_t seed = 3;
	uint32_t accepted = 0;
	for (int i = 0; i < 20000; i++) {
		torn_arena_return(&arena, 0);
		struct torn_case c = random_case(&seed), changed;
		char *text = printed(&c);
		static char bytes[1 << 16];
		size_t size = strlen(text);
		memcpy(bytes, text, size);
		free(text);
		for (uint32_t edits = 1 + below(&seed, 3); edits-- > 0 && size > 0;) {
			uint32_t at = below(&seed, (uint32_t)size);
			const char *piece = pieces[below(&seed, COUNT(pieces))];
			size_t length = strlen(piece);
			switch (below(&seed, 4)) {
			case 0:
				bytes[at] = (char)below(&seed, 256);
				break;
			case 1:
				memmove(bytes + at, bytes + at + 1, size - at - 1);
				size--;
				break;
			case 2:
				memmove(bytes + at + length, bytes + at, size - at);
				memcpy(bytes + at, piece, length);
				size += length;
				break;
			default:
				size = at + 1;
			}
		}
		uint32_t lines = 1;
		for (size_t j = 0; j < size; j++)
			lines += bytes[j] == '\n';
		/* from the heap, to the byte: a sanitizer sees a read past the end */
		char *exact = malloc(size);
		memcpy(exact, bytes, size);
		struct torn_case_error error;
		int result = parse((struct torn_bytes){(uint8_t *)exact, size}, &changed, &error);
		free(exact); /* whatever was read lies in the arena */
		if (result) {
			assert_int_equal(result, -EINVAL);
			assert_memory_equal(error.message, "expected ", 9);
			assert_non_null(strstr(error.message, ", found "));
			assert_in_range(error.line, 1, lines);
			continue;
		}
		accepted++;
		struct torn_case again;
		char *first = printed(&changed);
		parse_good(first, &again);
		assert_equal_cases(&again, &changed);
		char *second = printed(&again);
		assert_string_equal(second, first);
		free(first);
		free(second);
	}
	assert_in_range(accepted, 1000, 19000); /* else the changes test one side only */
}

static void test_an_arena_of_any_size_is_full_or_enough(void **state)
{
	(void)state;
	uint64_t seed = 5;
	struct torn_case c = random_case(&seed);
	while (c.olds_count < 5 || c.args_count < 2 || c.command_count < 2 || c.watches_count < 2 ||
	       c.plan.cut.lost_count < 5)
		c = random_case(&seed);
	char *text = printed(&c);
	bool was_enough = false;
	for (size_t size = 0; size < 65536; size += 16) {
		struct torn_arena small;
		struct torn_case_error error;
		assert_int_equal(torn_arena_open(&small, size ? size : 16), 0);
		small.size = size;
		int result = torn_case_parse(NULL, torn_bytes_of(text), &small, &c, &error);
		assert_true(result == (was_enough ? 0 : -ENOMEM) || (!was_enough && !result));
		if (result) {
			assert_string_equal(error.message,
					    "expected room for the case, found a full arena");
			assert_int_equal(small.used, 0);
		}
		was_enough = result == 0;
		torn_arena_close(&small);
	}
	assert_true(was_enough);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_random_cases_read_back_as_they_were_printed),
		PLAIN(test_the_order_of_lines_does_not_matter),
		PLAIN(test_changed_texts_are_refused_or_canonical),
		PLAIN(test_an_arena_of_any_size_is_full_or_enough),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
