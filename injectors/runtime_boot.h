/* runtime_boot.h: what boot makes of each part of the runtime; runtime_boot.c puts them together. */
#ifndef TORN_RUNTIME_BOOT_H
#define TORN_RUNTIME_BOOT_H

#include "runtime_conf.h"

/* What sysctl.d(5) says of each key. */
struct torn_boot_sysctls {
	struct torn_conf_files *files;
};

/* Read what sysctl.d(5) has in a tree. Returns 0 or -ENOMEM. */
int torn_boot_sysctls_read(struct torn_arena *arena, const struct torn_node *root,
			   struct torn_boot_sysctls *ret_sysctls);
/* The content of one sysctl after boot: the kernel's default, or `now` where torn knows none; then sysctl.d. */
int torn_boot_sysctl(struct torn_arena *arena, const struct torn_boot_sysctls *sysctls, struct torn_bytes key,
		     struct torn_bytes now, struct torn_bytes *ret_content);
/* /proc/modules after boot. */
int torn_boot_modules(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
		      struct torn_bytes *ret_modules);
/* mountinfo after boot: of each mount that fstab(5) names the options that stand there. */
int torn_boot_mounts(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
		     struct torn_bytes *ret_mountinfo);
/* Audit rules after boot, and whether audit is enabled ("2\n": locked). */
int torn_boot_audit_rules(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
			  struct torn_bytes *ret_rules);
int torn_boot_audit_enabled(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
			    struct torn_bytes *ret_enabled);

#endif
