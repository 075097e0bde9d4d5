/*
 * shell.c: see shell.h.
 *
 * The published commands write in place: a kill leaves an empty file, an old mode stays. FIXED does by commands
 * what AtomicReplace does by calls. How it differs for all handlers, and the finding that asked for it:
 *   - a file is written beside its name, synced and renamed, and its directory synced (old-or-new, rollback-is-durable);
 *     its owner and mode are set (paths-agree);
 *   - the last byte, mode, owner and extended attributes are captured and come back (rollback-restores);
 *   - where a restore fails the file may be as it was all the same, in a directory that nobody may write to
 *     (rollback-completes: `torn fuzz`);
 *   - what cannot be taken back is refused before anything is changed (rollback-restores, rollback-completes, paths-agree:
 *     `torn fuzz`): a symlink on the way or at the end, what is no regular file, "." or ".." or a slash at the end, a
 *     name that has no room beside it, a file in the root itself, NULs, more than a command takes, attributes whose names
 *     getfattr escapes; and what cannot be looked at (rollback-restores).
 */
#include "shell.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "fsatomic_walk.h"

/* A quote ends the word, stands by itself, and begins it anew: POSIX sh, 2.2.2. */
void shell_quote(FILE *to, struct torn_bytes word)
{
	fputc('\'', to);
	for (size_t i = 0; i < word.size; i++) {
		if (word.data[i] == '\'')
			fputs("'\\''", to);
		else
			fputc(word.data[i], to);
	}
	fputc('\'', to);
}

bool shell_takes(struct torn_bytes word)
{
	size_t size = word.size;

	for (size_t i = 0; i < word.size; i++)
		size += word.data[i] == '\'' ? 3 : 0;
	return size <= SHELL_WORD_MAX;
}

static char *compose(const char *format, va_list arguments)
{
	char *command = NULL;
	size_t size = 0;

	FILE *to = open_memstream(&command, &size);
	if (!to)
		return NULL;
	for (const char *at = format; *at; at++) {
		if (*at != '%')
			fputc(*at, to);
		else if (*++at == 'q')
			shell_quote(to, va_arg(arguments, struct torn_bytes));
		else if (*at == 's')
			fputs(va_arg(arguments, const char *), to);
		else
			fputc(*at, to);
	}
	if (fclose(to) == 0)
		return command;
	free(command);
	return NULL;
}

char *shell_compose(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *command = compose(format, arguments);
	va_end(arguments);
	return command;
}

int shell_run(const struct kensa_context *context, char **ret_output, const char *format, ...)
{
	va_list arguments;
	char *output = NULL;

	va_start(arguments, format);
	char *command = compose(format, arguments);
	va_end(arguments);
	int status = command ? kensa_run(context, command, &output) : -1;
	free(command);
	if (status >= 0 && ret_output)
		*ret_output = output;
	else if (status >= 0)
		free(output);
	return status;
}

/* ------------------------------------------------------------------ a file */

#define ATTRIBUTES ".attributes"

static bool add_output(const struct kensa_context *context, struct kensa_prestate *state, const char *name,
		       const char *end, const char *format, struct torn_bytes path)
{
	char *output = NULL;

	if (shell_run(context, &output, format, path) != 0)
		return false;
	const size_t size = strlen(output), end_size = strlen(end);
	char *text = malloc(size + end_size + 1);
	bool is_added = false;
	if (text) {
		memcpy(text, output, size);
		memcpy(text + size, end, end_size + 1);
		is_added = kensa_prestate_add(state, name, text, size + end_size) == 0;
	}
	free(text);
	free(output);
	return is_added;
}

/* A transport of text ends at a NUL. */
static bool is_whole(const char *attributes, struct torn_bytes content)
{
	size_t size = 0;

	return sscanf(attributes, "%*s %*s %zu", &size) == 1 && content.size == size + 1;
}

/* Mode, owner and size; and a line NAME=0xVALUE for each extended attribute. */
#define ATTRIBUTES_MAX (SHELL_WORD_MAX / 4)
#define LOOK_AT "stat -c '%%a %%u:%%g %%s' %q && getfattr -d -m - -e hex --absolute-names %q"

static bool capture_attributes(const struct kensa_context *context, struct kensa_prestate *state,
			       const char *fact, struct torn_bytes path)
{
	char *output = NULL;

	int status = shell_run(context, &output, LOOK_AT, path, path);
	/* a name that getfattr escapes is not that by which setfattr would set it; each is a command of its own */
	bool is_added = status == 0 && !strchr(output, '\\') && strlen(output) <= ATTRIBUTES_MAX &&
			kensa_prestate_add(state, fact, output, strlen(output)) == 0;
	if (status >= 0)
		free(output);
	return is_added;
}

/* And a byte behind its last one, which no transport cuts off. */
static bool capture_all(const struct kensa_context *context, struct kensa_prestate *state, const char *name,
			struct torn_bytes path)
{
	char fact[sizeof(state->facts[0].name)];

	snprintf(fact, sizeof(fact), "%s" ATTRIBUTES, name);
	return capture_attributes(context, state, fact, path) &&
	       add_output(context, state, name, "", "cat %q && printf x", path) &&
	       is_whole(kensa_fact_text(state, fact), kensa_fact_bytes(state, name)) &&
	       shell_takes(kensa_fact_bytes(state, name));
}

/*
 * `test -e` says the same of a file that is not there and of one that cannot be looked at. No symlink leads to its
 * directory: by calls none is followed, and what is written somewhere else is not what was looked at.
 */
#define LOOK_FOR                                                                                   \
	"p=%q; d=${p%%/*}; b=${p##*/}; n='\n'; cd -P \"$d/\" && test \"$PWD\" = \"$d\" && l=$(ls -a) || exit 2;"  \
	" case \"$n$l$n\" in *\"$n$b$n\"*) ;; *) exit 1;; esac"

int shell_look_for(const struct kensa_context *context, const char *path)
{
	return shell_run(context, NULL, LOOK_FOR, torn_bytes_of(path));
}

int shell_look_for_file(const struct kensa_context *context, const char *path)
{
	return shell_run(context, NULL, LOOK_FOR "; test -f \"$p\" && test ! -L \"$p\" || exit 2", torn_bytes_of(path));
}

#define BESIDE ".kensa."

/* Is the name of the other file one that a directory takes? */
static bool has_room_beside(const char *path)
{
	return strlen(strrchr(path, '/') + 1) + strlen(BESIDE) + FSATOMIC_SUFFIX_SIZE - 1 <= NAME_MAX;
}

enum kensa_outcome shell_file_capture(const struct kensa_context *context, struct kensa_prestate *state,
				      const char *name, const char *path)
{
	const struct torn_bytes at = torn_bytes_of(path);
	bool is_captured;

	if (context->version == KENSA_FIXED && (!kensa_path_leads_down(path) || !has_room_beside(path)))
		return KENSA_CAPTURE_INCOMPLETE;
	int absent = context->version == KENSA_FIXED ? shell_look_for_file(context, path)
						     : shell_run(context, NULL, "test -e %q", at);

	if (absent < 0 || absent > 1)
		return KENSA_CAPTURE_INCOMPLETE;
	if (absent)
		is_captured = kensa_prestate_add(state, name, NULL, 0) == 0;
	else if (context->version == KENSA_FIXED)
		is_captured = capture_all(context, state, name, at);
	else
		is_captured = add_output(context, state, name, "\n", "cat %q", at);
	return is_captured ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE;
}

#define TAKEN 3 /* exit status */
#define TRIES 4

int shell_run_beside(const struct kensa_context *context, const char *path, const char *format, ...)
{
	char suffix[FSATOMIC_SUFFIX_SIZE], name[PATH_MAX + sizeof(BESIDE) + FSATOMIC_SUFFIX_SIZE];
	va_list arguments;
	int status = TAKEN;

	va_start(arguments, format);
	char *command = compose(format, arguments);
	va_end(arguments);
	for (unsigned i = 0; command && i < TRIES && status == TAKEN; i++) {
		fsatomic_random_suffix(suffix);
		snprintf(name, sizeof(name), "%s" BESIDE "%s", path, suffix);
		status = shell_run(context, NULL,
				   "T=%q; test ! -e \"$T\" && test ! -L \"$T\" || exit 3; { %s; } || { rm -f \"$T\"; exit 1; }",
				   torn_bytes_of(name), command);
	}
	free(command);
	if (status != 0 && status != TAKEN) /* a signal may have ended the shell before its own rm */
		(void)shell_run(context, NULL, "rm -f %q", torn_bytes_of(name));
	return status;
}

/* Make "$T", and of it the file; `attributes`: commands, each with " &&" behind it, that give more of them to "$T". */
static int replace(const struct kensa_context *context, const char *path, const char *mode, const char *owner,
		   const char *attributes, struct torn_bytes content)
{
	const struct torn_bytes at = torn_bytes_of(path);

	/* the mode last: one may be for nobody to write to */
	return shell_run_beside(context, path,
				"printf '%%s' %q > \"$T\" && chown %s \"$T\" && %s chmod %s \"$T\" && sync \"$T\" &&"
				" mv -f \"$T\" %q && sync \"$(dirname %q)\"",
				content, owner, attributes, mode, at, at);
}

enum kensa_outcome shell_file_write(const struct kensa_context *context, const char *path, const char *mode,
				    struct torn_bytes content)
{
	const struct torn_bytes at = torn_bytes_of(path);
	int status = context->version == KENSA_FIXED
			     ? replace(context, path, mode, "0:0", "", content)
			     : shell_run(context, NULL, "printf '%%s' %q > %q", content, at);

	return status == 0 ? KENSA_SUCCESS : KENSA_FAILED;
}

static int remove_file(const struct kensa_context *context, const char *path)
{
	const struct torn_bytes at = torn_bytes_of(path);

	if (context->version == KENSA_FIXED)
		return shell_run(context, NULL, "rm -f %q && sync \"$(dirname %q)\"", at, at);
	return shell_run(context, NULL, "rm -f %q", at);
}

static const char *attributes_of(const struct kensa_prestate *state, const char *name)
{
	char fact[sizeof(state->facts[0].name)];

	snprintf(fact, sizeof(fact), "%s" ATTRIBUTES, name);
	return kensa_fact_text(state, fact);
}

char *shell_set_attributes(const struct kensa_prestate *state, const char *name)
{
	const char *captured = attributes_of(state, name);
	char *commands = NULL;
	size_t size = 0;

	FILE *to = open_memstream(&commands, &size);
	if (!to)
		return NULL;
	for (const char *line = strchr(captured, '\n'); line; line = strchr(line, '\n')) {
		const char *equals = strchr(++line, '=');
		const char *end = line + strcspn(line, "\n");
		if (line[0] == '#' || !equals || equals > end)
			continue;
		fputs("setfattr -n ", to);
		shell_quote(to, (struct torn_bytes){(const uint8_t *)line, (size_t)(equals - line)});
		fprintf(to, " -v %.*s \"$T\" && ", (int)(end - equals - 1), equals + 1);
	}
	if (fclose(to) == 0)
		return commands;
	free(commands);
	return NULL;
}

/* Is a file what it was, and is it on disk? Then nothing is left to do in a directory that nobody may write to. */
static bool is_as_it_was(const struct kensa_context *context, const char *path, const char *captured,
			 struct torn_bytes content)
{
	const struct torn_bytes at = torn_bytes_of(path);

	return shell_run(context, NULL,
			 "test \"$(" LOOK_AT ")\" = %q && printf '%%s' %q | cmp -s - %q && sync %q &&"
			 " sync \"$(dirname %q)\"",
			 at, at, torn_bytes_of(captured), content, at, at, at) == 0;
}

static int restore_all(const struct kensa_context *context, const struct kensa_prestate *state,
		       const char *name, const char *path, struct torn_bytes content)
{
	const char *captured = attributes_of(state, name);
	char mode[16] = "", owner[32] = "";

	if (content.size == 0 || sscanf(captured, "%15s %31s", mode, owner) != 2)
		return -1;
	content.size--; /* the "x" */
	char *attributes = shell_set_attributes(state, name);
	int status = attributes ? replace(context, path, mode, owner, attributes, content) : -1;
	free(attributes);
	return status != 0 && is_as_it_was(context, path, captured, content) ? 0 : status;
}

enum kensa_outcome shell_file_restore(const struct kensa_context *context, const struct kensa_prestate *state,
				      const char *name, const char *path, const char *mode)
{
	const struct torn_bytes content = kensa_fact_bytes(state, name);

	if (content.data && context->version != KENSA_FIXED)
		return shell_file_write(context, path, mode, content);
	int status = content.data ? restore_all(context, state, name, path, content)
				  : remove_file(context, path);
	return status == 0 ? KENSA_SUCCESS : KENSA_ERROR;
}
