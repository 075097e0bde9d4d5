/* alice_toy.c: see alice_toy.h. */
#include "alice_toy.h"

#include <fcntl.h>
#include <unistd.h>

/* Returns 0, or -1 with tmp left, and closed in any case. */
static int write_temp(struct torn_bytes content, bool syncs)
{
	int file = open("/srv/app/tmp", O_CREAT | O_RDWR, 0666);
	if (file < 0)
		return -1;
	bool done = write(file, content.data, content.size) == (ssize_t)content.size &&
		    (!syncs || fsync(file) == 0);
	return close(file) == 0 && done ? 0 : -1;
}

static int update(const struct torn_run *run, bool syncs)
{
	if (write_temp(torn_run_arg(run, "content"), syncs) < 0 ||
	    rename("/srv/app/tmp", "/srv/app/file1") < 0) {
		unlink("/srv/app/tmp");
		return -1;
	}
	/* What printf does on a terminal, where it keeps back no whole line. */
	if (dprintf(STDOUT_FILENO, "Updated\n") < 0)
		return -1;
	if (link("/srv/app/file1", "/srv/app/link1") < 0 ||
	    link("/srv/app/file1", "/srv/app/link2") < 0)
		return -1;
	return 0;
}

int alice_toy_published(const struct torn_run *run)
{
	return update(run, false);
}

int alice_toy_file_synced(const struct torn_run *run)
{
	return update(run, true);
}
