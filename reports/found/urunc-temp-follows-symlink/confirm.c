/* PR 600 opens its temp by a fixed name, without O_EXCL and O_NOFOLLOW: a symlink there is followed. */
#include "../confirm.h"

int main(void)
{
	begin();
	MUST(mkdir("etc", 0755) == 0 && mkdir("bundle", 0777) == 0);
	put("etc/hosts", "127.0.0.1 localhost");
	MUST(symlink("../etc/hosts", "bundle/.init.pid.tmp") == 0); /* by whoever may write there */
	show("etc/hosts");
	const int file = open("bundle/.init.pid.tmp", O_RDWR | O_CREAT | O_TRUNC | O_SYNC | O_CLOEXEC, 0666);
	MUST(file >= 0 && write(file, "4242", 4) == 4 && fsync(file) == 0 && close(file) == 0);
	MUST(rename("bundle/.init.pid.tmp", "bundle/init.pid") == 0);
	printf("atomicWriteFile(bundle/init.pid): done\n");
	show("etc/hosts");
	show("bundle/init.pid");
	return 0;
}
