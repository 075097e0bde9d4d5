/* dconf_set before the later work: capture has the snippet alone; profile and lock stay. */
#include "../confirm.h"

int main(void)
{
	begin();
	MUST(mkdir("profile", 0755) == 0 && mkdir("local.d", 0755) == 0);
	put("profile/local", "system-db:local");
	put("local.d/00-kensa", "banner=true");
	MUST(mkdir("local.d/locks", 0755) == 0);
	put("local.d/locks/00-kensa", "/banner");
	MUST(unlink("local.d/00-kensa") == 0); /* rollback: there was no snippet */
	printf("rolled_back\n");
	show("local.d/00-kensa");
	show("local.d/locks/00-kensa");
	show("profile/local");
	return 0;
}
