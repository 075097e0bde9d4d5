/* The review of PR 600 asked for os.CreateTemp, which makes files of mode 0600. */
#include "../confirm.h"

int main(void)
{
	char temp[] = ".state.json.XXXXXX";
	begin();
	put("state.json", "{\"pid\":-1}");
	show("state.json");
	int file = mkostemp(temp, O_CLOEXEC); /* open(O_RDWR|O_CREAT|O_EXCL, 0600), as os.CreateTemp */
	MUST(file >= 0 && write(file, "{\"pid\":4242}", 12) == 12 && fsync(file) == 0 && close(file) == 0);
	MUST(rename(temp, "state.json") == 0);
	show("state.json");
	return 0;
}
