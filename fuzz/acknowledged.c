/* acknowledged.c: see acknowledged.h. */
#include "acknowledged.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* All that was written to a descriptor, up to a record; grows. */
struct output {
	char *bytes; /* malloc'ed */
	size_t size, room;
};

static int add(struct output *output, struct torn_bytes bytes)
{
	if (output->size + bytes.size > output->room) {
		const size_t room = 2 * (output->size + bytes.size);
		char *moved = realloc(output->bytes, room + 1);
		if (!moved)
			return -ENOMEM;
		output->bytes = moved;
		output->room = room;
	}
	memcpy(output->bytes + output->size, bytes.data, bytes.size);
	output->size += bytes.size;
	output->bytes[output->size] = '\0'; /* a sanitizer's regexec() looks for it */
	return 0;
}

/* It may have a NUL in it. */
static bool matches(const regex_t *expression, const struct output *output)
{
	regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)output->size};
	return regexec(expression, output->bytes, 1, &range, REG_STARTEND) == 0;
}

/*
 * Index of the record with which it was told; log->count: it was not. A line may be written in pieces,
 * and what is written to stdout and stderr is two texts.
 */
static uint32_t told_at(const char *ack, const struct torn_log *log)
{
	struct output outputs[3] = {{NULL, 0, 0}};
	regex_t expression;
	uint32_t i = 0;
	if (regcomp(&expression, ack, REG_EXTENDED | REG_NEWLINE) != 0)
		return log->count;
	for (; i < log->count; i++) {
		const struct torn_op *record = &log->ops[i];
		if (!(record->flags & TORN_OP_OUTPUT) || record->data.size == 0)
			continue;
		struct output *output = &outputs[record->fd >= 0 && record->fd < 3 ? record->fd : 0];
		if (add(output, record->data) < 0) {
			i = log->count;
			break;
		}
		if (matches(&expression, output))
			break;
	}
	for (size_t j = 0; j < sizeof outputs / sizeof *outputs; j++)
		free(outputs[j].bytes);
	regfree(&expression);
	return i;
}

struct torn_acknowledged torn_acknowledged_of(const struct torn_target *target, const struct torn_log *log,
					      enum torn_end end, int code)
{
	const bool came_back = end == TORN_RETURNED || end == TORN_EXITED;
	if (target->ack) {
		const uint32_t index = told_at(target->ack, log);
		if (index < log->count)
			return (struct torn_acknowledged){index + 1, 0, true};
		if (code == 0)
			return (struct torn_acknowledged){.ever = false};
	}
	return (struct torn_acknowledged){log->count + 1, code, came_back};
}
