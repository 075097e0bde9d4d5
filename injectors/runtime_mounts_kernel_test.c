/*
 * runtime_mounts_kernel_test.c: simulated mounts held against this kernel's: the same random mounts, bind
 * mounts, remounts and umounts of tmpfs, proc and directories, below a directory of a new mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "dice.h"
#include "runtime.h"
#include "runtime_kernel_for_tests.h"

#define STEPS 150
#define SEEDS 8
#define TOP "/tmp/torn-mounts-kernel-test"

static const char *const places[] = {TOP "/a", TOP "/b", TOP "/c d\te#f\\g", TOP "/p", TOP "/a/sub", TOP "/a/sub/"};

static uint64_t seed; /* each in a namespace of its own: a model of mounts has room for so many only */

static struct torn_bytes read_mountinfo(void)
{
	static uint8_t bytes[65536];
	const int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	for (ssize_t got = 1; fd >= 0 && got > 0 && size < sizeof bytes; size += got > 0 ? (size_t)got : 0)
		got = read(fd, bytes + size, sizeof bytes - size);
	if (fd >= 0)
		close(fd);
	return torn_arena_copy(&arena, bytes, size);
}

/* ------------------------------------------------------------- comparison */

/* Numbers are the kernel's to give: a mount is known by its place in the list, a device by its first mount. */
static void print_place(struct torn_text *text, struct torn_bytes mountinfo, int field, struct torn_bytes value)
{
	struct torn_bytes line, word;
	for (uint64_t number = 1; torn_text_line(&mountinfo, &line); number++) {
		for (int i = 0; i <= field; i++)
			torn_text_word(&line, " ", &word);
		if (!torn_bytes_equal(word, value))
			continue;
		torn_text_number(text, number);
		torn_text_put(text, " ");
		return;
	}
	torn_text_put(text, "above ");
}

/* The lines at or below TOP, without the kernel's numbers. */
static struct torn_bytes comparable(struct torn_bytes mountinfo)
{
	struct torn_text text;
	struct torn_bytes rest = mountinfo, line, id, parent, device, result;
	torn_text_begin(&text, &arena);
	while (torn_text_line(&rest, &line)) {
		torn_text_word(&line, " ", &id);
		torn_text_word(&line, " ", &parent);
		torn_text_word(&line, " ", &device);
		print_place(&text, mountinfo, 0, id);
		print_place(&text, mountinfo, 0, parent);
		print_place(&text, mountinfo, 2, device);
		torn_text_add(&text, line);
		torn_text_put(&text, "\n");
	}
	return torn_text_end(&text, &result) == 0 ? result : (struct torn_bytes){NULL, 0};
}

static void tell_lines(const char *who, struct torn_bytes text)
{
	struct torn_bytes line;
	while (torn_text_line(&text, &line))
		if (strstr(shown(line), TOP))
			fprintf(stderr, "  %s: %s\n", who, shown(line));
}

/* ---------------------------------------------------------------- actions */

static uint64_t random_flags(struct torn_dice *dice)
{
	static const uint64_t flags[] = {MS_RDONLY,	 MS_NOSUID,	MS_NODEV,      MS_NOEXEC,
					 MS_NOATIME,	 MS_NODIRATIME, MS_RELATIME,   MS_STRICTATIME,
					 MS_SYNCHRONOUS, MS_DIRSYNC,	MS_LAZYTIME,   256 /* MS_NOSYMFOLLOW */};
	uint64_t made = torn_dice_chance(dice, 1, 4) ? 0xC0ED0000 /* MS_MGC_VAL */ : 0;
	for (uint32_t count = torn_dice_below(dice, 4); count > 0; count--)
		made |= flags[torn_dice_below(dice, COUNT(flags))];
	return made;
}

/*
 * No "size=0" and no "nr_inodes=0": a limit that was not there cannot be set later, and this model does
 * not know which were there from the start.
 */
static const char *random_data(struct torn_dice *dice)
{
	static const char *const data[] = {
		"", "", "", "", ",", "ro", "rw", "sync", "async", "lazytime", "dirsync",
		"size=1m", "size=5000", "size=8k,nr_inodes=100", "size=x", "size=", "size", "mode=700", "mode=1777",
		"mode=4755", "uid=5,gid=0", "gid=7", "nr_inodes=2k", "bogus", "bogus=1", "defaults", "nodev", "ro,size=1G",
		"hidepid=2", "hidepid=0", "hidepid=noaccess", "hidepid=9", "hidepid=4,gid=5", "subset=pid", "subset=x",
	};
	return data[torn_dice_below(dice, COUNT(data))];
}

struct action {
	const char *words; /* which call */
	const char *source, *at, *type, *data;
	uint64_t flags;
};

static struct action random_action(struct torn_dice *dice)
{
	struct action action = {.at = places[torn_dice_below(dice, COUNT(places))], .data = "", .words = "mount"};
	static const char *const types[] = {"tmpfs", "tmpfs", "proc"};
	switch (torn_dice_below(dice, 8)) {
	case 0:
		action.words = "umount";
		action.flags = torn_dice_chance(dice, 1, 3) ? MNT_DETACH : torn_dice_below(dice, 8) ? 0 : 64;
		return action;
	case 1:
		action.source = torn_dice_chance(dice, 1, 2) ? "none" : "a #\\b";
		action.type = types[torn_dice_below(dice, COUNT(types))];
		action.data = random_data(dice);
		action.flags = random_flags(dice);
		return action;
	case 2:
		action.source = places[torn_dice_below(dice, COUNT(places))];
		action.flags = MS_BIND | random_flags(dice);
		return action;
	case 3:
		action.flags = torn_dice_chance(dice, 1, 2) ? MS_PRIVATE : MS_UNBINDABLE;
		return action;
	case 4:
		action.flags = MS_REMOUNT | MS_BIND | random_flags(dice);
		return action;
	default:
		action.data = random_data(dice);
		action.flags = MS_REMOUNT | random_flags(dice);
		return action;
	}
}

static int act_on_kernel(const struct action *action)
{
	const int result = strcmp(action->words, "umount") == 0
				   ? umount2(action->at, (int)action->flags)
				   : mount(action->source, action->at, action->type, action->flags, action->data);
	return result == 0 ? 0 : -errno;
}

static int act_on_torn(const struct action *action, struct torn_bytes *mountinfo)
{
	const struct torn_bytes none = {NULL, 0}, at = torn_bytes_of(action->at);
	if (strcmp(action->words, "umount") == 0)
		return torn_runtime_umount(&arena, *mountinfo, at, (uint32_t)action->flags, mountinfo);
	const struct torn_runtime_mount mount = {
		.source = action->source ? torn_bytes_of(action->source) : none,
		.at = at,
		.type = action->type ? torn_bytes_of(action->type) : none,
		.data = torn_bytes_of(action->data),
		.flags = action->flags,
	};
	return torn_runtime_mount(&arena, *mountinfo, &mount, mountinfo);
}

/* The directory that a mount covers is gone with it: what the kernel finds there is not the model's. */
static bool is_there(const char *path)
{
	struct stat found;
	return stat(path, &found) == 0;
}

static int compare_one(struct torn_dice *dice, struct torn_bytes *mountinfo, unsigned *asked)
{
	const struct action action = random_action(dice);
	if (!is_there(action.at) || (action.source && action.source[0] == '/' && !is_there(action.source)))
		return mkdir(TOP "/a/sub", 0755) == 0 || errno ? 0 : 1;
	const int real = act_on_kernel(&action), ours = act_on_torn(&action, mountinfo);
	const struct torn_bytes now = read_mountinfo();
	(*asked)++;
	if (real == ours && torn_bytes_equal(comparable(now), comparable(*mountinfo)))
		return 0;
	fprintf(stderr, "%s %s at %s type %s flags %#llx data '%s': kernel %d, torn %d\n", action.words,
		action.source ? action.source : "-", action.at, action.type ? action.type : "-",
		(unsigned long long)action.flags, action.data, real, ours);
	tell_lines("kernel", comparable(now));
	tell_lines("torn  ", comparable(*mountinfo));
	*mountinfo = now;
	return 1;
}

static int all_actions(void)
{
	if (mount("none", TOP, "tmpfs", 0, NULL) != 0)
		_exit(NO_NAMESPACES);
	for (size_t i = 0; i < COUNT(places); i++)
		if (mkdir(places[i], 0755) != 0 && errno != EEXIST)
			return 1;
	int differences = 0;
	unsigned asked = 0;
	struct torn_dice dice = {.state = seed};
	struct torn_bytes mountinfo = read_mountinfo();
	for (int i = 0; i < STEPS && differences < 6; i++)
		differences += compare_one(&dice, &mountinfo, &asked);
	fprintf(stderr, "seed %llu: %u calls were asked of this kernel\n", (unsigned long long)seed, asked);
	return differences + (asked < STEPS / 2 ? 1 : 0);
}

static void test_mounts_are_what_the_kernel_makes_of_them(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("SKIPPED: not root, and then a tmpfs shows whose it is (uid=)\n");
		return;
	}
	assert_true(mkdir(TOP, 0755) == 0 || errno == EEXIST);
	for (seed = 1; seed <= SEEDS; seed++)
		if (!holds_on_kernel(CLONE_NEWNS, all_actions))
			break;
	assert_int_equal(rmdir(TOP), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {arena_test(test_mounts_are_what_the_kernel_makes_of_them)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
