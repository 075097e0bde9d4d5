/* quoting.c: see quoting.h. */
#include "quoting.h"

#include <stdio.h>
#include <stdlib.h>

/* A quote cannot stand between quotes: 'it'\''s'. */
static void put_word(FILE *command, const char *word)
{
	fputc('\'', command);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", command);
		else
			fputc(*word, command);
	}
	fputc('\'', command);
}

char *quoting_command(const char *format, ...)
{
	char *text = NULL;
	size_t size = 0;
	va_list words;

	FILE *command = open_memstream(&text, &size);
	if (!command)
		return NULL;
	va_start(words, format);
	for (; *format; format++) {
		if (format[0] == '%' && format[1] == 's') {
			put_word(command, va_arg(words, const char *));
			format++;
		} else {
			fputc(*format, command);
		}
	}
	va_end(words);
	if (fclose(command) == 0)
		return text;
	free(text);
	return NULL;
}
