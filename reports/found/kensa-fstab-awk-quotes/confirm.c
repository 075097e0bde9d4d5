/* The published awk program, of which the words are in the shell's quotes: what is left of fstab, and beside it. */
#include "../confirm.h"

static void run(const char *what, const char *program)
{
	char command[512];
	snprintf(command, sizeof command,
		 "awk \"%s\" fstab > fstab.kensa.tmp 2>/dev/null && mv fstab.kensa.tmp fstab && echo mount -o remount /tmp",
		 program);
	const int status = system(command);
	MUST(WIFEXITED(status));
	printf("%s %s\n", what, WEXITSTATUS(status) ? "fails" : "succeeds");
	show("fstab");
	show("fstab.kensa.tmp");
}

int main(void)
{
	begin();
	put("fstab", "/dev/sda3 /tmp ext4 defaults 0 2");
	run("apply", "\\$2 == '/tmp' { \\$4 = \\$4 \\\",\\\" 'nodev' } { print }");
	run("rollback", "\\$2 == '/tmp' { print '/dev/sda3 /tmp ext4 defaults 0 2'; next } { print }");
	return 0;
}
