/* What was captured of the drop-in are its bytes; AtomicReplace gives it the mode 0644. */
#include "../confirm.h"

static void replace(const char *path, const char *text)
{
	put_with("temp", text, 0644);
	MUST(rename("temp", path) == 0); /* of an exchange the same inode comes to the name */
}

int main(void)
{
	begin();
	put_with("99-kensa.conf", "old", 0600);
	show("99-kensa.conf");
	replace("99-kensa.conf", "new");
	replace("99-kensa.conf", "old");
	printf("rolled back\n");
	show("99-kensa.conf");
	return 0;
}
