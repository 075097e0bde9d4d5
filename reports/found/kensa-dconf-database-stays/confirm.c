/* dconf_set, rollback: `dconf update` makes a database of each directory NAME.d, and removes none. */
#include "../confirm.h"

#include <glob.h>

static void update(void)
{
	glob_t found;
	if (glob("*.d", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			put("local", "banner=true"); /* what local.d has, compiled */
	globfree(&found);
}

int main(void)
{
	begin();
	MUST(mkdir("local.d", 0755) == 0);
	put("local.d/00-kensa", "banner=true");
	update();
	MUST(unlink("local.d/00-kensa") == 0 && rmdir("local.d") == 0);
	update();
	printf("rolled_back\n");
	show("local.d");
	show("local");
	return 0;
}
