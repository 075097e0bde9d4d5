/* recorder.c: see recorder.h. Runs in a signal handler: no malloc, no stdio but vsnprintf. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

int torn_recorder_open(size_t bytes, struct torn_recorder **ret_recorder)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, bytes + sizeof(struct torn_recorder) +
						TORN_OPS_MAX * sizeof(struct torn_op));
	if (r < 0)
		return r;
	struct torn_recorder *recorder = torn_arena_take(&arena, sizeof *recorder);
	struct torn_op *ops = torn_arena_take(&arena, 0);
	if (!recorder || !ops)
		return -ENOMEM;
	/* Not torn_arena_take(): it would touch every page. */
	arena.used += TORN_OPS_MAX * sizeof(struct torn_op);
	recorder->arena = arena;
	recorder->log.ops = ops;
	recorder->log_room = TORN_OPS_MAX;
	recorder->arena_begin = torn_arena_mark(&arena);
	*ret_recorder = recorder;
	return 0;
}

void torn_recorder_close(struct torn_recorder *recorder)
{
	struct torn_arena arena = recorder->arena;
	torn_arena_close(&arena);
}

int torn_recorder_begin(struct torn_recorder *recorder, const struct torn_fold_base *base,
			const struct torn_plan *plan)
{
	torn_arena_return(&recorder->arena, recorder->arena_begin);
	recorder->log.count = recorder->log.numbered = recorder->log.crossings = 0;
	recorder->log.handled = 0;
	torn_armed_begin(&recorder->armed, plan);
	recorder->base = base;
	recorder->random = plan->seed;
	recorder->clock_ns = TORN_CLOCK_START_NS;
	recorder->replies = (struct torn_bytes){NULL, 0};
	recorder->running = false;
	recorder->end = TORN_RETURNED;
	recorder->code = 0;
	recorder->trouble = TORN_TROUBLE_NONE;
	recorder->trouble_text[0] = '\0';
	recorder->trouble_number = -1;
	return torn_view_begin(&recorder->view, &recorder->arena, base);
}

void torn_recorder_trouble(struct torn_recorder *recorder, enum torn_trouble trouble,
			   const char *format, ...)
{
	if (recorder->trouble != TORN_TROUBLE_NONE)
		return;
	recorder->trouble = trouble;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(recorder->trouble_text, sizeof recorder->trouble_text, format, arguments);
	va_end(arguments);
}

struct torn_op *torn_recorder_number(struct torn_recorder *recorder, const struct torn_op *op)
{
	struct torn_log *log = &recorder->log;
	if (log->count == recorder->log_room)
		return NULL;
	struct torn_op *record = &log->ops[log->count++];
	*record = *op;
	if (!(op->flags & TORN_OP_OUTPUT))
		record->number = ++log->numbered;
	record->time_ns = recorder->clock_ns;
	return record;
}

void torn_recorder_output(struct torn_recorder *recorder, enum torn_call call, int fd,
			  struct torn_bytes bytes)
{
	const struct torn_op op = {
		.call = call,
		.kind = torn_call_kind(call),
		.flags = TORN_OP_OUTPUT,
		.fd = fd,
		.data = torn_arena_copy(&recorder->arena, bytes.data, bytes.size),
		.length = bytes.size,
		.result = (int64_t)bytes.size,
		.told = (int64_t)bytes.size,
	};
	torn_recorder_number(recorder, &op);
}

void torn_recorder_done(struct torn_recorder *recorder, struct torn_op *op)
{
	int r = torn_fold_step(&recorder->view.fold, op);
	if (op->kind == TORN_KIND_rename && op->result == 0)
		torn_view_moved(&recorder->view);
	if (r == -ENOMEM)
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "the run is larger than what torn keeps of one (%zu MiB)",
				      recorder->arena.size >> 20);
	else if (r < 0)
		torn_recorder_trouble(recorder, TORN_TROUBLE_BROKEN,
				      "op %u (%s) does not fit the tree", op->number,
				      torn_call_name(op->call));
}

/* splitmix64: small, and every seed gives another sequence. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void torn_recorder_random(struct torn_recorder *recorder, void *buffer, size_t size)
{
	uint8_t *to = buffer;
	while (size > 0) {
		uint64_t word = random_next(&recorder->random);
		size_t part = size < sizeof word ? size : sizeof word;
		memcpy(to, &word, part);
		to += part;
		size -= part;
	}
}

int64_t torn_recorder_now(struct torn_recorder *recorder)
{
	return recorder->clock_ns += TORN_CLOCK_TICK_NS;
}
