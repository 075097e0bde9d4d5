/* kernelio_module.h: modules of the kernel. */
#ifndef KENSA_KERNELIO_MODULE_H
#define KENSA_KERNELIO_MODULE_H

#include "kernelio.h"

/*
 * Unload a module: delete_module(2) with O_NONBLOCK, of the name as it is given, and of no other that it
 * depends on. Returns 0, or -1 with errno: EINVAL for no name, ENOENT where it is not loaded
 * (ErrModuleNotLoaded; the kernel knows no module with a '-'), EBUSY, EWOULDBLOCK, EPERM.
 */
int kernelio_delete_module(const char *name);
/* Is it in /proc/modules, where '-' is '_'? Returns 0, or -1 with errno where that cannot be read. */
int kernelio_module_is_loaded(const char *name, bool *ret_is_loaded);
/* Write a name as the kernel has it: '-' is '_'. False where it does not fit. */
bool kernelio_module_name(const char *name, char *ret_name, size_t size);
/*
 * Ours: is a path, as `modinfo -n` says it, that of a regular file whose own name is the module's? It is not
 * opened for reading: of a FIFO that would never end.
 */
bool kernelio_module_is_in(const char *name, const char *path);

#endif
