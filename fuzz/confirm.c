/* confirm.c: see confirm.h. */
#include "confirm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "case_blobs.h"
#include "commands.h"

struct confirming {
	struct torn_worker *worker;
	int folder_fd;
	struct torn_arena *texts; /* what is kept */
	struct torn_arena arena;  /* of one replay */
	uint8_t *touched;         /* beside each old file: shared with the worker */
	size_t touched_size;
};

static int load(struct confirming *confirming, const char *text, size_t size, struct torn_case *ret_case)
{
	struct torn_case_error error;
	return torn_case_parse_at(confirming->folder_fd, "case", (struct torn_bytes){(const uint8_t *)text, size},
				  &confirming->arena, ret_case, &error);
}

enum shown { SHOWN_NOT, SHOWN, NOT_REPLAYED };

/* Does it show the violation that it expects? -EINTR after an interrupt. */
static int shows(struct confirming *confirming, const struct torn_case *c)
{
	struct torn_replayed *replayed;
	const int r = torn_replay_case(confirming->worker, c, &confirming->arena, &replayed);
	if (r == -EINTR)
		return r;
	if (r < 0 || replayed->failed)
		return NOT_REPLAYED;
	return replayed->verdict == TORN_VIOLATED ? SHOWN : SHOWN_NOT;
}

/* Keep the old files that were touched. Returns whether that is fewer. */
static bool shorten(const struct confirming *confirming, struct torn_case *c)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->olds_count; i++)
		if (i >= confirming->touched_size || confirming->touched[i])
			c->olds[kept++] = c->olds[i];
	const bool is_fewer = kept < c->olds_count;
	c->olds_count = kept;
	return is_fewer;
}

static int keep_text(struct confirming *confirming, struct torn_case *c, struct torn_finding *finding)
{
	if (torn_case_blobs_refer(c, &confirming->arena) < 0)
		return -ENOMEM;
	const struct torn_bytes text = torn_case_text(c, confirming->texts);
	if (!text.data)
		return -ENOMEM;
	finding->case_text = (const char *)text.data;
	finding->case_size = text.size;
	return 0;
}

/* The finding stands but where it is SHOWN_NOT; or -EINTR. */
static int confirm_one(struct confirming *confirming, struct torn_finding *finding)
{
	struct torn_case c;
	torn_arena_return(&confirming->arena, 0);
	memset(confirming->touched, 0, confirming->touched_size);
	if (load(confirming, finding->case_text, finding->case_size, &c) < 0)
		return NOT_REPLAYED;
	confirming->worker->touched = confirming->touched;
	int r = shows(confirming, &c);
	confirming->worker->touched = NULL;
	if (r != SHOWN || !shorten(confirming, &c))
		return r;
	r = shows(confirming, &c);
	if (r == SHOWN)
		keep_text(confirming, &c, finding); /* without room the whole case stays: it shows it, too */
	return r < 0 ? r : SHOWN;
}

static int confirm_all(struct confirming *confirming, struct torn_result *result, size_t *ret_unconfirmed)
{
	size_t kept = 0;
	int r = SHOWN;
	for (size_t i = 0; i < result->findings_count; i++) {
		struct torn_finding *finding = &result->findings[i];
		if (r >= 0)
			r = finding->is_label || !finding->case_text ? SHOWN : confirm_one(confirming, finding);
		if (r == NOT_REPLAYED)
			fprintf(stderr, "torn exec: could not be replayed, and is told as it was found: %s at %u %s\n",
				finding->id, finding->op, finding->call);
		if (r == SHOWN_NOT && ++*ret_unconfirmed == 1)
			fprintf(stderr, "torn exec: not shown again: %s at %u %s%s%s\n", finding->id, finding->op,
				finding->call, finding->faults_count ? ", " : "",
				finding->faults_count ? finding->faults[finding->faults_count - 1] : "");
		if (r != SHOWN_NOT)
			result->findings[kept++] = *finding; /* after an interrupt the others, too */
	}
	result->findings_count = kept;
	return r < 0 ? r : 0;
}

int torn_confirm(struct torn_worker *worker, const struct torn_case *c, int folder_fd,
		 struct torn_result *result, struct torn_arena *arena, size_t *ret_unconfirmed)
{
	struct confirming confirming = {
		.worker = worker, .folder_fd = folder_fd, .texts = arena, .touched_size = c->olds_count};
	*ret_unconfirmed = 0;
	const size_t size = c->olds_count + 1;
	if (torn_arena_open(&confirming.arena, TORN_CASE_ARENA_SIZE) < 0)
		return -ENOMEM;
	confirming.touched = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r = confirming.touched == MAP_FAILED ? -ENOMEM : 0;
	if (r == 0)
		r = confirm_all(&confirming, result, ret_unconfirmed);
	if (confirming.touched != MAP_FAILED)
		munmap(confirming.touched, size);
	torn_arena_close(&confirming.arena);
	return r;
}
