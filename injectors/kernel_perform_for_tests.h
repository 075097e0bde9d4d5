/*
 * kernel_perform_for_tests.h: a step of kernel_test.c is performed, and what came of it is told in words
 * that are the same under the gate and without. For tests only.
 */
#ifndef TORN_KERNEL_PERFORM_FOR_TESTS_H
#define TORN_KERNEL_PERFORM_FOR_TESTS_H

#include "kernel_steps_for_tests.h"

static uint8_t buffer[BYTES_MAX];
static char long_paths[2][8192];

static const char *expand(const char *text, char *to)
{
	if (strcmp(text, "!") == 0)
		return NULL;
	if (strcmp(text, "$") == 0 || strcmp(text, "%") == 0) {
		const size_t size = text[0] == '$' ? 4095 : 4096;
		for (size_t i = 0; i < size; i++)
			to[i] = i % 2 ? '/' : '.';
		to[size - 1] = 'f';
		to[size - 2] = '/';
		to[size] = '\0';
		return to;
	}
	size_t at = 0;
	for (; *text; text++) {
		const size_t size = *text == '5' ? 255 : *text == '6' ? 256 : 1;
		memset(to + at, size > 1 ? 'n' : *text, size);
		at += size;
	}
	to[at] = '\0';
	return to;
}

static uint64_t hash_bytes(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int64_t call6(long number, const long a[6])
{
	const long r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r < 0 ? -(int64_t)errno : r;
}

static void say(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct outcome *outcome, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(outcome->text, sizeof outcome->text, format, arguments);
	va_end(arguments);
	outcome->hash = hash_bytes(outcome->text, strlen(outcome->text));
}

static void say_bytes(struct outcome *outcome, const void *bytes, size_t size)
{
	size_t shown = size < 40 ? size : 40;
	char text[48];
	for (size_t i = 0; i < shown; i++) {
		const uint8_t byte = ((const uint8_t *)bytes)[i];
		text[i] = (char)(byte >= 32 && byte < 127 ? byte : '?');
	}
	text[shown] = '\0';
	say(outcome, "%zu bytes: %s", size, text);
	outcome->hash = hash_bytes(bytes, size);
}

static void say_stat(struct outcome *outcome, const struct stat *status, bool is_root)
{
	const bool dir = S_ISDIR(status->st_mode);
	/* In the chroot /proc is a directory more. */
	const unsigned long links = status->st_nlink - (is_bare && is_root ? 1 : 0);
	if (S_ISCHR(status->st_mode)) /* descriptors 0 to 2 */
		say(outcome, "device");
	else
		say(outcome, "mode %o links %lu owner %u:%u size %ld", status->st_mode, links,
		    status->st_uid, status->st_gid, dir ? 0 : (long)status->st_size);
}

static ino_t root_ino;

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void say_set(struct outcome *outcome, const char **names, size_t count)
{
	static char all[16384];
	size_t at = 0;
	qsort(names, count, sizeof *names, by_text);
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(all + at, sizeof all - at, "%s ", names[i]);
	say(outcome, "%zu: %.50s", count, all);
	outcome->hash = hash_bytes(all, at);
}

/* Read a directory from its start, as a set of "type name". */
static int64_t list(const struct step *step, struct outcome *outcome)
{
	static char text[32768];
	static uint8_t entries[8192];
	const char *names[512];
	size_t count = 0, at = 0;
	int64_t r = call6(SYS_lseek, (long[6]){step->fd, 0, SEEK_SET});
	for (;;) {
		r = call6(SYS_getdents64,
			  (long[6]){step->fd, (long)entries, (long)(step->size < 300 ? 300 : step->size)});
		if (r <= 0)
			break;
		for (int64_t i = 0; i < r && count < COUNT(names);) {
			struct dirent64 *entry = (void *)(entries + i);
			i += entry->d_reclen;
			if (strcmp(entry->d_name, "proc") == 0)
				continue;
			names[count++] = text + at;
			at += (size_t)snprintf(text + at, sizeof text - at, "%d%s", entry->d_type,
					       entry->d_name) + 1;
		}
	}
	if (r == 0)
		say_set(outcome, names, count);
	return r;
}

static void fill_times(const struct step *step)
{
	static const long nsecs[] = {0, 5, UTIME_NOW, UTIME_OMIT, 1000000000, -1};
	if (step->call == TORN_CALL_utimensat) {
		const struct timespec times[2] = {{1, nsecs[step->fill % 6]},
						  {2, nsecs[step->fill / 6 % 6]}};
		memcpy(buffer, times, sizeof times);
	} else {
		const long times[4] = {1, step->fill % 7 == 6 ? 1000000 : 2, 3,
				       step->fill % 5 == 4 ? -1 : 4};
		memcpy(buffer, times, sizeof times);
	}
}

/* The arguments that a signature only shows as '-'. */
static void fill_blanks(const struct step *step, long arg[6], int64_t offsets[2])
{
	offsets[0] = step->offset;
	offsets[1] = step->offset_to;
	long *const pointer[2] = {(long *)&offsets[0], (long *)&offsets[1]};
	switch (step->call) {
	case TORN_CALL_openat2:
		arg[3] = sizeof(struct open_how);
		break;
	case TORN_CALL_close_range:
		arg[0] = step->fd;
		arg[1] = step->fd_to;
		break;
	case TORN_CALL_fcntl:
		arg[2] = (long)step->offset;
		break;
	case TORN_CALL_lseek:
		arg[2] = (long)step->mode;
		break;
	case TORN_CALL_sendfile:
		arg[2] = step->offset == INT64_MIN ? 0 : (long)pointer[0];
		break;
	case TORN_CALL_copy_file_range:
	case TORN_CALL_splice:
		arg[1] = step->offset == INT64_MIN ? 0 : (long)pointer[0];
		arg[3] = step->offset_to == INT64_MIN ? 0 : (long)pointer[1];
		break;
	case TORN_CALL_statx:
		arg[3] = STATX_BASIC_STATS;
		break;
	case TORN_CALL_fadvise64:
		arg[3] = POSIX_FADV_DONTNEED;
		break;
	default:
		break;
	}
}

static void arguments(const struct step *step, long arg[6], int64_t offsets[2])
{
	static struct iovec iov[8];
	static struct open_how how;
	const char *signature = torn_call_row(step->call)->signature;
	memset(arg, 0, 6 * sizeof *arg);
	for (uint32_t i = 0; strchr(signature, 'v') && i < step->pieces; i++)
		iov[i] = (struct iovec){buffer + i * step->size, step->size};
	how = (struct open_how){.flags = step->how, .mode = step->mode};
	for (int i = 0; signature[i]; i++) {
		switch (signature[i]) {
		case 'd': arg[i] = step->fd; break;
		case 'D': arg[i] = step->fd_to; break;
		case 'p': case 't': arg[i] = (long)expand(step->path, long_paths[0]); break;
		case 'P': arg[i] = (long)expand(step->path_to, long_paths[1]); break;
		case 'x': arg[i] = (long)(strcmp(step->name, "!") == 0 ? NULL : step->name); break;
		case 'f': arg[i] = step->fd; break;
		case 'g': arg[i] = step->fd_to; break;
		case 'b': arg[i] = (long)buffer; break;
		case 'n': case 'z': arg[i] = (long)step->size; break;
		case 'v': arg[i] = (long)iov; break;
		case 'c': arg[i] = step->pieces; break;
		case 'o': arg[i] = (long)step->offset; break;
		case 'F': arg[i] = (int)step->how; break;
		case 'm': arg[i] = step->mode; break;
		case 'u': arg[i] = step->uid; break;
		case 'i': arg[i] = step->gid; break;
		case 'h': arg[i] = (long)&how; break;
		default: break;
		}
	}
	fill_blanks(step, arg, offsets);
}

static bool is_directory(int fd)
{
	struct stat status;
	return call6(SYS_fstat, (long[6]){fd, (long)&status}) == 0 && S_ISDIR(status.st_mode);
}

static bool is_fifo(long path)
{
	struct stat status;
	return call6(SYS_stat, (long[6]){path, (long)&status}) == 0 && S_ISFIFO(status.st_mode);
}

/* Of a name below /proc only that it leads somewhere: see the top of this file. */
static void say_link(const struct step *step, struct outcome *outcome)
{
	if (strncmp(step->path, "/proc", 5) == 0)
		outcome->result = 0;
	else
		say_bytes(outcome, buffer, (size_t)outcome->result);
}

static void say_what_came(const struct step *step, const int64_t offsets[2], struct outcome *outcome)
{
	const size_t size = (size_t)outcome->result;
	struct stat status;
	switch (step->call) {
	case TORN_CALL_stat:
	case TORN_CALL_lstat:
	case TORN_CALL_fstat:
	case TORN_CALL_newfstatat:
		memcpy(&status, buffer, sizeof status);
		say_stat(outcome, &status, status.st_ino == root_ino);
		return;
	case TORN_CALL_statx: {
		struct statx all;
		memcpy(&all, buffer, sizeof all);
		status = (struct stat){.st_mode = all.stx_mode,
				       .st_nlink = all.stx_nlink,
				       .st_uid = all.stx_uid,
				       .st_gid = all.stx_gid,
				       .st_size = (off_t)all.stx_size};
		say_stat(outcome, &status, all.stx_ino == root_ino);
		return;
	}
	case TORN_CALL_lseek:
		if (is_directory(step->fd) && step->mode != SEEK_SET)
			outcome->result = 0;
		return;
	case TORN_CALL_sendfile:
	case TORN_CALL_copy_file_range:
		say(outcome, "offsets %ld %ld", (long)offsets[0], (long)offsets[1]);
		return;
	case TORN_CALL_readlink:
	case TORN_CALL_readlinkat:
		say_link(step, outcome);
		return;
	case TORN_CALL_getcwd:
		say_bytes(outcome, buffer, size);
		return;
	case TORN_CALL_read:
	case TORN_CALL_pread64:
	case TORN_CALL_getxattr:
	case TORN_CALL_lgetxattr:
	case TORN_CALL_fgetxattr:
		say_bytes(outcome, buffer, step->size ? size : 0);
		return;
	case TORN_CALL_readv:
	case TORN_CALL_preadv:
	case TORN_CALL_preadv2:
		say_bytes(outcome, buffer, size);
		return;
	case TORN_CALL_listxattr:
	case TORN_CALL_llistxattr:
	case TORN_CALL_flistxattr: {
		const char *names[64];
		size_t count = 0;
		for (size_t at = 0; step->size && at < size && count < 64;) {
			names[count++] = (const char *)buffer + at;
			at += strlen((const char *)buffer + at) + 1;
		}
		say_set(outcome, names, count);
		return;
	}
	default:
		return;
	}
}

static void perform(const struct step *step, struct outcome *outcome)
{
	*outcome = (struct outcome){.result = 0};
	memset(buffer, 'a' + step->fill % 26, sizeof buffer);
	if (torn_call_kind(step->call) == TORN_KIND_utime)
		fill_times(step);
	if (torn_call_kind(step->call) == TORN_KIND_readdir) {
		outcome->result = list(step, outcome);
		return;
	}
	long arg[6];
	int64_t offsets[2];
	arguments(step, arg, offsets);
	if (step->call == TORN_CALL_creat && is_fifo(arg[0]))
		return; /* it would wait for ever: creat(2) has no O_NONBLOCK */
	if (torn_call_kind(step->call) == TORN_KIND_utime && step->size == 0)
		for (int i = 0; i < 6; i++)
			if (arg[i] == (long)buffer)
				arg[i] = 0;
	outcome->result = call6(torn_call_row(step->call)->number, arg);
	if (outcome->result >= 0)
		say_what_came(step, offsets, outcome);
}

/* What a descriptor is, as far as its holder can tell. */
static void perform_look(int fd, struct outcome *outcome)
{
	struct stat status;
	*outcome = (struct outcome){.result = call6(SYS_fcntl, (long[6]){fd, F_GETFL})};
	if (outcome->result < 0)
		return;
	if (call6(SYS_fstat, (long[6]){fd, (long)&status}) == 0 && S_ISCHR(status.st_mode)) {
		outcome->result = 0;
		return;
	}
	const int64_t at = is_directory(fd) ? 0 : call6(SYS_lseek, (long[6]){fd, 0, SEEK_CUR});
	call6(SYS_fstat, (long[6]){fd, (long)&status});
	say(outcome, "at %ld, cloexec %ld, mode %o links %lu", (long)at,
	    (long)call6(SYS_fcntl, (long[6]){fd, F_GETFD}), status.st_mode,
	    status.st_nlink - (is_bare && status.st_ino == root_ino ? 1 : 0));
}

static void perform_all(const struct sequence *sequence, struct side *side)
{
	struct stat root;
	call6(SYS_stat, (long[6]){(long)"/", (long)&root});
	root_ino = root.st_ino;
	side->done = 0;
	for (uint32_t i = 0; i < sequence->count; i++) {
		perform(&sequence->steps[i], &side->outcomes[i]);
		side->done = i + 1;
	}
	for (int fd = 0; fd < FDS_SHOWN; fd++)
		perform_look(fd, &side->outcomes[sequence->count + (uint32_t)fd]);
}

#endif
