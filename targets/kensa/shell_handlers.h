/*
 * shell_handlers.h: the handlers' shell paths (seeds/kensa.md, "Shell:"), where the transport has no capabilities:
 * the same pre-states, and the same bytes in the same files, by commands.
 *
 * A parameter that has a default is to be given: which one it is, is the kernel path's to say.
 */
#ifndef KENSA_SHELL_HANDLERS_H
#define KENSA_SHELL_HANDLERS_H

#include "shell.h"

extern const struct kensa_handler kensa_sysctl_set_shell, kensa_kernel_module_disable_shell,
	kensa_audit_rule_set_shell, kensa_dconf_set_shell, kensa_mount_option_set_shell;

#endif
