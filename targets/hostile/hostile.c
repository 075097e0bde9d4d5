/* hostile.c: see hostile.h. */
#include "hostile.h"

#include <fcntl.h>
#include <unistd.h>

const struct torn_world hostile_worlds[] = {
	{"present",
	 "old etc dir\n"
	 "old srv/f file \"old\\n\"\n"
	 "old tmp dir mode=1777\n",
	 .refuses = false},
	{NULL, NULL, false},
};

const struct torn_default hostile_args[] = {
	{"content", "\"new content\\n\""},
	{"victim", "/tmp/torn-victim"},
	{NULL, NULL},
};

const char *const hostile_watch[] = {"srv/f", NULL};

static int stage(struct torn_bytes content)
{
	int file = open("/srv/.f.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0)
		return -1;

	ssize_t written = write(file, content.data, content.size);
	int closed = close(file);
	return written == (ssize_t)content.size && closed == 0 ? 0 : -1;
}

int hostile_replace(const struct torn_run *run)
{
	if (stage(torn_run_arg(run, "content")) == 0 && rename("/srv/.f.tmp", "/srv/f") == 0)
		return 0;
	hostile_ignore(unlink("/srv/.f.tmp"));
	return -1;
}

void hostile_scribble(int fd)
{
	static const char line[] = "torn was here\n";

	if (fd < 0)
		return;
	hostile_ignore(write(fd, line, sizeof(line) - 1));
	hostile_ignore(close(fd));
}

void hostile_deface(const char *path)
{
	hostile_scribble(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}
