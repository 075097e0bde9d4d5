/* rehearsal.c: see rehearsal.h. */
#include "rehearsal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "../injectors/tree.h"
#include "clean_run.h"
#include "setup.h"
#include "world.h"

int torn_rehearsal_open(struct torn_rehearsal **ret_rehearsal)
{
	void *shared = mmap(NULL, sizeof **ret_rehearsal, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	*ret_rehearsal = shared;
	return 0;
}

void torn_rehearsal_close(struct torn_rehearsal *rehearsal)
{
	munmap(rehearsal, sizeof *rehearsal);
}

/* ------------------------------------------------------------------- words */

static void say(struct torn_rehearsal *rehearsal, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct torn_rehearsal *rehearsal, const char *format, ...)
{
	va_list arguments;
	if (rehearsal->text[0])
		return;
	va_start(arguments, format);
	vsnprintf(rehearsal->text, sizeof rehearsal->text, format, arguments);
	va_end(arguments);
}

/* The last line that it wrote to stderr or, where there is none, to stdout. */
static void last_words(const struct torn_rehearsal *rehearsal, char *ret_line, size_t size)
{
	ret_line[0] = '\0';
	for (int which = 1; which >= 0 && !ret_line[0]; which--) {
		const uint8_t *text = rehearsal->output[which];
		size_t end = rehearsal->outputs[which];
		end = end < TORN_REHEARSED_OUTPUT_MAX ? end : TORN_REHEARSED_OUTPUT_MAX;
		while (end > 0 && text[end - 1] <= ' ')
			end--;
		size_t start = end;
		while (start > 0 && text[start - 1] != '\n' && end - start < 150)
			start--;
		size_t at = 0;
		for (size_t i = start; i < end && at + 1 < size; i++)
			ret_line[at++] = text[i] >= ' ' && text[i] < 127 ? (char)text[i] : '?';
		ret_line[at] = '\0';
	}
}

static void say_how_it_failed(struct torn_rehearsal *rehearsal)
{
	char line[200];
	last_words(rehearsal, line, sizeof line);
	const char *colon = line[0] ? ": " : "";
	if (rehearsal->notes & TORN_NOTE_URING)
		say(rehearsal, "it needs io_uring, which torn exec does not give: have it fall back on plain calls (it ended with %d%s%s)",
		    rehearsal->code, colon, line);
	else if (rehearsal->notes & TORN_NOTE_PROCESSES)
		say(rehearsal, "it starts processes without end: more than %d at once; torn exec stops there",
		    TORN_TRACEES_MAX);
	else if (rehearsal->notes & TORN_NOTE_FULL)
		say(rehearsal, "it fills the disk: the copy of its directory has no room left; give --dir a smaller one, or have it write less%s%s",
		    colon, line);
	else if (rehearsal->notes & TORN_NOTE_ESCAPE)
		say(rehearsal, "it failed (exit %d) after a call that leads out of its walls was refused: %s%s%s", rehearsal->code,
		    rehearsal->note, colon, line);
	else if (rehearsal->notes & TORN_NOTE_OUTSIDE)
		say(rehearsal, "it failed (exit %d) after it was not let write to %s: name the directory that it works in with --dir%s%s",
		    rehearsal->code, rehearsal->note, colon, line);
	else if (rehearsal->notes & TORN_NOTE_32BIT)
		say(rehearsal, "it is a 32-bit program, which torn does not follow (it ended with %d%s%s)", rehearsal->code, colon,
		    line);
	else if (rehearsal->notes & TORN_NOTE_TERMINAL)
		say(rehearsal, "it failed (exit %d) without a terminal, and torn gives it none: call it with the options for scripts%s%s",
		    rehearsal->code, colon, line);
	else
		say(rehearsal, "it fails without any fault (exit %d)%s%s: torn judges commands that succeed; what must stand before it can go into --setup",
		    rehearsal->code, colon, line);
}

static void say_how_it_ended(struct torn_rehearsal *rehearsal)
{
	switch (rehearsal->end) {
	case TORN_HUNG:
		if (rehearsal->notes & TORN_NOTE_PROCESSES)
			say_how_it_failed(rehearsal);
		else if (rehearsal->notes & TORN_NOTE_TERMINAL)
			say(rehearsal, "it waits without end and looked for a terminal, which torn does not give: call it with the options for scripts");
		else if (rehearsal->code == TORN_HANG_WAITS)
			say(rehearsal, "it waits for ever for something that cannot come (standard input is empty, and there is no network)");
		else
			say(rehearsal, "it does not end: torn waited as long as --timeout says; give it a larger one, or a command that ends");
		return;
	case TORN_CRASHED:
		if (rehearsal->notes & TORN_NOTE_MEMORY)
			say(rehearsal, "it takes more than %lu GiB of memory, and was ended: give it less to do",
			    (unsigned long)(TORN_TRACEE_BYTES_MAX >> 30));
		say(rehearsal, "it dies of SIG%s without any fault", torn_signal_name(rehearsal->code));
		return;
	default:
		if (rehearsal->code != 0)
			say_how_it_failed(rehearsal);
	}
}

/* ---------------------------------------------------------------- the runs */

static void keep_output(struct torn_rehearsal *rehearsal, const struct torn_log *log)
{
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (!(op->flags & TORN_OP_OUTPUT) || (op->fd != 1 && op->fd != 2))
			continue;
		const int which = op->fd - 1;
		const size_t at = rehearsal->outputs[which];
		rehearsal->outputs[which] += op->data.size;
		if (at < TORN_REHEARSED_OUTPUT_MAX)
			memcpy(rehearsal->output[which] + at, op->data.data,
			       op->data.size < TORN_REHEARSED_OUTPUT_MAX - at ? op->data.size
									      : TORN_REHEARSED_OUTPUT_MAX - at);
	}
}

struct first_difference {
	char path[256];
	const struct torn_node *a, *b;
	const struct torn_setup *setup;
};

static bool is_watched(const struct torn_setup *setup, struct torn_bytes path)
{
	for (size_t i = 0; i < setup->promised.watch_count; i++)
		if (torn_bytes_equal(setup->promised.watch[i], path))
			return true;
	return false;
}

static bool note_difference(void *context, struct torn_bytes path, const struct torn_node *a,
			    const struct torn_node *b)
{
	struct first_difference *first = context;
	if (torn_tree_same_content(a, b) || (a && b && a->type == TORN_DIRECTORY && b->type == TORN_DIRECTORY) ||
	    !is_watched(first->setup, path))
		return true;
	snprintf(first->path, sizeof first->path, "%.*s", (int)path.size, (const char *)path.data);
	first->a = a;
	first->b = b;
	return false;
}

static void show_bytes(const struct torn_node *node, uint64_t at, char *ret_text, size_t size)
{
	uint8_t bytes[24];
	const size_t got = torn_node_read(node, at, bytes, sizeof bytes);
	size_t used = 0;
	for (size_t i = 0; i < got && used + 2 < size; i++)
		ret_text[used++] = bytes[i] >= ' ' && bytes[i] < 127 ? (char)bytes[i] : '.';
	ret_text[used] = '\0';
}

static void say_difference(struct torn_rehearsal *rehearsal, const struct first_difference *first)
{
	static const char advice[] = "torn cannot tell old from new by its bytes: say with --view what to compare in place of "
				     "them (--view 'jq .state'), with --check what is acceptable, or with --watch what "
				     "matters";
	if (!first->a || !first->b || first->a->type != TORN_FILE || first->b->type != TORN_FILE) {
		say(rehearsal, "%s is there after one clean run and not after another one, on another day and with other random numbers: %s",
		    first->path, advice);
		return;
	}
	uint64_t at = 0;
	uint8_t a, b;
	while (torn_node_read(first->a, at, &a, 1) == 1 && torn_node_read(first->b, at, &b, 1) == 1 && a == b)
		at++;
	char one[32], other[32];
	const uint64_t from = at > 8 ? at - 8 : 0;
	show_bytes(first->a, from, one, sizeof one);
	show_bytes(first->b, from, other, sizeof other);
	say(rehearsal, "%s is not the same after two clean runs, on two days and with other random numbers: from byte %lu on \"%s\" and \"%s\"; %s",
	    first->path, (unsigned long)from, one, other, advice);
}

struct rehearsing {
	const struct torn_case *c;
	bool only_once;
	const char *command; /* of --setup; NULL: the program itself is run */
	struct torn_arena *arena;
	struct torn_rehearsal *rehearsal;
};

static void take_end(struct torn_rehearsal *rehearsal, const struct torn_lab *lab, const struct torn_trial *trial)
{
	rehearsal->end = trial->end;
	rehearsal->code = trial->code;
	rehearsal->ops = trial->log->numbered;
	rehearsal->notes = torn_tracer_notes(lab->tracer);
	const enum torn_trace_note note = rehearsal->notes & TORN_NOTE_ESCAPE ? TORN_NOTE_ESCAPE : TORN_NOTE_OUTSIDE;
	snprintf(rehearsal->note, sizeof rehearsal->note, "%s", torn_tracer_note_text(lab->tracer, note));
	keep_output(rehearsal, trial->log);
}

/* Once more on another day: is anything that is watched another thing then? */
static int compare_days(struct rehearsing *rehearsing, struct torn_lab *lab, struct torn_setup *setup)
{
	static const struct torn_plan later = {.seed = TORN_SEED_AFTER(1)};
	struct first_difference first = {.setup = setup};
	struct torn_trial trial;
	const int r = torn_trial_run(lab, setup, &later, TORN_TRIAL_PLAIN, &trial);
	if (r < 0)
		return r;
	torn_tree_differences(setup->new_tree, trial.now, note_difference, &first);
	if (first.path[0] && !setup->program->view && !setup->program->check)
		say_difference(rehearsing->rehearsal, &first);
	return 0;
}

static bool is_all_old(const struct torn_setup *setup)
{
	for (size_t i = 0; i < setup->promised.watch_count; i++) {
		const struct torn_bytes at = setup->promised.watch[i];
		if (!torn_tree_same_content(torn_tree_find(setup->old_tree, at), torn_tree_find(setup->new_tree, at)))
			return false;
	}
	return true;
}

static int keep_watches(struct rehearsing *rehearsing, const struct torn_setup *setup)
{
	struct torn_arena *arena = rehearsing->arena;
	const size_t count = setup->promised.watch_count;
	struct torn_bytes *watches = torn_arena_take(arena, (count + 1) * sizeof *watches);
	for (size_t i = 0; watches && i < count; i++) {
		const struct torn_bytes at = setup->promised.watch[i];
		watches[i] = torn_arena_copy(arena, at.data, at.size);
		if (!watches[i].data)
			return -ENOMEM;
	}
	rehearsing->rehearsal->watches = watches;
	rehearsing->rehearsal->watches_count = watches ? count : 0;
	return watches ? 0 : -ENOMEM;
}

static int rehearse(struct rehearsing *rehearsing, struct torn_lab *lab, struct torn_setup *setup)
{
	static const struct torn_plan nothing = {.seed = 1};
	struct torn_rehearsal *rehearsal = rehearsing->rehearsal;
	struct torn_trial trial;
	int r = torn_trial_run(lab, setup, &nothing, TORN_TRIAL_PLAIN, &trial);
	if (r < 0)
		return r;
	take_end(rehearsal, lab, &trial);
	if (rehearsing->only_once) {
		if (trial.end == TORN_HUNG)
			say_how_it_ended(rehearsal);
		for (int which = 0; which < 2; which++)
			if (rehearsal->outputs[which] > TORN_REHEARSED_OUTPUT_MAX)
				say(rehearsal, "it writes more than %zu MiB to %s, which is more than torn keeps",
				    TORN_REHEARSED_OUTPUT_MAX >> 20, which ? "stderr" : "stdout");
		return 0;
	}
	say_how_it_ended(rehearsal);
	if (rehearsal->text[0])
		return 0;
	r = torn_clean_run(lab, setup, &trial);
	if (r < 0)
		return r;
	if (setup->promised.watch_count == 0)
		say(rehearsal, "it changes nothing in %s: name the directory that it works in with --dir, or give it something to do",
		    setup->program->dir);
	else if (is_all_old(setup))
		say(rehearsal, "it changes nothing of what is watched: name with --watch what it writes");
	if (rehearsal->text[0])
		return 0;
	r = keep_watches(rehearsing, setup);
	return r < 0 ? torn_lab_fail(lab, r, "no memory for what it changes") : compare_days(rehearsing, lab, setup);
}

/* What the command leaves is the old state. */
static int set_up(struct rehearsing *rehearsing, struct torn_lab *lab, struct torn_setup *setup)
{
	static const struct torn_plan nothing = {.seed = 1};
	struct torn_rehearsal *rehearsal = rehearsing->rehearsal;
	char *argv[] = {"sh", "-c", (char *)rehearsing->command, NULL};
	struct torn_program program = *setup->program;
	struct torn_trial trial;
	char line[200];
	program.path = "/bin/sh";
	program.argv = argv;
	setup->program = &program;
	int r = torn_trial_run(lab, setup, &nothing, TORN_TRIAL_PLAIN, &trial);
	if (r < 0)
		return r;
	take_end(rehearsal, lab, &trial);
	last_words(rehearsal, line, sizeof line);
	if (trial.end != TORN_RETURNED || trial.code != 0) {
		say(rehearsal, "--setup failed (%s %d)%s%s", trial.end == TORN_RETURNED ? "exit" : "signal", trial.code,
		    line[0] ? ": " : "", line);
		return 0;
	}
	r = torn_world_olds(rehearsing->arena, trial.now, &rehearsal->olds, &rehearsal->olds_count);
	return r < 0 ? torn_lab_fail(lab, r, "no memory for what --setup left") : 0;
}

static void in_worker(void *context, struct torn_lab *lab)
{
	static const struct torn_case_lines nowhere;
	struct rehearsing *rehearsing = context;
	struct torn_rehearsal *rehearsal = rehearsing->rehearsal;
	struct torn_arena arena;
	struct torn_setup setup;
	struct torn_case_error error;
	rehearsal->failed = true;
	if (torn_arena_open(&arena, (size_t)1 << 30) < 0) {
		say(rehearsal, "no memory for the copy of its directory");
		return;
	}
	if (torn_setup_case(&arena, rehearsing->c, &nowhere, &setup, &error) < 0) {
		say(rehearsal, "%s", error.message[0] ? error.message : "no room for the copy of its directory");
		return;
	}
	if ((rehearsing->command ? set_up : rehearse)(rehearsing, lab, &setup) < 0)
		say(rehearsal, "%s", lab->failure);
	else
		rehearsal->failed = false;
}

static void again(void *context)
{
	struct rehearsing *rehearsing = context;
	rehearsing->rehearsal->text[0] = '\0';
	rehearsing->rehearsal->outputs[0] = rehearsing->rehearsal->outputs[1] = 0;
}

int torn_rehearse(struct torn_worker *worker, const struct torn_case *c, bool only_once,
		  struct torn_arena *arena, struct torn_rehearsal *rehearsal, char *ret_message, size_t size)
{
	struct rehearsing rehearsing = {
		.c = c, .only_once = only_once, .arena = arena, .rehearsal = rehearsal};
	const struct torn_job job = {.job = in_worker, .again = again, .context = &rehearsing};
	return torn_worker_do(worker, &job, ret_message, size);
}

int torn_rehearse_setup(struct torn_worker *worker, const struct torn_case *c, const char *command,
			struct torn_arena *arena, struct torn_rehearsal *rehearsal, char *ret_message,
			size_t size)
{
	struct rehearsing rehearsing = {
		.c = c, .command = command, .arena = arena, .rehearsal = rehearsal};
	const struct torn_job job = {.job = in_worker, .again = again, .context = &rehearsing};
	return torn_worker_do(worker, &job, ret_message, size);
}
