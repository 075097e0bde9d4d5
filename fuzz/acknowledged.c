/* acknowledged.c: see acknowledged.h. */
#include "acknowledged.h"

#include <regex.h>

/* Output has no NUL behind it, and may have some in it. */
static bool matches(const regex_t *expression, struct torn_bytes output)
{
	regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)output.size};
	return regexec(expression, (const char *)output.data, 1, &range, REG_STARTEND) == 0;
}

/* Index of the record that tells success; log->count: none does. */
static uint32_t told_at(const char *ack, const struct torn_log *log)
{
	regex_t expression;
	uint32_t i = 0;
	if (regcomp(&expression, ack, REG_EXTENDED | REG_NEWLINE) != 0)
		return log->count;
	while (i < log->count &&
	       !((log->ops[i].flags & TORN_OP_OUTPUT) && matches(&expression, log->ops[i].data)))
		i++;
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
