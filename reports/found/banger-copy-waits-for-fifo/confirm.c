/* CopyFilePreferClone opens its source before it asks what that is: a FIFO without a writer. */
#include "../confirm.h"

#include <sys/time.h>

static void wake(int number)
{
	(void)number;
}

/* A signal each 50 ms, for open(2) to come back at all: Go asks again, as for any EINTR. */
static void open_seed(void)
{
	const struct sigaction action = {.sa_handler = wake};
	const struct itimerval often = {{0, 50000}, {0, 50000}}, never = {{0, 0}, {0, 0}};
	MUST(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int try = 0; try < 3; try++) {
		const int seed = open("seed.ext4", O_RDONLY | O_CLOEXEC);
		printf("open(seed.ext4): %s\n", seed < 0 ? strerror(errno) : "done");
		MUST(seed < 0 && errno == EINTR);
	}
	MUST(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

int main(void)
{
	begin();
	MUST(mkfifo("seed.ext4", 0644) == 0);
	open_seed();
	const int seed = open("seed.ext4", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	printf("open(seed.ext4, O_NONBLOCK): %s\n", seed < 0 ? strerror(errno) : "done");
	const off_t at = lseek(seed, 0, SEEK_SET);
	printf("lseek: %s\n", at < 0 ? strerror(errno) : "done");
	return at == 0;
}
