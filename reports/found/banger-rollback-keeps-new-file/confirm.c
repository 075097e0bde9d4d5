/* A rollback where there was no file before: it finds no backup and reports success. */
#include "../confirm.h"

int main(void)
{
	struct stat status;
	begin();
	put_with("banger.new", "bad", 0755);
	MUST(stat("banger", &status) < 0 && errno == ENOENT); /* no backup is made */
	MUST(rename("banger.new", "banger") == 0);
	printf("the new binary fails its check\n");
	const int found = stat("banger.prev", &status);
	printf("rollback: stat(banger.prev): %s, so nothing is done: success\n",
	       found < 0 ? strerror(errno) : "found");
	show("banger");
	return found == 0;
}
