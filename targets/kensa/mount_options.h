/* mount_options.h: what both paths of mount_option_set ask of the options that are live. */
#ifndef KENSA_MOUNT_OPTIONS_H
#define KENSA_MOUNT_OPTIONS_H

#include <stdbool.h>

#include "handler.h"

/*
 * Tell whether nodev, nosuid, noexec and the options that apply added are in `live` (findmnt(8)'s OPTIONS) where they
 * are in the captured line of fstab, and nowhere else.
 */
bool mount_options_are_as_before(const struct kensa_prestate *state, const char *live);

/*
 * FIXED: tell whether a remount can bring the live options back, once apply's own remount has asked for what the table
 * says: not an option that a file system keeps for itself, nor a mount that is read-only of a file system that is not.
 */
bool mount_options_can_come_back(const struct kensa_prestate *state);

#endif
