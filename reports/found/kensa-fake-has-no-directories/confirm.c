/* The fake that knows what is there, beside the primitive: it has names, and no directories. */
#include "../confirm.h"

static const char *map_value; /* of the one key /etc/sysctl.d/99-kensa.conf; NULL: it is not there */

static int fake_write(const char *text)
{
	if (map_value) {
		errno = EEXIST;
		return -1;
	}
	map_value = text;
	return 0;
}

static int real_write(void)
{
	return open("sysctl.d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); /* its walk */
}

int main(void)
{
	begin();
	MUST(fake_write("one") == 0);
	printf("fake, AtomicWrite below a missing directory: ok, it is \"%s\" then\n", map_value);
	MUST(real_write() < 0);
	printf("real, AtomicWrite below a missing directory: %s\n", strerror(errno));
	MUST(symlink("elsewhere", "sysctl.d") == 0 && mkdir("elsewhere", 0755) == 0);
	MUST(real_write() < 0);
	printf("real, AtomicWrite below a symlink: %s\n", strerror(errno));
	return 0;
}
