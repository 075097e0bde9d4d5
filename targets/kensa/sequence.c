/* sequence.c: operations on a transport, one after the other, told on stdout. See transport.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "transport.h"

/* Of what is read so much is told. */
#define TOLD_MAX 48u

/* "replace", "/etc/f", "text": the last two may be "". */
struct operation {
	const char *verb, *name, *text;
};

struct verb {
	const char *word;
	enum kensa_named names;
	enum fsatomic_error (*run)(const struct kensa_transport *transport,
				   const struct operation *operation, char *told, size_t size);
};

static const char *error_name(enum fsatomic_error error)
{
	switch (error) {
	case FSATOMIC_OK:
		return "ok";
	case FSATOMIC_ALREADY_EXISTS:
		return "ErrAlreadyExists";
	case FSATOMIC_NOT_EXIST:
		return "ErrNotExist";
	case FSATOMIC_SYMLINK_IN_PATH:
		return "ErrSymlinkInPath";
	case FSATOMIC_PARENT_DIR_MISSING:
		return "ErrParentDirMissing";
	case FSATOMIC_OTHER:
		break;
	}
	return "error";
}

/* ----------------------------------------------------------------- verbs */

#define VERB(name)                                                                                 \
	static enum fsatomic_error name(const struct kensa_transport *transport,                   \
					const struct operation *operation, char *told, size_t size)

/* What is read is told in one line: "absent", "3 bytes: abc". Takes `text`. */
static void tell_text(char *text, size_t text_size, char *told, size_t size)
{
	if (!text) {
		snprintf(told, size, "absent");
		return;
	}
	int length = snprintf(told, size, "%zu bytes: ", text_size);
	for (size_t i = 0; i < text_size && i < TOLD_MAX; i++) {
		const unsigned char byte = (unsigned char)text[i];
		const bool is_plain = byte >= 0x20 && byte < 0x7f;
		length += snprintf(told + length, size - (size_t)length, is_plain ? "%c" : "\\x%02x", byte);
	}
	free(text);
}

VERB(do_write)
{
	(void)told;
	(void)size;
	return transport->write(transport->self, operation->name, 0644, torn_bytes_of(operation->text));
}

VERB(do_replace)
{
	(void)told;
	(void)size;
	return transport->replace(transport->self, operation->name, 0644,
				  torn_bytes_of(operation->text));
}

VERB(do_remove)
{
	(void)told;
	(void)size;
	return transport->remove(transport->self, operation->name);
}

VERB(do_put)
{
	enum fsatomic_error error = do_write(transport, operation, told, size);

	return error == FSATOMIC_ALREADY_EXISTS ? do_replace(transport, operation, told, size) : error;
}

VERB(do_drop)
{
	enum fsatomic_error error = do_remove(transport, operation, told, size);

	return error == FSATOMIC_NOT_EXIST ? FSATOMIC_OK : error;
}

VERB(do_mkdir)
{
	(void)told;
	(void)size;
	return transport->mkdir_all(transport->self, operation->name, 0755);
}

VERB(do_read)
{
	char *text = NULL;
	size_t text_size = 0;

	enum fsatomic_error error =
		transport->read(transport->self, operation->name, &text, &text_size);
	if (!error)
		tell_text(text, text_size, told, size);
	return error;
}

VERB(do_mode)
{
	mode_t mode;

	enum fsatomic_error error = transport->look(transport->self, operation->name, &mode);
	if (!error)
		snprintf(told, size, "%04o", mode);
	return error;
}

VERB(do_sysctl)
{
	(void)told;
	(void)size;
	return transport->write_sysctl(transport->self, operation->name, operation->text);
}

VERB(do_get)
{
	char *value = NULL;
	size_t value_size = 0;

	enum fsatomic_error error =
		transport->read_sysctl(transport->self, operation->name, &value, &value_size);
	if (!error)
		tell_text(value, value_size, told, size);
	return error;
}

VERB(do_module)
{
	enum fsatomic_error error = transport->delete_module(transport->self, operation->name);

	if (error != FSATOMIC_NOT_EXIST)
		return error;
	snprintf(told, size, "ErrModuleNotLoaded");
	return FSATOMIC_OK;
}

static const struct verb verbs[] = {
	{"write", KENSA_NAMES_PATH, do_write},	  {"replace", KENSA_NAMES_PATH, do_replace},
	{"remove", KENSA_NAMES_PATH, do_remove},  {"read", KENSA_NAMES_PATH, do_read},
	{"put", KENSA_NAMES_PATH, do_put},	  {"drop", KENSA_NAMES_PATH, do_drop},
	{"mkdir", KENSA_NAMES_PATH, do_mkdir},	  {"mode", KENSA_NAMES_PATH, do_mode},
	{"sysctl", KENSA_NAMES_KEY, do_sysctl},	  {"get", KENSA_NAMES_KEY, do_get},
	{"module", KENSA_NAMES_MODULE, do_module},
};

static const struct verb *verb_named(const char *word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].word, word) == 0)
			return &verbs[i];
	return NULL;
}

/* -------------------------------------------------------------- sequence */

static const char *next_word(char **rest)
{
	while (*rest && **rest == ' ')
		(*rest)++;
	const char *word = strsep(rest, " ");
	return word ? word : "";
}

/* Take the next operation off `rest`; false: there is none. */
static bool next_operation(char **rest, struct operation *ret_operation)
{
	char *line = strsep(rest, ";\n");

	if (!line)
		return false;
	ret_operation->verb = next_word(&line);
	ret_operation->name = next_word(&line);
	ret_operation->text = next_word(&line);
	return true;
}

static void run_one(const struct kensa_transport *transport, const struct operation *operation)
{
	char told[16 + 4 * TOLD_MAX + sizeof("18446744073709551615 bytes: ")] = "";
	const struct verb *verb = verb_named(operation->verb);
	const char *what = "what?";

	if (verb) {
		enum fsatomic_error error = verb->run(transport, operation, told, sizeof(told));
		what = error || !told[0] ? error_name(error) : told;
	}
	/* Nobody who tells of it can do anything about an error here. */
	(void)dprintf(STDOUT_FILENO, "%s %s: %s\n", operation->verb, operation->name, what);
}

int kensa_sequence_run(const struct kensa_transport *transport, const char *operations)
{
	struct operation operation;
	char *copy = strdup(operations), *rest = copy;

	if (!copy)
		return -ENOMEM;
	while (next_operation(&rest, &operation))
		if (operation.verb[0])
			run_one(transport, &operation);
	free(copy);
	return 0;
}

int kensa_sequence_names(const char *operations, kensa_sequence_visit *visit, void *context)
{
	struct operation operation;
	char *copy = strdup(operations), *rest = copy;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	while (r == 0 && next_operation(&rest, &operation)) {
		const struct verb *verb = verb_named(operation.verb);
		if (verb)
			r = visit(context, verb->names, operation.name);
	}
	free(copy);
	return r;
}
