/* tracee.c: registers and memory of a traced thread: trace_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "trace_internal.h"

#define PAGE 4096u

size_t torn_tracee_read(const struct torn_tracee *tracee, uint64_t address, void *to, size_t size)
{
	const struct iovec here = {to, size};
	const struct iovec there = {(void *)(uintptr_t)address, size}; /* NOLINT: another process's */
	const ssize_t got = process_vm_readv(tracee->tid, &here, 1, &there, 1, 0);
	return got < 0 ? 0 : (size_t)got;
}

bool torn_tracee_write(const struct torn_tracee *tracee, uint64_t address, const void *from, size_t size)
{
	const struct iovec here = {(void *)(uintptr_t)from, size};
	const struct iovec there = {(void *)(uintptr_t)address, size}; /* NOLINT: another process's */
	return process_vm_writev(tracee->tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

int torn_tracee_string(const struct torn_tracee *tracee, uint64_t address, struct torn_arena *arena,
		       struct torn_bytes *ret_string)
{
	char text[TORN_PATH_MAX + 1];
	size_t size = 0;
	while (size < TORN_PATH_MAX) {
		/* To the end of a page: the next one may not be there. Most paths are short. */
		size_t part = PAGE - (address + size) % PAGE;
		if (part > 256 && size == 0)
			part = 256;
		if (part > TORN_PATH_MAX - size)
			part = TORN_PATH_MAX - size;
		const size_t got = torn_tracee_read(tracee, address + size, text + size, part);
		if (got == 0)
			return -EFAULT;
		const size_t end = strnlen(text + size, got);
		size += end;
		if (end < got)
			break;
	}
	uint8_t *copy = torn_arena_take(arena, size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, size);
	copy[size] = '\0';
	*ret_string = (struct torn_bytes){copy, size};
	return 0;
}

bool torn_tracee_get(const struct torn_tracee *tracee, struct user_regs_struct *ret_registers)
{
	return ptrace(PTRACE_GETREGS, tracee->tid, NULL, ret_registers) == 0;
}

bool torn_tracee_set(const struct torn_tracee *tracee, const struct user_regs_struct *registers)
{
	return ptrace(PTRACE_SETREGS, tracee->tid, NULL, registers) == 0;
}

void torn_tracee_skip(struct torn_tracee *tracee, long told)
{
	struct user_regs_struct registers = tracee->registers;
	registers.orig_rax = (unsigned long long)-1; /* seccomp(2), SECCOMP_RET_TRACE: the call is skipped */
	registers.rax = (unsigned long long)told;
	torn_tracee_set(tracee, &registers);
}

bool torn_tracee_proc(const struct torn_tracee *tracee, const char *file, char *ret_text, size_t size)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/%d/%s", tracee->tid, file);
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, ret_text, size - 1);
	if (fd >= 0)
		close(fd);
	ret_text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

char torn_tracee_letter(const struct torn_tracee *tracee)
{
	char text[512];
	if (!torn_tracee_proc(tracee, "stat", text, sizeof text))
		return 0;
	const char *end = strrchr(text, ')'); /* the program's name may have any bytes */
	return end && end[1] == ' ' ? end[2] : 0;
}

bool torn_tracee_is_inside(const struct torn_tracee *tracee)
{
	char text[256];
	return torn_tracee_proc(tracee, "syscall", text, sizeof text) && text[0] != 'r'; /* "running" */
}

/* A set of signals of /proc/TID/status by its name: bit S - 1 is signal S, proc_pid_status(5). */
static uint64_t signals_named(const char *status, const char *name)
{
	const char *line = strstr(status, name);
	return line ? strtoull(line + strlen(name), NULL, 16) : 0;
}

bool torn_tracee_is_signalled(const struct torn_tracee *tracee)
{
	char text[4096];
	if (!torn_tracee_proc(tracee, "status", text, sizeof text))
		return false;
	/* What does not end a process by itself: signal(7). That of a stop is not looked at. */
	static const int harmless[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGSTOP};
	uint64_t nothing = signals_named(text, "\nSigIgn:");
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		nothing |= UINT64_C(1) << (harmless[i] - 1);
	nothing &= ~signals_named(text, "\nSigCgt:");
	const uint64_t pending = signals_named(text, "\nSigPnd:") | signals_named(text, "\nShdPnd:");
	return pending & ~signals_named(text, "\nSigBlk:") & ~nothing;
}

uint64_t torn_tracee_scratch(const struct torn_tracee *tracee, size_t size)
{
	/* The x86-64 ABI's red zone is 128 bytes below the stack pointer. */
	return (tracee->registers.rsp - 256 - size) & ~UINT64_C(15);
}
