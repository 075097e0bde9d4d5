/*
 * standin_mount.c: mount(8) of util-linux, of which this does remounts only:
 *
 *   mount -o remount[,OPTIONS] DIRECTORY          with the options of its line in fstab before them
 *   mount -o remount[,OPTIONS] SOURCE DIRECTORY   with no others
 *
 * Left out: what libmount finds in /run/mount/utab, and what it says to systemd.
 */
#include "standins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "kernelio_files.h"
#include "kernelio_fstab.h"

#define EX_USAGE 1
#define EX_FAIL 32
#define DATA_MAX 4096u /* a page: mount(2) */

/* mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS". */
static const struct word {
	const char *name;
	unsigned long set, clear;
} words[] = {
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
	{"noatime", MS_NOATIME, MS_RELATIME | MS_STRICTATIME},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME},
	{"defaults", 0, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS},
	/* of user space: the kernel never hears of them */
	{"remount", 0, 0},
	{"auto", 0, 0},
	{"noauto", 0, 0},
	{"nofail", 0, 0},
	{"_netdev", 0, 0},
	{"user", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
	{"nouser", 0, 0},
};

/* What mount(2) is asked for. */
struct request {
	unsigned long flags;
	char data[DATA_MAX];
	size_t data_size;
};

static int add_data(struct request *request, const char *option, size_t size)
{
	const size_t comma = request->data_size > 0;

	if (request->data_size + comma + size >= sizeof(request->data))
		return -1;
	if (comma)
		request->data[request->data_size++] = ',';
	memcpy(request->data + request->data_size, option, size);
	request->data_size += size;
	request->data[request->data_size] = '\0';
	return 0;
}

static int add_option(struct request *request, const char *option, size_t size)
{
	if (size == 0 || (size > 2 && strncmp(option, "x-", 2) == 0))
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].name) != size || strncmp(words[i].name, option, size) != 0)
			continue;
		request->flags = (request->flags & ~words[i].clear) | words[i].set;
		return 0;
	}
	return add_data(request, option, size);
}

static int add_options(struct request *request, const char *options, size_t size)
{
	for (size_t start = 0; start <= size;) {
		const char *option = options + start;
		const char *comma = memchr(option, ',', size - start);
		const size_t length = comma ? (size_t)(comma - option) : size - start;
		if (add_option(request, option, length) < 0)
			return -1;
		start += length + 1;
	}
	return 0;
}

/* Options of the directory's line in fstab. Returns -1 where there is none. */
static int add_fstab(struct request *request, const char *directory)
{
	char *text = NULL;
	size_t size = 0;

	if (kernelio_read_file("/etc/fstab", &text, &size) < 0)
		return -1;
	const struct torn_bytes line = kernelio_fstab_find_line(
		(struct torn_bytes){(const uint8_t *)text, size}, torn_bytes_of(directory));
	const struct torn_bytes options =
		line.data ? kernelio_fstab_field(line, 3) : (struct torn_bytes){NULL, 0};
	int result = line.data ? 0 : -1;
	if (options.data)
		result = add_options(request, (const char *)options.data, options.size);
	free(text);
	return result;
}

static int remount(const char *source, const char *directory, const char *options)
{
	struct request request = {.flags = 0};

	if ((!source && add_fstab(&request, directory) < 0) ||
	    add_options(&request, options, strlen(options)) < 0) {
		fprintf(stderr, "mount: %s: can't find in /etc/fstab.\n", directory);
		return EX_FAIL;
	}
	if (mount(source, directory, NULL, MS_REMOUNT | request.flags,
		  request.data_size ? request.data : NULL) == 0)
		return 0;
	fprintf(stderr, "mount: %s: %s.\n", directory,
		errno == EINVAL ? "mount point not mounted or bad option" : strerror(errno));
	return EX_FAIL;
}

int standin_mount(int argc, char **argv)
{
	static const char remounts[] = "remount";
	const size_t length = sizeof(remounts) - 1;

	if ((argc != 4 && argc != 5) || strcmp(argv[1], "-o") != 0 ||
	    strncmp(argv[2], remounts, length) != 0 || !strchr(",", argv[2][length])) {
		fputs("Usage: mount -o remount[,OPTIONS] [SOURCE] DIRECTORY\n", stderr);
		return EX_USAGE;
	}
	return remount(argc == 5 ? argv[3] : NULL, argv[argc - 1], argv[2]);
}
