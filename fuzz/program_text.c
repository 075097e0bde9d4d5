/* program_text.c: see program_text.h for the grammar. */
#include "program_text.h"

#include <errno.h>
#include <string.h>

#include "old_text.h"

/*
 * Words up to the end of the line, or to one that cannot be read: reading them says why. Of more
 * than any command has, one more: ten megabytes of "a a a" want no array.
 */
static size_t count_words(const struct torn_words *words)
{
	struct torn_words ahead = *words;
	struct torn_word word;
	size_t count = 0;
	while (count <= TORN_COMMAND_SIZE_MAX && torn_words_next(&ahead, &word) == 0 &&
	       word.kind != TORN_WORD_END)
		count++;
	return count;
}

/* Of what a word of a command can be, one that no argv can hold. */
static int check_word(struct torn_words *words, const struct torn_word *word,
		      struct torn_bytes value, bool is_name)
{
	if (is_name && value.size == 0)
		return torn_words_refuse(words, word, "the name of a program");
	if (memchr(value.data, 0, value.size))
		return torn_words_refuse(words, word, "a word without NUL");
	return 0;
}

int torn_command_parse(struct torn_words *words, struct torn_arena *arena,
		       struct torn_bytes **ret_command, size_t *ret_count)
{
	const size_t count = count_words(words);
	/* one more: where no word can be read the first is still asked for */
	struct torn_bytes *command = torn_arena_take(arena, (count + 1) * sizeof(*command));
	if (!command)
		return -ENOMEM;
	size_t size = 0;
	for (size_t i = 0; i == 0 || i < count; i++) {
		struct torn_word word;
		int error = torn_words_next_value(words, "a program and its arguments", arena,
						  &word, &command[i]);
		if (!error)
			error = check_word(words, &word, command[i], i == 0);
		if (error)
			return error;
		size += command[i].size + 1;
		if (size > TORN_COMMAND_SIZE_MAX)
			return torn_words_refuse(words, &word,
						 "a command of at most %u bytes, with a NUL behind "
						 "each word",
						 TORN_COMMAND_SIZE_MAX);
	}
	int error = torn_words_finish(words); /* behind the last that could be counted */
	if (error)
		return error;
	*ret_command = command;
	*ret_count = count;
	return 0;
}

void torn_command_print(const struct torn_bytes *command, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			putc(' ', out);
		torn_word_print(command[i], out);
	}
}

int torn_watch_parse(struct torn_words *words, struct torn_arena *arena,
		     struct torn_bytes *ret_path)
{
	struct torn_bytes path;
	int error = torn_old_parse_path(words, "a path", arena, &path);
	if (!error)
		error = torn_words_finish(words);
	if (error)
		return error;
	*ret_path = path;
	return 0;
}
