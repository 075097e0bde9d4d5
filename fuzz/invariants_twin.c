/*
 * invariants_twin.c: two ways that must come to the same: a handler by system calls and by commands, a fake
 * and the real thing. They are compared in the clean run, by what they leave and by what they print.
 */
#include <string.h>

#include "judgement.h"

/* The output of a run, a record after the other. */
struct output {
	const struct torn_log *log;
	uint32_t at;    /* record */
	size_t offset;  /* in its bytes */
};

static int next_byte(struct output *output)
{
	while (output->at < output->log->count) {
		const struct torn_op *op = &output->log->ops[output->at];
		if ((op->flags & TORN_OP_OUTPUT) && op->fd == 1 && output->offset < op->data.size)
			return op->data.data[output->offset++];
		output->at++;
		output->offset = 0;
	}
	return -1;
}

/* A line: what is shown of it, and a hash (FNV-1a) of all of it, however long. */
struct line {
	char text[128];
	uint64_t hash;
};

/* Returns false where there is no next one. */
static bool next_line(struct output *output, struct line *ret_line)
{
	size_t length = 0;
	int c = next_byte(output);
	if (c < 0)
		return false;
	ret_line->hash = UINT64_C(0xcbf29ce484222325);
	for (; c >= 0 && c != '\n'; c = next_byte(output)) {
		ret_line->hash = (ret_line->hash ^ (uint64_t)c) * UINT64_C(0x100000001b3);
		if (length + 1 < sizeof ret_line->text)
			ret_line->text[length++] = (char)c;
	}
	ret_line->text[length] = '\0';
	return true;
}

static bool judge_output(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	struct output ours = {.log = trial->log}, theirs = {.log = trial->twin->log};
	struct line here, there;
	for (;;) {
		const bool has = next_line(&ours, &here);
		const bool has_twin = next_line(&theirs, &there);
		if (!has && !has_twin)
			return true;
		if (has && has_twin && here.hash == there.hash)
			continue;
		torn_judge_path(judgement, (struct torn_bytes){(const uint8_t *)"", 0}, "output");
		torn_judge(judgement, TORN_VIOLATED, "with %s=%s it says: %s; without: %s",
			   trial->target->twin.name, trial->target->twin.value,
			   has_twin ? there.text : "nothing more", has ? here.text : "nothing more");
		return false;
	}
}

static bool same_attributes(const struct torn_node *here, const struct torn_node *there)
{
	bool same = here->mode == there->mode && here->uid == there->uid && here->gid == there->gid &&
		    here->xattrs_count == there->xattrs_count;
	for (uint32_t i = 0; same && i < here->xattrs_count; i++)
		same = torn_bytes_equal(here->xattrs[i].name, there->xattrs[i].name) &&
		       torn_bytes_equal(here->xattrs[i].value, there->xattrs[i].value);
	return same;
}

static bool judge_files(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes path = trial->promised->watch[i];
		const struct torn_node *here = torn_tree_find(trial->now, path);
		const struct torn_node *there = torn_tree_find(trial->twin->tree, path);
		const bool is_same_file = torn_tree_same_content(here, there);
		if (is_same_file && (!here || same_attributes(here, there)))
			continue;
		char unlike[80];
		torn_judge_path(judgement, path, "watched");
		torn_judge(judgement, TORN_VIOLATED, "with %s=%s it leaves another %s%.*s: %s",
			   trial->target->twin.name, trial->target->twin.value, TORN_SHOWN(trial, path),
			   is_same_file ? "mode, owner or attributes differ"
					: torn_node_unlike(there, here, unlike, sizeof unlike));
		return false;
	}
	return true;
}

/* Says a target's status that nothing was applied? Whether that is true is asked by status-honest. */
static bool refused(const struct torn_trial *trial, enum torn_end end, int code)
{
	return (trial->target->promises & TORN_REPORTS_STATUS) &&
	       (end == TORN_RETURNED || end == TORN_EXITED) && code != 0 && code != TORN_ROLLED_BACK &&
	       code != TORN_ROLLBACK_FAILED && code != TORN_PARTIALLY_APPLIED;
}

static void judge_twin(const struct torn_trial *trial, bool is_fake, struct torn_judgement *judgement)
{
	const bool has_twin = trial->target->twin.name &&
			      is_fake == ((trial->target->promises & TORN_IS_FAKE) != 0);
	if (!has_twin) {
		torn_judge(judgement, TORN_SKIPPED, "the target has no twin");
		return;
	}
	if (!trial->twin || trial->killed) {
		torn_judge(judgement, TORN_SKIPPED, "twins are held against each other in the clean run");
		return;
	}
	/* A way that cannot keep its promises somewhere and says so before it begins is no other result than its twin's. */
	if (!is_fake && refused(trial, trial->end, trial->code) &&
	    !refused(trial, trial->twin->end, trial->twin->code)) {
		torn_judge_path(judgement, trial->promised->watch[0], "watched");
		torn_judge(judgement, TORN_HELD, "with %s=%s it returned %d; without it began nothing, and said so (%d)",
			   trial->target->twin.name, trial->target->twin.value, trial->twin->code, trial->code);
		torn_judge_label(judgement, "one-way-only");
		return;
	}
	if (!judge_output(trial, judgement) || (!is_fake && !judge_files(trial, judgement)))
		return;
	if (trial->code != trial->twin->code || trial->end != trial->twin->end) {
		torn_judge(judgement, TORN_VIOLATED, "with %s=%s it returned %d, without %d",
			   trial->target->twin.name, trial->target->twin.value, trial->twin->code,
			   trial->code);
		return;
	}
	judgement->verdict = TORN_HELD;
}

static void paths_agree(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	judge_twin(trial, false, judgement);
}

static const struct torn_invariant paths_agree_invariant = {
	.id = "paths-agree",
	.promise = "by commands it comes to the same files, modes and output as by system calls",
	.judge = paths_agree,
};
TORN_INVARIANT(paths_agree_invariant);

static void fake_agrees(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	judge_twin(trial, true, judgement);
}

static const struct torn_invariant fake_agrees_invariant = {
	.id = "fake-agrees",
	.promise = "a fake accepts and refuses what the real thing does, operation by operation",
	.judge = fake_agrees,
};
TORN_INVARIANT(fake_agrees_invariant);
