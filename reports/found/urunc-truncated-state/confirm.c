/* urunc saves state.json by os.WriteFile: open(O_TRUNC), write, close. */
#include "../confirm.h"

static const char old[] = "{\"id\":\"c1\",\"status\":\"creating\",\"pid\":-1}";
static const char new[] = "{\"id\":\"c1\",\"status\":\"created\",\"pid\":4242}";

static void save_and_die(void)
{
	int file = open("state.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file >= 0)
		die_here();
}

/* A file may not grow beyond 16 bytes: the write is cut short, and its rest is refused. */
static void save_on_a_full_disk(void)
{
	struct rlimit before, limit;
	signal(SIGXFSZ, SIG_IGN);
	MUST(getrlimit(RLIMIT_FSIZE, &before) == 0);
	limit = before;
	limit.rlim_cur = 16;
	MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	int file = open("state.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	const ssize_t done = write(file, new, sizeof new - 1);
	const ssize_t rest = write(file, new + 16, sizeof new - 1 - 16);
	const int number = errno;
	MUST(close(file) == 0 && setrlimit(RLIMIT_FSIZE, &before) == 0); /* stdout may be a file */
	MUST(done == 16 && rest < 0);
	printf("write of %zu bytes: %zd, and of the rest: %s\n", sizeof new - 1, done, strerror(number));
}

int main(void)
{
	begin();
	put("state.json", old);
	show("state.json");
	killed_in(save_and_die);
	show("state.json");
	put("state.json", old);
	save_on_a_full_disk();
	show("state.json");
	return 0;
}
