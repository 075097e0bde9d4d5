/* `awk … fstab > fstab.kensa.tmp && mv …` where awk may write no byte: here by a limit, else as the disk is full. */
#include "../confirm.h"

static int run(const char *command)
{
	const int status = system(command);
	MUST(WIFEXITED(status));
	return WEXITSTATUS(status);
}

int main(void)
{
	const struct rlimit none = {0, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
	const char *const command = "awk '{ print }' fstab > fstab.kensa.tmp 2>/dev/null && mv fstab.kensa.tmp fstab";

	begin();
	put("fstab", "/dev/sda3 /tmp ext4 defaults 0 2");
	signal(SIGXFSZ, SIG_IGN);
	MUST(setrlimit(RLIMIT_FSIZE, &none) == 0);
	const int apply = run(command), rollback = run(command);
	MUST(setrlimit(RLIMIT_FSIZE, &all) == 0);
	printf("apply %s, rollback %s\n", apply ? "fails" : "succeeds", rollback ? "fails" : "succeeds");
	show("fstab");
	show("fstab.kensa.tmp");
	return 0;
}
