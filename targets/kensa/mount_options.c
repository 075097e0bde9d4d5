/* mount_options.c: see mount_options.h. */
#include "mount_options.h"

#include <string.h>

#include "handling.h"
#include "kernelio_fstab.h"

bool mount_options_are_as_before(const struct kensa_prestate *state, const char *live)
{
	static const char *const looked_at[] = {"nodev", "nosuid", "noexec"};
	const struct torn_bytes prior = kernelio_fstab_field(kensa_fact_bytes(state, "prior_line"), 3);
	const struct torn_bytes options = torn_bytes_of(live);

	for (size_t i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++) {
		const struct torn_bytes option = torn_bytes_of(looked_at[i]);
		if (kernelio_fstab_has_option(prior, option) != kernelio_fstab_has_option(options, option))
			return false;
	}
	for (const char *option = kensa_fact_text(state, "option"); *option;) {
		const size_t size = strcspn(option, ",");
		const struct torn_bytes word = {(const uint8_t *)option, size};
		if (!kernelio_fstab_has_option(prior, word) && kernelio_fstab_has_option(options, word))
			return false;
		option += size + (option[size] == ',');
	}
	return true;
}

/* Options that a remount without them takes back, and those that the kernel never hears of: mount(8). */
static const char TAKEN_BACK[] =
	"ro,rw,nosuid,suid,nodev,dev,noexec,exec,sync,async,noatime,atime,nodiratime,diratime,relatime,"
	"norelatime,strictatime,defaults,auto,noauto,nofail,_netdev,user,nouser";

/* "size=2m" where "size=1m" is live. */
static bool is_named_in(const char *live, struct torn_bytes option)
{
	const char *value = memchr(option.data, '=', option.size);
	const size_t size = value ? (size_t)(value - (const char *)option.data) : option.size;

	for (const char *word = live; *word; word += strcspn(word, ","), word += *word == ',')
		if (strcspn(word, "=,") == size && memcmp(word, option.data, size) == 0)
			return true;
	return false;
}

/*
 * What is a file system's own stays on its superblock: no remount takes it back but one with its former value.
 */
static bool can_be_taken_back(struct torn_bytes options, const char *live)
{
	for (size_t start = 0; start < options.size;) {
		const uint8_t *option = options.data + start,
			      *comma = memchr(option, ',', options.size - start);
		const struct torn_bytes word = {option, comma ? (size_t)(comma - option)
							      : options.size - start};
		const bool is_user_space = word.size > 2 && memcmp(option, "x-", 2) == 0;
		if (word.size > 0 && !is_user_space && !is_named_in(live, word) &&
		    !kernelio_fstab_has_option(torn_bytes_of(TAKEN_BACK), word))
			return false;
		start += word.size + 1;
	}
	return true;
}

/* A remount asks for what is added, and for all else that the table says. */
static bool rollback_can_remount(const struct kensa_prestate *state)
{
	const char *live = kensa_fact_text(state, "mounted_options");
	const struct torn_bytes line = kensa_fact_bytes(state, "prior_line");

	return can_be_taken_back(kensa_fact_bytes(state, "option"), live) &&
	       can_be_taken_back(kernelio_fstab_field(line, 3), live);
}

/* A remount makes both read-only, or neither; how `mount -o remount,bind` left them no remount brings back. */
static bool is_read_only_alike(const struct kensa_prestate *state)
{
	static const char READ_ONLY[] = "ro";
	const struct torn_bytes of_mount = kensa_fact_bytes(state, "mounted_options.of_mount"),
				of_filesystem = kensa_fact_bytes(state, "mounted_options.of_filesystem");

	return kernelio_fstab_has_option(of_mount, torn_bytes_of(READ_ONLY)) ==
	       kernelio_fstab_has_option(of_filesystem, torn_bytes_of(READ_ONLY));
}

static bool has_atime(struct torn_bytes options)
{
	static const char *const words[] = {"noatime", "nodiratime", "relatime"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (kernelio_fstab_has_option(options, torn_bytes_of(words[i])))
			return true;
	return false;
}

/* A remount that says nothing of access times leaves them as they are (do_remount()): strictatime is such a nothing. */
static bool atime_comes_back(const struct kensa_prestate *state)
{
	const struct torn_bytes line = kensa_fact_bytes(state, "prior_line");

	return has_atime(kensa_fact_bytes(state, "mounted_options")) ||
	       !(has_atime(kensa_fact_bytes(state, "option")) || has_atime(kernelio_fstab_field(line, 3)));
}

bool mount_options_can_come_back(const struct kensa_prestate *state)
{
	return is_read_only_alike(state) && atime_comes_back(state) && rollback_can_remount(state);
}
