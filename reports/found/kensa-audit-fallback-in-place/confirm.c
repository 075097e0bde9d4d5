/* audit_rule_set without a netlink socket falls back to `printf > FILE`, which empties the file first. */
#include "../confirm.h"

#include <sys/socket.h>

#define FILE_NAME "99-kensa.rules"

static void write_by_shell(void)
{
	/* the shell opens the file for its redirection, and dies before printf writes */
	MUST(execl("/bin/sh", "sh", "-c", "{ kill -9 $$; printf '%s' '-w /etc/passwd'; } > " FILE_NAME,
		   (char *)NULL) == 0);
}

int main(void)
{
	struct rlimit none = {0, 0};
	begin();
	put(FILE_NAME, "-w /etc/shadow");
	show(FILE_NAME);
	struct rlimit before;
	MUST(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none.rlim_max = before.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	MUST(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 9) < 0); /* NETLINK_AUDIT */
	printf("socket: %s\n", strerror(errno));
	MUST(setrlimit(RLIMIT_NOFILE, &before) == 0);
	killed_in(write_by_shell);
	show(FILE_NAME);
	return 0;
}
