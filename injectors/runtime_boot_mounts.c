/*
 * runtime_boot_mounts.c: how mounts stand after boot, from fstab(5).
 *
 * Only mounts that mountinfo has are looked at: what fstab has beyond them is not mounted by this model,
 * and what fstab does not name keeps its options. The first line of a mount point counts, as with
 * systemd-fstab-generator(8) ("Duplicate entry in /etc/fstab?").
 */
#include <sys/mount.h>

#include "runtime.h"
#include "runtime_boot.h"
#include "runtime_mount_options.h"

#define BLANKS " \t\r"

/* The options of a mount point's first line. */
static bool find_entry(struct torn_bytes fstab, struct torn_bytes at, struct torn_bytes *ret_options)
{
	struct torn_bytes line, source, point, type;
	while (torn_text_line(&fstab, &line)) {
		if (torn_text_begins(torn_text_trim(line, BLANKS), "#"))
			continue;
		if (!torn_text_word(&line, BLANKS, &source) || !torn_text_word(&line, BLANKS, &point) ||
		    !torn_text_word(&line, BLANKS, &type))
			continue;
		while (point.size > 1 && point.data[point.size - 1] == '/')
			point.size--;
		if (!torn_bytes_equal(point, at) || torn_text_is(type, "swap"))
			continue;
		if (!torn_text_word(&line, BLANKS, ret_options))
			*ret_options = torn_bytes_of("defaults");
		return true;
	}
	return false;
}

struct fields {
	struct torn_bytes before, at, options, between, type, source, super;
};

/* A line of mountinfo around the two fields that are to be made anew. */
static bool read_fields(struct torn_bytes line, struct fields *ret_fields)
{
	struct fields *fields = ret_fields;
	struct torn_bytes rest = line, word;
	for (int i = 0; i < 4; i++)
		if (!torn_text_word(&rest, " ", &word))
			return false;
	if (!torn_text_word(&rest, " ", &fields->at) || !torn_text_word(&rest, " ", &fields->options))
		return false;
	fields->before = (struct torn_bytes){line.data, (size_t)(fields->options.data - line.data)};
	do
		if (!torn_text_word(&rest, " ", &word))
			return false;
	while (!torn_text_is(word, "-"));
	if (!torn_text_word(&rest, " ", &fields->type) || !torn_text_word(&rest, " ", &fields->source) ||
	    !torn_text_word(&rest, " ", &fields->super))
		return false;
	const uint8_t *between = fields->options.data + fields->options.size;
	fields->between = (struct torn_bytes){between, (size_t)(fields->super.data - between)};
	return true;
}

/* Mount it as fstab says: -EINVAL where it refuses that. */
static int mount_anew(struct torn_arena *arena, struct torn_bytes words, struct fields *fields)
{
	struct torn_mount_words read;
	int error = torn_mount_words_read(arena, words, &read);
	if (error || read.is_noauto)
		return error;
	/* Others show what mkfs set as well: that stays. */
	const bool shows_all = torn_text_is(fields->type, "tmpfs") || torn_text_is(fields->type, "proc");
	if (!read.is_bind)
		error = torn_super_options_make(arena, fields->type, read.flags, read.data,
						shows_all ? torn_bytes_of("") : fields->super, &fields->super);
	if (error)
		return error;
	struct torn_text text;
	torn_text_begin(&text, arena);
	torn_mount_options_print(&text, read.flags, false, fields->options);
	return torn_text_end(&text, &fields->options);
}

int torn_boot_mounts(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
		     struct torn_bytes *ret_mountinfo)
{
	struct torn_bytes fstab, line, words;
	int error = torn_conf_read(arena, root, torn_bytes_of("etc/fstab"), &fstab);
	struct torn_text text;
	torn_text_begin(&text, arena);
	while (!error && torn_text_line(&now, &line)) {
		struct fields fields;
		if (read_fields(line, &fields) && find_entry(fstab, fields.at, &words)) {
			error = mount_anew(arena, words, &fields);
			torn_text_add(&text, fields.before);
			torn_text_add(&text, fields.options);
			torn_text_add(&text, fields.between);
			torn_text_add(&text, fields.super);
			error = error == -EINVAL ? 0 : error;
		} else {
			torn_text_add(&text, line);
		}
		torn_text_put(&text, "\n");
	}
	return error ? error : torn_text_end(&text, ret_mountinfo);
}
