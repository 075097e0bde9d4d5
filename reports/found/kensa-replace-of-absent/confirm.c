/* kensa before PR 115: a handler's first apply calls AtomicReplace, its rollback AtomicRemove. */
#include "../confirm.h"

/* Both look at the name first, and want it there. */
static int look(const char *operation)
{
	struct stat status;
	const int found = fstatat(AT_FDCWD, "99-kensa.conf", &status, AT_SYMLINK_NOFOLLOW);
	printf("%s: fstatat(99-kensa.conf): %s\n", operation, found < 0 ? strerror(errno) : "found");
	return found;
}

int main(void)
{
	begin();
	put("log_martians", "0");
	put("log_martians", "1"); /* the runtime value is written before the file: seeds, sysctl_set */
	MUST(look("apply, AtomicReplace") < 0 && errno == ENOENT);
	MUST(look("rollback, AtomicRemove") < 0 && errno == ENOENT);
	printf("rollback returns here, before it restores the runtime value 0:\n");
	show("log_martians");
	show("99-kensa.conf");
	return 0;
}
