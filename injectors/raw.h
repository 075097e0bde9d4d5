/*
 * raw.h: system calls as the kernel answers them: a value or -errno. The gate's
 * handler must not touch errno, which belongs to the target.
 */
#ifndef TORN_RAW_H
#define TORN_RAW_H

#include <sys/syscall.h>

static inline long torn_raw6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define TORN_RAW_PICK(a, b, c, d, e, f, g, ...) a, b, c, d, e, f, g
/* torn_raw(SYS_close, fd): missing arguments are 0. */
#define torn_raw(...) torn_raw_long(TORN_RAW_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0))
#define torn_raw_long(...) torn_raw_call(__VA_ARGS__)
#define torn_raw_call(n, a, b, c, d, e, f)                                                         \
	torn_raw6((long)(n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
