/* setup.c: see setup.h. */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/faults.h"
#include "../injectors/runtime.h"
#include "../injectors/tree.h"
#include "../injectors/view.h"
#include "program.h"
#include "program_text.h"
#include "registry.h"
#include "world.h"

static int refuse(struct torn_case_error *error, uint32_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct torn_case_error *error, uint32_t line, const char *format, ...)
{
	error->line = line;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof error->message, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static bool declares(const struct torn_target *target, struct torn_bytes name)
{
	for (const struct torn_default *arg = target->args; arg && arg->name; arg++)
		if (torn_bytes_equal(torn_bytes_of(arg->name), name))
			return true;
	return false;
}

static int check_args(const struct torn_case *c, const struct torn_case_lines *lines,
		      const struct torn_target *target, struct torn_case_error *error)
{
	for (size_t i = 0; i < c->args_count; i++)
		if (!declares(target, c->args[i].name))
			return refuse(error, lines->args[i], "expected an argument of %s, found %.60s",
				      target->name, (const char *)c->args[i].name.data);
	return 0;
}

static int take_args(struct torn_setup *setup, const struct torn_case *c)
{
	const struct torn_default *defaults = setup->target->args;
	size_t count = 0;
	while (defaults && defaults[count].name)
		count++;
	struct torn_arg *args = torn_arena_take(setup->arena, count * sizeof *args);
	if (!args)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		args[i].name = defaults[i].name;
		args[i].value = torn_word_value(defaults[i].value, setup->arena);
		for (size_t j = 0; c && j < c->args_count; j++)
			if (torn_bytes_equal(c->args[j].name, torn_bytes_of(args[i].name)))
				args[i].value = c->args[j].value;
		if (!args[i].value.data)
			return -EINVAL;
	}
	setup->run = (struct torn_run){args, count};
	return 0;
}

/* ---------------------------------------------------------------- promises */

static bool continues_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* What "$NAME" stands for; data NULL where no argument has that name. */
static struct torn_bytes arg_named(const struct torn_run *run, const char *name, size_t size)
{
	for (size_t i = 0; i < run->args_count; i++)
		if (strlen(run->args[i].name) == size && memcmp(run->args[i].name, name, size) == 0)
			return run->args[i].value;
	return (struct torn_bytes){NULL, 0};
}

/*
 * Put arguments into a text; data NULL where it names none that exists, or there
 * is no room. In a path they are C strings, as an operation has them.
 */
static struct torn_bytes put_args(const struct torn_setup *setup, const char *text, bool is_path)
{
	size_t room = strlen(text) + 1, size = 0;
	for (size_t i = 0; i < setup->run.args_count; i++)
		room += setup->run.args[i].value.size * (strlen(text) + 1);
	uint8_t *put = torn_arena_take(setup->arena, room);
	if (!put)
		return (struct torn_bytes){NULL, 0};
	while (*text) {
		struct torn_bytes part = {(const uint8_t *)text, 1};
		size_t taken = 1;
		if (*text == '$') {
			while (continues_name(text[taken]))
				taken++;
			part = arg_named(&setup->run, text + 1, taken - 1);
			if (!part.data)
				return part;
			if (is_path)
				part.size = strnlen((const char *)part.data, part.size);
		}
		memcpy(put + size, part.data, part.size);
		size += part.size;
		text += taken;
	}
	put[size] = '\0';
	return (struct torn_bytes){put, size};
}

/* A path as trees have it: no slash first or last, no two of them, no ".". */
static struct torn_bytes tree_path(struct torn_bytes path)
{
	uint8_t *to = (uint8_t *)path.data;
	size_t size = 0;
	for (size_t at = 0; at < path.size;) {
		const uint8_t *slash = memchr(path.data + at, '/', path.size - at);
		const size_t part = slash ? (size_t)(slash - path.data) - at : path.size - at;
		if (part > 0 && !(part == 1 && path.data[at] == '.')) {
			if (size > 0)
				to[size++] = '/';
			memmove(to + size, path.data + at, part);
			size += part;
		}
		at += part + 1;
	}
	return (struct torn_bytes){to, size};
}

/* The directory that a path of trees lies in, without its slash; 0 at the root. */
static size_t parent_size(struct torn_bytes path, size_t size)
{
	while (size > 0 && path.data[--size] != '/')
		;
	return size;
}

/* What a place and the rest of a path behind it, with its slash, are called in trees. */
static int join_rest(struct torn_view *view, const struct torn_place *place, struct torn_bytes rest,
		     struct torn_bytes *ret_path)
{
	struct torn_bytes above, name;
	int r = torn_view_path(view, place->dir, place->name, &above, &name);
	if (r < 0)
		return r;
	if (above.size == 0 && rest.size > 0)
		rest = (struct torn_bytes){rest.data + 1, rest.size - 1};
	uint8_t *joined = torn_arena_take(view->fold.arena, above.size + rest.size + 1);
	if (!joined)
		return -ENOMEM;
	memcpy(joined, above.data, above.size);
	memcpy(joined + above.size, rest.data, rest.size);
	joined[above.size + rest.size] = '\0';
	*ret_path = (struct torn_bytes){joined, above.size + rest.size};
	return 0;
}

/*
 * The path in trees that a call on a said one acts on. Symlinks on the way and ".." are
 * followed as far as the old tree leads, a symlink at the end is not; what is not there
 * yet is called what it is called. Without this a file that is written through a symlink
 * of old would not be the watched one, but litter. Returns 0, -EINVAL (see put_args), -ENOMEM.
 */
static int resolve_path(const struct torn_setup *setup, struct torn_view *view, const char *said,
			struct torn_bytes *ret_path)
{
	struct torn_bytes path = put_args(setup, said, true);
	if (!path.data)
		return -EINVAL;
	path = tree_path(path);
	for (size_t size = path.size; size > 0; size = parent_size(path, size)) {
		const enum torn_resolve how =
			size == path.size ? TORN_RESOLVE_SELF : TORN_RESOLVE_FOLLOW;
		const struct torn_bytes first = {path.data, size};
		const struct torn_bytes rest = {path.data + size, path.size - size};
		struct torn_place place;
		const int r = torn_view_resolve(view, AT_FDCWD, first, how, &place);
		if (r == 0)
			return join_rest(view, &place, rest, ret_path);
		if (r == -ENOMEM)
			return r;
	}
	*ret_path = path;
	return 0;
}

/*
 * Find what a call on that path would have met in the old tree: symlinks on the
 * way and ".." are followed, a symlink at its end is not. NULL where there is none.
 */
static const struct torn_node *find_old(struct torn_view *view, struct torn_bytes path)
{
	struct torn_place place;
	if (torn_view_resolve(view, AT_FDCWD, path, TORN_RESOLVE_SELF, &place) < 0)
		return NULL;
	return torn_view_node(view, place.object);
}

/* All paths of a declaration that NULL ends; NULL: there are none. */
static int resolve_paths(const struct torn_setup *setup, struct torn_view *view,
			 const char *const *said, const struct torn_bytes **ret_paths,
			 size_t *ret_count)
{
	size_t count = 0;
	while (said && said[count])
		count++;
	struct torn_bytes *paths = torn_arena_take(setup->arena, count * sizeof *paths);
	if (!paths)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const int r = resolve_path(setup, view, said[i], &paths[i]);
		if (r < 0)
			return r;
	}
	*ret_paths = paths;
	*ret_count = count;
	return 0;
}

static int resolve_promises(struct torn_setup *setup, struct torn_view *view)
{
	const struct torn_target *target = setup->target;
	struct torn_promised promised = {.watch = NULL};
	int r = resolve_paths(setup, view, target->watch, &promised.watch, &promised.watch_count);
	if (r == 0)
		r = resolve_paths(setup, view, target->spares, &promised.spares,
				  &promised.spares_count);
	if (r == 0 && target->backup)
		r = resolve_path(setup, view, target->backup, &promised.backup);
	if (r == 0)
		setup->promised = promised;
	return r;
}

/* What a new file gets; where old has no such file as it is taken from, nothing is promised. */
static int resolve_mode(struct torn_setup *setup, struct torn_view *view)
{
	const char *said = setup->target->mode;
	struct torn_promised *promised = &setup->promised;
	if (!said)
		return 0;
	const bool is_of_old = said[0] == '@';
	const struct torn_bytes text = put_args(setup, said + is_of_old, is_of_old);
	if (!text.data)
		return -EINVAL;
	if (!is_of_old) {
		promised->sets_mode = true;
		promised->mode = (uint32_t)strtoul((const char *)text.data, NULL, 8) & 07777;
		return 0;
	}
	const struct torn_node *file = find_old(view, text);
	promised->sets_mode = file && file->type == TORN_FILE;
	promised->mode = promised->sets_mode ? file->mode & 0777 : 0;
	return 0;
}

/* What stands between old and new at a path; where old has no such file, nothing does. */
static int resolve_version(const struct torn_setup *setup, struct torn_view *view,
			   const struct torn_between *between, struct torn_version *ret_version)
{
	const bool is_of_old = between->content[0] == '@';
	const struct torn_bytes content = put_args(setup, between->content + is_of_old, is_of_old);
	if (!content.data)
		return -EINVAL;
	const int r = resolve_path(setup, view, between->path, &ret_version->path);
	if (r < 0)
		return r;
	if (is_of_old) {
		ret_version->node = find_old(view, content);
		return 0;
	}
	const struct torn_node *file = torn_node_make(setup->arena, TORN_FILE,
						      (struct torn_attributes){.mode = 0644, .links = 1},
						      (struct torn_bytes){NULL, 0});
	ret_version->node = file ? torn_node_write(setup->arena, file, 0, content) : NULL;
	return ret_version->node ? 0 : -ENOMEM;
}

static int resolve_between(struct torn_setup *setup, struct torn_view *view)
{
	const struct torn_between *between = setup->target->between;
	size_t declared = 0, count = 0;
	while (between && between[declared].path)
		declared++;
	struct torn_version *versions = torn_arena_take(setup->arena, (declared + 1) * sizeof *versions);
	if (!versions)
		return -ENOMEM;
	for (size_t i = 0; i < declared; i++) {
		const int r = resolve_version(setup, view, &between[i], &versions[count]);
		if (r < 0)
			return r;
		count += versions[count].node != NULL;
	}
	setup->promised.between = versions;
	setup->promised.between_count = count;
	return 0;
}

/* An attribute that the disk of a traced program cannot have: it is asked itself, and has those of users only. */
static const struct torn_xattr *not_on_disk(const struct torn_node *node)
{
	for (uint32_t i = 0; i < node->xattrs_count; i++)
		if (node->xattrs[i].name.size < 5 || memcmp(node->xattrs[i].name.data, "user.", 5) != 0)
			return &node->xattrs[i];
	const struct torn_xattr *found = NULL;
	for (uint32_t i = 0; !found && i < node->entries_count; i++)
		found = not_on_disk(node->entries[i].node);
	return found;
}

static int build(struct torn_setup *setup, char *message, size_t size)
{
	int r = torn_world_build(setup->arena, setup->olds, setup->olds_count, &setup->old_tree,
				 &setup->base, message, size);
	if (r < 0)
		return r;
	const struct torn_xattr *lacking = setup->target->starts_programs ? not_on_disk(setup->old_tree) : NULL;
	if (lacking) {
		snprintf(message, size, "%s starts programs, and xattr=%.*s is none that their disk keeps: user. only",
			 setup->target->name, (int)lacking->name.size, (const char *)lacking->name.data);
		return -EINVAL;
	}
	setup->begin_tree = setup->old_tree;
	r = torn_runtime_boot(setup->arena, setup->old_tree, &setup->old_booted);
	if (r < 0)
		return r;
	struct torn_view *view = torn_arena_take(setup->arena, sizeof *view);
	r = view ? torn_view_begin(view, setup->arena, &setup->base) : -ENOMEM;
	if (r == 0)
		r = resolve_promises(setup, view);
	if (r == 0)
		r = resolve_mode(setup, view);
	if (r == 0)
		r = resolve_between(setup, view);
	if (r == -EINVAL)
		snprintf(message, size, "%s: $NAME stands for none of its arguments",
			 setup->target->name);
	return r;
}

int torn_setup_world(struct torn_arena *arena, const struct torn_target *target,
		     const struct torn_variant *variant, const struct torn_world *world,
		     struct torn_setup *ret_setup, char *ret_message, size_t size)
{
	struct torn_setup setup = {
		.target = target, .variant = variant, .world = world, .arena = arena};
	struct torn_case said;
	struct torn_case_error error;
	int r = torn_case_parse_world(torn_bytes_of(world->old), arena, &said, &error);
	if (r == 0)
		r = check_args(&said, &error.lines, target, &error);
	if (r == -EINVAL)
		snprintf(ret_message, size, "%s, old state \"%s\", line %u: %s", target->name,
			 world->name, error.line, error.message);
	if (r < 0)
		return r;
	setup.olds = said.olds;
	setup.olds_count = said.olds_count;
	r = take_args(&setup, &said);
	if (r == -EINVAL)
		snprintf(ret_message, size, "%s: a default argument is no word", target->name);
	if (r == 0)
		r = build(&setup, ret_message, size);
	if (r == 0)
		*ret_setup = setup;
	return r;
}

/* ------------------------------------------------------------------- cases */

/* Its faults stand behind those of the runs before it. */
static int check_plan(const struct torn_plan *plan, const struct torn_case_lines *lines,
		      const struct torn_variant *variant, uint32_t *number, struct torn_case_error *error)
{
	int r = plan->before ? check_plan(plan->before, lines, variant, number, error) : 0;
	if (r == 0 && plan->recovers && !variant->recovery)
		return refuse(error, lines->recovers, "expected run: %s has no recovery", variant->name);
	for (uint32_t i = 0; r == 0 && i < plan->faults_count; i++, ++*number) {
		const char *objection = torn_fault_objection(&plan->faults[i]);
		if (objection)
			r = refuse(error, lines->faults[*number], "expected a possible fault: %.190s",
				   objection);
	}
	return r;
}

static int check_names(const struct torn_case *c, const struct torn_case_lines *lines,
		       struct torn_setup *setup, struct torn_case_error *error)
{
	setup->target = torn_target_named(c->target);
	if (!setup->target)
		return refuse(error, lines->target, "expected a target (see torn list targets), found %.60s",
			      (const char *)c->target.data);
	setup->variant = c->variant.size ? torn_variant_named(setup->target, c->variant)
					 : &setup->target->variants[0];
	if (!setup->variant)
		return refuse(error, lines->target, "expected a variant of %s, found %.60s",
			      setup->target->name, (const char *)c->variant.data);
	const int r = check_args(c, lines, setup->target, error);
	if (r < 0)
		return r;
	if (c->expect != TORN_EXPECT_NOTHING && !torn_invariant_named(c->invariant))
		return refuse(error, lines->invariant,
			      "expected an invariant (see torn list invariants), found %.60s",
			      (const char *)c->invariant.data);
	uint32_t number = 0;
	return check_plan(&c->plan, lines, setup->variant, &number, error);
}

/* A world is an old state together with its arguments: it was declared for them. */
static bool is_world(struct torn_arena *arena, const struct torn_setup *setup,
		     const struct torn_world *world)
{
	char message[200];
	struct torn_setup other;
	if (torn_setup_world(arena, setup->target, setup->variant, world, &other, message,
			     sizeof message) < 0)
		return false;
	for (size_t i = 0; i < setup->run.args_count; i++)
		if (!torn_bytes_equal(setup->run.args[i].value, other.run.args[i].value))
			return false;
	return torn_tree_equal(other.old_tree, setup->old_tree);
}

/* -------------------------------------------------------------- any program */

/* A program is run by the tracer, never called. */
static int never_called(const struct torn_run *run)
{
	(void)run;
	abort();
}

static bool says_yes(const struct torn_setup *setup, const char *name)
{
	const struct torn_bytes value = arg_named(&setup->run, name, strlen(name));
	return torn_bytes_equal(value, torn_bytes_of("yes"));
}

/* "sed" of "/bin/sed": what reports call it. */
static const char *short_name(const struct torn_program *program, struct torn_arena *arena)
{
	const char *slash = strrchr(program->argv[0], '/');
	const char *name = slash && slash[1] ? slash + 1 : program->argv[0];
	uint8_t *plain = (uint8_t *)torn_arena_copy(arena, name, strlen(name)).data;
	for (uint8_t *at = plain; at && *at; at++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *at))
			*at = '_';
	return (const char *)plain;
}

/* What stands for a target where the program is any: everything that its case says. */
static int make_target(struct torn_setup *setup, const struct torn_case *c)
{
	static const struct torn_world worlds[] = {{"as it is", "", false}, {NULL, NULL, false}};
	struct torn_arena *arena = setup->arena;
	struct torn_target *target = torn_arena_take(arena, sizeof *target);
	struct torn_variant *variants = torn_arena_take(arena, 2 * sizeof *variants);
	const char **watch = torn_arena_take(arena, (c->watches_count + 1) * sizeof *watch);
	const char *name = short_name(setup->program, arena);
	if (!target || !variants || !watch || !name)
		return -ENOMEM;
	for (size_t i = 0; i < c->watches_count; i++)
		watch[i] = (const char *)c->watches[i].data;
	watch[c->watches_count] = NULL;
	variants[0] = (struct torn_variant){
		.name = name,
		.operation = never_called,
		.recovery = setup->program->recover ? never_called : NULL,
	};
	variants[1] = (struct torn_variant){.name = NULL};
	const struct torn_bytes ack = arg_named(&setup->run, "ack", 3);
	*target = (struct torn_target){
		.name = TORN_PROGRAM_TARGET,
		.summary = torn_program_text(setup->program, arena),
		.variants = variants,
		.worlds = worlds,
		.args = torn_program_args,
		.watch = watch,
		.promises = (says_yes(setup, "rerun") ? TORN_PROMISES_RETRY : 0u) |
			    (says_yes(setup, "together") ? TORN_PROMISES_TOGETHER : 0u) |
			    (says_yes(setup, "keep-metadata")
				     ? TORN_KEEPS_MODE | TORN_KEEPS_OWNER | TORN_KEEPS_XATTRS
				     : 0u),
		.is_program = true,
		.ack = ack.size ? (const char *)ack.data : NULL,
	};
	setup->target = target;
	setup->variant = &variants[0];
	setup->world = &worlds[0];
	return 0;
}

static int setup_program(struct torn_setup *setup, const struct torn_case *c,
			 const struct torn_case_lines *lines, struct torn_case_error *error)
{
	static const struct torn_target any = {.name = TORN_PROGRAM_TARGET, .args = torn_program_args};
	setup->target = &any;
	int r = check_args(c, lines, &any, error);
	if (r == 0)
		r = take_args(setup, c);
	if (r == 0)
		r = torn_program_of_case(c, setup->arena, &setup->program, error->message,
					 sizeof error->message);
	if (r == -EINVAL)
		error->line = lines->command;
	if (r == 0)
		r = make_target(setup, c);
	if (r == 0 && c->expect != TORN_EXPECT_NOTHING && !torn_invariant_named(c->invariant))
		r = refuse(error, lines->invariant,
			   "expected an invariant (see torn list invariants), found %.60s",
			   (const char *)c->invariant.data);
	uint32_t number = 0;
	if (r == 0)
		r = check_plan(&c->plan, lines, setup->variant, &number, error);
	if (r == 0)
		r = build(setup, error->message, sizeof error->message);
	return r;
}

int torn_setup_case(struct torn_arena *arena, const struct torn_case *c,
		    const struct torn_case_lines *lines, struct torn_setup *ret_setup,
		    struct torn_case_error *ret_error)
{
	struct torn_setup setup = {.arena = arena, .olds = c->olds, .olds_count = c->olds_count};
	if (c->command_count) {
		const int r = setup_program(&setup, c, lines, ret_error);
		if (r == 0)
			*ret_setup = setup;
		return r;
	}
	int r = check_names(c, lines, &setup, ret_error);
	if (r == 0)
		r = take_args(&setup, c);
	if (r < 0)
		return r;
	r = build(&setup, ret_error->message, sizeof ret_error->message);
	if (r == -EINVAL)
		ret_error->line = lines->olds && c->olds_count ? lines->olds[0] : 0;
	if (r < 0)
		return r;
	for (const struct torn_world *world = setup.target->worlds; world->name; world++)
		if (!setup.world && is_world(arena, &setup, world))
			setup.world = world;
	*ret_setup = setup;
	return 0;
}

/* Arguments that say nothing beyond their defaults are left out. */
static size_t without_defaults(struct torn_case_arg *args, size_t count, struct torn_arena *arena)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		const struct torn_default *d = torn_program_args;
		while (!torn_bytes_equal(torn_bytes_of(d->name), args[i].name))
			d++;
		if (!torn_bytes_equal(torn_word_value(d->value, arena), args[i].value))
			args[kept++] = args[i];
	}
	return kept;
}

static void program_to_case(const struct torn_setup *setup, struct torn_arena *arena, struct torn_case *c)
{
	size_t words = 0;
	while (setup->program->argv[words])
		words++;
	c->command = torn_arena_take(arena, words * sizeof *c->command);
	c->watches = (struct torn_bytes *)setup->promised.watch;
	c->watches_count = setup->promised.watch_count;
	c->args_count = without_defaults(c->args, c->args_count, arena);
	for (size_t i = 0; c->command && i < words; i++)
		c->command[i] = torn_bytes_of(setup->program->argv[i]);
	c->command_count = c->command ? words : 0;
}

void torn_setup_to_case(const struct torn_setup *setup, const struct torn_plan *plan,
			const char *invariant, struct torn_arena *arena, struct torn_case *ret_case)
{
	struct torn_case c = {
		.target = torn_bytes_of(setup->target->name),
		.variant = torn_bytes_of(setup->variant->name),
		.olds = (struct torn_old *)setup->olds,
		.olds_count = setup->olds_count,
		.plan = *plan,
		.expect = invariant ? TORN_EXPECT_VIOLATED : TORN_EXPECT_NOTHING,
		.invariant = torn_bytes_of(invariant ? invariant : ""),
		.args_count = setup->run.args_count,
	};
	c.args = torn_arena_take(arena, (c.args_count + 1) * sizeof *c.args);
	for (size_t i = 0; c.args && i < c.args_count; i++)
		c.args[i] = (struct torn_case_arg){torn_bytes_of(setup->run.args[i].name),
						   setup->run.args[i].value};
	if (!c.args)
		c.args_count = 0;
	if (setup->program)
		program_to_case(setup, arena, &c);
	torn_case_sort(&c);
	*ret_case = c;
}
