#!/usr/bin/env bash
# hostile_test.sh: no hostile target changes anything outside its root, nor stops
# the check of the target after it; as root and as an ordinary user.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

# The victim's name is a default of the targets: two of these tests must not meet.
exec 9</tmp
flock 9

# With sanitizers exit(3) would look for leaks, with a thread of its own.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

victim=/tmp/torn-victim
# One that a killed test left is ours: nobody else has the lock.
[ "$(cat "$victim" 2>/dev/null)" != "the host's" ] || rm -f "$victim"
if [ -e "$victim" ]; then
	echo "FAIL: $victim is there already: remove it"
	exit 1
fi
at_end() { rm -rf "$victim" "$victim.d" "$victim.p"; }
echo "the host's" >"$victim"
chmod 0666 "$victim" # so that only torn's walls are in the way

# Anything that a hostile target reaches for: what it looks like, and its content.
look_at() {
	stat -c '%n %i %f %u %g %s %Y %Z' "$@" 2>&1
	cat "$@" 2>/dev/null
}
host() {
	look_at "$victim"
	look_at "$work/place"
	ls -d /tmp/torn-hostile* "$victim"* 2>/dev/null
	ls -laR --time-style=full-iso /srv 2>/dev/null
	ls -la --time-style=full-iso /etc
	ls -A /
	cat /proc/sys/kernel/panic /sys/module/printk/parameters/time /proc/$$/oom_score_adj 2>/dev/null
	cat /proc/self/mountinfo
	readlink /proc/$$/ns/* /proc/$$/root
}
host >"$work/before"
# The host is looked at right after each check, while the other user's goes on.
host_is_as_before() { host | diff "$work/before" - >"$work/$user.difference"; }

# A target and what torn's exit is, planted.old_or_new after it having a finding:
# 1, or 3 where a variant cannot be judged.
exit_of() {
	case $1 in
	hostile.fork_write | hostile.handler | hostile.mount | hostile.raw_syscalls) echo 3 ;;
	*) echo 1 ;;
	esac
}

# How many checks of a report found that planted.old_or_new is torn.
next_is_judged() {
	sed -n '/"target": "planted.old_or_new"/,$p' "$1" | grep -q '"invariant": "old-or-new"'
}
# Each variant has a check in the report, with as many failures as there should be.
each_is_reported() { [ "$(grep -c "^      \"target\": \"$2\"" "$1")" -eq "$3" ]; }
failures_are() { [ "$(grep -c '"failure": ' "$1")" -eq "$2" ]; }
failures_of() {
	case $1 in
	hostile.fork_write) echo 6 ;;
	hostile.handler) echo 2 ;; # forks, in apply and in rollback
	hostile.mount) echo 5 ;;
	hostile.raw_syscalls) echo 2 ;; # x32, int80
	*) echo 0 ;;
	esac
}
variants_of() {
	"$planted" list targets | grep -A1 "^$1 " | sed -n 's/.*variants: //p' | wc -w
}
# hostile.dotdot makes 132 calls: all pairs of faults at them take half a minute, and the walls are
# no others behind a second fault.
# So it is with hostile.shell, each of whose trials starts ten programs, and with the variants of a handler.
depth_of() { case $1 in hostile.dotdot | hostile.shell | hostile.handler*) echo 1 ;; *) echo 2 ;; esac; }
finds() { grep -qF "$2" "$1"; }

# check_all USER COMMAND...: what is put before torn to be that user.
check_all() {
	user=$1
	shift
	local target report
	cd "$work/$user" || exit 1
	for target in $(targets_of "$planted" '^hostile\.'); do
		report=$target.json
		marked timeout 120 "$@" "$planted" check "$target" planted.old_or_new --timeout 1 \
			--depth "$(depth_of "$target")" --json "$report" --quiet >"$target.out" 2>"$target.err" <&-
		status=$?
		expect "$user, $target: exit $(exit_of "$target")" exits_with "$(exit_of "$target")"
		expect "$user, $target: each variant is reported" \
			each_is_reported "$report" "$target" "$(variants_of "$target")"
		expect "$user, $target: variants that cannot be judged" \
			failures_are "$report" "$(failures_of "$target")"
		expect "$user, $target: the next target is judged" next_is_judged "$report"
		expect "$user, $target: nothing on stderr" [ ! -s "$target.err" ]
		expect "$user, $target: the host is as before" host_is_as_before || cat "$user.difference"
		expect "$user, $target: no process is left" within 5 no_process_left
	done
	# Why each was stopped, not only that it was.
	expect "$user: abort is told" finds hostile.aborts.json 'the operation crashed (SIGABRT)'
	expect "$user: SIGSEGV is told" finds hostile.aborts.json 'the operation crashed (SIGSEGV)'
	expect "$user: SIGKILL is told" finds hostile.aborts.json 'the operation crashed (SIGKILL)'
	expect "$user: exit(0) is told" finds hostile.exits.json 'ended the process by exit(0)'
	expect "$user: _exit(3) is told" finds hostile.exits.json 'ended the process by exit(3)'
	expect "$user: three loops are told" \
		[ "$(grep -c 'the operation \(never ended\|had not ended after [0-9]* \)' hostile.loops.json)" -eq 3 ]
	expect "$user: fork is refused" finds hostile.fork_write.json 'starts a process or thread'
	expect "$user: mount is refused" finds hostile.mount.json 'which would act on this machine: refused'
	expect "$user: int 0x80 is refused" finds hostile.raw_syscalls.json '32-bit system call'
	expect "$user: fork of a handler is refused" finds hostile.handler.json 'starts a process or thread'
	expect "$user: and told, where it may" finds hostile.handler_traced.json 'that it started still runs'
	expect "$user: SIGSYS is not lost" not finds hostile.block_sigsys.json '"failure": '
	exit "$((failures > 0))"
}

mark_base=$mark
mkdir -m 0777 "$work/root" "$work/user"
if is_root; then
	(mark=$mark_base.root && check_all root env) >"$work/root.log" 2>&1 &
	as_root=$!
else
	echo "SKIP: as root"
fi
(mark=$mark_base.user && check_all user "${as_user[@]}") >"$work/user.log" 2>&1
expect "all claims as an ordinary user" [ $? -eq 0 ] || cat "$work/user.log"
if is_root; then
	wait "$as_root"
	expect "all claims as root" [ $? -eq 0 ] || cat "$work/root.log"
fi

# A victim that is not there is not made.
rm -f "$victim"
run "$planted" check hostile.dotdot hostile.raw_syscalls hostile.fork_write --quiet
expect "no victim is made" not test -e "$victim"
expect "nor beside it" [ -z "$(ls -d "$victim"* 2>/dev/null)" ]
# Nor one of another name, in a case.
sed "s|^arg victim .*|arg victim $work/place/other|" torn-cases/hostile.dotdot-old-or-new-*.case >other.case
expect "a case has the victim" grep -q "^arg victim" other.case
echo whole >other
chmod 0666 other
run "$planted" replay other.case
expect "a victim of another name is whole" [ "$(cat other)" = whole ]

expect "no workspace is left" within 5 no_workspace_left
finish
