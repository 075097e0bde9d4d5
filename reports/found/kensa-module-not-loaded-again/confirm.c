/* Rollback of PR 115 and before: the file, and nothing else. `modules` stands in for /proc/modules. */
#include "../confirm.h"

int main(void)
{
	begin();
	put("modules", "ext4 usb_storage");
	printf("apply, behind which a later step fails:\n");
	put("kensa-disable-usb_storage.conf", "install usb_storage /bin/true");
	put("modules", "ext4"); /* delete_module("usb_storage") */
	show("modules");
	printf("rollback, which reports success:\n");
	MUST(unlink("kensa-disable-usb_storage.conf") == 0);
	show("kensa-disable-usb_storage.conf");
	show("modules");
	return 0;
}
