/*
 * audit_fallback.h: audit_rule_set where no audit client can be had (ErrAuditUnavailable): what the shell path
 * does, `printf '%s' BODY > FILE && augenrules --load`, with the calls that sh makes for it.
 */
#ifndef KENSA_AUDIT_FALLBACK_H
#define KENSA_AUDIT_FALLBACK_H

#include "handler.h"

/* `printf '%s' BODY > FILE && augenrules --load`: the file is cut to nothing, then written. */
enum kensa_outcome audit_fallback_write(const struct kensa_context *context, const char *path,
					struct torn_bytes body);
/* `rm -f FILE && augenrules --load` */
enum kensa_outcome audit_fallback_remove(const struct kensa_context *context, const char *path);

#endif
