/*
 * hostile.dotdot: reaches for a file of the host by every spelling of a path:
 * "..", descriptors of directories, chdir, symlinks made inside the root, the
 * second paths of link and rename, /proc, openat2 without a RESOLVE flag.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostile.h"

#define UP "../../../../../../../../../../../../../../../.."

/* The victim's path behind a prefix that leads to a root, or with an ending. */
struct path {
	char text[PATH_MAX];
};

static struct path spell(const char *prefix, const char *victim)
{
	struct path path;

	if (snprintf(path.text, sizeof(path.text), "%s%s", prefix, victim) >= PATH_MAX)
		path.text[0] = '\0'; /* leads nowhere */
	return path;
}

static void by_dots(const char *victim)
{
	hostile_deface(victim);
	hostile_deface(spell("/" UP, victim).text);
	hostile_deface(spell("/srv/" UP, victim).text);
	hostile_deface(spell("/srv/./" UP "/./", victim).text);
	hostile_deface(spell("//" UP "//", victim).text);
	hostile_deface(spell(UP, victim).text);
}

static void by_descriptor(const char *victim)
{
	static const char *const starts[] = {"/", "/srv", "/srv/..", ("/" UP), "."};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		int dir = open(starts[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			continue;
		hostile_scribble(openat(dir, spell(UP, victim).text, O_WRONLY | O_CREAT, 0644));
		hostile_scribble(openat(dir, victim + 1, O_WRONLY | O_CREAT, 0644));
		hostile_ignore(close(dir));
	}
}

static void by_chdir(const char *victim)
{
	int start = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	hostile_ignore(chdir("/srv"));
	for (int i = 0; i < 32; i++)
		hostile_ignore(chdir(".."));
	hostile_deface(victim + 1);
	hostile_ignore(fchdir(start));
	hostile_ignore(close(start));
}

static void by_symlink(const char *victim)
{
	hostile_ignore(symlink(victim, "/srv/absolute"));
	hostile_deface("/srv/absolute");
	hostile_ignore(symlink(spell(UP, victim).text, "/srv/relative"));
	hostile_deface("/srv/relative");
	hostile_ignore(symlink("/", "/srv/root"));
	hostile_deface(spell("/srv/root", victim).text);
	hostile_ignore(symlink("/srv/root/" UP, "/srv/chain"));
	hostile_deface(spell("/srv/chain", victim).text);
	hostile_ignore(chmod("/srv/absolute", 0777));
	hostile_ignore(truncate("/srv/relative", 0));
}

static void by_second_path(const char *victim)
{
	struct path up = spell("/srv/" UP, victim);

	hostile_ignore(mkdir("/srv/d", 0755));
	hostile_deface("/srv/d/f");
	hostile_ignore(link("/srv/d/f", up.text));
	hostile_ignore(rename("/srv/d/f", up.text));
	hostile_deface("/srv/d/f");
	hostile_ignore(renameat2(AT_FDCWD, "/srv/d/f", AT_FDCWD, up.text, RENAME_EXCHANGE));
	hostile_ignore(symlink("/srv/f", up.text));
	hostile_ignore(mkdir(spell(up.text, ".d").text, 0755));
	hostile_ignore(mknod(spell(up.text, ".p").text, S_IFIFO | 0644, 0));
}

static void by_proc(const char *victim)
{
	static const char *const roots[] = {"/proc/self/root", "/proc/1/root",
					    ("/proc/self/cwd/" UP), "/proc/thread-self/root",
					    "/proc/self/fd/../root"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		hostile_deface(spell(roots[i], victim).text);
}

static void by_openat2(const char *victim)
{
	struct open_how how = {.flags = O_WRONLY | O_CREAT | O_CLOEXEC, .mode = 0644};
	struct path up = spell("/srv/" UP, victim);

	hostile_scribble((int)syscall(SYS_openat2, AT_FDCWD, victim, &how, sizeof(how)));
	hostile_scribble((int)syscall(SYS_openat2, AT_FDCWD, up.text, &how, sizeof(how)));
	hostile_scribble((int)syscall(SYS_openat2, AT_FDCWD, "/srv/absolute", &how, sizeof(how)));
}

/* Last: a victim that was there is gone. */
static void by_unlink(const char *victim)
{
	hostile_ignore(unlink(spell("/srv/" UP, victim).text));
}

static int dotdot(const struct torn_run *run)
{
	static void (*const attempts[])(const char *victim) = {
		by_dots,	by_descriptor, by_chdir,   by_symlink,
		by_second_path, by_proc,       by_openat2, by_unlink,
	};

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		attempts[i](torn_run_text(run, "victim"));
	return hostile_replace(run);
}

static const struct torn_variant variants[] = {
	{"dotdot", dotdot},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.dotdot",
	.summary = "reaches for a host's file by every spelling of a path",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
