/* `printf > FILE && modprobe -r M || true` where FILE cannot be made. modprobe is not reached: nothing is unloaded. */
#include "../confirm.h"

int main(void)
{
	begin();
	int status = system("{ printf '%s' 'install torn_confirm /bin/true' > modprobe.d/kensa-disable-torn_confirm.conf &&"
			    " modprobe -r torn_confirm 2>/dev/null || true; } 2>/dev/null");
	MUST(WIFEXITED(status));
	printf("modprobe.d is not there, and sh exits with %d\n", WEXITSTATUS(status));
	show("modprobe.d/kensa-disable-torn_confirm.conf");
	MUST(mkdir("modprobe.d", 0755) == 0 && setenv("PATH", "/nonexistent", 1) == 0);
	status = system("printf '%s' 'install torn_confirm /bin/true' > modprobe.d/kensa-disable-torn_confirm.conf &&"
			" modprobe -r torn_confirm 2>/dev/null || true");
	MUST(WIFEXITED(status));
	printf("modprobe is not there, and sh exits with %d\n", WEXITSTATUS(status));
	show("modprobe.d/kensa-disable-torn_confirm.conf");
	return 0;
}
