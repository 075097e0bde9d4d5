/*
 * hostile.raw_syscalls: reaches for the victim without libc: syscall(2), the
 * instruction itself, the numbers of the x32 ABI, and int 0x80, whose numbers
 * mean other calls and whose pointers have 32 bits. For x86-64.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostile.h"

#define FLAGS (O_WRONLY | O_CREAT | O_CLOEXEC)
#define X32_BIT 0x40000000L /* __X32_SYSCALL_BIT of asm/unistd.h */

enum { I386_WRITE = 4, I386_OPEN = 5, I386_CLOSE = 6 }; /* syscall_32.tbl */

static int by_libc(const struct torn_run *run)
{
	const char *victim = torn_run_text(run, "victim");

	hostile_scribble((int)syscall(SYS_open, victim, FLAGS, 0644));
	hostile_scribble((int)syscall(SYS_creat, victim, 0644));
	hostile_scribble((int)syscall(SYS_openat, AT_FDCWD, victim, FLAGS, 0644));
	hostile_ignore(syscall(SYS_unlink, victim));
	return hostile_replace(run);
}

static long instruction(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static int by_instruction(const struct torn_run *run)
{
	long victim = (long)(intptr_t)torn_run_text(run, "victim");

	hostile_scribble((int)instruction(SYS_open, victim, FLAGS, 0644));
	hostile_scribble((int)instruction(SYS_creat, victim, 0644, 0));
	return hostile_replace(run);
}

static int by_x32(const struct torn_run *run)
{
	const char *victim = torn_run_text(run, "victim");

	hostile_scribble((int)syscall(X32_BIT + SYS_open, victim, FLAGS, 0644));
	hostile_scribble((int)syscall(X32_BIT + SYS_openat, AT_FDCWD, victim, FLAGS, 0644));
	return hostile_replace(run);
}

static long interrupt(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}

static void interrupt_with(char *low, const char *victim)
{
	static const char line[] = "torn was here\n";
	long text = (long)(intptr_t)low;

	strncpy(low, victim, 4095);
	long file = interrupt(I386_OPEN, text, O_WRONLY | O_CREAT, 0644);
	strncpy(low, line, 4095);
	interrupt(I386_WRITE, file, text, sizeof(line) - 1);
	interrupt(I386_CLOSE, file, 0, 0);
}

static int by_interrupt(const struct torn_run *run)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low != MAP_FAILED) {
		interrupt_with(low, torn_run_text(run, "victim"));
		munmap(low, 4096);
	}
	return hostile_replace(run);
}

static const struct torn_variant variants[] = {
	{"syscall", by_libc},
	{"instruction", by_instruction},
	{"x32", by_x32},
	{"int80", by_interrupt},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.raw_syscalls",
	.summary = "makes system calls without libc: syscall, x32 numbers, int 0x80",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
