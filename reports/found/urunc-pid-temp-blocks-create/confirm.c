/* urunc writes init.pid by way of .init.pid, opened O_EXCL, which nobody removes. */
#include "../confirm.h"

static int create_temp(void)
{
	return open(".init.pid", O_RDWR | O_CREAT | O_EXCL | O_SYNC | O_CLOEXEC, 0666);
}

static void write_pid_and_die(void)
{
	int file = create_temp();
	if (file >= 0 && write(file, "4242", 4) == 4)
		die_here();
}

/* Each create from now on. */
static void write_pid(void)
{
	int file = create_temp();
	printf("open(.init.pid, O_EXCL): %s\n", file < 0 ? strerror(errno) : "done");
	MUST(file < 0 && errno == EEXIST);
}

/* The other way: rename fails, here on a directory, and the temp stays. */
static void write_pid_over_a_directory(void)
{
	int file = create_temp();
	MUST(file >= 0 && write(file, "4242", 4) == 4 && close(file) == 0);
	const int moved = rename(".init.pid", "init.pid");
	printf("rename(.init.pid, init.pid): %s\n", moved < 0 ? strerror(errno) : "done");
}

int main(void)
{
	begin();
	killed_in(write_pid_and_die);
	show(".init.pid");
	show("init.pid");
	write_pid();
	write_pid();
	MUST(unlink(".init.pid") == 0 && mkdir("init.pid", 0755) == 0);
	write_pid_over_a_directory();
	show(".init.pid");
	write_pid();
	return 0;
}
