/* Capture keeps the bytes of a file and no more: apply and rollback make new files, of mode 0644. */
#include "../confirm.h"

static void replace(const char *text)
{
	put_with(".temp", text, 0644);
	MUST(renameat2(AT_FDCWD, ".temp", AT_FDCWD, "99-kensa.conf", RENAME_EXCHANGE) == 0);
	MUST(unlink(".temp") == 0);
	show("99-kensa.conf");
}

int main(void)
{
	begin();
	put_with("99-kensa.conf", "old", 0600);
	show("99-kensa.conf");
	printf("apply, which fails later:\n");
	replace("new");
	printf("rollback, of the bytes that were captured:\n");
	replace("old");
	return 0;
}
