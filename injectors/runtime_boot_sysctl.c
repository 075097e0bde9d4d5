/*
 * runtime_boot_sysctl.c: sysctl.d(5) as systemd-sysctl reads it.
 *
 * The last line about a key is the one that is written; a line for the key itself goes before one with
 * a pattern, and "-KEY" without a value keeps patterns from it. Not modelled: /run/sysctl.d (lost with
 * the power), [...] in patterns, systemd-sysctl's --prefix.
 */
#include "runtime.h"
#include "runtime_boot.h"
#include "runtime_sysctl.h"

#define BLANKS " \t\r"

int torn_boot_sysctls_read(struct torn_arena *arena, const struct torn_node *root,
			   struct torn_boot_sysctls *ret_sysctls)
{
	static const char *const dirs[] = {"etc/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d", NULL};
	return torn_conf_collect(arena, root, dirs, ".conf", &ret_sysctls->files);
}

/* One byte of a line's key, as a path has it: where a dot comes first, dots and slashes are swapped. */
static uint8_t key_byte(uint8_t byte, bool is_dotted)
{
	if (!is_dotted || (byte != '.' && byte != '/'))
		return byte;
	return byte == '.' ? '/' : '.';
}

/* Does the first of "." and "/" say that dots separate? sysctl_normalize() */
static bool is_dotted(struct torn_bytes name)
{
	const size_t dot = torn_text_find(name, '.');
	return dot < name.size && dot < torn_text_find(name, '/');
}

/* glob(7) without brackets: "*" and "?" stop at a slash. */
static bool is_match(struct torn_bytes name, struct torn_bytes key, bool *ret_is_pattern)
{
	const bool dotted = is_dotted(name);
	size_t star = SIZE_MAX, again = 0, at = 0, in_key = 0;
	*ret_is_pattern = torn_text_find(name, '*') < name.size || torn_text_find(name, '?') < name.size;
	while (in_key < key.size || at < name.size) {
		const uint8_t byte = at < name.size ? key_byte(name.data[at], dotted) : 0;
		if (at < name.size && byte == '*') {
			star = at++;
			again = in_key;
		} else if (at < name.size && in_key < key.size &&
			   (byte == key.data[in_key] || (byte == '?' && key.data[in_key] != '/'))) {
			at++;
			in_key++;
		} else if (star != SIZE_MAX && again < key.size && key.data[again] != '/') {
			at = star + 1;
			in_key = ++again;
		} else {
			return false;
		}
	}
	return true;
}

struct setting {
	struct torn_bytes name, value;
	bool has_value;
};

static bool read_setting(struct torn_bytes line, struct setting *ret_setting)
{
	line = torn_text_trim(line, BLANKS);
	if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
		return false;
	const size_t equals = torn_text_find(line, '=');
	const bool has_value = equals < line.size;
	struct torn_bytes name = torn_text_trim((struct torn_bytes){line.data, equals}, BLANKS);
	if (name.size && name.data[0] == '-')
		name = torn_text_behind(name, 1);
	else if (!has_value)
		return false;
	while (name.size && name.data[0] == '/')
		name = torn_text_behind(name, 1);
	ret_setting->name = name;
	ret_setting->has_value = has_value;
	ret_setting->value = has_value ? torn_text_trim(torn_text_behind(line, equals + 1), BLANKS) : name;
	return true;
}

/* What is said of a key at last. Returns whether a value is to be written. */
static bool find_setting(const struct torn_conf_files *files, struct torn_bytes key, struct torn_bytes *ret_value)
{
	struct setting own = {.has_value = false}, of_pattern = {.has_value = false}, setting;
	bool is_named = false, is_pattern;
	for (size_t i = 0; i < files->count; i++) {
		struct torn_bytes rest = files->contents[i], line;
		while (torn_text_line(&rest, &line)) {
			if (!read_setting(line, &setting) || !is_match(setting.name, key, &is_pattern))
				continue;
			*(is_pattern ? &of_pattern : &own) = setting;
			is_named |= !is_pattern;
		}
	}
	const struct setting *last = is_named ? &own : &of_pattern;
	if (last->has_value)
		*ret_value = last->value;
	return last->has_value;
}

int torn_boot_sysctl(struct torn_arena *arena, const struct torn_boot_sysctls *sysctls, struct torn_bytes key,
		     struct torn_bytes now, struct torn_bytes *ret_content)
{
	const struct torn_sysctl *sysctl = torn_runtime_sysctl_find(key);
	struct torn_bytes content = now, value;
	struct torn_text text;
	torn_text_begin(&text, arena);
	if (sysctl) {
		torn_text_put(&text, sysctl->value);
		torn_text_put(&text, "\n");
	}
	int error = sysctl ? torn_text_end(&text, &content) : 0;
	if (error)
		return error;
	if (find_setting(sysctls->files, key, &value)) {
		torn_text_begin(&text, arena);
		torn_text_add(&text, value);
		torn_text_put(&text, "\n");
		error = torn_text_end(&text, &value);
		/* what the kernel refuses is logged, and boot goes on */
		if (!error && torn_runtime_sysctl(arena, key, content, value, &content) == -ENOMEM)
			error = -ENOMEM;
	}
	if (!error)
		*ret_content = content;
	return error;
}
