/* dconf_set, rollback: RemoveFile takes a name that is not there for done, and a missing directory for an error. */
#include "../confirm.h"

static int remove_file(const char *folder, const char *name)
{
	int parent = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (parent < 0) {
		printf("RemoveFile: %s: %s: ErrParentDirMissing\n", folder, strerror(errno));
		return -1;
	}
	MUST(unlinkat(parent, name, 0) == 0 || errno == ENOENT);
	MUST(fsync(parent) == 0 && close(parent) == 0);
	return 0;
}

int main(void)
{
	begin();
	MUST(mkdir("local.d", 0755) == 0);
	put("local.d/00-kensa", "session-timeout=900"); /* a rule without a lock, which made no locks/ */
	if (remove_file("local.d/locks", "00-kensa") == 0)
		MUST(remove_file("local.d", "00-kensa") == 0);
	show("local.d/00-kensa");
	return 0;
}
