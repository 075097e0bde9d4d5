/* mount -o remount takes its options from fstab: one that is only live is lost. In a mount namespace. */
#include "../power.h"

#include <sys/statvfs.h>

static void show_options(const char *when)
{
	struct statvfs status;
	MUST(statvfs("at", &status) == 0);
	printf("%s: %s\n", when, status.f_flag & ST_NOSUID ? "nosuid" : "no nosuid");
}

int main(void)
{
	char command[2 * PATH_MAX];
	char fstab[PATH_MAX];
	begin();
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip("no mounts without root");
	MUST(mkdir("at", 0755) == 0 && mount("torn", "at", "tmpfs", MS_NOSUID, NULL) == 0);
	snprintf(fstab, sizeof fstab, "torn %s/at tmpfs defaults 0 0\n", confirm_folder);
	put("fstab", fstab);
	show_options("mounted by hand, and fstab says defaults");
	snprintf(command, sizeof command, "mount -T fstab -o remount %s/at", confirm_folder);
	const int result = system(command);
	show_options("rollback, mount -o remount");
	MUST(umount2("at", MNT_DETACH) == 0);
	return result != 0;
}
