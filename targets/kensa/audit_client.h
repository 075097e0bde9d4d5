/*
 * audit_client.h: a client of the kernel's audit subsystem, by netlink(7). Functions return 0 or
 * -errno: the kernel's answer, or that of a call on the socket.
 */
#ifndef KENSA_AUDIT_CLIENT_H
#define KENSA_AUDIT_CLIENT_H

#include "audit_rule.h"

struct audit_client {
	int socket;
	uint32_t sequence; /* of the last request */
};

/* Connect. It fails where there is no audit subsystem, and for who may not: ErrAuditUnavailable. */
int audit_client_open(struct audit_client *ret_client);
void audit_client_close(struct audit_client *client);

/* AUDIT_ADD_RULE, to the end of its list; -EEXIST where it is loaded. */
int audit_client_add(struct audit_client *client, const struct audit_rule *rule);
/* AUDIT_DEL_RULE; -ENOENT where it is not loaded. */
int audit_client_delete(struct audit_client *client, const struct audit_rule *rule);
/* AUDIT_LIST_RULES: `ret_rules` is malloc'ed, NULL where there are none. */
int audit_client_list(struct audit_client *client, struct audit_rule **ret_rules, size_t *ret_count);
/* AUDIT_GET: 0 off, 1 on, 2 nothing may be changed until the next boot. */
int audit_client_enabled(struct audit_client *client, uint32_t *ret_enabled);
/* AUDIT_SET of the same. */
int audit_client_enable(struct audit_client *client, uint32_t enabled);

#endif
