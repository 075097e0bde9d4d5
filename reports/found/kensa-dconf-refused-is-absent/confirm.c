/* dconf_set, capture by commands: `test` says the same of a directory that is not there and of one it may not look at. */
#include "../confirm.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Root looks at all: without that it is asked as anybody is. */
static void give_up_privilege(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE); /* that a shell does not get it again; a plain user has none */
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
	MUST(syscall(SYS_capget, &header, data) == 0);
	data[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
	data[0].permitted &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
	data[0].inheritable = data[1].inheritable = 0;
	MUST(syscall(SYS_capset, &header, data) == 0);
}

int main(void)
{
	begin();
	give_up_privilege();
	MUST(mkdir("db", 0755) == 0 && mkdir("db/local.d", 0755) == 0 && mkdir("db/local.d/locks", 0755) == 0);
	put("db/local.d/10-site", "a=true"); /* the administrator's, as are the directories */
	show("db/local.d/locks");
	MUST(chmod("db", 0) == 0); /* an error for a moment */
	printf("captured: %s\n", system("[ -d db/local.d/locks ]") == 0 ? "it is there" : "apply will make it");
	MUST(chmod("db", 0755) == 0);
	printf("apply fails, rolled_back\n");
	MUST(system("rmdir db/local.d/locks") == 0 && system("rmdir db/local.d 2>/dev/null") != 0);
	show("db/local.d/locks");
	return 0;
}
