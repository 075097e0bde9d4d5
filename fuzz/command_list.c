/* command_list.c: torn list [targets|invariants|faults|presets|dictionary]. */
#include <string.h>

#include "commands.h"
#include "dictionary.h"
#include "registry.h"
#include "../injectors/faults.h"
#include "../injectors/presets.h"

static void list_targets(void)
{
	size_t count;
	const struct torn_target *const *targets = torn_targets(&count);
	for (size_t i = 0; i < count; i++) {
		printf("%-24s %s\n", targets[i]->name, targets[i]->summary);
		printf("%-24s   variants:", "");
		for (const struct torn_variant *v = targets[i]->variants; v->name; v++)
			printf(" %s", v->name);
		printf("\n%-24s   old states:", "");
		for (const struct torn_world *w = targets[i]->worlds; w->name; w++)
			printf(" %s%s", w->name, w->refuses ? " (must refuse)" : "");
		printf("\n");
	}
}

static void list_invariants(void)
{
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	for (size_t i = 0; i < count; i++)
		printf("%-20s %s\n", invariants[i]->id, invariants[i]->promise);
}

static void list_faults(void)
{
	for (unsigned name = 0; name < TORN_FAULT_COUNT; name++)
		printf("%-8s %s\n", torn_fault_row(name)->word, torn_fault_row(name)->help);
}

/* What a preset is the rules of. */
static const char *const presets[] = {
	[TORN_PRESET_SYNC] = "a synchronous mount",
	[TORN_PRESET_EXT4_JOURNAL] = "ext4 data=journal",
	[TORN_PRESET_EXT4] = "ext4 data=ordered, auto_da_alloc",
	[TORN_PRESET_XFS] = "XFS",
	[TORN_PRESET_BTRFS] = "btrfs",
	[TORN_PRESET_EXT4_NOAUTO] = "ext4 noauto_da_alloc",
	[TORN_PRESET_EXT4_WRITEBACK] = "ext4 data=writeback",
	[TORN_PRESET_POSIX] = "what the standard promises, and no more",
	[TORN_PRESET_POSIX_SPLIT] = "the same with renames half done: off unless asked",
};
_Static_assert(sizeof presets / sizeof *presets == TORN_PRESET_COUNT, "each preset has a line");

static void list_presets(void)
{
	printf("%-14s the process dies between or within calls: all effects so far are kept\n",
	       "kill");
	for (unsigned preset = 0; preset < TORN_PRESET_COUNT; preset++)
		printf("%-14s %s\n", torn_preset_name(preset), presets[preset]);
}

static void list_dictionary(void)
{
	torn_dictionary_print(stdout);
}

static const struct listing {
	const char *name;
	void (*list)(void);
	bool for_programs; /* printed only where it is asked for by name */
} listings[] = {
	{"targets", list_targets, false},
	{"invariants", list_invariants, false},
	{"faults", list_faults, false},
	{"presets", list_presets, false},
	{"dictionary", list_dictionary, true},
};

int torn_command_list(int argc, char **argv)
{
	const struct torn_options options = torn_options_parse(
		argc, argv, "", "[targets|invariants|faults|presets|dictionary]",
		"List what torn knows.");
	const size_t count = sizeof listings / sizeof *listings;
	for (size_t n = 0; n < options.names_count; n++) {
		bool known = false;
		for (size_t i = 0; i < count; i++)
			known |= strcmp(options.names[n], listings[i].name) == 0;
		if (known)
			continue;
		return torn_mistake("torn list", options.names[n],
				    "targets, invariants, faults, presets or dictionary");
	}
	for (size_t i = 0; i < count; i++) {
		bool wanted = options.names_count == 0 && !listings[i].for_programs;
		for (size_t n = 0; n < options.names_count; n++)
			wanted |= strcmp(options.names[n], listings[i].name) == 0;
		if (!wanted)
			continue;
		if (options.names_count != 1)
			printf("%s%s\n", i ? "\n" : "", listings[i].name);
		listings[i].list();
	}
	return TORN_EXIT_CLEAN;
}
