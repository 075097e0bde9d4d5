/* twin.c: see twin.h. */
#include "twin.h"

#include <errno.h>
#include <string.h>

#include "../injectors/tree.h"

/* The same arguments, but for the one that the target names. */
static struct torn_arg *other_args(const struct torn_setup *setup)
{
	const struct torn_default *twin = &setup->target->twin;
	const size_t count = setup->run.args_count;
	struct torn_arg *args = torn_arena_take(setup->arena, (count + 1) * sizeof *args);
	for (size_t i = 0; args && i < count; i++) {
		args[i] = setup->run.args[i];
		if (strcmp(args[i].name, twin->name) == 0)
			args[i].value = torn_bytes_of(twin->value);
	}
	return args;
}

/* What it printed; the log itself dies with the next run. */
static const struct torn_log *keep_output(struct torn_arena *arena, const struct torn_log *log)
{
	struct torn_log *kept = torn_arena_take(arena, sizeof *kept);
	struct torn_op *ops = torn_arena_take(arena, (log->count + 1) * sizeof *ops);
	if (!kept || !ops)
		return NULL;
	kept->ops = ops;
	for (uint32_t i = 0; i < log->count; i++) {
		if (!(log->ops[i].flags & TORN_OP_OUTPUT))
			continue;
		struct torn_op *op = &ops[kept->count++];
		*op = log->ops[i];
		op->data = torn_arena_copy(arena, op->data.data, op->data.size);
		if (!op->data.data)
			return NULL;
	}
	return kept;
}

int torn_twin_run(struct torn_lab *lab, struct torn_setup *setup)
{
	static const struct torn_plan nothing = {.seed = 1};
	if (!setup->target->twin.name)
		return TORN_HELD;
	struct torn_setup other = *setup;
	struct torn_rerun *twin = torn_arena_take(setup->arena, sizeof *twin);
	other.run.args = other_args(setup);
	if (!twin || !other.run.args)
		return torn_lab_fail(lab, -EPROTO, "no room for the twin");
	struct torn_trial trial;
	const int r = torn_trial_run(lab, &other, &nothing, TORN_TRIAL_PLAIN, &trial);
	torn_lab_leave(lab, setup, r); /* `other` is gone when this returns */
	if (r != TORN_HELD)
		return r;
	*twin = (struct torn_rerun){.end = trial.end,
				    .code = trial.code,
				    .tree = torn_tree_copy(setup->arena, trial.now),
				    .log = keep_output(setup->arena, trial.log)};
	if (!twin->tree || !twin->log)
		return torn_lab_fail(lab, -EPROTO, "no room for what the twin left");
	setup->twin = twin;
	return TORN_HELD;
}
