#!/usr/bin/env bash
# What torn exec cannot judge it says in one line, with what to do, and exits with 3; nothing is
# left behind: no mount, no process, no file.
set -euo pipefail

: "${TORN:?the torn binary}"
if why=$("$TORN" exec --clean-only -- true 2>&1); [[ $why == *namespaces* ]]; then
	echo "SKIPPED: $why"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf 'one\n' >file
failures=0

# What of torn's is there on this machine; other torn's may be at work beside.
left_behind() {
	grep -c "$work" /proc/self/mountinfo || true
	find /dev/shm -maxdepth 1 -user "$(id -u)" -newer "$work/begun" -name 'torn-*' ! -path '*torn-work-*' | wc -l
	{ pgrep -f "$work" || true; } | wc -l
}

# refused WORDS COMMAND...: WORDS have to be in the one line.
refused() {
	local words=$1 status=0
	shift
	timeout 60 "$TORN" exec "$@" >out 2>err </dev/null || status=$?
	if ((status != 3)) || (($(wc -l <err) != 1)) || [[ $(cat err) != *"$words"* ]] || [[ -s out ]]; then
		echo "FAILED: $*: exit $status, wanted 3 and one line with \"$words\", found:" >&2
		cat out err >&2
		failures=$((failures + 1))
	else
		echo "ok: $words"
	fi
}

touch begun
before=$(left_behind)
refused "there is no program nosuchprogram in PATH" -- nosuchprogram
refused "there is no program ./nosuch" -- ./nosuch
refused "cannot be executed" -- ./file
refused "fails without any fault (exit 1)" -- false
refused "changes nothing" -- true
refused "changes nothing of what is watched" --watch other -- sh -c 'echo two >file'
refused "without a terminal" -- sh -c 'exec 3<>/dev/tty; echo two >file'
refused "does not end" --timeout 1 -- sh -c 'while :; do :; done'
refused "waits for ever" --timeout 5 -- sh -c 'mkfifo f; cat f'
refused "starts processes without end" --timeout 5 -- sh -c 'b() { b | b & }; b; wait'
refused "fills the disk" -- sh -c 'cat /dev/zero >big'
refused "--dir" -- touch /etc/torn-was-here
refused "is not below" --watch /etc/passwd -- sh -c 'echo two >file'
refused "--ack (" --ack '(' -- sh -c 'echo two >file'
refused "--setup failed (exit 9)" --setup 'exit 9' -- sh -c 'echo two >file'
refused "two clean runs" -- sh -c 'date +%s >file'
refused "/nosuch: No such file" --dir /nosuch -- true
if [[ -x /usr/bin/python3 ]]; then
	refused "GiB of memory" --timeout 30 -- /usr/bin/python3 -c '
x = []
while True:
    x.append(bytearray(50 << 20))'
	refused "io_uring" -- /usr/bin/python3 -c '
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).syscall(425, 8, 0) < 0:
    sys.exit("io_uring_setup: " + os.strerror(ctypes.get_errno()))'
fi

[[ -e /etc/torn-was-here ]] && { echo "FAILED: it got out" >&2; failures=$((failures + 1)); }
after=$(left_behind)
if [[ $before != "$after" ]]; then
	echo "FAILED: left behind (mounts, files, processes): $before before, $after after" >&2
	failures=$((failures + 1))
fi
((failures == 0))
