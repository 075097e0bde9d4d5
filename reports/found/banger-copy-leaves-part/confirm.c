/* CopyFilePreferClone makes the copy under its own name and never removes it. */
#include "../confirm.h"

static int open_copy(void)
{
	return open("disk.copy", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

static void copy_and_die(void)
{
	int copy = open_copy();
	if (copy >= 0 && write(copy, "half of", 7) == 7)
		die_here();
}

/* A file may not grow beyond 4 bytes: the copy is cut short, and its rest is refused. */
static void copy_on_a_full_disk(void)
{
	struct rlimit before, limit;
	signal(SIGXFSZ, SIG_IGN);
	MUST(getrlimit(RLIMIT_FSIZE, &before) == 0);
	limit = before;
	limit.rlim_cur = 4;
	MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	int copy = open_copy();
	const ssize_t done = write(copy, "half of a disk", 14), rest = write(copy, " of a disk", 10);
	const int number = errno;
	MUST(close(copy) == 0 && setrlimit(RLIMIT_FSIZE, &before) == 0);
	MUST(done == 4 && rest < 0);
	printf("write of 14 bytes: %zd, and of the rest: %s\n", done, strerror(number));
}

int main(void)
{
	begin();
	killed_in(copy_and_die);
	show("disk.copy");
	const int again = open_copy();
	printf("the next copy: open(disk.copy, O_EXCL): %s\n", again < 0 ? strerror(errno) : "done");
	MUST(again < 0 && errno == EEXIST);
	MUST(unlink("disk.copy") == 0);
	copy_on_a_full_disk();
	show("disk.copy");
	return 0;
}
