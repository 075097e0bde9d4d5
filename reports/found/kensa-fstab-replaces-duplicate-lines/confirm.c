/* ReplaceLine puts the prior text of the first line of a mount point in the place of every one. */
#include "../confirm.h"

#define SWAP "/dev/sda2 none swap sw 0 0\n/dev/sdb2 none swap pri=5 0 0\n"

/* FindLine and ReplaceLine of the seed; returns how many lines were changed. */
static int roll_back(const char *mount_point, const char *prior)
{
	char line[256], point[64];
	int count = 0;
	FILE *from = fopen("fstab", "re"), *to = fopen("temp", "we");
	MUST(from && to);
	while (fgets(line, sizeof line, from)) {
		const int is_one = sscanf(line, "%*s %63s", point) == 1 && strcmp(point, mount_point) == 0;
		fputs(is_one ? prior : line, to);
		count += is_one;
	}
	MUST(fclose(from) == 0 && fclose(to) == 0 && rename("temp", "fstab") == 0);
	return count;
}

static void show_lines(void)
{
	MUST(fflush(stdout) == 0 && system("sed 's/^/  /' fstab") == 0);
}

int main(void)
{
	begin();
	put("fstab", SWAP);
	printf("before:\n");
	show_lines();
	const int count = roll_back("none", "/dev/sda2 none swap sw 0 0\n");
	printf("rollback of 'none', %d lines:\n", count);
	show_lines();
	return 0;
}
