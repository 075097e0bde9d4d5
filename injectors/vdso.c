/*
 * vdso.c: clock_gettime, time, gettimeofday, getcpu and getrandom never cross
 * the gate, for the kernel serves them in user space (vdso(7)); mkstemp takes
 * its names from there. Each function's first bytes become
 *     mov $number, %eax ; syscall ; ret
 * which is what it falls back to anyway. Assumes x86-64 and that every patched
 * function is at least 8 bytes long, which is checked.
 */
#include "vdso.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_getrandom
#define SYS_getrandom 318
#endif

static const struct {
	const char *name;
	uint32_t number;
} functions[] = {
	{"__vdso_clock_gettime", SYS_clock_gettime},
	{"__vdso_gettimeofday", SYS_gettimeofday},
	{"__vdso_time", SYS_time},
	{"__vdso_getcpu", SYS_getcpu},
	{"__vdso_clock_getres", SYS_clock_getres},
	{"__vdso_getrandom", SYS_getrandom},
};

struct symbols {
	const Elf64_Sym *table;
	const char *names;
	size_t count;
};

static struct symbols find_symbols(const uint8_t *base)
{
	const Elf64_Ehdr *header = (const void *)base;
	const Elf64_Shdr *sections = (const void *)(base + header->e_shoff);
	struct symbols symbols = {0};
	for (unsigned i = 0; i < header->e_shnum; i++) {
		if (sections[i].sh_type != SHT_DYNSYM)
			continue;
		symbols.table = (const void *)(base + sections[i].sh_offset);
		symbols.count = sections[i].sh_size / sizeof *symbols.table;
		symbols.names = (const char *)(base + sections[sections[i].sh_link].sh_offset);
	}
	return symbols;
}

static void patch(uint8_t *code, uint32_t number)
{
	const uint8_t call[] = {0x0f, 0x05, 0xc3}; /* syscall; ret */
	code[0] = 0xb8;                            /* mov $number, %eax */
	memcpy(code + 1, &number, sizeof number);
	memcpy(code + 5, call, sizeof call);
}

int torn_vdso_patch(void)
{
	uint8_t *base = (uint8_t *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: the kernel's own number */
	if (!base)
		return 0;
	struct symbols symbols = find_symbols(base);
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	for (size_t i = 0; i < symbols.count; i++) {
		const Elf64_Sym *symbol = &symbols.table[i];
		for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
			if (strcmp(symbols.names + symbol->st_name, functions[f].name) != 0 ||
			    symbol->st_size < 8)
				continue;
			uint8_t *code = base + symbol->st_value;
			uint8_t *start = code - (uintptr_t)code % page;
			if (mprotect(start, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 &&
			    mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
				return -errno;
			patch(code, functions[f].number);
			/* One page may have been the last. */
			if (mprotect(start, 2 * page, PROT_READ | PROT_EXEC) != 0)
				(void)mprotect(start, page, PROT_READ | PROT_EXEC);
		}
	}
	return 0;
}
