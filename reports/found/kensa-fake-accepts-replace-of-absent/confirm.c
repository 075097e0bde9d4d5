/* The fake of the unit tests beside the primitive: a map that is set, and the look that comes first. */
#include "../confirm.h"

static const char *map_value; /* of the one key 99-kensa.conf; NULL: it is not there */

static int fake_replace(const char *text)
{
	map_value = text;
	return 0;
}

static int real_replace(void)
{
	struct stat status;
	return fstatat(AT_FDCWD, "99-kensa.conf", &status, AT_SYMLINK_NOFOLLOW); /* its first call */
}

int main(void)
{
	begin();
	MUST(fake_replace("one") == 0);
	printf("fake, AtomicReplace of an absent file: ok, it is \"%s\" then\n", map_value);
	MUST(real_replace() < 0);
	printf("real, AtomicReplace of an absent file: %s\n", strerror(errno));
	return 0;
}
