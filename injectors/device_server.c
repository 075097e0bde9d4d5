/* device_server.c: see device_server.h. */
#include "device_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_redo.h"
#include "device_tree.h"
#include "log.h"
#include "tree.h"

#define ASKED_BYTES ((size_t)256 << 20)
#define TOLD_BYTES ((size_t)256 << 20)
#define END_MS 5000 /* that a disk is given to be unmounted */
#define FDS_MAX 4096 /* none of torn's is above, before it has done anything */

/* What lies in shared memory beside the arenas. */
struct exchange {
	bool is_amid; /* an answer; outlives whoever asked */
	pid_t recorder; /* told once, when it begins */
	/* asked */
	bool one;    /* for the one cut, not for all */
	bool go_on;  /* after a state: look at more */
	const struct torn_node *tree;
	uint32_t objects; /* of the tree */
	struct torn_log log;
	uint32_t commit;
	struct torn_device_how how;
	struct torn_device_cut cut;
	/* told */
	bool is_state; /* one of several; else it is over */
	int result;
	struct torn_device_state state;
	struct torn_device_count count;
	char why[160];
	char message[256];
};

struct torn_device_server {
	pid_t pid;
	pid_t recorder;     /* the process that serves its recorded disk */
	int recorder_pidfd; /* -1: none */
	unsigned place;     /* among the servers that this process has */
	int fd;             /* of who asks */
	struct torn_device_choice choice;
	char name[160]; /* of the choice */
	struct exchange *exchange;
	struct torn_arena asked, told;
};

/* A byte each way: whose turn it is. Returns false where the other one is gone. */
static bool give_turn(int fd)
{
	return TEMP_FAILURE_RETRY(send(fd, "", 1, MSG_NOSIGNAL)) == 1;
}

static bool take_turn(int fd)
{
	char byte;
	return TEMP_FAILURE_RETRY(recv(fd, &byte, 1, 0)) == 1;
}

/* -------------------------------------------------------------- processors */

static uint64_t places; /* that are taken; a bit each */

static unsigned take_place(void)
{
	unsigned place = 0;
	while (place < 63 && places & UINT64_C(1) << place)
		place++;
	places |= UINT64_C(1) << place;
	return place;
}

/* One for each place, of those that whoever starts servers may use. */
static int core_of(unsigned place, const cpu_set_t *allowed)
{
	int core = 0;
	for (unsigned left = place % (unsigned)CPU_COUNT(allowed); left > 0 || !CPU_ISSET(core, allowed); core++)
		left -= CPU_ISSET(core, allowed) && left > 0;
	return core;
}

/* 0: this process. */
static void keep_to_core(pid_t pid, unsigned place)
{
	cpu_set_t allowed, one;
	const bool has_others = places & (places - 1);
	if (!has_others || sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2)
		return;
	CPU_ZERO(&one);
	CPU_SET(core_of(place, &allowed), &one);
	sched_setaffinity(pid, sizeof one, &one);
}

void torn_device_server_spread(const struct torn_device_server *server)
{
	keep_to_core(server->pid, server->place);
	keep_to_core(server->recorder, server->place);
}

void torn_device_server_stay_near(const struct torn_device_server *server)
{
	keep_to_core(0, server->place);
}

/* -------------------------------------------------------------- the server */

struct serving {
	struct torn_device_server *server;
	int fd;
	struct torn_device *device;
	/* What was asked for, where whoever asks cannot write: the tree that runs begin with, and behind it a log. */
	struct torn_arena own;
	size_t tree_end;
	struct torn_fold_base base;
	struct torn_hash tree;   /* it */
	bool has_begun;
	struct torn_log log;
};

static bool tell_state(void *context, const struct torn_device_state *state)
{
	struct serving *serving = context;
	struct exchange *exchange = serving->server->exchange;
	exchange->is_state = true;
	exchange->state = *state;
	exchange->cut = *state->cut;
	snprintf(exchange->why, sizeof exchange->why, "%s", state->tree ? "" : state->why);
	if (!give_turn(serving->fd) || !take_turn(serving->fd))
		_exit(0);
	return exchange->go_on;
}

static int begin(struct serving *serving)
{
	struct exchange *exchange = serving->server->exchange;
	const struct torn_hash hash = exchange->tree->hash;
	const torn_object objects = exchange->objects;
	if (serving->has_begun && serving->tree.low == hash.low && serving->tree.high == hash.high &&
	    serving->base.count == objects)
		return 0;
	serving->has_begun = false;
	torn_arena_return(&serving->own, 0);
	const struct torn_node *tree = torn_tree_copy(&serving->own, exchange->tree);
	if (!tree || objects > TORN_DEVICE_OBJECTS_MAX)
		return -ENOMEM;
	const char *lacks = torn_device_tree_lacks(tree, objects);
	if (lacks) {
		snprintf(exchange->message, sizeof exchange->message, "the old state is on no disk: %s", lacks);
		return -ENOTSUP;
	}
	int r = torn_fold_base_make(&serving->own, tree, objects, &serving->base);
	if (r == 0)
		r = torn_device_begin(serving->device, &serving->base, exchange->message, sizeof exchange->message);
	serving->tree = hash;
	serving->tree_end = torn_arena_mark(&serving->own);
	serving->has_begun = r == 0;
	return r;
}

static int take_log(struct serving *serving)
{
	const struct torn_log log = serving->server->exchange->log;
	torn_arena_return(&serving->own, serving->tree_end);
	if (log.count > TORN_DEVICE_OBJECTS_MAX)
		return -ENOMEM;
	return torn_log_copy(&serving->own, &log, &serving->log);
}

static int answer_one(struct serving *serving)
{
	struct exchange *exchange = serving->server->exchange;
	struct torn_arena *told = &serving->server->told;
	torn_arena_return(told, 0);
	const struct torn_device_cut cut = exchange->cut;
	if (cut.losses_count > TORN_DEVICE_LOSSES_MAX)
		return -EINVAL;
	return torn_device_state_of(serving->device, told, serving->log.count, &cut, &exchange->state, exchange->why,
				    sizeof exchange->why);
}

static void answer(struct serving *serving)
{
	struct exchange *exchange = serving->server->exchange;
	const struct torn_device_how how = exchange->how;
	exchange->message[0] = '\0';
	int r = begin(serving);
	if (r == 0)
		r = take_log(serving);
	if (r == 0)
		r = torn_device_record(serving->device, &serving->log, exchange->commit, exchange->message,
				       sizeof exchange->message);
	if (r == 0 && exchange->one)
		r = answer_one(serving);
	else if (r == 0)
		r = torn_device_states(serving->device, &serving->server->told, serving->log.count, &how,
				       tell_state, serving, &exchange->count, exchange->message,
				       sizeof exchange->message);
	exchange->is_state = false;
	exchange->result = r;
}

/* Says how it began, then answers until nobody asks any more. */
static void serve(struct torn_device_server *server, int fd)
{
	struct exchange *exchange = server->exchange;
	struct serving serving = {.server = server, .fd = fd};
	for (int other = STDERR_FILENO + 1; other < FDS_MAX; other++)
		if (other != fd)
			close(other); /* of other servers, and of workspaces that are to go away */
	setsid(); /* an interrupt from the terminal is for those who ask */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	int r = torn_device_enter(exchange->message, sizeof exchange->message);
	if (r == 0)
		r = torn_device_open(&serving.device, &server->choice, exchange->message, sizeof exchange->message);
	if (r == 0)
		r = torn_device_confine(serving.device, exchange->message, sizeof exchange->message);
	if (r == 0)
		r = torn_arena_open(&serving.own, ASKED_BYTES);
	exchange->result = r;
	exchange->recorder = r == 0 ? torn_device_recorder_pid(serving.device) : -1;
	while (give_turn(fd) && r == 0 && take_turn(fd))
		answer(&serving);
	torn_device_close(serving.device);
	_exit(0);
}

static int pidfd_of(pid_t pid)
{
	const int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

int torn_device_server_start(struct torn_device_server **ret_server, const struct torn_device_choice *choice,
			     char *ret_message, size_t size)
{
	struct torn_device_server *server = calloc(1, sizeof *server);
	int ends[2];
	snprintf(ret_message, size, "no memory for a disk");
	if (!server)
		return -ENOMEM;
	server->choice = *choice;
	torn_device_choice_text(choice, server->name, sizeof server->name);
	server->fd = server->recorder_pidfd = -1;
	server->exchange = mmap(NULL, sizeof *server->exchange, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (server->exchange == MAP_FAILED || torn_arena_open(&server->asked, ASKED_BYTES) < 0 ||
	    torn_arena_open(&server->told, TOLD_BYTES) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		torn_device_server_stop(server);
		return -ENOMEM;
	}
	server->place = take_place();
	const pid_t parent = getpid();
	fflush(NULL);
	server->pid = fork();
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		if (getppid() == parent)
			serve(server, ends[1]);
		_exit(1);
	}
	close(ends[1]);
	server->fd = ends[0];
	int r = server->pid < 0 ? -errno : take_turn(server->fd) ? server->exchange->result : -EPROTO;
	if (r < 0) {
		snprintf(ret_message, size, "%s", server->exchange->message[0] ? server->exchange->message : strerror(-r));
		torn_device_server_stop(server);
		return r;
	}
	/* Before any code under test could write another number there. */
	server->recorder = server->exchange->recorder;
	server->recorder_pidfd = pidfd_of(server->recorder);
	*ret_server = server;
	return 0;
}

/*
 * Wait for its process. Where its disk is not served any more (whoever does that was stopped, or hangs), it waits in the kernel
 * for ever, and no signal ends that; an end of the other one does.
 */
static void wait_for_end(const struct torn_device_server *server)
{
	struct pollfd ended = {.fd = pidfd_of(server->pid), .events = POLLIN};
	if (ended.fd >= 0 && poll(&ended, 1, END_MS) == 0 && server->recorder_pidfd >= 0)
		syscall(SYS_pidfd_send_signal, server->recorder_pidfd, SIGKILL, NULL, 0);
	if (ended.fd >= 0)
		close(ended.fd);
	TEMP_FAILURE_RETRY(waitpid(server->pid, NULL, 0));
}

void torn_device_server_stop(struct torn_device_server *server)
{
	if (!server)
		return;
	if (server->fd >= 0) {
		shutdown(server->fd, SHUT_RDWR); /* whoever else has it open */
		close(server->fd);
	}
	if (server->pid > 0)
		wait_for_end(server);
	if (server->pid != 0)
		places &= ~(UINT64_C(1) << server->place);
	if (server->recorder_pidfd >= 0)
		close(server->recorder_pidfd);
	if (server->exchange != MAP_FAILED)
		munmap(server->exchange, sizeof *server->exchange);
	if (server->asked.base)
		torn_arena_close(&server->asked);
	if (server->told.base)
		torn_arena_close(&server->told);
	free(server);
}

const struct torn_device_choice *torn_device_server_choice(const struct torn_device_server *server)
{
	return &server->choice;
}

const char *torn_device_server_name(const struct torn_device_server *server)
{
	return server->name;
}

bool torn_device_server_is_amid(const struct torn_device_server *server)
{
	return server->exchange->is_amid;
}

int torn_device_server_fd(const struct torn_device_server *server)
{
	return server->fd;
}

void torn_device_server_set_fd(struct torn_device_server *server, int fd)
{
	server->fd = fd;
}

/* ------------------------------------------------------------------ asking */

static int is_gone(char *ret_message, size_t size)
{
	snprintf(ret_message, size, "the process that keeps the disk is gone");
	return -EPROTO;
}

/* What the server reads lies in memory that it shares. */
static int put_run(struct torn_device_server *server, const struct torn_device_run *run)
{
	struct exchange *exchange = server->exchange;
	torn_arena_return(&server->asked, 0);
	exchange->tree = torn_tree_copy(&server->asked, run->base->objects[TORN_FOLD_ROOT].node);
	exchange->objects = run->base->count;
	exchange->commit = run->commit;
	return exchange->tree ? torn_log_copy(&server->asked, run->log, &exchange->log) : -ENOMEM;
}

static int ask(struct torn_device_server *server, const struct torn_device_run *run, char *ret_message, size_t size)
{
	if (put_run(server, run) < 0) {
		snprintf(ret_message, size, "the run is too long for a disk");
		return -ENOTSUP;
	}
	server->exchange->is_amid = true;
	return give_turn(server->fd) && take_turn(server->fd) ? 0 : is_gone(ret_message, size);
}

static int result_of(const struct torn_device_server *server, char *ret_message, size_t size)
{
	server->exchange->is_amid = false;
	snprintf(ret_message, size, "%s", server->exchange->message);
	return server->exchange->result;
}

int torn_device_ask_states(struct torn_device_server *server, const struct torn_device_run *run,
			   const struct torn_device_how *how, torn_device_visit *visit, void *context,
			   struct torn_device_count *count, char *ret_message, size_t size)
{
	struct exchange *exchange = server->exchange;
	exchange->one = false;
	exchange->how = *how;
	exchange->count = *count;
	int r = ask(server, run, ret_message, size);
	while (r == 0 && exchange->is_state) {
		struct torn_device_state state = exchange->state;
		const struct torn_device_cut cut = exchange->cut;
		state.cut = &cut;
		state.why = exchange->why;
		exchange->go_on = visit(context, &state);
		if (!give_turn(server->fd) || !take_turn(server->fd))
			r = is_gone(ret_message, size);
	}
	*count = exchange->count;
	return r < 0 ? r : result_of(server, ret_message, size);
}

int torn_device_ask(struct torn_device_server *server, const struct torn_device_run *run,
		    const struct torn_device_cut *cut, struct torn_arena *arena, struct torn_device_state *ret_state,
		    char *ret_message, size_t size)
{
	struct exchange *exchange = server->exchange;
	exchange->one = true;
	exchange->cut = *cut;
	int r = ask(server, run, ret_message, size);
	if (r == 0)
		r = result_of(server, ret_message, size);
	if (r < 0)
		return r;
	*ret_state = exchange->state;
	ret_state->cut = cut;
	ret_state->why = exchange->why;
	if (ret_state->tree)
		ret_state->tree = torn_tree_copy(arena, ret_state->tree);
	return ret_state->tree || !exchange->state.tree ? 0 : -ENOMEM;
}
