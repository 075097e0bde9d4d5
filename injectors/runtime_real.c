/* runtime_real.c: see runtime_real.h: asking, and the process that is asked. */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"
#include "runtime_real_shared.h"
#include "runtime_text.h"

#define ANSWER_S 10 /* as long as a trial may take: then the process is gone, or hangs */

static struct torn_real_shared *shared; /* NULL: nobody asks */
static pid_t server;

/* ---------------------------------------------------------------- waiting */

static uint32_t state_of(const struct torn_real_shared *of)
{
	return __atomic_load_n(&of->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct torn_real_shared *of, uint32_t state)
{
	__atomic_store_n(&of->state, state, __ATOMIC_RELEASE);
	torn_raw(SYS_futex, &of->state, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

/* Wait until the state is another one. Returns 0, or -ETIMEDOUT. */
static int wait_while(const struct torn_real_shared *of, uint32_t state, const struct timespec *limit)
{
	while (state_of(of) == state) {
		const long r = torn_raw(SYS_futex, &of->state, FUTEX_WAIT, state, limit, 0, 0);
		if (r == -ETIMEDOUT)
			return -ETIMEDOUT;
	}
	return 0;
}

/* ----------------------------------------------------------------- asking */

void torn_real_unheld(struct torn_real_shared *of, struct torn_bytes name, const char *why)
{
	if (of->told.unheld++ > 0)
		return;
	char *to = of->told.first_unheld;
	const size_t room = sizeof of->told.first_unheld - 1, size = strlen(why);
	const size_t of_name = name.size < room / 2 ? name.size : room / 2;
	memcpy(to, name.data, of_name);
	memcpy(to + of_name, why, size < room - of_name ? size : room - of_name);
}

static bool put_text(enum torn_real_text number, struct torn_bytes text)
{
	if (text.size > TORN_REAL_TEXT_MAX)
		return false;
	if (text.size)
		memcpy(shared->texts[number], text.data, text.size);
	shared->texts[number][text.size] = '\0';
	shared->sizes[number] = text.size;
	return true;
}

/* Ready for a question? One that nobody waits for any more is answered first. */
static bool begin(void)
{
	const struct timespec limit = {.tv_sec = ANSWER_S};
	return shared && !shared->is_dead && wait_while(shared, TORN_REAL_ASKED, &limit) == 0;
}

static void ask(enum torn_real_kind kind)
{
	const struct timespec limit = {.tv_sec = ANSWER_S};
	shared->kind = kind;
	set_state(shared, TORN_REAL_ASKED);
	shared->is_dead = wait_while(shared, TORN_REAL_ASKED, &limit) < 0;
	if (shared->is_dead)
		torn_real_differs(shared, "the process that asks the kernel does not answer");
}

void torn_real_differs(struct torn_real_shared *of, const char *text)
{
	if (of->told.differences++ > 0)
		return;
	const size_t room = sizeof of->told.first_difference - 1, size = strlen(text);
	memcpy(of->told.first_difference, text, size < room ? size : room);
}

const char *torn_runtime_real_lacks(struct torn_bytes below)
{
	if (torn_text_begins(below, "sys/net/") || torn_text_is(below, "self/mountinfo"))
		return NULL;
	if (torn_text_begins(below, "sys/"))
		return "is the machine's: of sysctls a network namespace has only those below net";
	if (torn_text_is(below, "modules"))
		return "is the machine's: no namespace has modules of its own";
	if (torn_text_begins(below, "audit/"))
		return "is the machine's: no namespace has audit rules of its own";
	return "is of no namespace";
}

void torn_runtime_real_sysctl(struct torn_bytes key, struct torn_bytes old, struct torn_bytes written,
			      uint64_t offset, int error, const struct torn_sysctl_write *own)
{
	if (!begin())
		return;
	if (!torn_text_begins(key, "net/")) {
		torn_real_unheld(shared, key, " is of no network namespace");
		return;
	}
	if (!put_text(TORN_REAL_NAME, key) || !put_text(TORN_REAL_OLD, old) || !put_text(TORN_REAL_WRITTEN, written) ||
	    !put_text(TORN_REAL_NEW, own->content)) {
		torn_real_unheld(shared, key, ": more is written than is asked about");
		return;
	}
	shared->offset = offset;
	shared->error = error;
	shared->taken = own->taken;
	shared->moves = own->moves;
	ask(TORN_REAL_SYSCTL);
}

void torn_runtime_real_mount(struct torn_bytes mountinfo, const struct torn_runtime_mount *mount,
			     struct torn_bytes at, uint32_t umount_flags, int error, struct torn_bytes after)
{
	static const struct torn_runtime_mount none;
	if (!begin())
		return;
	const struct torn_runtime_mount *asked = mount ? mount : &none;
	if (!put_text(TORN_REAL_NAME, at) || !put_text(TORN_REAL_OLD, mountinfo) ||
	    !put_text(TORN_REAL_NEW, error ? none.data : after) || !put_text(TORN_REAL_SOURCE, asked->source) ||
	    !put_text(TORN_REAL_TYPE, asked->type) || !put_text(TORN_REAL_DATA, asked->data)) {
		torn_real_unheld(shared, at, ": mountinfo is longer than is asked about");
		return;
	}
	shared->flags = mount ? mount->flags : umount_flags;
	shared->error = error;
	ask(mount ? TORN_REAL_MOUNT : TORN_REAL_UMOUNT);
}

/* ------------------------------------------------------------ the process */

static _Noreturn void serve(struct torn_real_shared *of)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid(); /* an interrupt from the terminal is for the one that watches */
	const int r = torn_real_enter();
	of->error = r;
	set_state(of, TORN_REAL_IDLE);
	while (r == 0 && wait_while(of, TORN_REAL_IDLE, NULL) == 0 && state_of(of) == TORN_REAL_ASKED) {
		of->told.asked++;
		if (of->kind == TORN_REAL_SYSCTL)
			torn_real_answer_sysctl(of);
		else
			torn_real_answer_mount(of);
		set_state(of, TORN_REAL_IDLE);
	}
	_exit(0);
}

int torn_runtime_real_start(char *ret_message, size_t size)
{
	struct torn_real_shared *made =
		mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED) {
		snprintf(ret_message, size, "no memory: %s", strerror(errno));
		return -ENOMEM;
	}
	made->state = TORN_REAL_ASKED; /* until it has entered */
	fflush(NULL);
	server = fork();
	if (server == 0)
		serve(made);
	const int r = server < 0 ? -errno : (wait_while(made, TORN_REAL_ASKED, NULL), made->error);
	if (r == 0) {
		shared = made;
		return 0;
	}
	snprintf(ret_message, size, "this machine allows no network and mount namespace: %s", strerror(-r));
	if (server > 0)
		waitpid(server, NULL, 0);
	munmap(made, sizeof *made);
	return r;
}

void torn_runtime_real_stop(struct torn_runtime_real *ret_real)
{
	const struct timespec limit = {.tv_sec = ANSWER_S};
	if (wait_while(shared, TORN_REAL_ASKED, &limit) < 0)
		kill(server, SIGKILL);
	set_state(shared, TORN_REAL_ENDS);
	waitpid(server, NULL, 0);
	*ret_real = shared->told;
	munmap(shared, sizeof *shared);
	shared = NULL;
}
