/*
 * stack_test.c: a program is traced as `torn exec` does it, by a seccomp filter, up to its first
 * write(2). Who made it is known, as the program is this one, started again.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena_for_tests.h"
#include "stack.h"

/* ------------------------------------------------- the program that is traced */

/*
 * syscall() and not write(): AddressSanitizer has a write() of its own, in this executable.
 * What follows each call keeps it from being a jump, which leaves no frame.
 */
enum {
	LINE_OF_WRITE = __LINE__ + 5
};
__attribute__((noinline, used)) static long innermost_step(int depth)
{
	__asm__ volatile("" : "+r"(depth));
	const long r = syscall(SYS_write, -1, "", 0);
	__asm__ volatile("" ::: "memory");
	return r + depth;
}

__attribute__((noinline, used)) static long middle_step(int depth)
{
	__asm__ volatile("" : "+r"(depth));
	const long r = innermost_step(depth);
	__asm__ volatile("" ::: "memory");
	return r + 1;
}

__attribute__((noinline, used)) static long outer_step(int depth)
{
	__asm__ volatile("" : "+r"(depth));
	const long r = depth > 0 ? outer_step(depth - 1) : middle_step(depth);
	__asm__ volatile("" ::: "memory");
	return r + 1;
}

enum {
	LINE_OF_INLINED = __LINE__ + 5,
	LINE_OF_CALL = __LINE__ + 11
};
static inline __attribute__((always_inline)) long inlined_step(int depth)
{
	const long r = middle_step(depth);
	__asm__ volatile("" ::: "memory");
	return r + 1;
}

__attribute__((noinline, used)) static long holding_step(int depth)
{
	const long r = inlined_step(depth);
	__asm__ volatile("" ::: "memory");
	return r + 1;
}

static void *run_thread(void *unused)
{
	(void)unused;
	outer_step(0);
	return NULL;
}

/* Code in no file: it moves the call's number to rax and makes the system call. */
static void write_from_memory(void)
{
	static const unsigned char code[] = {
		0x55, 0x48, 0x89, 0xe5,	      /* push rbp; mov rbp, rsp */
		0xb8, 0x01, 0x00, 0x00, 0x00, /* mov eax, SYS_write */
		0x0f, 0x05, 0x5d, 0xc3,	      /* syscall; pop rbp; ret */
	};
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, code, sizeof code);
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	long (*call)(int, const char *, size_t);
	memcpy(&call, &page, sizeof call);
	call(-1, "", 0);
}

enum {
	STATUS_OF_PROGRAM = 7
};

/* _exit(): LeakSanitizer's look at the end fails in a process that is traced. */
static _Noreturn void run_program(const char *what)
{
	if (strcmp(what, "chain") == 0) {
		outer_step(0);
	} else if (strcmp(what, "deep") == 0) {
		outer_step(200);
	} else if (strcmp(what, "inlined") == 0) {
		holding_step(0);
	} else if (strcmp(what, "library") == 0) {
		outer_step(0);
		dlopen("libm.so.6", RTLD_NOW);
		outer_step(0);
	} else if (strcmp(what, "memory") == 0) {
		write_from_memory();
	} else if (strcmp(what, "thread") == 0) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, run_thread, NULL) != 0)
			_exit(1);
		pthread_join(thread, NULL);
	}
	_exit(STATUS_OF_PROGRAM);
}

/* ---------------------------------------------------------------- the tracer */

struct traced {
	pid_t process, thread;
	struct torn_stacks stacks;
};

static void child_main(const char *const arguments[])
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0 || raise(SIGSTOP) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
		_exit(101);
	execv(arguments[0], (char *const *)arguments);
	_exit(102);
}

static pid_t running;

/* A test that failed has left its program, which waitpid(-1) would give to the next one. */
static void end_running(void)
{
	if (running > 0)
		kill(running, SIGKILL);
	running = 0;
	while (waitpid(-1, NULL, __WALL) > 0)
		continue; /* threads first, then the process */
}

/* Run a program until one of its threads is stopped at a write(2). */
static struct traced start(const char *const arguments[])
{
	end_running();
	const pid_t process = fork();
	if (process == 0)
		child_main(arguments);
	assert_true(process > 0);
	running = process;
	int status;
	assert_int_equal(waitpid(process, &status, 0), process);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, process, 0,
				PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL),
			 0);
	pid_t thread = process;
	while (status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
		assert_int_equal(ptrace(PTRACE_CONT, thread, 0, 0), 0);
		thread = waitpid(-1, &status, __WALL);
		assert_true(thread > 0 && WIFSTOPPED(status));
	}
	return (struct traced){process, thread, {.process = process}};
}

static struct traced start_self(const char *what)
{
	return start((const char *const[]){"/proc/self/exe", what, NULL});
}

static void kill_traced(struct traced *traced)
{
	torn_stacks_close(&traced->stacks);
	end_running();
}

static struct torn_stack take(struct traced *traced)
{
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	struct torn_stack stack;
	torn_stack_take(&traced->stacks, traced->thread, &arena, &stack);
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_message("%zu frames in %.1f ms; ended: %s\n", stack.count,
		      (double)(to.tv_sec - from.tv_sec) * 1e3 +
			      (double)(to.tv_nsec - from.tv_nsec) / 1e6,
		      stack.ended.data ? (const char *)stack.ended.data : "outermost");
	for (size_t i = 0; i < stack.count; i++)
		print_message("  %s%s\n", (const char *)stack.frames[i].data,
			      i == stack.own ? "   <- own" : "");
	return stack;
}

static struct torn_stack stack_of(const char *const arguments[])
{
	struct traced traced = start(arguments);
	struct torn_stack stack = take(&traced);
	kill_traced(&traced);
	return stack;
}

static struct torn_stack stack_of_self(const char *what)
{
	return stack_of((const char *const[]){"/proc/self/exe", what, NULL});
}

static const char *text_of(const struct torn_stack *stack, size_t index)
{
	assert_true(index < stack->count);
	const struct torn_bytes text = stack->frames[index];
	assert_int_equal(strlen((const char *)text.data), text.size);
	return (const char *)text.data;
}

/* "NAME+0x... (stack_test.c:LINE) in .../stack_test"; any line where `line` is 0. */
static void assert_own_frame(const struct torn_stack *stack, size_t index, const char *name,
			     int line)
{
	const char *text = text_of(stack, index);
	char found[64], file[64], path[1024];
	unsigned offset;
	int found_line;
	assert_int_equal(sscanf(text, "%63[^+]+0x%x (%63[^:]:%d) in %1023s", found, &offset, file,
				&found_line, path),
			 5);
	assert_string_equal(found, name);
	assert_in_range(offset, 1, 4096);
	assert_string_equal(file, "stack_test.c");
	assert_true(line == 0 || found_line == line);
	char self[1024] = "";
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	assert_string_equal(path, self);
}

static void assert_chain(const struct torn_stack *stack)
{
	assert_non_null(strstr(text_of(stack, 0), "syscall+0x"));
	assert_non_null(strstr(text_of(stack, 0), "/libc.so"));
	assert_int_equal(stack->own, 1);
	assert_own_frame(stack, 1, "innermost_step", LINE_OF_WRITE);
	assert_own_frame(stack, 2, "middle_step", 0);
	assert_own_frame(stack, 3, "outer_step", 0);
}

/* --------------------------------------------------------------------- tests */

static void test_callers_are_named_innermost_first(void **state)
{
	(void)state;
	const struct torn_stack stack = stack_of_self("chain");
	assert_chain(&stack);
	assert_ptr_equal(strstr(text_of(&stack, stack.count - 1), "_start+0x"),
			 text_of(&stack, stack.count - 1));
	assert_ptr_equal(strstr(text_of(&stack, stack.count - 2), "__libc_start_main+0x"),
			 text_of(&stack, stack.count - 2));
	assert_int_equal(stack.ended.size, 0);
}

static void test_stack_of_a_second_thread_is_that_threads(void **state)
{
	(void)state;
	struct traced traced = start_self("thread");
	const struct torn_stack stack = take(&traced);
	kill_traced(&traced);
	assert_int_not_equal(traced.thread, traced.process);
	assert_chain(&stack);
	assert_own_frame(&stack, 4, "run_thread", 0);
}

static void test_thread_stays_in_its_stop_and_then_goes_on(void **state)
{
	(void)state;
	struct traced traced = start_self("chain");
	struct user_regs_struct before, after;
	assert_int_equal(ptrace(PTRACE_GETREGS, traced.thread, 0, &before), 0);
	take(&traced);
	torn_stacks_close(&traced.stacks);
	assert_int_equal(ptrace(PTRACE_GETREGS, traced.thread, 0, &after), 0);
	assert_memory_equal(&before, &after, sizeof before);
	int status;
	assert_int_equal(ptrace(PTRACE_CONT, traced.thread, 0, 0), 0);
	assert_int_equal(waitpid(traced.process, &status, 0), traced.process);
	running = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OF_PROGRAM);
}

/* Where the program's file was put: what ASLR chose. */
static unsigned long start_address(pid_t process)
{
	char path[64], line[1024];
	snprintf(path, sizeof path, "/proc/%d/maps", (int)process);
	FILE *maps = fopen(path, "re");
	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) && !strstr(line, "/stack_test"))
		continue;
	fclose(maps);
	return strtoul(line, NULL, 16);
}

static void test_text_is_the_same_wherever_the_program_lies(void **state)
{
	(void)state;
	struct traced one = start_self("chain");
	const unsigned long address = start_address(one.process);
	const struct torn_stack a = take(&one);
	kill_traced(&one);
	struct traced other = start_self("chain");
	const bool moved = start_address(other.process) != address;
	const struct torn_stack b = take(&other);
	kill_traced(&other);
	assert_int_equal(a.count, b.count);
	assert_int_equal(a.own, b.own);
	for (size_t i = 0; i < a.count; i++)
		assert_string_equal(text_of(&a, i), text_of(&b, i));
	if (!moved)
		skip(); /* no ASLR here: the comparison says little */
}

static void test_inlined_function_is_a_frame_before_the_one_that_holds_it(void **state)
{
	(void)state;
	const struct torn_stack stack = stack_of_self("inlined");
	char expected[64];
	snprintf(expected, sizeof expected, "inlined_step, inlined (stack_test.c:%d) in ",
		 LINE_OF_INLINED);
	assert_memory_equal(text_of(&stack, 3), expected, strlen(expected));
	assert_own_frame(&stack, 4, "holding_step", LINE_OF_CALL);
	assert_int_equal(stack.own, 1);
}

static void test_stacks_of_one_process_can_be_taken_again_as_it_goes_on(void **state)
{
	(void)state;
	struct traced traced = start_self("library");
	const struct torn_stack first = take(&traced), again = take(&traced);
	assert_chain(&first);
	assert_int_equal(first.count, again.count);
	for (size_t i = 0; i < first.count; i++)
		assert_string_equal(text_of(&first, i), text_of(&again, i));
	int status; /* on to the second write, with one more library in memory */
	assert_int_equal(ptrace(PTRACE_CONT, traced.thread, 0, 0), 0);
	assert_int_equal(waitpid(traced.process, &status, 0), traced.process);
	assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
	const struct torn_stack second = take(&traced);
	kill_traced(&traced);
	assert_chain(&second);
	assert_int_equal(second.count, first.count);
	assert_string_not_equal(text_of(&second, 4), text_of(&first, 4)); /* the line of the call */
}

static void test_deep_stack_is_cut(void **state)
{
	(void)state;
	const struct torn_stack stack = stack_of_self("deep");
	assert_int_equal(stack.count, TORN_STACK_FRAMES_MAX);
	assert_own_frame(&stack, TORN_STACK_FRAMES_MAX - 1, "outer_step", 0);
	assert_int_not_equal(stack.ended.size, 0);
}

static void test_code_in_no_file_is_a_frame_without_an_address(void **state)
{
	(void)state;
	const struct torn_stack stack = stack_of_self("memory");
	assert_string_equal(text_of(&stack, 0), "unknown code");
	assert_true(stack.own > 0);
}

/* ldconfig of glibc is the one static program that each Debian has; it is stripped. */
static const char *const ldconfig[] = {"/sbin/ldconfig", "-p", NULL};

static void test_stripped_static_program_has_addresses_in_its_file(void **state)
{
	(void)state;
	if (access(ldconfig[0], X_OK) != 0)
		skip();
	const struct torn_stack stack = stack_of(ldconfig);
	assert_int_equal(stack.own, 0);
	for (size_t i = 0; i < stack.count; i++) {
		unsigned long address;
		char path[64];
		assert_int_equal(sscanf(text_of(&stack, i), "0x%lx in %63s", &address, path), 2);
		assert_non_null(strstr(path, "/sbin/ldconfig"));
	}
	assert_true(stack.count > 1);
}

/* ------------------------------------------------------------------------ Go */

static const char go_source[] = "package main\n"
				"import \"syscall\"\n"
				"//go:noinline\n"
				"func inner() { syscall.Write(1, nil) }\n"
				"//go:noinline\n"
				"func outer() { inner(); syscall.Getpid() }\n"
				"func main() { outer() }\n";

/* Build the program in a folder that is empty, as `w`; false where there is no Go. */
static bool build_go(const char *folder, const char *flags)
{
	char command[512];
	snprintf(command, sizeof command,
		 "cd %s && printf '%%s' '%s' >w.go && GOCACHE=%s/cache CGO_ENABLED=0 "
		 "go build -ldflags '%s' -o w w.go >/dev/null 2>&1",
		 folder, go_source, folder, flags);
	return system(command) == 0;
}

static void remove_folder(const char *folder)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void test_go_program_has_its_functions_unless_stripped(void **state)
{
	(void)state;
	char folder[] = "/tmp/torn-stack-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	char program[64];
	snprintf(program, sizeof program, "%s/w", folder);
	const char *const arguments[] = {program, NULL};
	const bool built = build_go(folder, "");
	struct torn_stack named = {0}, stripped = {0};
	if (built) {
		named = stack_of(arguments);
		assert_true(build_go(folder, "-s -w"));
		stripped = stack_of(arguments);
	}
	remove_folder(folder);
	if (!built)
		skip();
	size_t inner = 0;
	while (!strstr(text_of(&named, inner), "main.inner+0x"))
		inner++;
	assert_memory_equal(text_of(&named, inner - 1), "syscall.Write, inlined (", 24);
	assert_non_null(strstr(text_of(&named, inner), "(w.go:4)"));
	assert_non_null(strstr(text_of(&named, inner + 1), "main.outer+0x"));
	assert_non_null(strstr(text_of(&named, inner + 1), "(w.go:6)"));
	assert_int_equal(named.own, 0);
	/* No unwind tables and no symbols are left: frame pointers are. */
	assert_true(stripped.count > 2);
	assert_memory_equal(text_of(&stripped, 0), "0x", 2);
}

/* A debug file that is not there (no package has ldconfig's) must not be asked for. */
static void test_no_debuginfod_server_is_asked(void **state)
{
	(void)state;
	if (access(ldconfig[0], X_OK) != 0)
		skip();
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	const int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server, 8), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&address, &size), 0);
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_TIMEOUT", "1", 1); /* s: for when it is asked after all */
	setenv("DEBUGINFOD_CACHE_PATH", "/nonexistent", 1);
	stack_of_self("chain");
	stack_of(ldconfig);
	unsetenv("DEBUGINFOD_URLS");
	const int asked = accept(server, NULL, NULL);
	const int error = errno;
	close(server);
	assert_int_equal(asked, -1);
	assert_int_equal(error, EAGAIN);
}

static void assert_no_frames_but_a_reason(pid_t process, const char *reason)
{
	struct traced traced = {process, process, {.process = process}};
	const struct torn_stack stack = take(&traced);
	torn_stacks_close(&traced.stacks);
	assert_int_equal(stack.count, 0);
	assert_int_equal(stack.own, 0);
	assert_string_equal((const char *)stack.ended.data, reason);
}

static void test_what_cannot_be_looked_at_has_no_frames_but_a_reason(void **state)
{
	(void)state;
	assert_no_frames_but_a_reason(getpid(),
				      "the thread's registers cannot be read"); /* not traced */
	const pid_t gone = fork();
	if (gone == 0)
		_exit(0);
	assert_int_equal(waitpid(gone, NULL, 0), gone);
	assert_no_frames_but_a_reason(gone, strerror(ENOENT));
}

static void test_full_arena_is_a_shorter_stack_and_a_reason(void **state)
{
	(void)state;
	struct traced traced = start_self("chain");
	const size_t size = arena.size;
	size_t frames[2];
	for (size_t i = 0; i < 2; i++) {
		arena.size = arena.used + (i == 0 ? 8 : 256);
		const struct torn_stack stack = take(&traced);
		frames[i] = stack.count;
		assert_true(stack.own <= stack.count);
		assert_int_not_equal(stack.ended.size, 0);
		arena.size = size;
	}
	kill_traced(&traced);
	assert_int_equal(frames[0], 0);
	assert_in_range(frames[1], 0, 3);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		run_program(argv[1]);
	const struct CMUnitTest tests[] = {
		arena_test(test_callers_are_named_innermost_first),
		arena_test(test_stack_of_a_second_thread_is_that_threads),
		arena_test(test_thread_stays_in_its_stop_and_then_goes_on),
		arena_test(test_text_is_the_same_wherever_the_program_lies),
		arena_test(test_inlined_function_is_a_frame_before_the_one_that_holds_it),
		arena_test(test_stacks_of_one_process_can_be_taken_again_as_it_goes_on),
		arena_test(test_deep_stack_is_cut),
		arena_test(test_code_in_no_file_is_a_frame_without_an_address),
		arena_test(test_stripped_static_program_has_addresses_in_its_file),
		arena_test(test_go_program_has_its_functions_unless_stripped),
		arena_test(test_no_debuginfod_server_is_asked),
		arena_test(test_what_cannot_be_looked_at_has_no_frames_but_a_reason),
		arena_test(test_full_arena_is_a_shorter_stack_and_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
