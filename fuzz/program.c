/* program.c: see program.h. */
#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program_text.h"

extern char **environ;

#define TIMEOUT_S 10

const struct torn_default torn_program_args[] = {
	{"ack", "\"\""},     {"check", "\"\""},  {"cwd", "\"\""},   {"dir", "\"\""},
	{"keep-metadata", "no"}, {"recover", "\"\""}, {"rerun", "yes"}, {"timeout", "10"},
	{"together", "no"},  {"view", "\"\""},   {NULL, NULL},
};

static const char *arg_of(const struct torn_case *c, const char *name)
{
	for (size_t i = 0; i < c->args_count; i++)
		if (torn_bytes_equal(c->args[i].name, torn_bytes_of(name)))
			return c->args[i].value.size ? (const char *)c->args[i].value.data : NULL;
	return NULL;
}

static char *join(struct torn_arena *arena, const char *folder, size_t folder_size, const char *name)
{
	char *path = torn_arena_take(arena, folder_size + strlen(name) + 2);
	if (path)
		sprintf(path, "%.*s/%s", (int)folder_size, folder, name);
	return path;
}

static bool is_program(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

const char *torn_program_find(const char *name, const char *cwd, struct torn_arena *arena,
			      char *ret_message, size_t size)
{
	if (strchr(name, '/')) {
		const char *path = name[0] == '/' ? name : join(arena, cwd, strlen(cwd), name);
		if (path && is_program(path))
			return path;
		snprintf(ret_message, size, path && access(path, F_OK) == 0
						   ? "%s cannot be executed: give it the permission, or name its interpreter"
						   : "there is no program %s",
			 name);
		return NULL;
	}
	const char *folder = getenv("PATH");
	for (folder = folder ? folder : "/usr/bin:/bin"; *folder; folder += *folder == ':') {
		const size_t length = strcspn(folder, ":");
		const char *path = length ? join(arena, folder, length, name) : join(arena, cwd, strlen(cwd), name);
		if (path && is_program(path))
			return path;
		folder += length;
		if (!*folder)
			break;
	}
	snprintf(ret_message, size, "there is no program %s in PATH", name);
	return NULL;
}

static int check_folder(const char *dir, char *ret_message, size_t size)
{
	struct stat status;
	if (dir && dir[0] == '/' && stat(dir, &status) == 0 && S_ISDIR(status.st_mode))
		return 0;
	snprintf(ret_message, size, "expected an existing directory as an absolute path (arg dir), found %.100s",
		 dir ? dir : "nothing");
	return -EINVAL;
}

/* Behind the walls its directory is a copy that is not filled yet, and for a replay the real one
 * may be empty: the file of the case is the program. */
static bool is_own_program(const struct torn_case *c, const char *dir, const char *path)
{
	char plain[4096];
	size_t size = 0;
	const size_t root = strlen(dir);
	if (strncmp(path, dir, root) != 0 || path[root] != '/')
		return false;
	for (const char *at = path + root; *at;) {
		at += strspn(at, "/");
		const size_t length = strcspn(at, "/");
		if (size + length + 2 > sizeof plain)
			return false;
		if (length > 0 && !(length == 1 && at[0] == '.'))
			size += (size_t)sprintf(plain + size, "%s%.*s", size ? "/" : "", (int)length, at);
		at += length;
	}
	for (size_t i = 0; i < c->olds_count; i++) {
		const struct torn_old *old = &c->olds[i];
		if (old->path.size == size && memcmp(old->path.data, plain, size) == 0)
			return !old->absent && !old->is_link && old->type == TORN_FILE && (old->mode & 0111);
	}
	return false;
}

static const char *find_program(const struct torn_case *c, const struct torn_program *program,
				struct torn_arena *arena, char *ret_message, size_t size)
{
	const char *name = program->argv[0];
	if (strchr(name, '/')) {
		const char *path =
			name[0] == '/' ? name : join(arena, program->cwd, strlen(program->cwd), name);
		if (path && is_own_program(c, program->dir, path))
			return path;
	}
	return torn_program_find(name, program->cwd, arena, ret_message, size);
}

#define SHOWN_MAX 60

static bool show(const char **shown, size_t *count, const char *path, struct torn_arena *arena)
{
	char *canonical = realpath(path, NULL);
	if (!canonical)
		return true;
	const uint8_t *kept = torn_arena_copy(arena, canonical, strlen(canonical)).data;
	free(canonical);
	for (size_t i = 0; i < *count; i++)
		if (kept && strcmp(shown[i], (const char *)kept) == 0)
			return true;
	if (*count < SHOWN_MAX)
		shown[(*count)++] = (const char *)kept;
	return kept != NULL;
}

/* Absolute paths in a command for the shell. */
static bool show_words(const char **shown, size_t *count, const char *command, struct torn_arena *arena)
{
	for (const char *at = command; at && *at; at += strspn(at, " \t\n'\"")) {
		const size_t length = strcspn(at, " \t\n'\"");
		const char *word = (const char *)torn_arena_copy(arena, at, length).data;
		if (!word || (word[0] == '/' && is_program(word) && !show(shown, count, word, arena)))
			return false;
		at += length;
		if (!*at)
			break;
	}
	return true;
}

/* The program, and files that its arguments name: below /tmp they would be hidden. */
static const char **shown_by(const struct torn_program *program, struct torn_arena *arena)
{
	size_t count = 0;
	const char **shown = torn_arena_take(arena, (SHOWN_MAX + 1) * sizeof *shown);
	bool ok = shown && show(shown, &count, program->path, arena);
	for (size_t i = 1; ok && program->argv[i]; i++) {
		const char *arg = program->argv[i];
		const char *path = arg[0] == '/' ? arg : join(arena, program->cwd, strlen(program->cwd), arg);
		struct stat status;
		if (path && arg[0] && stat(path, &status) == 0 && S_ISREG(status.st_mode))
			ok = show(shown, &count, path, arena);
	}
	const char *const commands[] = {program->view, program->check, program->recover};
	for (size_t i = 0; ok && i < 3; i++)
		ok = show_words(shown, &count, commands[i], arena);
	if (!ok)
		return NULL;
	shown[count] = NULL;
	return shown;
}

static uint64_t room_for(const struct torn_case *c)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < c->olds_count; i++)
		bytes += c->olds[i].type == TORN_FILE ? c->olds[i].text.size + TORN_BLOCK_SIZE : TORN_BLOCK_SIZE;
	return bytes * 4 > TORN_PROGRAM_BYTES_MIN ? bytes * 4 : TORN_PROGRAM_BYTES_MIN;
}

int torn_program_of_case(const struct torn_case *c, struct torn_arena *arena,
			 const struct torn_program **ret_program, char *ret_message, size_t size)
{
	struct torn_program *program = torn_arena_take(arena, sizeof *program);
	char **argv = torn_arena_take(arena, (c->command_count + 1) * sizeof *argv);
	if (!program || !argv)
		return -ENOMEM;
	for (size_t i = 0; i < c->command_count; i++)
		argv[i] = (char *)c->command[i].data;
	argv[c->command_count] = NULL;
	const char *dir = arg_of(c, "dir"), *cwd = arg_of(c, "cwd"), *timeout = arg_of(c, "timeout");
	const int r = check_folder(dir, ret_message, size);
	if (r < 0)
		return r;
	*program = (struct torn_program){
		.argv = argv,
		.envp = environ,
		.dir = dir,
		.cwd = cwd ? cwd : dir,
		.view = arg_of(c, "view"),
		.check = arg_of(c, "check"),
		.recover = arg_of(c, "recover"),
		.timeout_s = timeout ? (unsigned)strtoul(timeout, NULL, 10) : TIMEOUT_S,
	};
	if (program->timeout_s == 0)
		program->timeout_s = TIMEOUT_S;
	program->path = find_program(c, program, arena, ret_message, size);
	if (!program->path)
		return -EINVAL;
	program->bytes_max = room_for(c);
	program->shown = shown_by(program, arena);
	*ret_program = program;
	return program->shown ? 0 : -ENOMEM;
}

const char *torn_program_text(const struct torn_program *program, struct torn_arena *arena)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return "";
	for (size_t i = 0; program->argv[i]; i++) {
		if (i > 0)
			putc(' ', out);
		torn_word_print(torn_bytes_of(program->argv[i]), out);
	}
	fclose(out);
	const uint8_t *kept = torn_arena_copy(arena, text, size).data;
	free(text);
	return kept ? (const char *)kept : "";
}
