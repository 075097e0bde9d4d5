/*
 * stack.c: see stack.h. elfutils' libdw does the unwinding: by .eh_frame and .debug_frame, and
 * by frame pointers where a function has neither.
 *
 * It assumes that the paths in /proc/PID/maps name the same files here as there: one mount
 * namespace. A file that was removed since is read from the program's memory, where a .symtab
 * is not. Not modelled: the frames of what an interpreter runs.
 */
#include "stack.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "source.h"

struct walk {
	struct torn_arena *arena;
	Dwfl *dwfl;
	char executable[PATH_MAX];
	struct torn_bytes frames[TORN_STACK_FRAMES_MAX];
	size_t count;
	size_t own; /* SIZE_MAX: none so far */
	struct torn_bytes ended;
};

/* ----------------------------------------------------------------- text */

__attribute__((format(printf, 2, 3))) static struct torn_bytes print(struct torn_arena *arena,
								     const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	char *text = length < 0 ? NULL : torn_arena_take_raw(arena, (size_t)length + 1);
	if (!text)
		return (struct torn_bytes){NULL, 0};
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return (struct torn_bytes){(const uint8_t *)text, (size_t)length};
}

/* libdw names the vDSO with the pid, which differs from run to run. */
static const char *file_of(Dwfl_Module *module)
{
	const char *name = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
	return strncmp(name, "[vdso", 5) == 0 ? "[vdso]" : name;
}

/* Make " (app.c:42)", or "" where there is no line. */
static void print_line(const struct torn_source *source, char *buffer, size_t size)
{
	buffer[0] = 0;
	if (source->file)
		snprintf(buffer, size, " (%s:%d)", source->file, source->line);
}

/* One place in the program: the pc as it is shown, and the address that is looked up for it. */
struct place {
	Dwfl_Module *module;
	Dwarf_Addr pc, looked_up;
};

static struct torn_bytes place_text(struct torn_arena *arena, const struct place *place,
				    const struct torn_source *source)
{
	const char *file = file_of(place->module);
	char line[NAME_MAX + 32];
	print_line(source, line, sizeof line);
	if (source->inlined)
		return print(arena, "%s, inlined%s in %s", source->inlined, line, file);
	GElf_Off offset;
	GElf_Sym symbol;
	const char *name = dwfl_module_addrinfo(place->module, place->looked_up, &offset, &symbol,
						NULL, NULL, NULL);
	/* Up to '@': a .symtab has "__libc_start_main@@GLIBC_2.34", a .dynsym has no version. */
	if (name && *name)
		return print(arena, "%.*s+0x%llx%s in %s", (int)strcspn(name, "@"), name,
			     (unsigned long long)(offset + (place->pc - place->looked_up)), line,
			     file);
	Dwarf_Addr in_file = place->pc;
	if (dwfl_module_relocate_address(place->module, &in_file) < 0)
		return print(arena, "?%s in %s", line, file); /* no number that ASLR moves */
	return print(arena, "0x%llx%s in %s", (unsigned long long)in_file, line, file);
}

/* ---------------------------------------------------------------- libdw */

/*
 * dwfl_standard_find_debuginfo() would end by asking a debuginfod server, for each library that
 * has no debug file: a report would then hang on, and depend on, the network. By build ID
 * libdw looks in debug_directory only. Debug files by name (.gnu_debuglink) are not looked for:
 * distributions ship theirs by build ID.
 */
static char debug_directory[] = "/usr/lib/debug";
static char *debug_path = debug_directory;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = dwfl_build_id_find_debuginfo,
	.debuginfo_path = &debug_path,
};

static int add_text(struct walk *walk, struct torn_bytes text)
{
	if (!text.data) {
		walk->ended = torn_bytes_of("no memory left for more frames");
		return DWARF_CB_ABORT;
	}
	if (walk->count == TORN_STACK_FRAMES_MAX) {
		walk->ended = torn_bytes_of("more frames than are shown");
		return DWARF_CB_ABORT;
	}
	walk->frames[walk->count++] = text;
	return DWARF_CB_OK;
}

static int add_place(struct walk *walk, const struct place *place)
{
	if (walk->own == SIZE_MAX && strcmp(file_of(place->module), walk->executable) == 0)
		walk->own = walk->count;
	struct torn_source sources[TORN_SOURCES_MAX];
	const size_t count = torn_source_find(place->module, place->looked_up, sources);
	int r = DWARF_CB_OK;
	for (size_t i = 0; i < count && r == DWARF_CB_OK; i++)
		r = add_text(walk, place_text(walk->arena, place, &sources[i]));
	return r;
}

/*
 * A caller's pc is behind its call, which may be the last instruction of its function or its
 * line: what is looked up is the byte before, what is shown the pc.
 */
static int add_frame(Dwfl_Frame *frame, void *context)
{
	struct walk *walk = context;
	Dwarf_Addr pc;
	bool innermost;
	if (!dwfl_frame_pc(frame, &pc, &innermost))
		return -1; /* libdw says why */
	struct place place = {.pc = pc, .looked_up = pc - (innermost ? 0 : 1)};
	place.module = dwfl_addrmodule(walk->dwfl, place.looked_up);
	if (!place.module)
		return add_text(walk, torn_bytes_of("unknown code"));
	return add_place(walk, &place);
}

/* What is mapped may have changed since the last time: a library that was loaded. */
static int report(Dwfl *dwfl, pid_t process)
{
	const int r = dwfl_linux_proc_report(dwfl, process);
	if (r != 0)
		return r;
	return dwfl_report_end(dwfl, NULL, NULL) == 0 ? 0 : -1;
}

/* As below; on an error there is no session. */
static int begin(struct torn_stacks *stacks)
{
	Dwfl *dwfl = stacks->session = dwfl_begin(&callbacks);
	if (!dwfl)
		return ENOMEM;
	const int r = report(dwfl, stacks->process);
	/* assume_ptrace_stopped: without it libdw would PTRACE_ATTACH, and detach at the end. */
	return r ? r : dwfl_linux_proc_attach(dwfl, stacks->process, true);
}

/* Return 0, or what failed: an errno or, below zero, what dwfl_errmsg() tells. */
static int look_at_process(struct torn_stacks *stacks)
{
	if (!stacks->session)
		return begin(stacks);
	dwfl_report_begin(stacks->session);
	return report(stacks->session, stacks->process);
}

static const char *reason_of(const struct walk *walk, int r)
{
	if (r > 0)
		return strerrordesc_np(r);
	const int error = dwfl_errno();
	if (error != 0)
		return dwfl_errmsg(error);
	return walk->count == 0 ? "the thread's registers cannot be read" : NULL;
}

static void walk_thread(struct walk *walk, struct torn_stacks *stacks, pid_t thread)
{
	int r = look_at_process(stacks);
	const bool looked = r == 0;
	walk->dwfl = stacks->session;
	if (looked)
		r = dwfl_getthread_frames(walk->dwfl, thread, add_frame, walk);
	if (r != 0 && !walk->ended.data) {
		const char *reason = reason_of(walk, r);
		walk->ended = print(walk->arena, "%s", reason ? reason : "libdw does not say why");
		if (!walk->ended.data)
			walk->ended = torn_bytes_of("no memory left for the reason");
	}
	if (!looked)
		torn_stacks_close(stacks); /* a report that was broken off is of no use */
}

static void find_executable(struct walk *walk, pid_t process)
{
	char link[32];
	snprintf(link, sizeof link, "/proc/%d/exe", (int)process);
	const ssize_t length = readlink(link, walk->executable, sizeof walk->executable - 1);
	walk->executable[length < 0 ? 0 : length] = 0;
}

void torn_stack_take(struct torn_stacks *stacks, pid_t thread, struct torn_arena *arena,
		     struct torn_stack *ret_stack)
{
	struct walk walk = {.arena = arena, .own = SIZE_MAX};
	find_executable(&walk, stacks->process);
	walk_thread(&walk, stacks, thread);
	const size_t size = walk.count * sizeof walk.frames[0];
	struct torn_bytes *frames = torn_arena_take_raw(arena, size);
	if (frames) {
		memcpy(frames, walk.frames, size);
	} else {
		walk.count = 0;
		walk.ended = torn_bytes_of("no memory left for frames");
	}
	*ret_stack = (struct torn_stack){
		.frames = frames,
		.count = walk.count,
		.own = walk.own < walk.count ? walk.own : walk.count,
		.ended = walk.ended,
	};
}

void torn_stacks_close(struct torn_stacks *stacks)
{
	if (stacks->session)
		dwfl_end(stacks->session);
	stacks->session = NULL;
}
