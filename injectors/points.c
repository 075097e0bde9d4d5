/*
 * points.c: between the gate and libfiu. The callback runs under libfiu's
 * lock, so that it only decides; acting comes after fiu_fail() returned.
 * Without FIU_ENABLE every fiu_fail() is silently 0: hence the #error.
 */
#include "points.h"

#include <errno.h>
#include <unistd.h>

#ifndef FIU_ENABLE
#error "build with -DFIU_ENABLE=1, or no fault ever fires"
#endif
#include <fiu-control.h>
#include <fiu.h>

#include "calls.h"

/* The op that is being asked about: one at a time, for each thread. */
static __thread struct {
	struct torn_armed *armed;
	const struct torn_op *op;
	struct torn_action action;
} asked;

static int decide(const char *name, int *failnum, void **failinfo, unsigned int *flags)
{
	(void)name;
	(void)failinfo;
	(void)flags;
	if (!asked.op)
		return 0;
	asked.action = torn_armed_decide(asked.armed, asked.op);
	if (asked.action.fault == 0)
		return 0;
	*failnum = (int)asked.action.fault;
	return 1;
}

int torn_points_enable(void)
{
	if (fiu_init(0) != 0)
		return -EIO;
	for (unsigned kind = TORN_KIND_none + 1; kind < TORN_KIND_COUNT; kind++)
		if (fiu_enable_external(torn_kind_point(kind), 1, NULL, 0, decide) != 0)
			return -EIO;
	return 0;
}

/* The code under test came to a point of its own: that is a call, which crosses the gate as all do. */
static int arrive(const char *name, int *failnum, void **failinfo, unsigned int *flags)
{
	(void)failinfo;
	(void)flags;
	const long r = syscall(torn_call_row(TORN_CALL_point)->number, name);
	if (r == 0 || errno == ENOSYS) /* nobody watches: no gate is closed */
		return 0;
	*failnum = errno;
	return 1;
}

int torn_points_name(const char *const *names)
{
	for (; names && *names; names++)
		if (fiu_enable_external(*names, 1, NULL, 0, arrive) != 0)
			return -EIO;
	return 0;
}

void torn_points_return(void)
{
	syscall(torn_call_row(TORN_CALL_point)->number, TORN_POINT_RETURNED);
}

struct torn_action torn_points_ask(struct torn_armed *armed, const struct torn_op *op)
{
	if (op->kind == TORN_KIND_point) /* libfiu is asking, and does not ask itself */
		return torn_armed_decide(armed, op);
	asked.armed = armed;
	asked.op = op;
	bool fails = fiu_fail(torn_kind_point(op->kind)) != 0;
	asked.op = NULL;
	return fails ? asked.action : (struct torn_action){0};
}
