/* awk's print ends each line, the last one, too: a table that had no newline at its end, changed and put back. */
#include "../confirm.h"

static void tell(const char *when)
{
	char bytes[80];
	int file = open("fstab", O_RDONLY | O_CLOEXEC);
	const ssize_t size = file < 0 ? -1 : read(file, bytes, sizeof bytes);
	MUST(size > 0 && close(file) == 0);
	printf("%s: %zd bytes, %s newline at the end\n", when, size, bytes[size - 1] == '\n' ? "a" : "no");
}

int main(void)
{
	begin();
	put("fstab", "/dev/sda3 /tmp ext4 defaults 0 2");
	tell("before");
	MUST(system("MP=/tmp awk '$2 == ENVIRON[\"MP\"] { $4 = $4 \",nodev\" } { print }' fstab > fstab.kensa.tmp &&"
		    " mv fstab.kensa.tmp fstab") == 0);
	tell("applied");
	MUST(system("MP=/tmp LINE='/dev/sda3 /tmp ext4 defaults 0 2'"
		    " awk '$2 == ENVIRON[\"MP\"] { print ENVIRON[\"LINE\"]; next } { print }' fstab > fstab.kensa.tmp &&"
		    " mv fstab.kensa.tmp fstab") == 0);
	tell("rolled_back");
	return 0;
}
