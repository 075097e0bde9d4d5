/* kernelio_sysctl.h: values of the kernel, by their keys: "net.ipv4.ip_forward". */
#ifndef KENSA_KERNELIO_SYSCTL_H
#define KENSA_KERNELIO_SYSCTL_H

#include "kernelio.h"

/*
 * Write the path of a key below /proc/sys, each "." a "/". Refused: a key that is empty or has a "/"
 * or a NUL in it, and one that does not lead below /proc/sys. Returns 0, or -1 with EINVAL or
 * ENAMETOOLONG.
 */
int kernelio_sysctl_path(struct torn_bytes key, char *ret_path, size_t size);
/* Read a value, without the white space around it: malloc'ed. Returns 0, or -1 with errno. */
int kernelio_sysctl_read(struct torn_bytes key, char **ret_value, size_t *ret_size);
/* Write a value and a newline, in one write(2); what close(2) says is lost. Returns 0, or -1 with errno. */
int kernelio_sysctl_write(struct torn_bytes key, struct torn_bytes value);

#endif
