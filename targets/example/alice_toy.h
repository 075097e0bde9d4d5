/*
 * alice_toy.h: the toy program of ALICE (Pillai et al., "All File Systems Are Not
 * Created Equal", OSDI 2014; example/toy of its distribution), call by call:
 *
 *   make tmp, write it, close it, rename it over file1   "atomically"
 *   print "Updated"                                      the user is told
 *   link file1 as link1, and as link2                    "as one"
 *
 * Two targets hold it to what its checker asks: example.alice_toy, the update of
 * file1 and the message; example.alice_toy_links, the pair of links.
 *
 * Where the original asserts, this one removes tmp and reports failure: what an
 * aborted program leaves is not what its checker asks about.
 */
#ifndef ALICE_TOY_H
#define ALICE_TOY_H

#include "../../fuzz/torn.h"

/* As it was published: it syncs nothing. */
int alice_toy_published(const struct torn_run *run);
/*
 * With the first repair that comes to mind, an fsync of tmp before the rename:
 * file1 has its bytes now, but neither its name nor the links are durable.
 */
int alice_toy_file_synced(const struct torn_run *run);

#endif
