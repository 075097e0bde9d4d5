/*
 * command_fuzz.c: torn fuzz TARGET[@VARIANT]: starts fuzz_<target>, which is
 * built by clang (preset fuzz): torn itself has no libFuzzer in it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "registry.h"

int torn_command_fuzz(int argc, char **argv)
{
	/* The one that is started reads them again; mistakes are told without it. */
	const struct torn_options options = torn_options_fuzz(argc, argv);
	const char *name = options.names_count ? options.names[0] : "nothing";
	const struct torn_target *target =
		torn_target_named((struct torn_bytes){(const uint8_t *)name, strcspn(name, "@")});
	if (!target)
		return torn_mistake("torn fuzz", name, "a target (see torn list targets)");
	/* Beside torn, or in the folder of the preset that builds them. */
	static const char *const places[] = {"", "../fuzz/"};
	char self[PATH_MAX], path[PATH_MAX + 256];
	const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
	if (size < 0) {
		fprintf(stderr, "torn: /proc/self/exe: %s\n", strerror(errno));
		return TORN_EXIT_FAILED;
	}
	self[size] = '\0';
	*(strrchr(self, '/') + 1) = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, sizeof path, "%s%sfuzz_%s", self, places[i], target->name);
		if (access(path, X_OK) != 0)
			continue;
		char **passed = calloc((size_t)argc + 2, sizeof *passed);
		if (!passed)
			return TORN_EXIT_FAILED;
		passed[0] = path;
		memcpy(passed + 1, argv, (size_t)argc * sizeof *passed);
		execv(path, passed);
		fprintf(stderr, "torn: %s: %s\n", path, strerror(errno));
		return TORN_EXIT_FAILED;
	}
	fprintf(stderr, "torn: fuzz_%s is not built: cmake --preset fuzz && cmake --build --preset fuzz "
			"(clang)\n", target->name);
	return TORN_EXIT_FAILED;
}
