/*
 * old_text.c: see old_text.h for the grammar.
 *
 * Whether the lines of a case agree (a path said twice, or below a file) is not
 * known to one of them: case.c looks.
 */
#include "old_text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "blob_name.h"
#include "regular.h"
#include "sort.h"

#define OWNER_MAX (UINT32_MAX - 1) /* chown(2) takes the highest for "leave it" */

_Static_assert(offsetof(struct torn_xattr, name) == 0, "torn_sort wants the key first");

enum {
	OPTION_MODE = 1 << 0,
	OPTION_OWNER = 1 << 1,
	OPTION_XATTR = 1 << 2,
	OPTION_LACKS = 1 << 3
};

/* What `old` lines may say, by the word that says it. */
static const struct type_word {
	const char *word;
	enum torn_type type;
	uint32_t mode; /* unless said */
	unsigned options;
	bool absent, is_link;
	uint32_t mount;
} type_words[] = {
	{"absent", TORN_FILE, 0, 0, true, false, 0},
	{"file", TORN_FILE, 0644, OPTION_MODE | OPTION_OWNER | OPTION_XATTR, false, false, 0},
	{"dir", TORN_DIRECTORY, 0755, OPTION_MODE | OPTION_OWNER, false, false, 0},
	{"mount", TORN_DIRECTORY, 0755, OPTION_MODE | OPTION_OWNER | OPTION_LACKS, false, false, TORN_MOUNT},
	{"runtime", TORN_DIRECTORY, 0555, OPTION_MODE | OPTION_OWNER, false, false, TORN_MOUNT | TORN_RUNTIME},
	{"symlink", TORN_SYMLINK, 0777, 0, false, false, 0},
	{"fifo", TORN_FIFO, 0644, OPTION_MODE | OPTION_OWNER, false, false, 0},
	{"socket", TORN_SOCKET, 0644, OPTION_MODE | OPTION_OWNER, false, false, 0},
	{"link", TORN_FILE, 0, 0, false, true, 0},
};

static const struct {
	const char *word;
	unsigned option;
} option_words[] = {
	{"mode=", OPTION_MODE},
	{"owner=", OPTION_OWNER},
	{"xattr=", OPTION_XATTR},
	{"lacks=", OPTION_LACKS},
};

/* What a file system may lack, in the order in which it is written. */
static const struct {
	const char *word;
	enum torn_mount mount;
} lacks_words[] = {
	{"exchange", TORN_LACKS_EXCHANGE},
	{"tmpfile", TORN_LACKS_TMPFILE},
	{"link", TORN_LACKS_LINK},
	{"clone", TORN_LACKS_CLONE},
};

#define TYPE_WORDS_COUNT (sizeof(type_words) / sizeof(type_words[0]))
#define OPTION_WORDS_COUNT (sizeof(option_words) / sizeof(option_words[0]))
#define LACKS_WORDS_COUNT (sizeof(lacks_words) / sizeof(lacks_words[0]))

static const struct type_word *type_word_of(const struct torn_old *old)
{
	for (size_t i = 0; i < TYPE_WORDS_COUNT; i++) {
		const struct type_word *t = &type_words[i];
		if (t->absent == old->absent && t->is_link == old->is_link &&
		    t->mount == (old->mount & (TORN_MOUNT | TORN_RUNTIME)) &&
		    (old->absent || old->is_link || t->type == old->type))
			return t;
	}
	return NULL;
}

static bool starts_with(struct torn_bytes bytes, const char *prefix)
{
	size_t size = strlen(prefix);
	return bytes.size >= size && memcmp(bytes.data, prefix, size) == 0;
}

static struct torn_bytes without(struct torn_bytes bytes, size_t prefix_size)
{
	return (struct torn_bytes){bytes.data + prefix_size, bytes.size - prefix_size};
}

/* ----------------------------------------------------------------- reading */

/* What a line is read from, with and into. */
struct reader {
	struct torn_words *words;
	int folder_fd;
	struct torn_arena *arena;
};

static int copy_word(const struct reader *r, const struct torn_word *word,
		     struct torn_bytes *ret_value)
{
	struct torn_bytes value = torn_word_copy(word, r->arena);
	if (!value.data)
		return -ENOMEM;
	*ret_value = value;
	return 0;
}

static int copy_bytes(const struct reader *r, struct torn_bytes bytes, struct torn_bytes *ret_copy)
{
	struct torn_bytes copy = torn_arena_copy(r->arena, bytes.data, bytes.size);
	if (!copy.data)
		return -ENOMEM;
	*ret_copy = copy;
	return 0;
}

/* Return what is wrong with a path below the root, as what was expected; NULL: nothing. */
static const char *path_expected(struct torn_bytes path)
{
	if (path.size == 0)
		return "a path below the root";
	if (path.size > TORN_PATH_SIZE_MAX)
		return "a path of at most 4095 bytes";
	if (memchr(path.data, 0, path.size))
		return "a path without NUL";
	for (size_t start = 0; start <= path.size;) {
		const uint8_t *slash = memchr(path.data + start, '/', path.size - start);
		size_t end = slash ? (size_t)(slash - path.data) : path.size;
		size_t size = end - start;
		const uint8_t *component = path.data + start;
		if (size == 0)
			return "a path without empty components";
		if (component[0] == '.' && (size == 1 || (size == 2 && component[1] == '.')))
			return "a path without . and ..";
		if (size > TORN_NAME_SIZE_MAX)
			return "a path with components of at most 255 bytes";
		start = end + 1;
	}
	return NULL;
}

int torn_old_parse_path(struct torn_words *words, const char *what, struct torn_arena *arena,
			struct torn_bytes *ret_path)
{
	struct torn_word word;
	struct torn_bytes path;
	int error = torn_words_next_value(words, what, arena, &word, &path);
	if (error)
		return error;
	if (path.size && path.data[0] == '/')
		path = without(path, 1);
	const char *expected = path_expected(path);
	if (expected)
		return torn_words_refuse(words, &word, "%s", expected);
	*ret_path = path;
	return 0;
}

static int parse_path(const struct reader *r, const char *what, struct torn_bytes *ret_path)
{
	return torn_old_parse_path(r->words, what, r->arena, ret_path);
}

static int parse_mode(const struct reader *r, struct torn_bytes digits, uint32_t *ret_mode)
{
	uint32_t mode = 0;
	bool good = digits.size > 0;
	for (size_t i = 0; i < digits.size && good; i++) {
		mode = mode * 8 + (uint32_t)(digits.data[i] - '0');
		good = digits.data[i] >= '0' && digits.data[i] <= '7' && mode <= 07777;
	}
	if (!good)
		return torn_words_refuse_bytes(r->words, digits, "an octal mode from 0 to 07777");
	*ret_mode = mode;
	return 0;
}

static int parse_owner(const struct reader *r, struct torn_bytes text, struct torn_old *old)
{
	uint64_t uid, gid;
	const uint8_t *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
	size_t before = colon ? (size_t)(colon - text.data) : 0;
	if (!colon ||
	    !torn_word_number((struct torn_bytes){text.data, before}, 0, OWNER_MAX, &uid) ||
	    !torn_word_number(without(text, before + 1), 0, OWNER_MAX, &gid))
		return torn_words_refuse_bytes(
			r->words, text, "an owner U:G of two numbers up to %" PRIu32, OWNER_MAX);
	old->uid = (uint32_t)uid;
	old->gid = (uint32_t)gid;
	return 0;
}

/* One order, each once: what is read is printed as it stood. */
static int parse_lacks(const struct reader *r, struct torn_bytes text, struct torn_old *old)
{
	size_t next = 0;
	for (struct torn_bytes rest = text; rest.data;) {
		const uint8_t *comma = rest.size ? memchr(rest.data, ',', rest.size) : NULL;
		const struct torn_bytes word = {rest.data,
						comma ? (size_t)(comma - rest.data) : rest.size};
		while (next < LACKS_WORDS_COUNT &&
		       !torn_bytes_equal(word, torn_bytes_of(lacks_words[next].word)))
			next++;
		if (next == LACKS_WORDS_COUNT)
			return torn_words_refuse_bytes(
				r->words, word, "exchange, tmpfile, link, clone in this order, with commas");
		old->mount |= lacks_words[next++].mount;
		rest = comma ? without(rest, word.size + 1) : (struct torn_bytes){NULL, 0};
	}
	return 0;
}

static int parse_xattr(const struct reader *r, struct torn_bytes text, struct torn_xattr *ret_xattr)
{
	const uint8_t *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
	if (!colon)
		return torn_words_refuse_bytes(r->words, text, "an attribute NAME:VALUE");
	struct torn_bytes name = {text.data, (size_t)(colon - text.data)};
	struct torn_bytes value = without(text, name.size + 1);
	if (name.size == 0 || name.size > TORN_NAME_SIZE_MAX || memchr(name.data, 0, name.size))
		return torn_words_refuse_bytes(r->words, name,
					       "an attribute's name of 1 to 255 bytes without NUL");
	if (value.size > TORN_XATTR_SIZE_MAX)
		return torn_words_refuse_bytes(r->words, value,
					       "an attribute's value of at most 65536 bytes");
	int error = copy_bytes(r, name, &ret_xattr->name);
	return error ? error : copy_bytes(r, value, &ret_xattr->value);
}

/*
 * What the options of one `old` line have said. The attributes are counted
 * before they are read, because an arena cannot let an array grow.
 */
struct options {
	unsigned allowed, seen;
	struct torn_xattr *xattrs;
	uint32_t count, max;
};

static unsigned option_of(const struct torn_word *word)
{
	/* by its letters as they stand: "\x78attr=..." is a text and no option */
	struct torn_bytes letters = word->raw;
	if (word->kind == TORN_WORD_QUOTED)
		letters = without(letters, 1);
	for (size_t i = 0; i < OPTION_WORDS_COUNT; i++)
		if (starts_with(letters, option_words[i].word))
			return option_words[i].option;
	return 0;
}

static int begin_options(const struct reader *r, const struct torn_word *first, unsigned allowed,
			 struct options *ret_options)
{
	struct options options = {.allowed = allowed};
	struct torn_words ahead = *r->words;
	struct torn_word word = *first;
	while (allowed & OPTION_XATTR && word.kind != TORN_WORD_END) {
		options.max += option_of(&word) == OPTION_XATTR;
		if (torn_words_next(&ahead, &word))
			break; /* the walk proper comes here too, and says so */
	}
	if (options.max) {
		options.xattrs = torn_arena_take(r->arena, options.max * sizeof(*options.xattrs));
		if (!options.xattrs)
			return -ENOMEM;
	}
	*ret_options = options;
	return 0;
}

static const char *options_expected(unsigned allowed)
{
	return allowed & OPTION_XATTR	? "mode=, owner= or xattr= before the text"
	       : allowed & OPTION_LACKS ? "mode=, owner=, lacks= or the end of the line"
					: "mode=, owner= or the end of the line";
}

static int parse_option(const struct reader *r, const struct torn_word *word,
			struct options *options, struct torn_old *old)
{
	unsigned option = option_of(word);
	if (!(option & options->allowed))
		return torn_words_refuse(r->words, word, "%s", options_expected(options->allowed));
	if (option != OPTION_XATTR && option & options->seen)
		return torn_words_refuse(r->words, word, "each option once");
	options->seen |= option;
	struct torn_bytes text = word->raw;
	if (word->kind == TORN_WORD_QUOTED) {
		int error = copy_word(r, word, &text);
		if (error)
			return error;
	}
	if (option == OPTION_MODE)
		return parse_mode(r, without(text, strlen("mode=")), &old->mode);
	if (option == OPTION_OWNER)
		return parse_owner(r, without(text, strlen("owner=")), old);
	if (option == OPTION_LACKS)
		return parse_lacks(r, without(text, strlen("lacks=")), old);
	assert(options->count < options->max);
	int error =
		parse_xattr(r, without(text, strlen("xattr=")), &options->xattrs[options->count]);
	if (!error)
		options->count++;
	return error;
}

static int finish_options(const struct reader *r, const struct options *options,
			  struct torn_old *old)
{
	struct torn_xattr *xattrs = options->xattrs;
	torn_sort(xattrs, options->count, sizeof(*xattrs), NULL);
	for (uint32_t i = 1; i < options->count; i++)
		if (torn_bytes_equal(xattrs[i - 1].name, xattrs[i].name))
			return torn_words_refuse_bytes(r->words, xattrs[i].name,
						       "each attribute once");
	old->xattrs = options->count ? xattrs : NULL;
	old->xattrs_count = options->count;
	return 0;
}

/* Other bytes than those that the case was written with would be another trial. */
static int check_blob(const struct reader *r, const struct torn_word *word,
		      const struct torn_old *old)
{
	char reference[TORN_BLOB_REFERENCE_SIZE];
	if (!torn_blob_is_referred(old->file))
		return 0;
	torn_blob_reference(old->text, reference);
	if (torn_bytes_equal(old->file, torn_bytes_of(reference)))
		return 0;
	return torn_words_refuse(r->words, word,
				 "a blob whose name is the hash of its bytes (was it changed?)");
}

static int read_reference(const struct reader *r, const struct torn_word *word,
			  struct torn_old *old)
{
	if (r->folder_fd < 0)
		return torn_words_refuse(r->words, word,
					 "a text (a file reference needs a case file)");
	struct torn_bytes name = without(word->raw, 1);
	if (!torn_word_is_plain(name))
		return torn_words_refuse(r->words, word,
					 "a file reference of letters, digits and ./@%%+=:,~_-");
	if (path_expected(name))
		return torn_words_refuse(r->words, word,
					 "a file below the case's folder, without . and ..");
	int error = copy_word(r, word, &old->file);
	if (error)
		return error;
	error = torn_regular_read_below(r->folder_fd, (const char *)old->file.data + 1,
					TORN_CONTENT_SIZE_MAX, r->arena, &old->text);
	if (error && error != -ENOMEM) {
		char buffer[96];
		return torn_words_refuse(r->words, word, "%s",
					 torn_regular_expected(error, TORN_CONTENT_SIZE_MAX, buffer,
							       sizeof(buffer)));
	}
	return error ? error : check_blob(r, word, old);
}

/* The text of a file is the last word of its line; before it there are options. */
static int parse_file(const struct reader *r, const struct type_word *type, struct torn_old *old)
{
	static const char expected[] = "a text or @FILE";
	struct options options;
	struct torn_word word, next;
	int error = torn_words_next(r->words, &word);
	if (!error)
		error = begin_options(r, &word, type->options, &options);
	if (error)
		return error;
	for (;; word = next) {
		if (word.kind == TORN_WORD_END)
			return torn_words_refuse(r->words, &word, expected);
		error = torn_words_next(r->words, &next);
		if (error)
			return error;
		if (next.kind == TORN_WORD_END)
			break;
		error = parse_option(r, &word, &options, old);
		if (error)
			return error;
	}
	if (word.kind == TORN_WORD_BARE && option_of(&word))
		return torn_words_refuse(r->words, &word,
					 "%s behind the options (\"...\" if this is it)", expected);
	error = word.kind == TORN_WORD_REFERENCE ? read_reference(r, &word, old)
						 : copy_word(r, &word, &old->text);
	return error ? error : finish_options(r, &options, old);
}

static int parse_options(const struct reader *r, const struct type_word *type, struct torn_old *old)
{
	struct options options;
	struct torn_word word;
	int error = torn_words_next(r->words, &word);
	if (!error)
		error = begin_options(r, &word, type->options, &options);
	while (!error && word.kind != TORN_WORD_END) {
		error = parse_option(r, &word, &options, old);
		if (!error)
			error = torn_words_next(r->words, &word);
	}
	return error ? error : finish_options(r, &options, old);
}

static int parse_symlink(const struct reader *r, struct torn_old *old)
{
	struct torn_word word;
	int error =
		torn_words_next_value(r->words, "a symlink's text", r->arena, &word, &old->text);
	if (error)
		return error;
	if (old->text.size == 0 || old->text.size > TORN_PATH_SIZE_MAX ||
	    memchr(old->text.data, 0, old->text.size))
		return torn_words_refuse(r->words, &word,
					 "a symlink's text of 1 to 4095 bytes without NUL");
	return torn_words_finish(r->words);
}

int torn_old_parse(struct torn_words *words, int folder_fd, struct torn_arena *arena,
		   struct torn_old *ret_old)
{
	const struct reader r = {words, folder_fd, arena};
	struct torn_old old = {0};
	struct torn_word word;
	int error = parse_path(&r, "a path", &old.path);
	if (!error)
		error = torn_words_next(words, &word);
	if (error)
		return error;

	const struct type_word *type = NULL;
	for (size_t i = 0; i < TYPE_WORDS_COUNT && !type; i++)
		if (torn_word_is(&word, type_words[i].word))
			type = &type_words[i];
	if (!type)
		return torn_words_refuse(words, &word,
					 "one of absent, file, dir, mount, runtime, symlink, fifo, socket, link");
	old.type = type->type;
	old.mode = type->mode;
	old.absent = type->absent;
	old.is_link = type->is_link;
	old.mount = type->mount;

	if (type->is_link) {
		error = parse_path(&r, "the path of an old file", &old.text);
		if (!error)
			error = torn_words_finish(words);
	} else if (type->absent) {
		error = torn_words_finish(words);
	} else if (type->type == TORN_FILE) {
		error = parse_file(&r, type, &old);
	} else if (type->type == TORN_SYMLINK) {
		error = parse_symlink(&r, &old);
	} else {
		error = parse_options(&r, type, &old);
	}
	if (error)
		return error;
	*ret_old = old;
	return 0;
}

/* ---------------------------------------------------------------- printing */

const char *torn_old_name(const struct torn_old *old)
{
	return type_word_of(old)->word;
}

int torn_old_print(const struct torn_old *old, FILE *out)
{
	const struct type_word *type = type_word_of(old);
	assert(type);
	torn_word_print(old->path, out);
	fprintf(out, " %s", type->word);
	if (type->options & OPTION_MODE && old->mode != type->mode)
		fprintf(out, " mode=0%03" PRIo32, old->mode);
	if (type->options & OPTION_OWNER && (old->uid || old->gid))
		fprintf(out, " owner=%" PRIu32 ":%" PRIu32, old->uid, old->gid);
	const char *before = " lacks=";
	for (size_t i = 0; i < LACKS_WORDS_COUNT; i++) {
		if (!(old->mount & lacks_words[i].mount))
			continue;
		fprintf(out, "%s%s", before, lacks_words[i].word);
		before = ",";
	}
	for (uint32_t i = 0; type->options & OPTION_XATTR && i < old->xattrs_count; i++) {
		struct torn_bytes name = old->xattrs[i].name, value = old->xattrs[i].value;
		if (name.size && memchr(name.data, ':', name.size))
			return -EINVAL;
		const char *quote =
			torn_word_is_plain(name) && torn_word_is_plain(value) ? "" : "\"";
		fprintf(out, " %sxattr=", quote);
		torn_word_print_escaped(name, out);
		putc(':', out);
		torn_word_print_escaped(value, out);
		fputs(quote, out);
	}
	if (type->is_link || (!type->absent && type->type == TORN_SYMLINK)) {
		putc(' ', out);
		torn_word_print(old->text, out);
	} else if (!type->absent && type->type == TORN_FILE) {
		putc(' ', out);
		if (old->file.size)
			fwrite(old->file.data, 1, old->file.size, out);
		else if (option_of(&(struct torn_word){.kind = TORN_WORD_BARE, .raw = old->text}))
			torn_word_print_quoted(old->text, out);
		else
			torn_word_print(old->text, out);
	}
	return 0;
}

const char *torn_old_word(size_t number)
{
	if (number < TYPE_WORDS_COUNT)
		return type_words[number].word;
	number -= TYPE_WORDS_COUNT;
	if (number < OPTION_WORDS_COUNT)
		return option_words[number].word;
	number -= OPTION_WORDS_COUNT;
	return number < LACKS_WORDS_COUNT ? lacks_words[number].word : NULL;
}
