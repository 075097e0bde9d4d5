# tests.sh: what the shell tests share. Sourced, never run.
#
# A test is a list of claims: each `expect` says one and goes on after a failure,
# so that one run tells all that is wrong. TORN, TORN_PLANTED and SOURCE_DIR come
# from CTest.
# shellcheck shell=bash

set -u
: "${TORN:?is set by CTest}" "${TORN_PLANTED:?is set by CTest}" "${SOURCE_DIR:?is set by CTest}"

UNPRIVILEGED=65534
failures=0
claims=0

is_root() { [ "$(id -u)" -eq 0 ]; }

# Where root may: /dev/shm of our own, so that what others run there is not
# taken for ours, nor removed by it. Runs the test again; call it first.
private_mounts() {
	[ -z "${TORN_TEST_PRIVATE:-}" ] && is_root || return 0
	unshare -m --propagation private mount -t tmpfs tmpfs /dev/shm 2>/dev/null || return 0
	TORN_TEST_PRIVATE=1 exec unshare -m --propagation private bash -c \
		'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec bash "$0"' "$0"
}

# A folder of our own to work in, open to the ordinary user, gone at the end.
begin() {
	work=$(mktemp -d) || exit 1
	trap 'at_end; rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	chmod 0755 "$work"
	mkdir -m 1777 "$work/place"
	# The build folder may be closed to the ordinary user.
	cp "$TORN" "$work/torn" && cp "$TORN_PLANTED" "$work/torn-planted" || exit 1
	chmod 0755 "$work/torn" "$work/torn-planted"
	torn=$work/torn planted=$work/torn-planted
	cd "$work/place" || exit 1
}

# A test may say what else is to be put back.
at_end() { :; }

finish() {
	if [ "$claims" -eq 0 ]; then
		echo "FAIL: nothing was claimed"
		exit 1
	fi
	echo "$claims claims, $failures wrong"
	[ "$failures" -eq 0 ]
	exit
}

# Put before a command to run it as an ordinary user: nothing is read-only for root.
as_user=(env)
if is_root; then
	as_user=(setpriv "--reuid=$UNPRIVILEGED" "--regid=$UNPRIVILEGED" --clear-groups)
fi

# expect CLAIM COMMAND...: the claim is true where the command succeeds.
expect() {
	local claim=$1
	shift
	claims=$((claims + 1))
	"$@" && return
	failures=$((failures + 1))
	echo "FAIL: $claim"
	echo "      command: $*" | cat -v | cut -c1-400
	if [ -n "${status:-}" ]; then
		echo "      last run: exit $status"
		head -c 600 "$work/err" 2>/dev/null | cat -v | sed 's/^/      stderr: /'
	fi
	return 1
}

not() { ! "$@"; }

# run COMMAND...: leaves $status, $work/out and $work/err. One that hangs is 124.
run() {
	timeout 60 "$@" >"$work/out" 2>"$work/err"
	status=$?
}

exits_with() { [ "$status" -eq "$1" ]; }
says_nothing() { [ ! -s "$work/out" ]; }
says_on_stderr() { grep -qF -- "$1" "$work/err"; }
# One line, whole, with nothing in it that a terminal would act on.
complains_in_one_line() {
	[ "$(wc -l <"$work/err")" -eq 1 ] && [ "$(tail -c 1 "$work/err" | od -An -tx1 | tr -d ' ')" = 0a ]
}
is_printable() { ! LC_ALL=C grep -q '[[:cntrl:]]' "$work/err"; }
is_empty_folder() { [ -z "$(ls -A "$1")" ]; }

# within SECONDS COMMAND...: wait until it is true; fails after that time.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02 # between two looks; the condition decides
	done
}

# Processes that were started with a mark in their environment: see `marked`.
mark=TORN_TEST_MARK=$$.$RANDOM
marked() { env "$mark" "$@"; }
processes_left() {
	local file
	for file in /proc/[0-9]*/environ; do
		{ tr '\0' '\n' <"$file" | grep -qxF "$mark"; } 2>/dev/null || continue
		echo "${file//[!0-9]/}"
	done
}
no_process_left() { [ -z "$(processes_left)" ]; }

# Workspaces that no torn holds any more. flock(1) would make a file of that name where it has gone meanwhile.
stale_workspaces() {
	local folder
	for folder in /dev/shm/torn-*; do
		if [ -O "$folder" ] && flock -n 9 9<"$folder"; then
			echo "$folder"
		fi
	done 2>/dev/null
}
no_workspace_left() {
	if [ -n "${TORN_TEST_PRIVATE:-}" ]; then
		[ -z "$(ls -A /dev/shm)" ]
	else
		[ -z "$(stale_workspaces)" ]
	fi
}

# A case on stdin becomes a file; "\n" and the like are left to printf.
write_case() { printf "torn-case 1\n$2" >"$1"; }

# What differs from run to run by nature.
without_times() { sed -E 's/("seconds": )[0-9.eE+-]+/\10/'; }

# Names of all targets of a program, or those that match.
targets_of() { "$1" list targets | grep -oE '^[a-z_]+\.[a-z_]+' | grep -E "${2:-.}"; }
