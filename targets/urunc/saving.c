/*
 * saving.c: which of urunc's files each version saves how (urunc.h).
 *
 * The modes are urunc's: 0644 for state.json, 0666 for a pid file, which the
 * umask makes 0644. `fixed` sets a mode by fchmod, which no umask softens, and
 * so asks for 0644 (metadata-kept).
 */
#include "../go/go_os.h"
#include "urunc.h"

static int make_directory(const char *path)
{
	return go_mkdir_all(path, 0755);
}

static int state_before(const char *path, struct torn_bytes data)
{
	return urunc_write_file(path, data, 0644);
}

const struct urunc_saving urunc_before = {make_directory, state_before, urunc_write_pid_file};

static int state_pr600(const char *path, struct torn_bytes data)
{
	return urunc_atomic_write_file(path, data, 0644);
}

static int pid_pr600(const char *path, struct torn_bytes pid)
{
	return urunc_atomic_write_file(path, pid, 0666);
}

const struct urunc_saving urunc_pr600 = {make_directory, state_pr600, pid_pr600};

static int state_reviewed(const char *path, struct torn_bytes data)
{
	return urunc_atomic_write_file_reviewed(path, data, 0644);
}

static int pid_reviewed(const char *path, struct torn_bytes pid)
{
	return urunc_atomic_write_file_reviewed(path, pid, 0666);
}

const struct urunc_saving urunc_reviewed = {make_directory, state_reviewed, pid_reviewed};

static int state_fixed(const char *path, struct torn_bytes data)
{
	return urunc_atomic_write_file_fixed(path, data, 0644);
}

static int pid_fixed(const char *path, struct torn_bytes pid)
{
	return urunc_atomic_write_file_fixed(path, pid, 0644);
}

const struct urunc_saving urunc_fixed = {urunc_make_directory_fixed, state_fixed, pid_fixed};
