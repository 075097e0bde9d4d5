/*
 * runtime_modules.c: what delete_module(2) and finit_module(2) make of /proc/modules.
 *
 * From kernel/module/main.c and procfs.c of 6.x: this was read, not measured, because a kernel for
 * tests seldom has modules. A line: name, size, users' count, "a,b," or "-" (who uses it, with
 * "[permanent]," where it cannot go), state, address. Not modelled: forced removal (O_TRUNC, where
 * CONFIG_MODULE_FORCE_UNLOAD is set) and taint flags. What is in use is EWOULDBLOCK whatever the flags
 * are: kernels have not waited since 3.13 (try_stop_module()).
 */
#include <string.h>

#include "runtime.h"
#include "runtime_text.h"

#define SIZE_OF_NEW "16384" /* four pages: nobody can tell from a name */

struct module {
	struct torn_bytes name, size, count, users, behind; /* behind: state, address and what follows */
};

static bool read_module(struct torn_bytes line, struct module *ret_module)
{
	struct module *module = ret_module;
	const bool is_whole = torn_text_word(&line, " ", &module->name) &&
			      torn_text_word(&line, " ", &module->size) &&
			      torn_text_word(&line, " ", &module->count) &&
			      torn_text_word(&line, " ", &module->users);
	module->behind = torn_text_trim(line, " ");
	return is_whole && module->behind.size > 0;
}

static bool find_module(struct torn_bytes modules, struct torn_bytes name, struct module *ret_module)
{
	struct torn_bytes line;
	while (torn_text_line(&modules, &line))
		if (read_module(line, ret_module) && torn_bytes_equal(ret_module->name, name))
			return true;
	return false;
}

/* Does another module use it? Those are what stands before "[permanent],". */
static bool has_users(const struct module *module)
{
	return !torn_text_is(module->users, "-") && !torn_text_begins(module->users, "[");
}

static bool is_used_by(const struct module *module, struct torn_bytes name)
{
	struct torn_bytes users = module->users, user;
	while (torn_text_word(&users, ",", &user))
		if (torn_bytes_equal(user, name))
			return true;
	return false;
}

/* In delete_module(2)'s own order: who uses it, its state, whether it can go, its count. */
static int check_delete(const struct module *module)
{
	uint64_t count;
	if (has_users(module))
		return -EWOULDBLOCK;
	if (!torn_text_begins(module->behind, "Live"))
		return -EBUSY;
	if (torn_text_ends(module->users, "[permanent],"))
		return -EBUSY;
	return torn_text_decimal(module->count, &count) && count > 0 ? -EWOULDBLOCK : 0;
}

/* A module without one of those that use it, which had one count: module_unload_free(). */
static void print_without(struct torn_text *text, const struct module *module, struct torn_bytes gone)
{
	uint64_t count = 0;
	bool any = false;
	struct torn_bytes users = module->users, user;
	torn_text_decimal(module->count, &count);
	torn_text_add(text, module->name);
	torn_text_put(text, " ");
	torn_text_add(text, module->size);
	torn_text_put(text, " ");
	torn_text_number(text, count ? count - 1 : 0);
	torn_text_put(text, " ");
	while (torn_text_word(&users, ",", &user)) {
		if (torn_bytes_equal(user, gone))
			continue;
		torn_text_add(text, user);
		torn_text_put(text, ",");
		any = true;
	}
	torn_text_put(text, any ? " " : "- ");
	torn_text_add(text, module->behind);
	torn_text_put(text, "\n");
}

int torn_runtime_module_delete(struct torn_arena *arena, struct torn_bytes modules, struct torn_bytes name,
			       uint32_t flags, struct torn_bytes *ret_modules)
{
	struct module module;
	(void)flags;
	if (!find_module(modules, name, &module))
		return -ENOENT;
	const int error = check_delete(&module);
	if (error)
		return error;
	struct torn_text text;
	struct torn_bytes line;
	torn_text_begin(&text, arena);
	while (torn_text_line(&modules, &line)) {
		const bool is_module = read_module(line, &module);
		if (is_module && torn_bytes_equal(module.name, name))
			continue;
		if (is_module && is_used_by(&module, name)) {
			print_without(&text, &module, name);
			continue;
		}
		torn_text_add(&text, line);
		torn_text_put(&text, "\n");
	}
	return torn_text_end(&text, ret_modules);
}

int torn_runtime_module_insert(struct torn_arena *arena, struct torn_bytes modules, struct torn_bytes name,
			       struct torn_bytes *ret_modules)
{
	struct torn_bytes own = torn_arena_copy(arena, name.data, name.size);
	if (!own.data)
		return -ENOMEM;
	for (size_t i = 0; i < own.size; i++)
		if (own.data[i] == '-')
			((uint8_t *)own.data)[i] = '_';
	struct module module;
	if (find_module(modules, own, &module))
		return -EEXIST;
	/* the newest comes first: list_add_rcu() in add_unformed_module() */
	struct torn_text text;
	torn_text_begin(&text, arena);
	torn_text_add(&text, own);
	torn_text_put(&text, " " SIZE_OF_NEW " 0 - Live 0x0000000000000000\n");
	torn_text_add(&text, modules);
	return torn_text_end(&text, ret_modules);
}
