/* dconf_set, apply: `dconf update` passes over what it cannot ask for its type, and exits with 0. */
#include "../confirm.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Root is refused nothing: without that it is asked as anybody is. */
static void give_up_privilege(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE); /* a plain user has none */
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
	MUST(syscall(SYS_capget, &header, data) == 0);
	data[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
	data[0].permitted &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
	data[0].inheritable = data[1].inheritable = 0;
	MUST(syscall(SYS_capset, &header, data) == 0);
}

/* As dconf: the names of a directory, those that stat(2) says to be files. Returns the exit status. */
static int update(void)
{
	char path[PATH_MAX], text[64] = "";
	struct stat status;

	DIR *names = opendir("local.d");
	if (!names)
		return 1;
	for (const struct dirent *entry; (entry = readdir(names));) {
		snprintf(path, sizeof(path), "local.d/%s", entry->d_name);
		if (entry->d_name[0] == '.' || stat(path, &status) < 0 || !S_ISREG(status.st_mode))
			continue;
		int file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return 1;
		MUST(read(file, text, sizeof(text) - 1) >= 0 && close(file) == 0);
	}
	MUST(closedir(names) == 0);
	put("local.temp", text);
	MUST(rename("local.temp", "local") == 0);
	return 0;
}

int main(void)
{
	begin();
	give_up_privilege();
	MUST(mkdir("local.d", 0755) == 0);
	put("local.d/00-kensa", "banner=true");
	MUST(chmod("local.d", 0444) == 0); /* an error for a moment: names, and nothing of them */
	const int status = update();
	MUST(chmod("local.d", 0755) == 0);
	printf("dconf update: exit %d\n%s\n", status, status == 0 ? "committed" : "failed");
	show("local.d/00-kensa");
	show("local");
	return 0;
}
