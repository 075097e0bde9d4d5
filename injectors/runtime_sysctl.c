/*
 * runtime_sysctl.c: see runtime_sysctl.h and runtime.def.
 *
 * Each parser follows the function of kernel/sysctl.c that it names, with its quirks, and was held
 * against 6.18: runtime_sysctl_kernel_test.c. sysctl_writes_strict is 1, as it is by default.
 */
#include "runtime_sysctl.h"

#include <errno.h>
#include <string.h>

#include "runtime.h"

#define INT(low, high) .kind = TORN_SYSCTL_INTS, .count = 1, .min = (uint64_t)(low), .max = (uint64_t)(high)
#define INTS(n, low, high) .kind = TORN_SYSCTL_INTS, .count = (n), .min = (uint64_t)(low), .max = (uint64_t)(high)
#define LOCKED(low, high, at, error) INT(low, high), .lock_errno = (error), .locked_at = (at)
#define BYTE(low, high) .kind = TORN_SYSCTL_BYTE, .count = 1, .min = (low), .max = (high)
#define ULONG(low, high) .kind = TORN_SYSCTL_ULONG, .count = 1, .min = (low), .max = (high)
#define STRING(size) .kind = TORN_SYSCTL_STRING, .count = (size)

static const struct torn_sysctl rows[] = {
#define SYSCTL(name, initial, accepts, source) {.key = name, .value = initial, accepts},
#include "runtime.def"
};

#define ROWS_COUNT (sizeof rows / sizeof rows[0])
#define NUMBERS_MAX 4u
#define NUMBER_SIZE 22u	     /* TMPBUFLEN: sign, 20 digits of 64 bits, NUL */
#define PAGE_BYTES 4096u     /* nothing beyond is looked at: do_proc_dointvec() */
#define UNKNOWN_SIZE 4096u

const struct torn_sysctl *torn_runtime_sysctl_rows(size_t *ret_count)
{
	*ret_count = ROWS_COUNT;
	return rows;
}

/* "*" stands for one component. */
static bool is_key(const char *pattern, struct torn_bytes key)
{
	size_t at = 0;
	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			const size_t from = at;
			while (at < key.size && key.data[at] != '/')
				at++;
			if (at == from)
				return false;
		} else if (at == key.size || key.data[at++] != (uint8_t)*pattern) {
			return false;
		}
	}
	return at == key.size;
}

const struct torn_sysctl *torn_runtime_sysctl_find(struct torn_bytes key)
{
	for (size_t i = 0; i < ROWS_COUNT; i++)
		if (is_key(rows[i].key, key))
			return &rows[i];
	return NULL;
}

/* ---------------------------------------------------------------- numbers */

/* The kernel's own: 0xa0 is one, and no locale has a say (lib/ctype.c). */
static bool is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0xa0;
}

static void skip_spaces(struct torn_bytes *text)
{
	while (text->size && is_space(*text->data)) {
		text->data++;
		text->size--;
	}
}

static unsigned digit_of(uint8_t byte)
{
	const uint8_t lower = byte | 0x20;
	return byte >= '0' && byte <= '9' ? byte - (unsigned)'0' :
	       lower >= 'a' && lower <= 'f' ? lower - (unsigned)'a' + 10 : 16;
}

/* _parse_integer_fixup_radix(): "0x" only with a digit behind, else octal. */
static unsigned radix_of(const uint8_t *digits, size_t size, size_t *at)
{
	if (size == 0 || digits[0] != '0')
		return 10;
	if (size < 3 || (digits[1] | 0x20) != 'x' || digit_of(digits[2]) == 16)
		return 8;
	*at += 2;
	return 16;
}

struct number {
	uint64_t value;
	bool is_negative;
};

/* proc_get_long(): step over one number. Returns 0 or -EINVAL. */
static int get_number(struct torn_bytes *text, struct number *ret_number)
{
	const size_t size = text->size < NUMBER_SIZE - 1 ? text->size : NUMBER_SIZE - 1;
	const uint8_t *at = text->data;
	size_t used = 0;
	const bool is_negative = text->size > 1 && at[0] == '-';
	used += is_negative;
	if (used == size || digit_of(at[used]) > 9)
		return -EINVAL;
	const unsigned radix = radix_of(at + used, size - used, &used);
	uint64_t value = 0;
	while (used < size && digit_of(at[used]) < radix) {
		if (__builtin_mul_overflow(value, (uint64_t)radix, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit_of(at[used]), &value))
			return -EINVAL;
		used++;
	}
	/* Nobody knows what follows in so long a number, and the kernel's copy ends there. */
	if (used == NUMBER_SIZE - 1)
		return -EINVAL;
	if (used < text->size && at[used] != ' ' && at[used] != '\t' && at[used] != '\n')
		return -EINVAL;
	text->data += used;
	text->size -= used;
	*ret_number = (struct number){value, is_negative};
	return 0;
}

/* do_proc_dointvec_minmax_conv() and do_proc_doulongvec_minmax(). Returns 0 or -EINVAL. */
static int accept_number(const struct torn_sysctl *sysctl, struct number number, uint64_t *ret_value)
{
	if (sysctl->kind != TORN_SYSCTL_INTS) {
		if (number.is_negative || number.value < sysctl->min || number.value > sysctl->max)
			return -EINVAL;
		*ret_value = number.value;
		return 0;
	}
	if (number.value > (uint64_t)INT32_MAX + (number.is_negative ? 1 : 0))
		return -EINVAL;
	const int64_t value = number.is_negative ? -(int64_t)number.value : (int64_t)number.value;
	if (value < (int64_t)sysctl->min || value > (int64_t)sysctl->max)
		return -EINVAL;
	*ret_value = (uint64_t)value;
	return 0;
}

/* What is there, as the kernel printed it; of other text, 0. */
static void read_numbers(struct torn_bytes content, uint64_t values[static NUMBERS_MAX])
{
	for (uint32_t i = 0; i < NUMBERS_MAX; i++) {
		struct number number = {0, false};
		skip_spaces(&content);
		if (content.size == 0 || get_number(&content, &number) < 0)
			number.value = 0;
		values[i] = number.is_negative ? -number.value : number.value;
	}
}

/* Write a number before `end`; returns where it starts. */
static uint8_t *print_number(uint8_t *end, uint64_t value, bool is_signed)
{
	const bool is_negative = is_signed && (int64_t)value < 0;
	uint64_t rest = is_negative ? -value : value;
	do {
		*--end = (uint8_t)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (is_negative)
		*--end = '-';
	return end;
}

static struct torn_bytes print_numbers(struct torn_arena *arena, const struct torn_sysctl *sysctl,
				       const uint64_t values[static NUMBERS_MAX])
{
	uint8_t text[NUMBERS_MAX * NUMBER_SIZE];
	uint8_t *const end = text + sizeof text;
	uint8_t *at = end;
	for (uint32_t i = sysctl->count; i-- > 0;) {
		*--at = i + 1 == sysctl->count ? '\n' : '\t';
		at = print_number(at, values[i], sysctl->kind == TORN_SYSCTL_INTS);
	}
	return torn_arena_copy(arena, at, (size_t)(end - at));
}

/* Nothing but a value at the lock may be written to one that is locked. */
static int check_lock(const struct torn_sysctl *sysctl, uint64_t old, uint64_t value)
{
	const uint64_t lock = (uint64_t)(int64_t)sysctl->locked_at;
	return sysctl->lock_errno && old == lock && value != lock ? -sysctl->lock_errno : 0;
}

/* The numbers of one write: do_proc_dointvec(). Returns 0 or -errno; `values` may be set in part. */
static int set_numbers(const struct torn_sysctl *sysctl, struct torn_bytes *left,
		       uint64_t values[static NUMBERS_MAX])
{
	uint32_t count = 0;
	for (; left->size && count < sysctl->count; count++) {
		struct number number;
		uint64_t value;
		skip_spaces(left);
		if (left->size == 0)
			break;
		int error = get_number(left, &number);
		if (error == 0)
			error = accept_number(sysctl, number, &value);
		if (error == 0)
			error = check_lock(sysctl, values[count], value);
		if (error)
			return error;
		values[count] = value;
	}
	skip_spaces(left);
	return count == 0 ? -EINVAL : 0;
}

static int write_numbers(struct torn_arena *arena, const struct torn_sysctl *sysctl, struct torn_bytes written,
			 uint64_t offset, struct torn_sysctl_write *write)
{
	if (offset)
		return 0; /* proc_first_pos_non_zero_ignore(): it says that all was taken */
	uint64_t values[NUMBERS_MAX];
	read_numbers(write->content, values);
	struct torn_bytes left = written;
	if (left.size > PAGE_BYTES - 1)
		left.size = PAGE_BYTES - 1;
	const int error = set_numbers(sysctl, &left, values);
	const struct torn_bytes content = print_numbers(arena, sysctl, values);
	if (!content.data)
		return -ENOMEM;
	if (!torn_bytes_equal(content, write->content))
		write->content = content;
	/* do_proc_douintvec_w() says that all was taken, and leaves the file's offset at 0 */
	if (sysctl->kind == TORN_SYSCTL_BYTE)
		write->moves = false;
	else
		write->taken = written.size - left.size;
	return error;
}

/* ------------------------------------------------------------------ bytes */

/* All up to a NUL or a newline. */
static struct torn_bytes first_line(struct torn_bytes text)
{
	size_t size = 0;
	while (size < text.size && text.data[size] != '\0' && text.data[size] != '\n')
		size++;
	return (struct torn_bytes){text.data, size};
}

/* Two pieces and a newline. Returns 0 or -ENOMEM. */
static int join_line(struct torn_arena *arena, struct torn_bytes head, struct torn_bytes tail,
		     struct torn_bytes *ret_line)
{
	uint8_t *line = torn_arena_take_raw(arena, head.size + tail.size + 1);
	if (!line)
		return -ENOMEM;
	memcpy(line, head.data, head.size);
	memcpy(line + head.size, tail.data, tail.size);
	line[head.size + tail.size] = '\n';
	*ret_line = (struct torn_bytes){line, head.size + tail.size + 1};
	return 0;
}

/* _proc_do_string(): what is there stays as far as the offset; beyond its end nothing is written. */
static int write_string(struct torn_arena *arena, const struct torn_sysctl *sysctl, struct torn_bytes written,
			uint64_t offset, struct torn_sysctl_write *write)
{
	struct torn_bytes head = first_line(write->content);
	if (offset > head.size) {
		write->moves = false;
		return 0;
	}
	head.size = offset;
	struct torn_bytes tail = first_line(written);
	const size_t room = sysctl->count - 1 > head.size ? sysctl->count - 1 - head.size : 0;
	if (tail.size > room)
		tail.size = room;
	return join_line(arena, head, tail, &write->content);
}

/* As of one number: what stands at an offset is said to be taken. */
static int write_unknown(struct torn_arena *arena, struct torn_bytes written, uint64_t offset,
			 struct torn_sysctl_write *write)
{
	if (offset)
		return 0;
	struct torn_bytes text = written;
	if (text.size > UNKNOWN_SIZE)
		text.size = UNKNOWN_SIZE;
	while (text.size && text.data[text.size - 1] == '\n')
		text.size--;
	return join_line(arena, text, (struct torn_bytes){text.data, 0}, &write->content);
}

/* ------------------------------------------------------------------ write */

int torn_runtime_sysctl_write(struct torn_arena *arena, struct torn_bytes key, struct torn_bytes old,
			      struct torn_bytes written, uint64_t offset,
			      struct torn_sysctl_write *ret_write)
{
	const struct torn_sysctl *sysctl = torn_runtime_sysctl_find(key);
	struct torn_sysctl_write write = {.content = old, .taken = written.size, .moves = true};
	int error = 0;
	if (written.size == 0)
		; /* each handler returns at once: nothing is there to be parsed */
	else if (!sysctl)
		error = write_unknown(arena, written, offset, &write);
	else if (sysctl->kind == TORN_SYSCTL_STRING)
		error = write_string(arena, sysctl, written, offset, &write);
	else
		error = write_numbers(arena, sysctl, written, offset, &write);
	if (error == -ENOMEM)
		return error;
	if (error) {
		write.taken = 0;
		write.moves = false;
	}
	*ret_write = write;
	return error;
}

int torn_runtime_sysctl(struct torn_arena *arena, struct torn_bytes key, struct torn_bytes old,
			struct torn_bytes written, struct torn_bytes *ret_content)
{
	struct torn_sysctl_write write;
	const int error = torn_runtime_sysctl_write(arena, key, old, written, 0, &write);
	if (error != -ENOMEM)
		*ret_content = write.content;
	return error;
}
