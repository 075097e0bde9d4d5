/* kernel_module_disable: the file, then delete_module(2), whose result nobody looks at. */
#include "../confirm.h"

static int loaded = 1; /* a stand-in for a module, which no namespace holds */

static int delete_module(void)
{
	errno = EPERM; /* modules_disabled, or no CAP_SYS_MODULE: delete_module(2) */
	return -1;
}

int main(void)
{
	begin();
	put("kensa-disable-m.conf", "blacklist m");
	if (delete_module() == 0)
		loaded = 0;
	printf("ok\n");
	show("kensa-disable-m.conf");
	printf("  the module is %s\n", loaded ? "loaded" : "not loaded");
	return 0;
}
