/* The same file by commands, and by the calls of AtomicReplace and AtomicWrite, with a umask of 022. */
#include "../confirm.h"

static void by_commands(void)
{
	MUST(system("printf '%s' new > 99-kensa.conf") == 0);
	MUST(system("printf '%s' new > 99-kensa.rules") == 0);
}

/* A temp with the mode that is asked for, renamed. */
static void by_calls(const char *name, mode_t mode)
{
	int file = open(".temp", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	MUST(file >= 0 && write(file, "new", 3) == 3 && fsync(file) == 0);
	MUST(fchmod(file, mode) == 0 && close(file) == 0 && rename(".temp", name) == 0);
}

int main(void)
{
	begin();
	put_with("99-kensa.conf", "old", 0600);
	printf("by commands:\n");
	by_commands();
	show("99-kensa.conf");
	show("99-kensa.rules");
	MUST(unlink("99-kensa.conf") == 0 && unlink("99-kensa.rules") == 0);
	put_with("99-kensa.conf", "old", 0600);
	printf("by calls:\n");
	by_calls("99-kensa.conf", 0644);
	by_calls("99-kensa.rules", 0640);
	show("99-kensa.conf");
	show("99-kensa.rules");
	return 0;
}
