/*
 * runtime_mount_words.c: fstab(5)'s options into what mount(2) is told, as mount(8) does it.
 *
 * Words that userspace alone reads ("nofail", "x-...", "comment=") are left out.
 */
#include <sys/mount.h>

#include "runtime_mount_options.h"

#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

static const struct {
	const char *word;
	uint64_t sets, clears;
} words[] = {
	{"defaults", 0, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS},
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, 0},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, 0},
	{"nostrictatime", 0, MS_STRICTATIME},
	{"lazytime", MS_LAZYTIME, 0},
	{"nolazytime", 0, MS_LAZYTIME},
	{"mand", MS_MANDLOCK, 0},
	{"nomand", 0, MS_MANDLOCK},
	{"nosymfollow", MS_NOSYMFOLLOW, 0},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
	{"remount", MS_REMOUNT, 0},
	{"user", MS_NOEXEC | MS_NOSUID | MS_NODEV, 0},
	{"users", MS_NOEXEC | MS_NOSUID | MS_NODEV, 0},
	{"owner", MS_NOSUID | MS_NODEV, 0},
	{"group", MS_NOSUID | MS_NODEV, 0},
	{"nouser", 0, 0},
	{"auto", 0, 0},
	{"nofail", 0, 0},
	{"_netdev", 0, 0},
};

#define WORDS_COUNT (sizeof words / sizeof words[0])

static bool is_of_userspace(struct torn_bytes word)
{
	return torn_text_begins(word, "x-") || torn_text_begins(word, "X-") || torn_text_begins(word, "comment=");
}

int torn_mount_words_read(struct torn_arena *arena, struct torn_bytes options, struct torn_mount_words *ret_words)
{
	struct torn_mount_words read = {.flags = 0};
	struct torn_text data;
	struct torn_bytes word;
	torn_text_begin(&data, arena);
	while (torn_text_word(&options, ",", &word)) {
		size_t i = 0;
		while (i < WORDS_COUNT && !torn_text_is(word, words[i].word))
			i++;
		if (i < WORDS_COUNT) {
			read.flags = (read.flags & ~words[i].clears) | words[i].sets;
		} else if (torn_text_is(word, "noauto")) {
			read.is_noauto = true;
		} else if (!is_of_userspace(word)) {
			if (data.size)
				torn_text_put(&data, ",");
			torn_text_add(&data, word);
		}
	}
	read.is_bind = read.flags & MS_BIND;
	const int error = torn_text_end(&data, &read.data);
	if (!error)
		*ret_words = read;
	return error;
}
