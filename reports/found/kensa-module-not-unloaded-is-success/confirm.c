/* delete_module(2) without the right to: EPERM, as with modules_disabled. No module has that name. */
#include "../confirm.h"

#include <sys/syscall.h>

int main(void)
{
	begin();
	put("kensa-disable-torn_confirm.conf", "install torn_confirm /bin/true");
	MUST(geteuid() != 0 || seteuid(65534) == 0);
	MUST(syscall(SYS_delete_module, "torn_confirm", O_NONBLOCK) < 0);
	const int number = errno;
	MUST(getuid() != 0 || seteuid(0) == 0);
	if (number == ENOSYS) {
		printf("SKIPPED: this kernel has no modules to unload\n");
		return 77;
	}
	printf("delete_module(torn_confirm): %s\n", strerror(number));
	printf("nobody looks at that, and success is reported with\n");
	show("kensa-disable-torn_confirm.conf");
	return 0;
}
