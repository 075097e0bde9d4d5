/*
 * runtime_boot_modules.c: which modules are there after boot.
 *
 * Those that are loaded now, but for those that modprobe.d(5) keeps away: by "install NAME COMMAND" with
 * another command than modprobe; by "blacklist NAME", where no other module uses it (a dependency is
 * loaded all the same). Then those of modules-load.d(5), to which both apply (KMOD_PROBE_APPLY_BLACKLIST).
 * Not modelled: what was unloaded by hand and would come back by its alias, `softdep`, the kernel's
 * command line. A world names in modules-load.d what boot is to load.
 */
#include "runtime.h"
#include "runtime_boot.h"

#define BLANKS " \t\r"

/* '-' and '_' are one in a module's name. */
static bool is_module(struct torn_bytes a, struct torn_bytes b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if ((a.data[i] == '-' ? '_' : a.data[i]) != (b.data[i] == '-' ? '_' : b.data[i]))
			return false;
	return true;
}

static bool runs_modprobe(struct torn_bytes command)
{
	struct torn_bytes word;
	while (torn_text_word(&command, BLANKS ";&|", &word))
		if (torn_text_is(word, "modprobe") || torn_text_ends(word, "/modprobe") ||
		    torn_text_is(word, "insmod") || torn_text_ends(word, "/insmod"))
			return true;
	return false;
}

/* One line of modprobe.d(5): does it keep that module away? */
static bool keeps_away(struct torn_bytes line, struct torn_bytes module, bool is_used)
{
	struct torn_bytes command, name;
	if (!torn_text_word(&line, BLANKS, &command) || !torn_text_word(&line, BLANKS, &name) ||
	    !is_module(name, module))
		return false;
	if (torn_text_is(command, "install"))
		return !runs_modprobe(line);
	return torn_text_is(command, "blacklist") && !is_used;
}

static bool is_kept_away(const struct torn_conf_files *files, struct torn_bytes module, bool is_used)
{
	for (size_t i = 0; i < files->count; i++) {
		struct torn_bytes rest = files->contents[i], line;
		while (torn_text_line(&rest, &line))
			if (keeps_away(line, module, is_used))
				return true;
	}
	return false;
}

/* Lines of /proc/modules of those that boot loads again. */
static int keep_loaded(struct torn_arena *arena, const struct torn_conf_files *modprobe, struct torn_bytes now,
		       struct torn_bytes *ret_modules)
{
	struct torn_text text;
	struct torn_bytes rest = now, line;
	torn_text_begin(&text, arena);
	while (torn_text_line(&rest, &line)) {
		struct torn_bytes fields = line, name = {NULL, 0}, users = {NULL, 0};
		torn_text_word(&fields, " ", &name);
		for (int i = 0; i < 3; i++)
			torn_text_word(&fields, " ", &users);
		if (name.size && is_kept_away(modprobe, name, users.size && !torn_text_is(users, "-")))
			continue;
		torn_text_add(&text, line);
		torn_text_put(&text, "\n");
	}
	return torn_text_end(&text, ret_modules);
}

int torn_boot_modules(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
		      struct torn_bytes *ret_modules)
{
	static const char *const of_modprobe[] = {"etc/modprobe.d", "usr/local/lib/modprobe.d",
						  "usr/lib/modprobe.d", "lib/modprobe.d", NULL};
	static const char *const of_load[] = {"etc/modules-load.d", "usr/local/lib/modules-load.d",
					      "usr/lib/modules-load.d", NULL};
	struct torn_conf_files *modprobe, *load;
	struct torn_bytes modules, name;
	int error = torn_conf_collect(arena, root, of_modprobe, ".conf", &modprobe);
	if (!error)
		error = torn_conf_collect(arena, root, of_load, ".conf", &load);
	if (!error)
		error = keep_loaded(arena, modprobe, now, &modules);
	for (size_t i = 0; !error && i < load->count; i++) {
		struct torn_bytes rest = load->contents[i], line;
		while (!error && torn_text_line(&rest, &line)) {
			name = torn_text_trim(line, BLANKS);
			if (name.size == 0 || name.data[0] == '#' || name.data[0] == ';' ||
			    is_kept_away(modprobe, name, false))
				continue;
			error = torn_runtime_module_insert(arena, modules, name, &modules);
			if (error == -EEXIST)
				error = 0;
		}
	}
	if (!error)
		*ret_modules = modules;
	return error;
}
