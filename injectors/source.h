/*
 * source.h: where in its sources an address of a program lies, by the DWARF of its file.
 */
#ifndef TORN_SOURCE_H
#define TORN_SOURCE_H

#include <elfutils/libdwfl.h>
#include <stddef.h>

#define TORN_SOURCES_MAX 16u

/* Strings belong to the module. */
struct torn_source {
	const char *inlined; /* the function, which has no frame of its own; NULL: it has */
	const char *file;    /* without its folder; NULL: not known */
	int line;
};

/*
 * Find the source line of an address and, innermost first, of the calls by which functions that
 * the compiler inlined came to be there: where f() holds g() which is at line 7, that is {"g",
 * "x.c", 7}, {NULL, "x.c", 20}, 20 being the line of the call in f(). Returns how many there
 * are, at least one: the last is that of the function whose symbol the address lies in.
 */
size_t torn_source_find(Dwfl_Module *module, Dwarf_Addr address,
			struct torn_source ret_sources[TORN_SOURCES_MAX]);

#endif
