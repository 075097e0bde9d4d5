/*
 * grammar.h: texts out of small grammars: what parsers of files below /etc and /proc have to read,
 * the usual and the odd. The grammars are data: grammars.def.
 */
#ifndef TORN_GRAMMAR_H
#define TORN_GRAMMAR_H

#include "mutate.h"

/*
 * Make a text by the rule of that name; the mutation's dice choose. Arguments that it takes from the case
 * are those of `c`, or the target's own. data NULL: no room in the arena. An unknown rule aborts.
 */
struct torn_bytes torn_grammar_make(struct torn_mutation *mutation, const struct torn_case *c, const char *rule);

/* The value of an argument in a case, or the target's own; data NULL: it has none of that name, or no room. */
struct torn_bytes torn_grammar_argument(struct torn_mutation *mutation, const struct torn_case *c,
					const char *name);

#endif
