/* ends.c: see ends.h. */
#include "ends.h"

#include <inttypes.h>

#include "fates.h"

static void print_signal(FILE *out, const char *before, int number)
{
	const char *name = torn_signal_name(number);
	fprintf(out, name ? "%s SIG%s" : "%s signal %s%d", before, name ? name : "", number);
}

void torn_end_print(FILE *out, enum torn_end end, int code)
{
	const char *name;
	switch (end) {
	case TORN_RETURNED:
		/* -1 is C's plain failure, and not EPERM. */
		name = code < -1 ? torn_errno_name(-code) : NULL;
		fprintf(out, "%s, returned %d", code == 0 ? "success" : "failure", code);
		if (name)
			fprintf(out, " (%s)", name);
		break;
	case TORN_EXITED:
		fprintf(out, "%s, exit %d", code == 0 ? "success" : "failure", code);
		break;
	case TORN_CRASHED:
		print_signal(out, "nothing: crashed by", code);
		break;
	case TORN_HUNG:
		fprintf(out, "nothing: it would never have ended");
		break;
	default:
		fprintf(out, "nothing: ended by the plan");
		break;
	}
}

bool torn_ends_print_faults(FILE *out, const struct torn_plan *plan, bool kills)
{
	bool any = false;
	for (uint32_t i = 0; i < plan->faults_count; i++) {
		char fault[160];
		if (plan->faults[i].name == TORN_FAULT_KILL && !kills)
			continue;
		torn_fault_print(&plan->faults[i], fault, sizeof fault);
		fprintf(out, "%s%s", any ? ", " : "", fault);
		any = true;
	}
	return any;
}

/* "after op 9 renameat": where a kill or a power cut came. */
static void print_where(FILE *out, const struct torn_trial *trial)
{
	const struct torn_op *op = torn_log_op(trial->log, trial->kill_op);
	if (!op) {
		fprintf(out, "before op 1");
		return;
	}
	const bool within = trial->cut ? trial->cut->during : trial->kill_bytes > 0;
	fprintf(out, "%s op %" PRIu32 " %s", within ? "in" : "after", op->number,
		torn_call_name((enum torn_call)op->call));
	if (!trial->cut && trial->kill_bytes > 0)
		fprintf(out, ", %" PRIu64 " byte%s into it", trial->kill_bytes,
			trial->kill_bytes == 1 ? "" : "s");
}

static void print_run(FILE *out, const struct torn_trial *trial)
{
	const uint32_t number = torn_plan_runs_before(trial->plan) + 1;
	fprintf(out, "run %" PRIu32 ": %s", number,
		trial->plan->recovers ? "recovery, " : number > 1 ? "run again, " : "");
	if (torn_ends_print_faults(out, trial->plan, false))
		fprintf(out, ", ");
	if (trial->cut) {
		fprintf(out, "the power goes ");
		print_where(out, trial);
		if (trial->cut->disk) {
			torn_fates_print_disk(out, trial->cut);
		} else {
			fprintf(out, " (%s), lost: ", trial->cut->preset);
			torn_fates_print_lost(out, trial->cut);
		}
	} else if (trial->killed) {
		fprintf(out, "killed ");
		print_where(out, trial);
	} else {
		torn_end_print(out, trial->end, trial->code);
	}
	fputc('\n', out);
}

void torn_ends_print_before(FILE *out, const struct torn_trial *trial)
{
	if (!trial->before)
		return;
	torn_ends_print_before(out, trial->before);
	print_run(out, trial->before);
}
