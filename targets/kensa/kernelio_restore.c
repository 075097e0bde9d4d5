/* kernelio_restore.c: see kernelio_restore.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "kernelio_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../go/go_os.h"
#include "fsatomic_walk.h"
#include "kernelio_files.h"

/* All names of a file, and the value of one: xattr(7) has more, few files have. */
#define NAMES_MAX 1024u
#define VALUE_MAX 1024u
#define TEXT_MAX ((size_t)16 << 10)

/* ---------------------------------------------------------------- reading */

static int print_attribute(int file, const char *name, FILE *text)
{
	uint8_t value[VALUE_MAX];
	ssize_t size = fgetxattr(file, name, value, sizeof(value));

	if (size < 0)
		return -1;
	fprintf(text, "%s=", name);
	for (ssize_t i = 0; i < size; i++)
		fprintf(text, "%02x", value[i]);
	fputc('\n', text);
	return 0;
}

static int print_attributes(int file, FILE *text)
{
	struct stat status;
	char names[NAMES_MAX];

	if (go_fstat(file, &status) < 0)
		return -1;
	fprintf(text, "%04o %u %u\n", status.st_mode & 07777, status.st_uid, status.st_gid);
	/* Also EOPNOTSUPP: without listxattr Linux says 0 (vfs_listxattr); who refuses (FUSE) may have some to be lost. */
	ssize_t size = flistxattr(file, names, sizeof(names));
	if (size < 0)
		return -1;
	for (const char *name = names; name < names + size; name += strlen(name) + 1)
		if (print_attribute(file, name, text) < 0)
			return -1;
	return 0;
}

/* The text of an open file. open_memstream(3) does no system call. */
static int attributes_of(int file, char **ret_text, size_t *ret_size)
{
	char *text = NULL;
	size_t size = 0;

	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return -1;
	int result = print_attributes(file, stream);
	int number = errno;
	if (fclose(stream) != 0) {
		result = -1;
		number = ENOMEM;
	} else if (result == 0 && size >= TEXT_MAX) { /* it could not be put back */
		result = -1;
		number = E2BIG;
	}
	if (result < 0) {
		free(text);
		errno = number;
		return -1;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

/* Open the regular file at a place. Returns -1 with ENOENT where there is none. */
static int open_regular(const struct fsatomic_place *place)
{
	struct stat status;

	enum fsatomic_error error = fsatomic_look(place, &status);
	if (error == FSATOMIC_NOT_EXIST || error == FSATOMIC_OTHER)
		return -1; /* errno is fstatat's */
	if (error || !S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return TEMP_FAILURE_RETRY(openat(place->parent, place->base,
					 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

int kernelio_attributes_read(const char *path, char **ret_text, size_t *ret_size)
{
	struct fsatomic_place place;

	enum fsatomic_error error = fsatomic_walk(path, &place);
	if (error == FSATOMIC_PARENT_DIR_MISSING) {
		*ret_text = NULL;
		*ret_size = 0;
		return 1;
	}
	if (error)
		return -1;
	int file = open_regular(&place);
	int result = -1;
	if (file >= 0) {
		result = attributes_of(file, ret_text, ret_size);
		fsatomic_close(file);
	} else if (errno == ENOENT) {
		*ret_text = NULL;
		*ret_size = 0;
		result = 0;
	}
	fsatomic_close(place.parent);
	return result;
}

/* ---------------------------------------------------------------- writing */

static int digit(char character)
{
	return character <= '9' ? character - '0' : character - 'a' + 10;
}

/* One line "name=hex" of a text; `line` is cut apart. */
static int set_attribute(int file, char *line)
{
	uint8_t value[VALUE_MAX];
	size_t size = 0;

	char *hex = strchr(line, '=');
	if (!hex)
		return 0;
	*hex++ = '\0';
	for (; hex[0] && hex[1] && size < sizeof(value); hex += 2)
		value[size++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
	return fsetxattr(file, line, value, size, 0);
}

/* Owner before mode: chown(2) takes the set-ID bits away. */
static int set_attributes(int file, struct torn_bytes attributes)
{
	char text[TEXT_MAX];
	unsigned mode = 0, uid = 0, gid = 0;
	char *rest = text;

	if (attributes.size >= sizeof(text)) {
		errno = E2BIG;
		return -1;
	}
	memcpy(text, attributes.data, attributes.size);
	text[attributes.size] = '\0';
	char *line = strsep(&rest, "\n");
	if (sscanf(line, "%o %u %u", &mode, &uid, &gid) != 3) {
		errno = EINVAL;
		return -1;
	}
	if (fchown(file, uid, gid) < 0 || go_chmod(file, mode) < 0)
		return -1;
	while ((line = strsep(&rest, "\n")))
		if (set_attribute(file, line) < 0)
			return -1;
	return 0;
}

/* Is that file what it was? And then: is it on disk? */
static bool is_as_it_was(int file, struct torn_bytes attributes, struct torn_bytes content)
{
	char *text = NULL, *bytes = NULL;
	size_t text_size = 0, bytes_size = 0;
	bool same = false;

	if (attributes_of(file, &text, &text_size) == 0 &&
	    kernelio_read_open(file, &bytes, &bytes_size) == 0)
		same = torn_bytes_equal((struct torn_bytes){(const uint8_t *)text, text_size}, attributes) &&
		       torn_bytes_equal((struct torn_bytes){(const uint8_t *)bytes, bytes_size}, content);
	free(text);
	free(bytes);
	return same && go_sync(file) == 0;
}

static bool nothing_to_do(const struct fsatomic_place *place, struct torn_bytes attributes,
			  struct torn_bytes content)
{
	int file = open_regular(place);

	if (file < 0)
		return errno == ENOENT && !content.data;
	bool same = content.data && is_as_it_was(file, attributes, content);
	fsatomic_close(file);
	return same;
}

/* A signal turns no step of a rollback into a failed one. */
static int unlink_at(const struct fsatomic_place *place, const char *name)
{
	return TEMP_FAILURE_RETRY(unlinkat(place->parent, name, 0));
}

static int fill(int file, struct torn_bytes attributes, struct torn_bytes content)
{
	if (content.size > 0 && go_write(file, content) < 0)
		return -1;
	return set_attributes(file, attributes) < 0 ? -1 : go_sync(file);
}

/* Make a file under a name that nothing has: one that is taken is no reason to leave all as it is. */
static int create_temp(const struct fsatomic_place *place, char *ret_temp, size_t size)
{
	char suffix[FSATOMIC_SUFFIX_SIZE];
	int file = -1;

	for (unsigned i = 0; i < FSATOMIC_TEMP_TRIES && (i == 0 || (file < 0 && errno == EEXIST));
	     i++) {
		fsatomic_random_suffix(suffix);
		snprintf(ret_temp, size, ".%s.fsatomic.%s", place->base, suffix);
		file = TEMP_FAILURE_RETRY(
			openat(place->parent, ret_temp,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	}
	return file;
}

/* Make the file under a temporary name, and rename it into place. */
static int replace(const struct fsatomic_place *place, struct torn_bytes attributes,
		   struct torn_bytes content)
{
	char temp[PATH_MAX + sizeof("..fsatomic.0123456789abcdef")];
	int file = create_temp(place, temp, sizeof(temp));

	if (file < 0)
		return -1;
	int result = fill(file, attributes, content);
	fsatomic_close(file);
	if (result == 0)
		result = TEMP_FAILURE_RETRY(renameat(place->parent, temp, place->parent, place->base));
	if (result < 0) {
		int number = errno;
		if (unlink_at(place, temp) < 0)
			(void)unlink_at(place, temp);
		errno = number;
	}
	return result;
}

static int change(const struct fsatomic_place *place, struct torn_bytes attributes,
		  struct torn_bytes content)
{
	if (nothing_to_do(place, attributes, content))
		return 0;
	return content.data ? replace(place, attributes, content) : unlink_at(place, place->base);
}

enum fsatomic_error kernelio_restore_file(const char *path, struct torn_bytes attributes,
					  struct torn_bytes content)
{
	struct fsatomic_place place;

	enum fsatomic_error error = fsatomic_walk(path, &place);
	if (error == FSATOMIC_PARENT_DIR_MISSING && !content.data)
		return FSATOMIC_OK;
	if (error)
		return error;
	/* also where nothing was to be done: a rollback that was killed may have done it, unsynced */
	if (change(&place, attributes, content) < 0 || go_sync(place.parent) < 0)
		error = FSATOMIC_OTHER;
	fsatomic_close(place.parent);
	return error;
}
