/* `printf '%s' BODY > FILE`, killed before printf writes: the shell has emptied the file by then. */
#include "../confirm.h"

static const char *name;

static void write_by_shell(void)
{
	char command[128];
	snprintf(command, sizeof command, "{ kill -9 $$; printf '%%s' 'a = 1'; } > %s", name);
	MUST(execl("/bin/sh", "sh", "-c", command, (char *)NULL) == 0);
}

static void write_and_die(const char *file)
{
	name = file;
	show(file);
	killed_in(write_by_shell);
	show(file);
}

int main(void)
{
	begin();
	put("99-kensa.conf", "b = 2");
	write_and_die("99-kensa.conf");
	write_and_die("98-kensa.conf");
	return 0;
}
