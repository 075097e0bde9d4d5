/* PR 600: temp, sync, rename; the temp is removed after every error but rename's. */
#include "../confirm.h"

int main(void)
{
	begin();
	MUST(mkdir("state.json", 0755) == 0);
	int file = open(".state.json.tmp", O_RDWR | O_CREAT | O_TRUNC | O_SYNC | O_CLOEXEC, 0644);
	MUST(file >= 0 && write(file, "{}", 2) == 2 && fsync(file) == 0 && close(file) == 0);
	/* os.Rename: a directory at the new name is EEXIST without a rename. */
	struct stat status;
	MUST(lstat("state.json", &status) == 0 && S_ISDIR(status.st_mode));
	printf("os.Rename(.state.json.tmp, state.json): %s\n", strerror(EEXIST));
	show(".state.json.tmp"); /* and atomicWriteFile returns */
	return 0;
}
