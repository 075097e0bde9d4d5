/* runtime_real_server.c: the real kernel's side of runtime_real.h: what it is brought to, and asked. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime_mount_options.h"
#include "runtime_real_shared.h"
#include "runtime_text.h"

#define BASE "/tmp" /* of the namespace: a tmpfs of its own lies on it, so that nothing of the machine is touched */
#define POINT BASE "/mount"

static bool is_root; /* else a tmpfs shows whose it is, which the simulation does not */

static int write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const ssize_t size = write(fd, text, strlen(text));
	const int r = size == (ssize_t)strlen(text) ? 0 : -errno;
	close(fd);
	return r;
}

/* user_namespaces(7): root there is who we are; without that no file can be made. */
static int enter_users(uid_t uid, gid_t gid)
{
	char uids[32], gids[32];
	snprintf(uids, sizeof uids, "0 %u 1", uid);
	snprintf(gids, sizeof gids, "0 %u 1", gid);
	int r = write_file("/proc/self/setgroups", "deny");
	if (r == 0)
		r = write_file("/proc/self/uid_map", uids);
	return r == 0 ? write_file("/proc/self/gid_map", gids) : r;
}

int torn_real_unshare(int namespaces)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	if (unshare(namespaces | (uid == 0 ? 0 : CLONE_NEWUSER)) != 0)
		return -errno;
	const int r = uid == 0 ? 0 : enter_users(uid, gid);
	if (r == 0 && namespaces & CLONE_NEWNS && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -errno;
	return r;
}

int torn_real_enter(void)
{
	is_root = geteuid() == 0;
	const int r = torn_real_unshare(CLONE_NEWNET | CLONE_NEWNS);
	if (r < 0)
		return r;
	if (mount("none", BASE, "tmpfs", 0, NULL) != 0 || mkdir(POINT, 0755) != 0)
		return -errno;
	return 0;
}

/* For people: what is no text as \xHH. */
static void print_bytes(FILE *out, struct torn_bytes bytes)
{
	fputc('"', out);
	for (size_t i = 0; i < bytes.size; i++)
		fprintf(out, bytes.data[i] >= ' ' && bytes.data[i] < 0x7f ? "%c" : "\\x%02x", bytes.data[i]);
	fputc('"', out);
}

static void print_result(FILE *out, int error, uint64_t result)
{
	const char *name = error ? torn_errno_name(-error) : NULL;
	if (name)
		fprintf(out, "%s", name);
	else
		fprintf(out, "%llu", (unsigned long long)result);
}

/* ---------------------------------------------------------------- sysctls */

/* What the kernel made of a write. */
struct real {
	int error;
	uint64_t taken;
	bool moves;
	uint8_t content[TORN_REAL_TEXT_MAX];
	size_t size;
};

static int open_key(const struct torn_real_shared *shared, int flags)
{
	char path[600];
	const struct torn_bytes key = torn_real_text(shared, TORN_REAL_NAME);
	const int size = snprintf(path, sizeof path, "/proc/sys/%.*s", (int)key.size, (const char *)key.data);
	if (size >= (int)sizeof path)
		return -ENAMETOOLONG;
	const int fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static struct torn_bytes read_key(const struct torn_real_shared *shared, struct real *real)
{
	const int fd = open_key(shared, O_RDONLY);
	const ssize_t size = fd < 0 ? -1 : read(fd, real->content, sizeof real->content);
	if (fd >= 0)
		close(fd);
	real->size = size < 0 ? 0 : (size_t)size;
	return (struct torn_bytes){real->content, real->size};
}

static int write_key(const struct torn_real_shared *shared, struct torn_bytes text, uint64_t offset,
		     struct real *real)
{
	const int fd = open_key(shared, O_WRONLY);
	if (fd < 0)
		return fd;
	ssize_t result = -1;
	if (lseek(fd, (off_t)offset, SEEK_SET) == (off_t)offset)
		result = TEMP_FAILURE_RETRY(write(fd, text.data, text.size));
	real->error = result < 0 ? -errno : 0;
	real->taken = result < 0 ? 0 : (uint64_t)result;
	real->moves = lseek(fd, 0, SEEK_CUR) != (off_t)offset;
	close(fd);
	return 0;
}

static void tell_sysctl(struct torn_real_shared *shared, const struct real *real)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	const struct torn_bytes key = torn_real_text(shared, TORN_REAL_NAME);
	fprintf(out, "/proc/sys/%.*s is ", (int)key.size, (const char *)key.data);
	print_bytes(out, torn_real_text(shared, TORN_REAL_OLD));
	fprintf(out, "; of write(");
	print_bytes(out, torn_real_text(shared, TORN_REAL_WRITTEN));
	fprintf(out, ") at %llu this kernel says ", (unsigned long long)shared->offset);
	print_result(out, real->error, real->taken);
	fprintf(out, ", then has ");
	print_bytes(out, (struct torn_bytes){real->content, real->size});
	fprintf(out, real->moves ? " (the offset moves)" : " (the offset stays)");
	fprintf(out, "; the simulated one says ");
	print_result(out, shared->error, shared->taken);
	fprintf(out, ", then has ");
	print_bytes(out, torn_real_text(shared, TORN_REAL_NEW));
	fprintf(out, shared->moves ? " (the offset moves)" : " (the offset stays)");
	if (fclose(out) == 0)
		torn_real_differs(shared, text);
	free(text);
}

void torn_real_answer_sysctl(struct torn_real_shared *shared)
{
	static struct real real;
	const struct torn_bytes key = torn_real_text(shared, TORN_REAL_NAME);
	const struct torn_bytes old = torn_real_text(shared, TORN_REAL_OLD);
	if (!torn_bytes_equal(read_key(shared, &real), old) && write_key(shared, old, 0, &real) < 0) {
		torn_real_unheld(shared, key, ": this kernel has none, or nobody may write it");
		return;
	}
	if (!torn_bytes_equal(read_key(shared, &real), old)) {
		torn_real_unheld(shared, key, ": this kernel cannot be brought to what was there");
		return;
	}
	if (write_key(shared, torn_real_text(shared, TORN_REAL_WRITTEN), shared->offset, &real) < 0)
		return;
	const struct torn_bytes now = read_key(shared, &real);
	if (real.error != shared->error || real.taken != shared->taken ||
	    real.moves != (shared->moves && shared->taken > 0) ||
	    !torn_bytes_equal(now, torn_real_text(shared, TORN_REAL_NEW)))
		tell_sysctl(shared, &real);
}

/* ----------------------------------------------------------------- mounts */

/* What of a line of mountinfo is compared. */
struct mounted {
	struct torn_bytes options, type, super;
	unsigned count; /* of lines with that mount point */
};

static struct mounted find_line(struct torn_bytes mountinfo, struct torn_bytes at)
{
	struct mounted mounted = {.count = 0};
	struct torn_bytes line, word, point, options;
	while (torn_text_line(&mountinfo, &line)) {
		for (int i = 0; i < 4; i++)
			torn_text_word(&line, " ", &word);
		if (!torn_text_word(&line, " ", &point) || !torn_bytes_equal(point, at) ||
		    !torn_text_word(&line, " ", &options))
			continue;
		while (torn_text_word(&line, " ", &word) && !torn_text_is(word, "-"))
			;
		mounted.options = options;
		mounted.count++;
		if (torn_text_word(&line, " ", &mounted.type) && torn_text_word(&line, " ", &word))
			torn_text_word(&line, " ", &mounted.super);
	}
	return mounted;
}

static struct torn_bytes read_mountinfo(void)
{
	static uint8_t bytes[4 * TORN_REAL_TEXT_MAX];
	const int fd = open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	for (ssize_t got = 1; fd >= 0 && got > 0 && size < sizeof bytes; size += got > 0 ? (size_t)got : 0)
		got = read(fd, bytes + size, sizeof bytes - size);
	if (fd >= 0)
		close(fd);
	return (struct torn_bytes){bytes, size};
}

/* Options of a file system that is not itself there: only what all have. */
static struct torn_bytes super_of(const struct mounted *mounted, bool is_itself)
{
	return is_itself ? mounted->super
			 : (struct torn_bytes){mounted->super.data, mounted->super.size < 2 ? 0 : 2};
}

/* Mount what was there, as it stands in the line. Returns 0 or -errno. */
static int bring(struct torn_arena *arena, const struct mounted *old, bool is_itself)
{
	struct torn_mount_words of_mount, of_super;
	char type[32], *data = NULL;
	int r = torn_mount_words_read(arena, old->options, &of_mount);
	if (r == 0)
		r = torn_mount_words_read(arena, old->super, &of_super);
	if (r < 0)
		return r;
	snprintf(type, sizeof type, "%.*s", is_itself ? (int)old->type.size : 5,
		 is_itself ? (const char *)old->type.data : "tmpfs");
	if (is_itself && of_super.data.size)
		data = (char *)torn_arena_copy(arena, of_super.data.data, of_super.data.size).data;
	uint64_t flags = (of_mount.flags & ~(uint64_t)MS_RDONLY) | of_super.flags;
	const uint64_t atimes = MS_NOATIME | MS_RELATIME;
	if (!(flags & atimes))
		flags |= MS_STRICTATIME;
	if (mount("none", POINT, type, flags, data) != 0)
		return -errno;
	/* of a superblock that is read-only a mount may be writable, and the other way round */
	if ((of_mount.flags ^ of_super.flags) & MS_RDONLY &&
	    mount(NULL, POINT, NULL, MS_REMOUNT | MS_BIND | (flags & ~(uint64_t)MS_RDONLY) | (of_mount.flags & MS_RDONLY),
		  NULL) != 0)
		return -errno;
	return 0;
}

static void tell_mount(struct torn_real_shared *shared, const struct mounted *old, int error,
		       const struct mounted *real, const struct mounted *own)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	fprintf(out, "%s(%s, flags %#llx, ", shared->kind == TORN_REAL_MOUNT ? "mount" : "umount2",
		shared->texts[TORN_REAL_NAME], (unsigned long long)shared->flags);
	print_bytes(out, torn_real_text(shared, TORN_REAL_DATA));
	fprintf(out, ") of %.*s (%.*s - %.*s): this kernel says ", (int)old->type.size, (const char *)old->type.data,
		(int)old->options.size, (const char *)old->options.data, (int)old->super.size,
		(const char *)old->super.data);
	print_result(out, error, 0);
	fprintf(out, ", then has %u: %.*s - %.*s; the simulated one says ", real->count, (int)real->options.size,
		(const char *)real->options.data, (int)real->super.size, (const char *)real->super.data);
	print_result(out, shared->error, 0);
	fprintf(out, ", then has %u: %.*s - %.*s", own->count, (int)own->options.size,
		(const char *)own->options.data, (int)own->super.size, (const char *)own->super.data);
	if (fclose(out) == 0)
		torn_real_differs(shared, text);
	free(text);
}

static int act(const struct torn_real_shared *shared)
{
	const char *data = (const char *)shared->texts[TORN_REAL_DATA];
	const int result = shared->kind == TORN_REAL_MOUNT ? mount(NULL, POINT, NULL, shared->flags, data)
							   : umount2(POINT, (int)shared->flags);
	return result == 0 ? 0 : -errno;
}

/* Only a remount and a umount of one mount at its place: what lies around it is not built. */
static const char *lacks(const struct torn_real_shared *shared, const struct mounted *old, bool is_itself)
{
	if (shared->kind == TORN_REAL_MOUNT && !(shared->flags & MS_REMOUNT))
		return ": what is mounted anew is not asked about";
	if (old->count > 1)
		return ": of several mounts at one place none is asked about";
	if (shared->kind == TORN_REAL_MOUNT && !is_itself && shared->sizes[TORN_REAL_DATA] > 0)
		return ": a namespace has no such file system, and this is an option of its own";
	return torn_text_is(torn_real_text(shared, TORN_REAL_NAME), "/") ? ": the root is not asked about" : NULL;
}

static void compare_mount(struct torn_real_shared *shared, const struct mounted *old, bool is_itself)
{
	const int error = act(shared);
	const struct mounted now = find_line(read_mountinfo(), torn_bytes_of(POINT));
	const struct mounted own = find_line(torn_real_text(shared, shared->error ? TORN_REAL_OLD : TORN_REAL_NEW),
					     torn_real_text(shared, TORN_REAL_NAME));
	if (error != shared->error || now.count != own.count || !torn_bytes_equal(now.options, own.options) ||
	    !torn_bytes_equal(super_of(&now, is_itself), super_of(&own, is_itself)))
		tell_mount(shared, old, error, &now, &own);
	while (umount2(POINT, MNT_DETACH) == 0)
		;
}

void torn_real_answer_mount(struct torn_real_shared *shared)
{
	const struct torn_bytes at = torn_real_text(shared, TORN_REAL_NAME);
	const struct mounted old = find_line(torn_real_text(shared, TORN_REAL_OLD), at);
	const bool is_itself = is_root && (torn_text_is(old.type, "tmpfs") || torn_text_is(old.type, "proc"));
	const char *why = lacks(shared, &old, is_itself);
	struct torn_arena arena;
	if (!why && torn_arena_open(&arena, 1 << 20) < 0)
		why = ": no memory";
	if (why) {
		torn_real_unheld(shared, at, why);
		return;
	}
	if (old.count == 1 && bring(&arena, &old, is_itself) < 0)
		torn_real_unheld(shared, at, ": this kernel cannot be brought to what was there");
	else
		compare_mount(shared, &old, is_itself);
	torn_arena_close(&arena);
}
