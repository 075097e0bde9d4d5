#!/usr/bin/env bash
# exec_programs_test.sh: what torn exec says about programs that everybody has. Each set of
# findings was held against what the program does. One that is missing is a defect not seen;
# one too many is a false alarm.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

# shellcheck source=fuzz/exec_judging.sh
. "$SOURCE_DIR/fuzz/exec_judging.sh" || exit 1

# -------------------------------------------------------------------- coreutils

# rename(2), and nothing else is changed. Its renameat2 with RENAME_NOREPLACE is a probe: EEXIST,
# and whatever else it is refused with, has a fall-back.
judge a=new b=old -- -- mv a b
torn_says mv 'label never-syncs'

# The copy is written into the old file: O_TRUNC, then FICLONE or copy_file_range. Where the close
# fails, all is written.
judge a=new b=older -- -- cp a b
torn_says cp 'old-or-new openat' 'old-or-new ioctl' 'old-or-new copy_file_range' 'label committed' 'label never-syncs'

# The old file is removed first. It is new before its mode and its list are set.
judge a=new b=older -- -- install a b
torn_says install 'old-or-new unlinkat' 'old-or-new openat' 'old-or-new ioctl' \
	'old-or-new copy_file_range' 'label committed' 'label metadata-changed' 'label never-syncs'

# Written beside it and renamed, without fsync: XFS leaves it empty. Its temporary file has a random name.
judge f=a -- -- sed -i s/a/b/ f
torn_says 'sed -i' 'old-or-new write' 'label metadata-changed' 'label never-syncs' 'label stale-temp'

# By-products that a clean run leaves too are no litter.
judge a=new b=old -- --no-rerun -- mv --backup=simple a b
expect 'mv --backup: b~ is no litter' not grep -q no-litter "$work/out"

# A text with the time in it is told, and how to compare it.
judge f=x -- -- sh -c 'date >f'
expect 'date: exit 3' exits_with 3
expect 'date: it is said what differs' says_on_stderr 'f is not the same after two clean runs'
expect 'date: and what to do' says_on_stderr --view

# ------------------------------------------------------------------------- shell

# Without pipefail nobody hears of a sort that failed: an empty list is moved over the old one.
# Where mv or uniq fails, or the shell is interrupted, list.new stays.
judge list='b
a' -- -- sh -c 'sort list | uniq >list.new && mv list.new list'
# shellcheck disable=SC2046 # words
torn_says 'a pipeline' 'label never-syncs' 'label stale-temp' \
	$(printf 'no-litter|%s ' close dup2 newfstatat openat renameat renameat2 write) \
	$(printf 'old-or-new|%s ' access close fcntl lseek newfstatat openat read write) \
	$(printf 'success-means-new|%s ' access close fcntl lseek newfstatat openat read)

# The same with care: only the directory is not synced.
judge list='b
a' -- -- sh -c 'sort <list >list.new && sync list.new && mv list.new list || { rm -f list.new; exit 1; }'
torn_says 'a careful script' 'success-is-durable renameat' 'label stale-temp'

# ------------------------------------------------------------------------ C, threads

cat >save.c <<'C'
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *save(void *name)
{
	char temp[64];
	snprintf(temp, sizeof temp, "%s.tmp", (char *)name);
	const int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return name;
	if (write(fd, "new\n", 4) == 4 && fsync(fd) == 0 && close(fd) == 0 && rename(temp, name) == 0)
		return NULL;
	unlink(temp);
	return name;
}

int main(void)
{
	static char *names[] = {"one", "two", "three"};
	pthread_t threads[3];
	int failed = 0;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, save, names[i]);
	for (int i = 0; i < 3; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		failed |= wrong != NULL;
	}
	const int dir = open(".", O_RDONLY | O_DIRECTORY);
	return failed || dir < 0 || fsync(dir) != 0;
}
C
# Three files by three threads, each whole at any moment. `committed` is the directory's fsync. That all
# are joined, also where one failed, is what keeps it without litter.
if has cc gcc; then
	cc -pthread -o "$work/save" save.c || exit 1
	judge one=old two=old three=old -- -- "$work/save"
	torn_says 'three threads' 'label committed' 'label stale-temp'
fi

# A program that lies in the directory that it works in: the copy has it, and a replay's too.
mkdir "$work/own" && cd "$work/own" || exit 1
printf '#!/bin/sh\necho new >state\n' >save && chmod 755 save && echo old >state
run "$torn" exec --quiet --depth 1 --power none --cases "$work/cases" -- ./save
expect './save: it is judged' exits_with 1
rm save
run "$torn" replay "$work"/cases/exec-old-or-new-*.case
expect './save: its case has it' exits_with 1
cd "$work/place" || exit 1

# ------------------------------------------------------------------------ Python

cat >"$work/good.py" <<'PYTHON'
import os
import tempfile

fd, temp = tempfile.mkstemp(dir=".")
try:
    with os.fdopen(fd, "w") as file:
        file.write("new\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temp, "state")
except BaseException:
    os.unlink(temp)
    raise
os.fsync(os.open(".", os.O_RDONLY))
PYTHON
cat >"$work/bad.py" <<'PYTHON'
import os

with open("state.tmp", "w") as file:
    file.write("new\n")
os.replace("state.tmp", "state")
PYTHON
python=/usr/bin/python3
if has $python python3; then
	judge state=old -- -- $python "$work/good.py"
	torn_says 'Python, with fsync' 'label committed' 'label metadata-changed' 'label stale-temp'
	# Probes: a file that need not be there, a name that may be taken, space that may be refused. Each has a way on.
	cat >"$work/probes.py" <<'PYTHON'
import errno, os

try:
    mode = os.stat("state").st_mode & 0o777
except OSError:
    mode = 0o644
try:
    open("state.conf").read()
except OSError:
    pass
for attempt in range(100):
    try:
        fd = os.open("state.%d" % attempt, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        break
    except FileExistsError:
        continue
temp = "state.%d" % attempt
try:
    try:
        os.posix_fallocate(fd, 0, 4)
    except OSError:
        pass
    if os.write(fd, b"new\n") != 4:
        raise OSError(errno.ENOSPC, "short")
    os.fchmod(fd, mode)
    os.fsync(fd)
    os.close(fd)
    os.replace(temp, "state")
except OSError:
    os.unlink(temp)
    raise
folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
os.fsync(folder)
PYTHON
	judge state=old -- -- $python "$work/probes.py"
	torn_says 'Python, probes with a way on' 'label committed' 'label stale-temp'
	# What it cannot write or rename stays, and it never syncs.
	judge state=old -- -- $python "$work/bad.py"
	torn_says 'Python, without' 'no-litter write' 'no-litter close' 'no-litter rename' \
		'old-or-new write' 'label never-syncs' 'label stale-temp'
fi

# ---------------------------------------------------------------------------- Go

cat >save.go <<'GO'
package main

import (
	"os"

	"github.com/google/renameio"
)

func fail(err error) {
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func main() {
	fail(renameio.WriteFile("state", []byte("new\n"), 0o644))
	if len(os.Args) > 1 {
		dir, err := os.Open(".")
		fail(err)
		fail(dir.Sync())
	}
}
GO
renameio=/usr/share/gocode/src/github.com/google/renameio
if has go golang-go && { [ -d $renameio ] || has $renameio golang-github-google-renameio-dev; }; then
	GOCACHE=$work/cache GO111MODULE=off GOPATH=/usr/share/gocode CGO_ENABLED=0 \
		go build -o "$work/gosave" save.go || exit 1
	judge state=old -- -- "$work/gosave" and-sync
	torn_says 'renameio, and a sync of the directory' 'label committed' 'label stale-temp'
	judge state=old -- -- "$work/gosave"
	torn_says 'renameio alone' 'success-is-durable renameat' 'label stale-temp'
fi

finish
