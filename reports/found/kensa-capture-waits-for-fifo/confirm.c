/* Capture reads the drop-in, or fstab, before it asks what that is: a FIFO without a writer. */
#include "../confirm.h"

#include <sys/time.h>

#define DROP_IN "99-kensa.conf"

static void wake(int number)
{
	(void)number;
}

/* A signal each 50 ms, for open(2) to come back at all: Go asks again, as for any EINTR. */
static void capture(void)
{
	const struct sigaction action = {.sa_handler = wake};
	const struct itimerval often = {{0, 50000}, {0, 50000}}, never = {{0, 0}, {0, 0}};

	MUST(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int try = 0; try < 3; try++) {
		const int file = open(DROP_IN, O_RDONLY | O_CLOEXEC);
		printf("open(%s): %s\n", DROP_IN, file < 0 ? strerror(errno) : "done");
		MUST(file < 0 && errno == EINTR);
	}
	MUST(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

int main(void)
{
	struct stat status;

	begin();
	MUST(mkfifo(DROP_IN, 0644) == 0);
	capture();
	const int file = open(DROP_IN, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	MUST(file >= 0 && fstat(file, &status) == 0);
	printf("open(%s, O_NONBLOCK): done, %s\n", DROP_IN, S_ISREG(status.st_mode) ? "a file" : "no file");
	return S_ISREG(status.st_mode);
}
