/* handler.c: see handler.h. */
#include "handler.h"

#include <errno.h>
#include <string.h>

struct torn_bytes kensa_param(const struct kensa_step *step, const char *name)
{
	for (size_t i = 0; i < step->params_count; i++)
		if (strcmp(step->params[i].name, name) == 0)
			return step->params[i].value;
	return (struct torn_bytes){NULL, 0};
}

int kensa_prestate_add(struct kensa_prestate *state, const char *name, const char *text, size_t size)
{
	struct kensa_fact *fact = &state->facts[state->facts_count];

	if (state->facts_count == KENSA_FACTS_MAX || strlen(name) >= sizeof(fact->name))
		return -ENOMEM;
	char *copy = NULL;
	if (text) {
		copy = malloc(size + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, text, size);
		copy[size] = '\0';
	}
	*fact = (struct kensa_fact){.text = copy, .size = text ? size : 0};
	strcpy(fact->name, name); /* it fits: see above */
	state->facts_count++;
	return 0;
}

const struct kensa_fact *kensa_prestate_fact(const struct kensa_prestate *state, const char *name)
{
	for (size_t i = 0; i < state->facts_count; i++)
		if (strcmp(state->facts[i].name, name) == 0)
			return &state->facts[i];
	return NULL;
}

void kensa_prestate_free(struct kensa_prestate *state)
{
	for (size_t i = 0; i < state->facts_count; i++)
		free(state->facts[i].text);
	state->facts_count = 0;
}

const struct kensa_handler *kensa_handler_named(const char *mechanism)
{
	static const struct kensa_handler *const handlers[] = {
		&kensa_sysctl_set,
		&kensa_kernel_module_disable,
		&kensa_audit_rule_set,
		&kensa_dconf_set,
		&kensa_mount_option_set,
	};
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (strcmp(handlers[i]->mechanism, mechanism) == 0)
			return handlers[i];
	return NULL;
}

int kensa_handler_run(const struct kensa_handler *handler, const struct kensa_context *context,
		      const struct kensa_step *step)
{
	struct kensa_prestate state = {.facts_count = 0};

	if (handler->capture(context, step, &state) != KENSA_SUCCESS)
		return 1;
	int code = 0;
	if (handler->apply(context, step, &state) != KENSA_SUCCESS)
		code = handler->rollback(context, step, &state) == KENSA_SUCCESS
			       ? TORN_ROLLED_BACK
			       : TORN_ROLLBACK_FAILED;
	kensa_prestate_free(&state);
	return code;
}
