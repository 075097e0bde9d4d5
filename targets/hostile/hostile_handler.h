/*
 * hostile_handler.h: a handler with rollback that does mischief where something was refused: in its apply, or
 * in its rollback. Its clean run is right, and so is what it reports where the mischief lets it.
 */
#ifndef HOSTILE_HANDLER_H
#define HOSTILE_HANDLER_H

#include "hostile.h"

/* None of them touches the victim. A variant is named MISCHIEF_PLACE: hangs_in_apply. */
extern const struct torn_variant hostile_handler_variants[];
/* The sysctl is 0, srv/f old. */
extern const struct torn_world hostile_handler_worlds[];
extern const char *const hostile_handler_watch[];

#endif
