/*
 * gate_jump.c: see gate_jump.h.
 *
 * The C library makes a call by
 *     b8 NN NN NN NN    movl $number, %eax
 *     0f 05             syscall
 * and of these seven bytes the first five become a jump to a stub near by. The
 * syscall instruction stays where it is: code that jumps to it from elsewhere,
 * with a number of its own, crosses by a signal as before. No code can jump
 * into the middle of the movl.
 *
 * The stub does what stood there: while the gate is open it makes the system
 * call and goes on behind it; while the gate is closed it goes to
 * torn_gate_entry, which saves all that a system call leaves alone (the kernel
 * changes rax, rcx and r11 only, and no vector register) and answers in C.
 *
 * Assumes x86-64 with XSAVEC; without it nothing is changed. Linux maps code
 * privately: what is written here is this process's own.
 */
#include "gate_jump.h"

#include <cpuid.h>
#include <string.h>
#include <sys/mman.h>

#include "gate_internal.h"

#define STUBS_BYTES (64 * 1024)
#define STUB_BYTES 64
#define REGIONS_MAX 8
#define TRIED_MAX 4096

/* Stubs lie within 2 GiB of the code that jumps to them: one region for each library. */
static struct region {
	uint8_t *base;
	size_t used;
} regions[REGIONS_MAX];
static size_t regions_count;

static uint64_t tried[TRIED_MAX]; /* places that were looked at; by hash */

/* SSE, AVX and the three parts of AVX-512: what C code may use. */
#define STATE_MASK 0xe6
#define STATE_BYTES 4096

#define STRINGIZE(x) #x
#define STRING(x) STRINGIZE(x)

/*
 * In: rax the number, rcx where to go on, arguments as for a system call.
 * The 128 bytes below rsp belong to the caller (System V ABI, 3.2.2).
 */
__asm__(".text\n"
	".balign 16\n"
	".hidden torn_gate_entry\n"
	".globl torn_gate_entry\n"
	"torn_gate_entry:\n"
	"	movq %rsp, %r11\n"
	"	leaq -128(%rsp), %rsp\n"
	"	pushq %r11\n"
	"	pushq %rcx\n"
	"	pushq %rbp\n"
	"	movq %rsp, %rbp\n"
	"	pushq %r9\n"
	"	pushq %r8\n"
	"	pushq %r10\n"
	"	pushq %rdx\n"
	"	pushq %rsi\n"
	"	pushq %rdi\n" /* rsp: the six arguments, in order */
	"	movq %rax, %rdi\n"
	"	movq %rsp, %rsi\n"
	"	subq $" STRING(STATE_BYTES) ", %rsp\n"
	"	andq $-64, %rsp\n"
	"	movl $" STRING(STATE_MASK) ", %eax\n"
	"	xorl %edx, %edx\n"
	/* XRSTOR wants the reserved bytes of the header to be zero (Intel SDM, 13.8.1). */
	"	movq %rdx, 528(%rsp)\n"
	"	movq %rdx, 536(%rsp)\n"
	"	movq %rdx, 544(%rsp)\n"
	"	movq %rdx, 552(%rsp)\n"
	"	movq %rdx, 560(%rsp)\n"
	"	movq %rdx, 568(%rsp)\n"
	"	xsavec64 (%rsp)\n"
	"	cld\n"
	"	call torn_gate_by_jump\n"
	"	movq %rax, %r11\n"
	"	movl $" STRING(STATE_MASK) ", %eax\n"
	"	xorl %edx, %edx\n"
	"	xrstor64 (%rsp)\n"
	"	leaq -48(%rbp), %rsp\n"
	"	movq %r11, %rax\n"
	"	popq %rdi\n"
	"	popq %rsi\n"
	"	popq %rdx\n"
	"	popq %r10\n"
	"	popq %r8\n"
	"	popq %r9\n"
	"	popq %rbp\n"
	"	popq %rcx\n"
	"	popq %rsp\n"
	"	jmp *%rcx\n");
extern const char torn_gate_entry[];

static bool has_xsavec(void)
{
	unsigned a, b, c, d;
	if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c & (1u << 27) /* OSXSAVE */))
		return false;
	return __get_cpuid_count(0xd, 1, &a, &b, &c, &d) && (a & 2 /* XSAVEC */);
}

static bool is_near(const uint8_t *from, const uint8_t *to)
{
	const int64_t distance = to - from;
	return distance > INT32_MIN + 4096 && distance < INT32_MAX - 4096;
}

static struct region *region_near(const uint8_t *code)
{
	for (size_t i = 0; i < regions_count; i++)
		if (is_near(code, regions[i].base) && regions[i].used + STUB_BYTES <= STUBS_BYTES)
			return &regions[i];
	if (regions_count == REGIONS_MAX)
		return NULL;
	const intptr_t page = (intptr_t)code & ~(intptr_t)4095;
	for (intptr_t away = 1 << 20; away < 1 << 30; away += 1 << 20) {
		for (int side = -1; side <= 1; side += 2) {
			const long at = torn_raw(SYS_mmap, page + side * away, STUBS_BYTES,
						 PROT_READ | PROT_WRITE | PROT_EXEC,
						 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
			if (at <= 0 || !is_near(code, (const uint8_t *)at)) {
				if (at > 0)
					torn_raw(SYS_munmap, at, STUBS_BYTES);
				continue;
			}
			regions[regions_count] = (struct region){(uint8_t *)at, 0};
			return &regions[regions_count++];
		}
	}
	return NULL;
}

struct writer {
	uint8_t *at;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
	memcpy(writer->at, bytes, size);
	writer->at += size;
}

#define PUT(writer, ...)                                                                           \
	put(writer, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_address(struct writer *writer, const volatile void *address)
{
	const uint64_t value = (uint64_t)(uintptr_t)address;
	put(writer, &value, sizeof value);
}

static void put_distance(struct writer *writer, const uint8_t *to)
{
	const int32_t distance = (int32_t)(to - (writer->at + 4));
	put(writer, &distance, sizeof distance);
}

static uint8_t *write_stub(struct region *region, const uint8_t *mov, uint32_t number,
			   const volatile char *selector)
{
	uint8_t *const stub = region->base + region->used;
	const uint8_t *const back = mov + 7;
	struct writer writer = {stub};
	PUT(&writer, 0xb8); /* movl $number, %eax */
	put(&writer, &number, sizeof number);
	PUT(&writer, 0x49, 0xbb); /* movabsq $selector, %r11 */
	put_address(&writer, selector);
	PUT(&writer, 0x41, 0x80, 0x3b, 0x00); /* cmpb $0, (%r11) */
	PUT(&writer, 0x75, 0x07);             /* jne over the next two */
	PUT(&writer, 0x0f, 0x05);             /* syscall */
	PUT(&writer, 0xe9);                   /* jmp back */
	put_distance(&writer, back);
	PUT(&writer, 0x48, 0xb9); /* movabsq $back, %rcx */
	put_address(&writer, back);
	PUT(&writer, 0x49, 0xbb); /* movabsq $torn_gate_entry, %r11 */
	put_address(&writer, torn_gate_entry);
	PUT(&writer, 0x41, 0xff, 0xe3); /* jmp *%r11 */
	region->used += STUB_BYTES;
	return stub;
}

static bool was_tried(uint64_t place)
{
	const uint64_t slot = place * UINT64_C(0x9e3779b97f4a7c15) >> 52;
	const bool known = tried[slot] == place;
	tried[slot] = place;
	return known;
}

static bool change_code(uint8_t *mov, const uint8_t *stub)
{
	const uintptr_t page = (uintptr_t)mov & ~(uintptr_t)4095;
	const size_t size = (uintptr_t)mov + 5 > page + 4096 ? 8192 : 4096;
	if (torn_raw(SYS_mprotect, page, size, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		return false;
	struct writer writer = {mov};
	PUT(&writer, 0xe9);
	put_distance(&writer, stub);
	torn_raw(SYS_mprotect, page, size, PROT_READ | PROT_EXEC);
	return true;
}

bool torn_jump_change(uint64_t after, long number, const volatile char *selector)
{
	static int supported = -1;
	if (was_tried(after))
		return false;
	if (supported < 0)
		supported = has_xsavec();
	uint8_t *const mov = (uint8_t *)(uintptr_t)after - 7; /* NOLINT: a code address */
	uint32_t immediate;
	if (!supported || mov[0] != 0xb8 || mov[5] != 0x0f || mov[6] != 0x05)
		return false;
	memcpy(&immediate, mov + 1, sizeof immediate);
	if ((long)immediate != number)
		return false;
	struct region *region = region_near(mov);
	return region && change_code(mov, write_stub(region, mov, immediate, selector));
}
