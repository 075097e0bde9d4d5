/* source.c: see source.h. Section and attribute numbers are those of DWARF 5. */
#include "source.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path;
}

/*
 * clang and Go write no .debug_aranges, the only index that dwfl_module_addrdie() looks into:
 * ask the compilation units one by one which of them has the address.
 */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *ret_bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, ret_bias);
	if (unit)
		return unit;
	while ((unit = dwfl_module_nextcu(module, unit, ret_bias)))
		if (dwarf_haspc(unit, address - *ret_bias) > 0)
			break;
	return unit;
}

static struct torn_source line_at(Dwarf_Die *unit, Dwarf_Addr address)
{
	struct torn_source source = {0};
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	/* Line 0: code that comes from no line; 6.2.2. */
	if (line && dwarf_lineno(line, &source.line) == 0 && source.line != 0)
		source.file = base_name(dwarf_linesrc(line, NULL, NULL));
	return source;
}

static Dwarf_Word number_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute found;
	Dwarf_Word number = 0;
	if (dwarf_attr(die, attribute, &found))
		dwarf_formudata(&found, &number);
	return number;
}

/* Where an inlined function was called; 3.3.8.2. */
static struct torn_source call_of(Dwarf_Die *unit, Dwarf_Die *inlined)
{
	struct torn_source source = {.line = (int)number_of(inlined, DW_AT_call_line)};
	Dwarf_Files *files;
	size_t count;
	const Dwarf_Word file = number_of(inlined, DW_AT_call_file);
	if (source.line > 0 && dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
		source.file = base_name(dwarf_filesrc(files, file, NULL, NULL));
	return source;
}

/*
 * Put the scopes that hold an address into malloc()ed storage, innermost first. dwarf_getscopes()
 * goes on from an inlined function to where that one was defined; dwarf_getscopes_die() to where
 * it was inlined, which is wanted here.
 */
static int scopes_of(Dwarf_Die *unit, Dwarf_Addr address, Dwarf_Die **ret_scopes)
{
	Dwarf_Die *defined = NULL;
	int count = dwarf_getscopes(unit, address, &defined);
	if (count > 0)
		count = dwarf_getscopes_die(&defined[0], ret_scopes);
	free(defined);
	return count;
}

size_t torn_source_find(Dwfl_Module *module, Dwarf_Addr address,
			struct torn_source ret_sources[TORN_SOURCES_MAX])
{
	ret_sources[0] = (struct torn_source){0};
	Dwarf_Addr bias;
	Dwarf_Die *unit = unit_of(module, address, &bias);
	if (!unit)
		return 1;
	size_t last = 0;
	ret_sources[0] = line_at(unit, address - bias);
	Dwarf_Die *scopes = NULL;
	const int count = scopes_of(unit, address - bias, &scopes);
	for (int i = 0; i < count && last + 1 < TORN_SOURCES_MAX; i++) {
		const int tag = dwarf_tag(&scopes[i]);
		if (tag == DW_TAG_subprogram)
			break;
		if (tag != DW_TAG_inlined_subroutine)
			continue;
		const char *name = dwarf_diename(&scopes[i]);
		ret_sources[last++].inlined = name ? name : "?";
		ret_sources[last] = call_of(unit, &scopes[i]);
	}
	free(scopes);
	return last + 1;
}
