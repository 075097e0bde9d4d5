/* device_fs.c: see device_fs.h. */
#include "device_fs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the first user namespace's file in /proc: USER_NS_INIT_INO in linux/nsfs.h (6.17), the same since 3.8. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFDu

#define MIB ((uint64_t)1 << 20)

/* fast_commit is what the presets leave out (it lost data in recovery, measured); no thread writes tables later. */
static const char *const mkfs_ext4[] = {"mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-O", "^fast_commit",
					"-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", NULL};
/* So small ones are for tests only, says mkfs.xfs since 5.19, and older ones do not know the option. */
static const char *const mkfs_xfs[] = {"mkfs.xfs", "--unsupported", "-q", "-f", "-K", NULL};
static const char *const mkfs_btrfs[] = {"mkfs.btrfs", "-q", "-f", "-K", NULL};

static const struct torn_device_fs all[] = {
	{.name = "ext4", .size = 16 * MIB, .package = "e2fsprogs", .mkfs = mkfs_ext4},
	/* Each worker has one of the same UUID. */
	{.name = "xfs", .size = 32 * MIB, .package = "xfsprogs", .mkfs = mkfs_xfs, .mount_always = "nouuid"},
	{.name = "btrfs", .size = 128 * MIB, .package = "btrfs-progs", .mkfs = mkfs_btrfs},
};

#define ALL_COUNT (sizeof all / sizeof *all)

const struct torn_device_fs *torn_device_fs_number(size_t number)
{
	return number < ALL_COUNT ? &all[number] : NULL;
}

/* ---------------------------------------------------------------- choosing */

/* Options that have a preset, in the order of a choice's text; with several the weakest is what may be seen. */
static const struct {
	const char *fs, *text;
	enum torn_preset preset;
} options[] = {
	{"ext4", "data=journal", TORN_PRESET_EXT4_JOURNAL},
	{"ext4", "data=ordered", TORN_PRESET_EXT4},
	{"ext4", "data=writeback", TORN_PRESET_EXT4_WRITEBACK},
	{"ext4", "noauto_da_alloc", TORN_PRESET_EXT4_NOAUTO},
};

#define OPTIONS_COUNT (sizeof options / sizeof *options)

static const char not_an_option[] =
	"options that have a preset: of ext4 noauto_da_alloc, data=journal, data=ordered, data=writeback";

static size_t option_named(const struct torn_device_fs *fs, struct torn_bytes word)
{
	size_t i = 0;
	while (i < OPTIONS_COUNT && (strcmp(options[i].fs, fs->name) != 0 ||
				     !torn_bytes_equal(word, torn_bytes_of(options[i].text))))
		i++;
	return i;
}

/* The kernel takes the last one of a mode, and torn would hold the disk against the weakest. */
static bool are_one_mode(const char *a, const char *b)
{
	const char *equals = strchr(a, '=');
	return equals && strncmp(a, b, (size_t)(equals - a) + 1) == 0;
}

/* Returns what was expected, or NULL: it is one more. */
static const char *take_option(const struct torn_device_fs *fs, struct torn_bytes word, bool *are_taken)
{
	const size_t taken = option_named(fs, word);
	if (taken == OPTIONS_COUNT)
		return not_an_option;
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		if (are_taken[i] && i == taken)
			return "each option once";
		if (are_taken[i] && are_one_mode(options[i].text, options[taken].text))
			return "one data= mode at most";
	}
	are_taken[taken] = true;
	return NULL;
}

/* The same options are the same disk, in whichever order they were said. */
static void put_options(struct torn_device_choice *choice, const bool *are_taken)
{
	size_t used = 0;
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		if (!are_taken[i])
			continue;
		if (used == 0 || options[i].preset > choice->preset)
			choice->preset = options[i].preset;
		used += (size_t)snprintf(choice->options + used, sizeof choice->options - used, "%s%s",
					 used ? "," : "", options[i].text);
		assert(used < sizeof choice->options);
	}
}

/* Returns as take_option() does. */
static const char *take_options(struct torn_device_choice *choice, struct torn_bytes text)
{
	bool are_taken[OPTIONS_COUNT] = {false};
	for (;;) {
		const uint8_t *comma = memchr(text.data, ',', text.size);
		const size_t size = comma ? (size_t)(comma - text.data) : text.size;
		const char *expected = take_option(choice->fs, (struct torn_bytes){text.data, size}, are_taken);
		if (expected)
			return expected;
		if (!comma)
			break;
		text = (struct torn_bytes){comma + 1, text.size - size - 1};
	}
	put_options(choice, are_taken);
	return NULL;
}

int torn_device_choose(struct torn_bytes text, struct torn_device_choice *ret_choice, char *ret_expected, size_t size)
{
	const uint8_t *colon = memchr(text.data, ':', text.size);
	const struct torn_bytes name = {text.data, colon ? (size_t)(colon - text.data) : text.size};
	for (size_t i = 0; i < ALL_COUNT; i++) {
		if (!torn_bytes_equal(name, torn_bytes_of(all[i].name)))
			continue;
		*ret_choice = (struct torn_device_choice){.fs = &all[i],
							  .preset = torn_preset_named(torn_bytes_of(all[i].name))};
		if (!colon)
			return 0;
		const struct torn_bytes rest = {colon + 1, text.size - name.size - 1};
		const char *expected = take_options(ret_choice, rest);
		if (!expected)
			return 0;
		snprintf(ret_expected, size, "%s", expected);
		return -EINVAL;
	}
	snprintf(ret_expected, size, "a file system: ext4, xfs, btrfs, or ext4:OPTIONS");
	return -EINVAL;
}

const char *torn_device_choice_text(const struct torn_device_choice *choice, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s%s%s", choice->fs->name, choice->options[0] ? ":" : "", choice->options);
	return buffer;
}

/* ------------------------------------------------------------------ making */

#define WORDS_MAX 16

static int run(const char *const *words, const char *file)
{
	char *argv[WORDS_MAX + 2];
	char *environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL};
	size_t count = 0;
	for (; words[count]; count++)
		argv[count] = (char *)words[count];
	argv[count] = (char *)file;
	argv[count + 1] = NULL;
	posix_spawn_file_actions_t quiet;
	posix_spawn_file_actions_init(&quiet);
	for (int fd = 0; fd <= 2; fd++)
		posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
	pid_t pid;
	int status = 0;
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1); /* posix_spawnp(3) looks in its caller's */
	const int r = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&quiet);
	if (r != 0)
		return -r;
	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) != pid)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* The same without its second word: an option that older ones do not know. */
static int run_without_option(const char *const *words, const char *file)
{
	const char *fewer[WORDS_MAX] = {words[0]};
	for (size_t i = 2; words[i]; i++)
		fewer[i - 1] = words[i];
	return run(fewer, file);
}

int torn_device_fs_make(const struct torn_device_fs *fs, const char *file)
{
	const int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = ftruncate(fd, (off_t)fs->size) == 0 ? 0 : -errno;
	close(fd);
	if (r == 0)
		r = run(fs->mkfs, file);
	if (r == -EIO && fs->mkfs == mkfs_xfs)
		r = run_without_option(fs->mkfs, file);
	return r;
}

/* ---------------------------------------------------------------- mounting */

int torn_device_fs_permitted(char *ret_message, size_t size)
{
	struct stat status;
	const bool is_known = stat("/proc/self/ns/user", &status) == 0;
	if (geteuid() == 0 && (!is_known || status.st_ino == FIRST_USER_NAMESPACE))
		return 0;
	snprintf(ret_message, size, "real file systems need root: ext4 cannot be mounted in a user namespace");
	return -EPERM;
}

int torn_device_fs_mount(const struct torn_device_choice *choice, const char *device, const char *at,
			 unsigned long flags)
{
	char data[256];
	const char *always = choice->fs->mount_always;
	snprintf(data, sizeof data, "%s%s%s", always ? always : "", always && choice->options[0] ? "," : "",
		 choice->options);
	return mount(device, at, choice->fs->name, MS_NODEV | MS_NOSUID | MS_NOEXEC | flags, data) == 0 ? 0 : -errno;
}

/*
 * btrfs remembers devices by UUID and generation, and takes an older image for a stale one
 * (device_list_add() in fs/btrfs/volumes.c).
 */
static void forget(const char *device)
{
	struct btrfs_ioctl_vol_args args = {0};
	const int fd = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	strncpy(args.name, device, sizeof args.name - 1);
	ioctl(fd, BTRFS_IOC_FORGET_DEV, &args);
	close(fd);
}

int torn_device_fs_unmount(const struct torn_device_choice *choice, const char *device, const char *at)
{
	const int r = umount2(at, 0) == 0 ? 0 : -errno;
	if (strcmp(choice->fs->name, "btrfs") == 0)
		forget(device);
	return r;
}
