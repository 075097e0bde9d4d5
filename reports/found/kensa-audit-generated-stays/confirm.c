/* audit_rule_set applies by commands, where augenrules makes audit.rules, and rolls back by calls, where nobody does. */
#include "../confirm.h"

#include <sys/socket.h>

#define FILE_NAME "99-kensa.rules"
#define TEMP "." FILE_NAME ".fsatomic"

static void refuse_socket(void)
{
	struct rlimit none = {0, 0}, before;

	MUST(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none.rlim_max = before.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	MUST(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 9) < 0); /* NETLINK_AUDIT */
	printf("socket: %s\n", strerror(errno));
	MUST(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

int main(void)
{
	begin();
	put(FILE_NAME, "-w /etc/group");
	put("audit.rules", "-w /etc/group");
	show("audit.rules");
	refuse_socket();
	/* the fall-back; cat stands for augenrules */
	MUST(system("printf '%s\\n%s' '-w /etc/group' '-w /etc/passwd' > " FILE_NAME
		    " && cat " FILE_NAME " > audit.rules") == 0);
	show("audit.rules");
	put(TEMP, "-w /etc/group");
	MUST(rename(TEMP, FILE_NAME) == 0);
	printf("rolled back\n");
	show(FILE_NAME);
	show("audit.rules");
	return 0;
}
