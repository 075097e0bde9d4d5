/* dconf_set, rollback: the profile goes only if the database's directory was made, and is gone again. */
#include "../confirm.h"

int main(void)
{
	begin();
	MUST(mkdir("profile", 0755) == 0 && mkdir("local.d", 0755) == 0);
	put("local.d/10-site", "a=true"); /* the administrator's: the directory was there */
	put("profile/local", "system-db:local");
	put("local.d/00-kensa", "banner=true");
	MUST(unlink("local.d/00-kensa") == 0);
	const int made_directory = 0;
	if (made_directory)
		MUST(unlink("profile/local") == 0);
	printf("rolled_back\n");
	show("local.d/00-kensa");
	show("profile/local");
	return 0;
}
