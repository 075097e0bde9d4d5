/*
 * runtime_mount_options.c: see runtime_mount_options.h.
 *
 * A mount has flags of its own (do_reconfigure_mnt(), show_mnt_opts()), its superblock has others
 * (reconfigure_super(), show_sb_opts()) and what its file system shows. Measured on 6.18 for tmpfs and
 * proc: runtime_mounts_kernel_test.c. Other file systems are taken at their word: an option with "=" goes over
 * one of the same name, and only words that mount(8) alone knows are refused.
 * Not modelled: sizes in % of the machine's memory are kept as they are written.
 */
#include "runtime_mount_options.h"

#include <string.h>
#include <sys/mount.h>

#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

#define OPTIONS_MAX 64u /* of one superblock, and of what is asked */
#define ATIME_FLAGS (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)

struct flag {
	const char *word;
	uint64_t flag;
};

/* ---------------------------------------------------------------- a mount */

/* In the order of show_mnt_opts(). */
static const struct flag mount_flags[] = {
	{"nosuid", MS_NOSUID},	 {"nodev", MS_NODEV},		{"noexec", MS_NOEXEC},
	{"noatime", MS_NOATIME}, {"nodiratime", MS_NODIRATIME}, {"relatime", MS_RELATIME},
	{"nosymfollow", MS_NOSYMFOLLOW},
};

static uint64_t flags_of(struct torn_bytes options)
{
	uint64_t flags = 0;
	struct torn_bytes word;
	while (torn_text_word(&options, ",", &word))
		for (size_t i = 0; i < sizeof mount_flags / sizeof mount_flags[0]; i++)
			if (torn_text_is(word, mount_flags[i].word))
				flags |= mount_flags[i].flag;
	return flags;
}

/* path_mount(): relatime unless something else is said, and noatime takes its place. */
static uint64_t atime_of(uint64_t flags)
{
	uint64_t atime = flags & MS_NODIRATIME;
	if (flags & MS_STRICTATIME)
		return atime;
	return atime | (flags & MS_NOATIME ? MS_NOATIME : MS_RELATIME);
}

void torn_mount_options_print(struct torn_text *text, uint64_t flags, bool is_remount, struct torn_bytes old)
{
	const uint64_t atime = is_remount && !(flags & ATIME_FLAGS) ? flags_of(old) & ATIME_FLAGS
								    : atime_of(flags);
	const uint64_t all = (flags & ~(uint64_t)ATIME_FLAGS) | atime;
	torn_text_put(text, flags & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < sizeof mount_flags / sizeof mount_flags[0]; i++) {
		if (!(all & mount_flags[i].flag))
			continue;
		torn_text_put(text, ",");
		torn_text_put(text, mount_flags[i].word);
	}
}

/* ----------------------------------------------------------- a superblock */

/* In the order of show_sb_opts(). */
static const struct flag super_flags[] = {
	{"sync", MS_SYNCHRONOUS}, {"dirsync", MS_DIRSYNC}, {"mand", MS_MANDLOCK}, {"lazytime", MS_LAZYTIME},
};

/* What data may say of these flags: common_set_sb_flag[] and common_clear_sb_flag[] of fs/fs_context.c. */
static const struct {
	const char *word;
	uint64_t flag;
	bool sets;
} super_words[] = {
	{"ro", MS_RDONLY, true},	{"rw", MS_RDONLY, false},
	{"sync", MS_SYNCHRONOUS, true}, {"async", MS_SYNCHRONOUS, false},
	{"dirsync", MS_DIRSYNC, true},	{"lazytime", MS_LAZYTIME, true},
	{"nolazytime", MS_LAZYTIME, false}, {"mand", MS_MANDLOCK, true}, {"nomand", MS_MANDLOCK, false},
};

/* What a remount without a word of them takes away: MS_RMT_MASK. */
#define REMOUNT_FLAGS (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME)

/* Words of fstab(5) that mount(8) makes flags of, or keeps: no file system knows one. */
static const char *const words_of_mount[] = {
	"defaults", "auto",   "noauto",	 "user",    "nouser",	"users",      "owner",	     "group",
	"nofail",   "_netdev", "suid",	 "nosuid",  "dev",	"nodev",      "exec",	     "noexec",
	"atime",    "noatime", "relatime", "norelatime", "strictatime", "diratime", "nodiratime", "remount",
	"bind",     "rbind",
};

enum form { FORM_SIZE, FORM_COUNT, FORM_MODE, FORM_ID, FORM_HIDEPID, FORM_SUBSET };

/* What a file system takes, in the order in which it shows it; of tmpfs the rest is not modelled. */
static const struct option_form {
	const char *type, *name;
	enum form form;
	bool stays; /* a remount takes it and does nothing: shmem_reconfigure() */
} option_forms[] = {
	{"tmpfs", "size=", FORM_SIZE, false},	  {"tmpfs", "nr_inodes=", FORM_COUNT, false},
	{"tmpfs", "mode=", FORM_MODE, true},	  {"tmpfs", "uid=", FORM_ID, true},
	{"tmpfs", "gid=", FORM_ID, true},	  {"proc", "gid=", FORM_ID, false},
	{"proc", "hidepid=", FORM_HIDEPID, false}, {"proc", "subset=", FORM_SUBSET, false},
};

#define FORMS_COUNT (sizeof option_forms / sizeof option_forms[0])

struct options {
	struct torn_bytes words[OPTIONS_MAX]; /* as mountinfo shows them */
	size_t count;
};

static struct torn_bytes name_of(struct torn_bytes word)
{
	const size_t equals = torn_text_find(word, '=');
	return (struct torn_bytes){word.data, equals < word.size ? equals + 1 : word.size};
}

static bool is_known_type(struct torn_bytes type)
{
	return torn_text_is(type, "tmpfs") || torn_text_is(type, "proc");
}

static const struct option_form *form_of(struct torn_bytes type, struct torn_bytes word)
{
	for (size_t i = 0; i < FORMS_COUNT; i++)
		if (torn_text_is(type, option_forms[i].type) && torn_text_is(name_of(word), option_forms[i].name))
			return &option_forms[i];
	return NULL;
}

static void drop(struct options *options, struct torn_bytes name)
{
	size_t kept = 0;
	for (size_t i = 0; i < options->count; i++)
		if (!torn_bytes_equal(name_of(options->words[i]), name))
			options->words[kept++] = options->words[i];
	options->count = kept;
}

/* Returns 0, or -EINVAL where there is no room. */
static int set(struct options *options, struct torn_bytes word)
{
	drop(options, name_of(word));
	if (options->count == OPTIONS_MAX)
		return -EINVAL;
	options->words[options->count++] = word;
	return 0;
}

/* memparse(): decimal digits and k, m, g, t. */
static bool read_size(struct torn_bytes text, uint64_t *ret_size)
{
	static const char units[] = "kmgt";
	uint64_t factor = 1, size;
	for (size_t i = 0; i < sizeof units - 1 && text.size; i++) {
		if ((text.data[text.size - 1] | 0x20) != (uint8_t)units[i])
			continue;
		factor = UINT64_C(1) << 10 * (i + 1);
		text.size--;
		break;
	}
	return torn_text_decimal(text, &size) && !__builtin_mul_overflow(size, factor, ret_size);
}

static bool read_octal(struct torn_bytes text, uint64_t *ret_number)
{
	uint64_t number = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '7' || number > UINT32_MAX >> 3)
			return false;
		number = number << 3 | (uint64_t)(text.data[i] - '0');
	}
	*ret_number = number;
	return text.size > 0;
}

/* proc_parse_hidepid_param(): numbers 0, 1, 2, 4 and their names. */
static bool read_hidepid(struct torn_bytes text, const char **ret_name)
{
	static const struct {
		const char *number, *name;
	} names[] = {{"0", "off"}, {"1", "noaccess"}, {"2", "invisible"}, {"4", "ptraceable"}};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!torn_text_is(text, names[i].number) && !torn_text_is(text, names[i].name))
			continue;
		*ret_name = names[i].name;
		return true;
	}
	return false;
}

/* What is shown of a value; nothing of a default. Returns false for what is refused. */
static bool print_value(struct torn_text *text, const struct option_form *form, struct torn_bytes value)
{
	uint64_t number = 0;
	const char *name;
	switch (form->form) {
	case FORM_SIZE: /* pages, of which the kernel shows KiB: shmem_show_options() */
		if (torn_text_ends(value, "%")) {
			torn_text_add(text, value);
			return torn_text_decimal((struct torn_bytes){value.data, value.size - 1}, &number);
		}
		if (!read_size(value, &number) || number > UINT64_MAX - 4095)
			return false;
		torn_text_number(text, (number + 4095) / 4096 * 4);
		torn_text_put(text, "k");
		return true;
	case FORM_COUNT:
		if (!read_size(value, &number))
			return false;
		torn_text_number(text, number);
		return true;
	case FORM_MODE: /* %03ho */
		if (!read_octal(value, &number))
			return false;
		for (int shift = (number & 07777) > 0777 ? 9 : 6; shift >= 0 && (number & 07777) != 01777; shift -= 3)
			torn_text_number(text, number >> shift & 7);
		return true;
	case FORM_ID:
		if (!torn_text_decimal(value, &number) || number >= UINT32_MAX)
			return false;
		if (number)
			torn_text_number(text, number);
		return true;
	case FORM_HIDEPID:
		if (!read_hidepid(value, &name))
			return false;
		if (strcmp(name, "off") != 0)
			torn_text_put(text, name);
		return true;
	case FORM_SUBSET:
		torn_text_add(text, value);
		return torn_text_is(value, "pid");
	}
	return false;
}

/* One word of data for a file system whose options torn knows. Returns 0, -EINVAL, -ENOMEM. */
static int take_known(struct torn_arena *arena, struct torn_bytes type, struct torn_bytes word,
		      bool is_remount, struct options *options)
{
	const struct option_form *form = form_of(type, word);
	if (!form)
		return -EINVAL;
	struct torn_text text;
	torn_text_begin(&text, arena);
	torn_text_put(&text, form->name);
	const size_t before = text.size;
	if (!print_value(&text, form, torn_text_behind(word, name_of(word).size)))
		return -EINVAL;
	if (form->stays && is_remount)
		return 0;
	struct torn_bytes shown;
	const int error = torn_text_end(&text, &shown);
	if (error)
		return error;
	if (shown.size == before) {
		drop(options, name_of(word));
		return 0;
	}
	return set(options, shown);
}

static int take_unknown(struct torn_arena *arena, struct torn_bytes word, struct options *options)
{
	for (size_t i = 0; i < sizeof words_of_mount / sizeof words_of_mount[0]; i++)
		if (torn_text_is(word, words_of_mount[i]))
			return -EINVAL;
	struct torn_text text;
	struct torn_bytes shown;
	torn_text_begin(&text, arena);
	torn_text_escape(&text, word, " \t\n\\");
	const int error = torn_text_end(&text, &shown);
	return error ? error : set(options, shown);
}

/* Is it a word of the superblock's own flags? */
static bool take_flag(struct torn_bytes word, uint64_t *flags)
{
	for (size_t i = 0; i < sizeof super_words / sizeof super_words[0]; i++) {
		if (!torn_text_is(word, super_words[i].word))
			continue;
		*flags = super_words[i].sets ? *flags | super_words[i].flag : *flags & ~super_words[i].flag;
		return true;
	}
	return false;
}

/* What is there: flags, and the file system's own. Returns 0 or -EINVAL where they are too many. */
static int read_old(struct torn_bytes old, uint64_t *ret_flags, struct options *options)
{
	struct torn_bytes word;
	while (torn_text_word(&old, ",", &word))
		if (!take_flag(word, ret_flags) && set(options, word) < 0)
			return -EINVAL;
	return 0;
}

static void print_super(struct torn_text *text, struct torn_bytes type, uint64_t flags,
			const struct options *options)
{
	torn_text_put(text, flags & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < sizeof super_flags / sizeof super_flags[0]; i++) {
		if (!(flags & super_flags[i].flag))
			continue;
		torn_text_put(text, ",");
		torn_text_put(text, super_flags[i].word);
	}
	/* known ones in their order, the others as they came */
	for (size_t form = 0; form <= FORMS_COUNT; form++) {
		for (size_t i = 0; i < options->count; i++) {
			const struct option_form *own = form_of(type, options->words[i]);
			if (own != (form < FORMS_COUNT ? &option_forms[form] : NULL))
				continue;
			torn_text_put(text, ",");
			torn_text_add(text, options->words[i]);
		}
	}
}

int torn_super_options_make(struct torn_arena *arena, struct torn_bytes type, uint64_t flags,
			    struct torn_bytes data, struct torn_bytes old, struct torn_bytes *ret_options)
{
	struct options options = {.count = 0};
	uint64_t now = 0;
	int error = read_old(old, &now, &options);
	if (error)
		return error;
	const bool is_remount = old.size > 0;
	now = is_remount ? (now & ~(uint64_t)REMOUNT_FLAGS) | (flags & REMOUNT_FLAGS) : flags;
	struct torn_bytes word;
	while (!error && torn_text_word(&data, ",", &word))
		if (is_remount && torn_text_is(word, "dirsync"))
			error = -EINVAL; /* not of MS_RMT_MASK: reconfigure_super() */
		else if (!take_flag(word, &now))
			error = is_known_type(type) ? take_known(arena, type, word, is_remount, &options)
						    : take_unknown(arena, word, &options);
	if (error)
		return error;
	struct torn_text text;
	torn_text_begin(&text, arena);
	print_super(&text, type, now, &options);
	return torn_text_end(&text, ret_options);
}
