/* quoting.h: words for /bin/sh. */
#ifndef KENSA_QUOTING_H
#define KENSA_QUOTING_H

#include <stdarg.h>

/*
 * Make a command line of a format in which each "%s" stands for a word that the shell shall take as it is: it is
 * put into single quotes, as kensa's shellEscape does. malloc'ed; NULL where memory is short.
 */
char *quoting_command(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
