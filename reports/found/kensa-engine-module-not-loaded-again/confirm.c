/* kernel_module_disable before the later work: rollback takes the file back, and loads no module. */
#include "../confirm.h"

static int loaded = 1; /* a stand-in for a module, which no namespace holds */

int main(void)
{
	begin();
	put("kensa-disable-m.conf", "blacklist m");
	loaded = 0; /* delete_module(2) */
	MUST(unlink("kensa-disable-m.conf") == 0);
	printf("rolled_back\n");
	show("kensa-disable-m.conf");
	printf("  the module is %s\n", loaded ? "loaded" : "not loaded");
	return 0;
}
