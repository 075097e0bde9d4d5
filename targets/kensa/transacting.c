/* transacting.c: see transacting.h. */
#include "transacting.h"

#include <string.h>

struct kensa_engine kensa_engine_of(enum kensa_version version)
{
	return (struct kensa_engine){
		.context = {.version = version, .path = KENSA_KERNEL},
		.handler_named = kensa_handler_named,
		.store = KENSA_STORE,
	};
}

struct kensa_step kensa_sysctl_step(const struct torn_run *run, const char *value)
{
	return (struct kensa_step){
		.mechanism = "sysctl_set",
		.params = {{"key", torn_run_arg(run, "key")},
			   {"value", torn_run_arg(run, value)},
			   {"persist_file", torn_run_arg(run, "persist_file")}},
		.params_count = 3,
	};
}

enum kensa_check kensa_check_arg(const struct torn_run *run)
{
	const char *check = torn_run_text(run, "check");

	if (strcmp(check, "passes") == 0)
		return KENSA_CHECK_PASSES;
	return strcmp(check, "fails") == 0 ? KENSA_CHECK_FAILS : KENSA_CHECK_ERROR;
}

int kensa_recovery(enum kensa_version version)
{
	const struct kensa_engine engine = kensa_engine_of(version);
	enum kensa_status status = kensa_engine_recover(&engine);

	return status == KENSA_RECOVERED ? 0 : kensa_status_code(status);
}
