/*
 * mutate_walk_test.c: whatever mutations make of a case is a case, and with enough of
 * them all kinds of old states, arguments and faults come up. The walks happen
 * in a worker, whose runs give the logs that mutations take hints from.
 */
#include "mutate.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "old_text.h"
#include "registry.h"
#include "setup.h"
#include "worker.h"

#define BLOCK 4096u
#define WALK_STEPS 25u /* then from the start again: a walk at random does not come back */
#define KINDS_MAX 96u
#define ARENA_BYTES ((size_t)32 << 20)

/* --------------------------------------------------- what there is to see */

/* A case, and the log that it was mutated with; both may say that a kind came up. */
struct sight {
	const struct torn_target *target;
	const struct torn_case *before, *c;
	const struct torn_log *log; /* or NULL */
};

static bool ends_with(struct torn_bytes bytes, const char *end)
{
	const size_t size = strlen(end);
	return bytes.size >= size && memcmp(bytes.data + bytes.size - size, end, size) == 0;
}

static struct torn_bytes last_name(struct torn_bytes path)
{
	if (path.size == 0)
		return path;
	const uint8_t *slash = memrchr(path.data, '/', path.size);
	const size_t skip = slash ? (size_t)(slash - path.data) + 1 : 0;
	return (struct torn_bytes){path.data + skip, path.size - skip};
}

static struct torn_bytes folder_of(struct torn_bytes path)
{
	const struct torn_bytes name = last_name(path);
	const size_t above = path.size - name.size;
	return (struct torn_bytes){path.data, above ? above - 1 : 0};
}

static bool is_below(struct torn_bytes path, struct torn_bytes folder)
{
	return path.size > folder.size && path.data[folder.size] == '/' &&
	       memcmp(path.data, folder.data, folder.size) == 0;
}

static const struct torn_old *old_at(const struct torn_case *c, struct torn_bytes path)
{
	for (size_t i = 0; i < c->olds_count; i++)
		if (torn_bytes_equal(c->olds[i].path, path))
			return &c->olds[i];
	return NULL;
}

/* Is it there, said or as the folder of something that is? */
static bool exists(const struct torn_case *c, struct torn_bytes path)
{
	for (size_t i = 0; i < c->olds_count; i++)
		if (!c->olds[i].absent &&
		    (torn_bytes_equal(c->olds[i].path, path) || is_below(c->olds[i].path, path)))
			return true;
	return false;
}

static bool is_type(const struct torn_old *old, enum torn_type type)
{
	return !old->absent && !old->is_link && old->type == type;
}

/* Each says whether one line of the old state is of a kind. */
#define OLD_KIND(kind, condition)                                                                  \
	static bool kind(const struct sight *sight)                                                \
	{                                                                                          \
		for (size_t i = 0; i < sight->c->olds_count; i++) {                                \
			const struct torn_old *old = &sight->c->olds[i];                           \
			if (condition)                                                             \
				return true;                                                       \
		}                                                                                  \
		return false;                                                                      \
	}
#define FILE_OF(bytes) (is_type(old, TORN_FILE) && old->text.size == (bytes))

static bool has_below(const struct torn_case *c, struct torn_bytes folder)
{
	for (size_t i = 0; i < c->olds_count; i++)
		if (!c->olds[i].absent && is_below(c->olds[i].path, folder))
			return true;
	return false;
}

static bool leads_to(const struct torn_case *c, const struct torn_old *old, bool absolute)
{
	if (!is_type(old, TORN_SYMLINK) || old->text.size == 0 ||
	    (old->text.data[0] == '/') != absolute)
		return false;
	if (absolute)
		return exists(c, (struct torn_bytes){old->text.data + 1, old->text.size - 1});
	char path[2 * TORN_PATH_SIZE_MAX];
	struct torn_bytes folder = folder_of(old->path), text = old->text;
	for (; text.size > 3 && memcmp(text.data, "../", 3) == 0; folder = folder_of(folder))
		text = (struct torn_bytes){text.data + 3, text.size - 3};
	const int size = snprintf(path, sizeof path, "%.*s%s%.*s", (int)folder.size,
				  (const char *)folder.data, folder.size ? "/" : "",
				  (int)text.size, (const char *)text.data);
	const struct torn_bytes to = {(const uint8_t *)path, (size_t)size};
	return !torn_bytes_equal(to, old->path) && exists(c, to);
}

static bool is_watched(const struct sight *sight, struct torn_bytes path)
{
	return torn_bytes_equal(path, torn_bytes_of(sight->target->watch[0]));
}

static bool is_made_by_run(const struct sight *sight, struct torn_bytes path)
{
	for (uint32_t i = 0; sight->log && i < sight->log->count; i++) {
		const struct torn_op *op = &sight->log->ops[i];
		if ((op->flags & TORN_OP_CREATES) && torn_bytes_equal(op->path, path))
			return !is_watched(sight, path) && !old_at(sight->before, path);
	}
	return false;
}

OLD_KIND(absent, old->absent)
OLD_KIND(empty_file, FILE_OF(0))
OLD_KIND(one_byte, FILE_OF(1))
OLD_KIND(block_less, FILE_OF(BLOCK - 1))
OLD_KIND(block, FILE_OF(BLOCK))
OLD_KIND(block_more, FILE_OF(BLOCK + 1))
OLD_KIND(blocks, FILE_OF(3 * BLOCK))
OLD_KIND(no_text, is_type(old, TORN_FILE) && memchr(old->text.data, 0xff, old->text.size))
OLD_KIND(nul, is_type(old, TORN_FILE) && memchr(old->text.data, 0, old->text.size))
OLD_KIND(empty_folder, is_type(old, TORN_DIRECTORY) && !has_below(sight->c, old->path))
OLD_KIND(full_folder, is_type(old, TORN_DIRECTORY) && has_below(sight->c, old->path))
OLD_KIND(watched_folder, is_type(old, TORN_DIRECTORY) && is_watched(sight, old->path))
OLD_KIND(symlink_nowhere, is_type(old, TORN_SYMLINK) && ends_with(old->text, "nowhere"))
OLD_KIND(symlink_absolute, leads_to(sight->c, old, true))
OLD_KIND(symlink_relative, leads_to(sight->c, old, false))
OLD_KIND(symlink_itself,
	 is_type(old, TORN_SYMLINK) && torn_bytes_equal(old->text, last_name(old->path)))
OLD_KIND(symlink_up, is_type(old, TORN_SYMLINK) && ends_with(old->text, ".."))
OLD_KIND(watched_symlink, is_type(old, TORN_SYMLINK) && is_watched(sight, old->path))
OLD_KIND(hard_link, old->is_link)
OLD_KIND(hard_link_of_watched, old->is_link && is_watched(sight, old->text))
OLD_KIND(fifo, is_type(old, TORN_FIFO))
OLD_KIND(watched_fifo, is_type(old, TORN_FIFO) && is_watched(sight, old->path))
OLD_KIND(socket_file, is_type(old, TORN_SOCKET))
OLD_KIND(read_only, is_type(old, TORN_FILE) && old->mode == 0444)
OLD_KIND(mount, old->mount == TORN_MOUNT)
OLD_KIND(lacks_exchange, old->mount & TORN_LACKS_EXCHANGE)
OLD_KIND(lacks_tmpfile, old->mount & TORN_LACKS_TMPFILE)
OLD_KIND(lacks_link, old->mount & TORN_LACKS_LINK)
OLD_KIND(lacks_clone, old->mount & TORN_LACKS_CLONE)
OLD_KIND(watched_on_mount,
	 old->mount && is_below(torn_bytes_of(sight->target->watch[0]), old->path))
OLD_KIND(no_mode, is_type(old, TORN_FILE) && old->mode == 0)
OLD_KIND(read_only_folder, is_type(old, TORN_DIRECTORY) && old->mode == 0555)
OLD_KIND(setuid_file, is_type(old, TORN_FILE) && (old->mode & 04000))
OLD_KIND(other_owner, old->uid != 0)
OLD_KIND(other_group, old->gid != 0)
OLD_KIND(attribute, old->xattrs_count > 0)
OLD_KIND(stale_tmp, ends_with(old->path, ".tmp") && is_type(old, TORN_FILE))
OLD_KIND(stale_bak, ends_with(old->path, ".bak") && is_type(old, TORN_FILE))
OLD_KIND(stale_of_run, is_made_by_run(sight, old->path))
OLD_KIND(parent_no_folder, is_below(torn_bytes_of(sight->target->watch[0]), old->path) &&
				   !old->absent && old->type != TORN_DIRECTORY)
OLD_KIND(parent_read_only,
	 is_below(torn_bytes_of(sight->target->watch[0]), old->path) && old->mode == 0555)

static bool no_parent(const struct sight *sight)
{
	return !exists(sight->c, folder_of(torn_bytes_of(sight->target->watch[0])));
}

static bool parent_said_absent(const struct sight *sight)
{
	const struct torn_old *old =
		old_at(sight->c, folder_of(torn_bytes_of(sight->target->watch[0])));
	return old && old->absent;
}

#define FAULT_KIND(kind, condition)                                                                \
	static bool kind(const struct sight *sight)                                                \
	{                                                                                          \
		for (uint32_t i = 0; i < sight->c->plan.faults_count; i++) {                       \
			const struct torn_fault *fault = &sight->c->plan.faults[i];                \
			if (condition)                                                             \
				return true;                                                       \
		}                                                                                  \
		return false;                                                                      \
	}

FAULT_KIND(fault_errno, fault->name == TORN_FAULT_ERRNO)
FAULT_KIND(fault_sticky, fault->name == TORN_FAULT_STICKY)
FAULT_KIND(fault_full, fault->name == TORN_FAULT_FULL)
FAULT_KIND(fault_short, fault->name == TORN_FAULT_SHORT)
FAULT_KIND(fault_late, fault->name == TORN_FAULT_LATE)
FAULT_KIND(fault_eintr, fault->name == TORN_FAULT_EINTR)
FAULT_KIND(fault_signal, fault->name == TORN_FAULT_SIGNAL && fault->value == SIGTERM)
FAULT_KIND(fault_fsync_lost, fault->name == TORN_FAULT_FSYNC &&
				     torn_fsync_manner(fault->value) == TORN_FSYNC_LOST)
FAULT_KIND(range, fault->when.step == 1 && fault->when.last < UINT32_MAX)
FAULT_KIND(again_and_again, fault->when.step > 0 && fault->when.last == UINT32_MAX)
FAULT_KIND(every_second, fault->when.step == 2)

static bool fault_pair(const struct sight *sight)
{
	return sight->c->plan.faults_count == 2;
}

static bool fault_three(const struct sight *sight)
{
	return sight->c->plan.faults_count == 3;
}

static const struct kind {
	const char *name;
	bool (*shows)(const struct sight *sight);
} kinds[] = {
	{"absent", absent},
	{"an empty file", empty_file},
	{"a file of 1 byte", one_byte},
	{"a file of 4095 bytes", block_less},
	{"a file of 4096 bytes", block},
	{"a file of 4097 bytes", block_more},
	{"a file of three blocks", blocks},
	{"bytes that are no UTF-8", no_text},
	{"a NUL in a file", nul},
	{"an empty folder", empty_folder},
	{"a folder that is not empty", full_folder},
	{"a folder in the place of the watched file", watched_folder},
	{"a symlink to nowhere", symlink_nowhere},
	{"an absolute symlink to something", symlink_absolute},
	{"a relative symlink to something", symlink_relative},
	{"a symlink to itself", symlink_itself},
	{"a symlink upwards", symlink_up},
	{"a symlink in the place of the watched file", watched_symlink},
	{"a hard link", hard_link},
	{"another name of the watched file", hard_link_of_watched},
	{"a FIFO", fifo},
	{"a FIFO in the place of the watched file", watched_fifo},
	{"a socket", socket_file},
	{"another file system that lacks nothing", mount},
	{"a file system without RENAME_EXCHANGE", lacks_exchange},
	{"a file system without O_TMPFILE", lacks_tmpfile},
	{"a file system without hard links", lacks_link},
	{"a file system without FICLONE", lacks_clone},
	{"the watched file on a mount", watched_on_mount},
	{"mode 0444", read_only},
	{"mode 0", no_mode},
	{"a folder of mode 0555", read_only_folder},
	{"a setuid file", setuid_file},
	{"another owner", other_owner},
	{"another group", other_group},
	{"an attribute", attribute},
	{"a stale .tmp", stale_tmp},
	{"a stale .bak", stale_bak},
	{"what a killed run leaves", stale_of_run},
	{"a parent that is no folder", parent_no_folder},
	{"a parent of mode 0555", parent_read_only},
	{"no parent", no_parent},
	{"a parent that is said to be absent", parent_said_absent},
	{"errno", fault_errno},
	{"sticky", fault_sticky},
	{"full", fault_full},
	{"short", fault_short},
	{"late", fault_late},
	{"eintr", fault_eintr},
	{"signal", fault_signal},
	{"data that an fsync lost", fault_fsync_lost},
	{"F..L", range},
	{"F+S", again_and_again},
	{"F+2", every_second},
	{"two faults", fault_pair},
	{"three faults", fault_three},
};

/* Of arguments that are paths and contents: only some targets have them. */
static struct torn_bytes arg_of(const struct sight *sight, const char *name)
{
	for (size_t i = 0; i < sight->c->args_count; i++)
		if (torn_bytes_equal(sight->c->args[i].name, torn_bytes_of(name)))
			return sight->c->args[i].value;
	return (struct torn_bytes){NULL, 0};
}

#define ARG_KIND(kind, arg, condition)                                                             \
	static bool kind(const struct sight *sight)                                                \
	{                                                                                          \
		const struct torn_bytes value = arg_of(sight, arg);                                \
		const struct torn_bytes name = last_name(value);                                   \
		return value.data && (void *)name.data && (condition);                             \
	}

ARG_KIND(arg_newline, "path", memchr(value.data, '\n', value.size))
ARG_KIND(arg_dash, "path", name.size > 0 && name.data[0] == '-')
ARG_KIND(arg_longest, "path", name.size == 255)
ARG_KIND(arg_too_long, "path", name.size == 256)
ARG_KIND(arg_slash, "path", ends_with(value, "/"))
ARG_KIND(arg_dots, "path", memmem(value.data, value.size, "/../", 4))
ARG_KIND(arg_folder, "path", ends_with(value, "/."))
ARG_KIND(arg_detour, "path", memmem(value.data, value.size, "/./", 3))
ARG_KIND(arg_no_text, "path", memchr(value.data, 0xff, value.size))
ARG_KIND(arg_empty, "content", value.size == 0)
ARG_KIND(arg_one, "content", value.size == 1)
ARG_KIND(arg_block, "content", value.size == BLOCK)
ARG_KIND(arg_blocks, "content", value.size == 3 * BLOCK)
ARG_KIND(arg_nul, "content", memchr(value.data, 0, value.size))
ARG_KIND(arg_mode, "mode", torn_bytes_equal(value, torn_bytes_of("0000")))
ARG_KIND(arg_no_number, "mode", torn_bytes_equal(value, torn_bytes_of("-1")))

static const struct kind arg_kinds[] = {
	{"a path with a newline", arg_newline},
	{"a name that begins with a dash", arg_dash},
	{"a name of 255 bytes", arg_longest},
	{"a name of 256 bytes", arg_too_long},
	{"a path with a slash at its end", arg_slash},
	{"a path with ..", arg_dots},
	{"a path that ends with .", arg_folder},
	{"a path with ./ on the way", arg_detour},
	{"a path that is no UTF-8", arg_no_text},
	{"a content of no bytes", arg_empty},
	{"a content of one byte", arg_one},
	{"a content of a block", arg_block},
	{"a content of three blocks", arg_blocks},
	{"a content with a NUL", arg_nul},
	{"mode 0000", arg_mode},
	{"a mode that is no number", arg_no_number},
};

#define KINDS (sizeof kinds / sizeof *kinds)
#define ARG_KINDS (sizeof arg_kinds / sizeof *arg_kinds)
_Static_assert(KINDS <= KINDS_MAX && ARG_KINDS <= KINDS_MAX, "more kinds than are counted");

/* ------------------------------------------------------------------ walking */

/* Lies in shared memory. */
struct walk {
	struct torn_worker worker;
	const struct torn_target *target;
	const struct torn_variant *variant;
	unsigned steps;
	uint64_t seed;
	bool has_logs; /* of real runs */
	/* what came of it */
	bool done;
	unsigned cases, refused, with_log, same;
	unsigned seen[KINDS_MAX], args_seen[KINDS_MAX];
	uint64_t hash;
	char refusal[512], complaint[256], text[4096];
};

/* The texts and arenas of the process that walks. */
struct walker {
	struct walk *walk;
	struct torn_lab *lab;
	struct torn_arena before, after, setup;
	char *text, *home, *other; /* malloc'ed */
};

static char *text_of(const struct torn_case *c)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	const int r = torn_case_print(c, out);
	if (fclose(out) != 0 || r < 0) {
		free(text);
		return NULL;
	}
	return text; /* a case's text has no NUL in it */
}

static void complain(struct walk *walk, const char *about, const char *more, const char *text)
{
	if (walk->complaint[0])
		return;
	snprintf(walk->complaint, sizeof walk->complaint, "%s: %.200s", about, more);
	snprintf(walk->text, sizeof walk->text, "%s", text ? text : "");
}

static char *home_of(struct walker *walker)
{
	static const struct torn_plan nothing = {.seed = 1};
	const struct torn_target *target = walker->walk->target;
	struct torn_setup setup;
	struct torn_case c;
	char message[256];
	torn_arena_return(&walker->setup, 0);
	if (torn_setup_world(&walker->setup, target, walker->walk->variant, target->worlds, &setup,
			     message, sizeof message) < 0)
		return NULL;
	torn_setup_to_case(&setup, &nothing, NULL, &walker->setup, &c);
	return text_of(&c);
}

/*
 * The log of a case's run: NULL where there is none. A handler for SIGTERM is made
 * up: no target has one.
 */
static const struct torn_log *log_of(struct walker *walker, const struct torn_case *c,
				     const struct torn_setup *setup)
{
	struct torn_trial trial;
	if (!walker->lab)
		return NULL;
	walker->lab->on_disk = NULL; /* setups share their place in memory */
	if (torn_trial_run(walker->lab, setup, &c->plan, TORN_TRIAL_PLAIN, &trial) != TORN_HELD)
		return NULL;
	static struct torn_log log;
	log = *trial.log;
	log.handled |= UINT64_C(1) << SIGTERM;
	walker->walk->with_log++;
	return &log;
}

static bool is_declared(const struct torn_target *target, struct torn_bytes name)
{
	for (const struct torn_default *arg = target->args; arg && arg->name; arg++)
		if (torn_bytes_equal(torn_bytes_of(arg->name), name))
			return true;
	return false;
}

/* Does an op of that number, with that call, take the fault? */
static bool is_at_its_call(const struct torn_fault *fault, const struct torn_log *log)
{
	const struct torn_op *op = torn_log_op(log, fault->when.first);
	return op && op->call == fault->call;
}

static bool has_fault(const struct torn_case *c, const struct torn_fault *fault)
{
	for (uint32_t i = 0; i < c->plan.faults_count; i++) {
		const struct torn_fault *one = &c->plan.faults[i];
		if (one->call == fault->call && one->name == fault->name &&
		    one->when.first == fault->when.first)
			return true;
	}
	return false;
}

static void check_case(struct walk *walk, const struct torn_case *before, const struct torn_case *c,
		       const struct torn_log *log, const char *text)
{
	if (c->expect != TORN_EXPECT_NOTHING || c->invariant.size != 0)
		complain(walk, "it expects something", "", text);
	if (!torn_bytes_equal(c->target, before->target) ||
	    !torn_bytes_equal(c->variant, before->variant))
		complain(walk, "it is of another target", "", text);
	for (size_t i = 0; i < c->args_count; i++)
		if (!is_declared(walk->target, c->args[i].name))
			complain(walk, "an argument of nobody's",
				 (const char *)c->args[i].name.data, text);
	if (c->plan.faults_count > 4)
		complain(walk, "more faults than are wanted", "", text);
	for (uint32_t i = 0; i < c->plan.faults_count; i++) {
		const struct torn_fault *fault = &c->plan.faults[i];
		const char *objection = torn_fault_objection(fault);
		if (objection)
			complain(walk, "a fault that cannot be", objection, text);
		if (fault->name == TORN_FAULT_KILL)
			complain(walk, "a kill", "", text);
		if (i > 0 && fault->when.first == fault[-1].when.first)
			complain(walk, "two faults at one op", "", text);
		if (log && !has_fault(before, fault) && !is_at_its_call(fault, log))
			complain(walk, "a fault at another call", torn_call_name(fault->call),
				 text);
	}
}

/* Read the text again: it is the same case. */
static void check_text(struct walker *walker, const char *text)
{
	struct torn_case again;
	struct torn_case_error error;
	torn_arena_return(&walker->setup, 0);
	if (torn_case_parse("again", torn_bytes_of(text), &walker->setup, &again, &error) < 0) {
		complain(walker->walk, "its text is refused", error.message, text);
		return;
	}
	char *second = text_of(&again);
	if (!second || strcmp(second, text) != 0)
		complain(walker->walk, "its text is not canonical", second ? second : "", text);
	free(second);
}

static void look(struct walk *walk, const struct sight *sight)
{
	for (size_t i = 0; i < KINDS; i++)
		walk->seen[i] += kinds[i].shows(sight);
	for (size_t i = 0; i < ARG_KINDS; i++)
		walk->args_seen[i] += arg_kinds[i].shows(sight);
}

/* Mutate or cross a copy of the text at hand: that is where the walk goes. */
static void step(struct walker *walker, uint64_t number)
{
	struct walk *walk = walker->walk;
	struct torn_case before, other, after;
	struct torn_case_error error;
	struct torn_setup setup;
	const struct torn_log *log = NULL;
	torn_arena_return(&walker->before, 0);
	torn_arena_return(&walker->after, 0);
	torn_arena_return(&walker->setup, 0);
	const struct torn_bytes mine = torn_bytes_of(walker->text), its = torn_bytes_of(walker->other);
	if (torn_case_parse("other", its, &walker->before, &other, &error) < 0 ||
	    torn_case_parse("text", mine, &walker->before, &before, &error) < 0) {
		complain(walk, "it is no case", error.message, walker->text);
		return;
	}
	const int r = torn_setup_case(&walker->setup, &before, &error.lines, &setup, &error);
	if (r < 0) {
		walk->refused++;
		snprintf(walk->refusal, sizeof walk->refusal, "%.200s (%s): %.200s", error.message,
			 strerror(-r), walker->text);
	} else {
		log = log_of(walker, &before, &setup);
	}
	after = before;
	struct torn_mutation mutation = {.target = walk->target, .log = log,
					 .arena = &walker->after, .dice = {walk->seed + number}};
	const int mutated = number % 8 == 7 ? torn_mutate_cross(&mutation, &after, &other)
					    : torn_mutate(&mutation, &after);
	char *text = mutated == 0 ? text_of(&after) : NULL;
	if (!text) {
		complain(walk, "it cannot be printed", strerror(-mutated), walker->text);
		return;
	}
	check_case(walk, &before, &after, number % 8 == 7 ? NULL : log, text);
	check_text(walker, text);
	const struct sight sight = {walk->target, &before, &after, log};
	look(walk, &sight);
	walk->cases++;
	walk->same += number % 8 != 7 && strcmp(text, walker->text) == 0;
	for (const char *byte = text; *byte; byte++)
		walk->hash = (walk->hash ^ (uint8_t)*byte) * UINT64_C(0x100000001b3);
	free(walker->other);
	walker->other = walker->text;
	walker->text = text;
}

static void walk_in_worker(void *context, struct torn_lab *lab)
{
	struct walk *walk = context;
	struct walker walker = {.walk = walk, .lab = walk->has_logs ? lab : NULL};
	if (torn_arena_open(&walker.before, ARENA_BYTES) < 0 ||
	    torn_arena_open(&walker.after, ARENA_BYTES) < 0 ||
	    torn_arena_open(&walker.setup, ARENA_BYTES) < 0)
		return;
	walker.home = home_of(&walker);
	if (!walker.home)
		return;
	walker.text = strdup(walker.home);
	walker.other = strdup(walker.home);
	for (unsigned i = 0; i < walk->steps && !walk->complaint[0]; i++) {
		if (i % WALK_STEPS == WALK_STEPS - 1) {
			free(walker.text);
			walker.text = strdup(walker.home);
		}
		step(&walker, i);
	}
	free(walker.text);
	free(walker.other);
	free(walker.home);
	torn_arena_close(&walker.before);
	torn_arena_close(&walker.after);
	torn_arena_close(&walker.setup);
	walk->done = true;
}

static void forget(void *context)
{
	struct walk *walk = context;
	walk->cases = walk->refused = walk->with_log = walk->same = 0;
	walk->hash = 0;
	memset(walk->seen, 0, sizeof walk->seen);
	memset(walk->args_seen, 0, sizeof walk->args_seen);
}

/* variant "": the target's first. */
static struct walk *open_walk(const char *target, const char *variant)
{
	torn_registry_begin();
	struct walk *walk = mmap(NULL, sizeof *walk, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(walk, MAP_FAILED);
	char message[256];
	assert_int_equal(torn_worker_open(&walk->worker, 5, message, sizeof message), 0);
	walk->target = torn_target_named(torn_bytes_of(target));
	assert_non_null(walk->target);
	walk->variant = *variant ? torn_variant_named(walk->target, torn_bytes_of(variant))
				 : walk->target->variants;
	assert_non_null(walk->variant);
	return walk;
}

static void walk_on(struct walk *walk, unsigned steps, uint64_t seed, bool has_logs)
{
	char message[256];
	forget(walk);
	walk->done = false;
	walk->steps = steps;
	walk->seed = seed;
	walk->has_logs = has_logs;
	const struct torn_job job = {.job = walk_in_worker, .again = forget, .context = walk};
	if (torn_worker_do(&walk->worker, &job, message, sizeof message) < 0)
		fail_msg("%s", message);
	if (walk->complaint[0])
		fail_msg("%s: %s\n%s", walk->target->name, walk->complaint, walk->text);
	assert_true(walk->done);
	assert_int_equal(walk->cases, steps);
}

static void close_walk(struct walk *walk)
{
	torn_worker_close(&walk->worker);
	munmap(walk, sizeof *walk);
}

static void assert_seen(const struct kind *of, const unsigned *seen, size_t count)
{
	size_t missing = 0;
	for (size_t i = 0; i < count; i++) {
		if (getenv("MUTATE_TEST_VERBOSE"))
			print_message("%8u %s\n", seen[i], of[i].name);
		if (seen[i] == 0)
			print_error("never came up: %s\n", of[i].name);
		missing += seen[i] == 0;
	}
	assert_int_equal(missing, 0);
}

/* -------------------------------------------------------------------- tests */

static const char *const targets[] = {
	"example.replace",	 "example.stdio_rewrite", "kensa.fsatomic_replace",
	"kensa.fsatomic_remove", "urunc.state_json",	  "planted.old_or_new",
	"planted.no_litter",
};
#define TARGETS (sizeof targets / sizeof *targets)

static void test_what_a_mutation_makes_is_a_case_that_can_be_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct walk *walk = open_walk(targets[i], "");
		walk_on(walk, 600, 11, true);
		print_message("%s: %u of %u refused, %u with a log, %u unchanged\n", targets[i],
			      walk->refused, walk->cases, walk->with_log, walk->same);
		if (walk->refused)
			print_message("%s\n", walk->refusal);
		assert_true(walk->refused * 100 <= walk->cases * 3);
		assert_true(walk->with_log * 2 > walk->cases);
		assert_true(walk->same * 10 < walk->cases);
		close_walk(walk);
	}
}

static void test_without_a_log_it_is_a_case_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct walk *walk = open_walk(targets[i], "");
		walk_on(walk, 1500, 12, false);
		assert_int_equal(walk->with_log, 0);
		assert_true(walk->refused * 100 <= walk->cases * 3);
		assert_true(walk->seen[0] > 0);
		close_walk(walk);
	}
}

static void test_every_kind_of_old_state_and_fault_comes_up(void **state)
{
	(void)state;
	struct walk *walk = open_walk("urunc.state_json", "pr600");
	walk_on(walk, 6000, 1, true);
	assert_seen(kinds, walk->seen, KINDS);
	close_walk(walk);
}

static void test_every_kind_of_argument_comes_up(void **state)
{
	(void)state;
	struct walk *walk = open_walk("kensa.fsatomic_replace", "");
	walk_on(walk, 6000, 2, false);
	assert_seen(arg_kinds, walk->args_seen, ARG_KINDS);
	close_walk(walk);
}

static void test_a_seed_decides_every_mutation(void **state)
{
	(void)state;
	struct walk *walk = open_walk("kensa.fsatomic_replace", "");
	walk_on(walk, 300, 5, true);
	const uint64_t first = walk->hash;
	walk_on(walk, 300, 5, true);
	assert_true(walk->hash == first);
	walk_on(walk, 300, 6, true);
	assert_true(walk->hash != first);
	close_walk(walk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_mutation_makes_is_a_case_that_can_be_run),
		cmocka_unit_test(test_without_a_log_it_is_a_case_too),
		cmocka_unit_test(test_every_kind_of_old_state_and_fault_comes_up),
		cmocka_unit_test(test_every_kind_of_argument_comes_up),
		cmocka_unit_test(test_a_seed_decides_every_mutation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
