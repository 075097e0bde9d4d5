#!/usr/bin/env bash
# real_disk_test.sh: power cuts on a real ext4: what they break is found, replays and is told; nothing that was mounted
# or set up is left, also where torn was killed.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts # a workspace that another torn left is not ours
# shellcheck source=fuzz/disks.sh
. "$SOURCE_DIR/fuzz/disks.sh" || exit 1
begin

says() { grep -qF -- "$1" "$work/out"; }
# A run goes to the recorder: its loop device is mounted, by a child.
is_recording() {
	local disk child device
	for disk in /sys/block/loop*/loop/backing_file; do
		[[ "$(<"$disk")" == *torn-disk."$1" ]] || continue
		device=${disk#/sys/block/}
		for child in $(<"/proc/$1/task/$1/children"); do
			[[ "$(<"/proc/$child/mountinfo")" == *"/dev/${device%%/*} "* ]] && return
		done
	done 2>/dev/null
	return 1
}
check() { run env "$mark" "$TORN" check "$1" --power "$2" --depth 1 --jobs 1 --quiet --cases "$work/cases-$3"; }

if ! has_disks; then
	run "$TORN" check example.stdio_rewrite --power ext4 --cases none
	expect "without a right to it: SKIPPED in one line" is_skipped
	echo "SKIPPED: power cuts on real file systems need root, /dev/fuse and loop devices"
	finish
fi

check example.stdio_rewrite ext4:noauto_da_alloc rewrite
expect "a file is rewritten: exit 1" exits_with 1
expect "a file is rewritten: a power cut empties it" says \
	'(power cut, ext4-noauto): after a power cut /srv/app/state.json is neither old (17 bytes) nor new (35 bytes) but 0 bytes'
expect "a file is rewritten: the model has all that is seen" not says model-lacks
mapfile -t cases < <(grep -l '^cut .* disk=ext4:noauto_da_alloc ' "$work"/cases-rewrite/*.case)
expect "a file is rewritten: there are cases" [ "${#cases[@]}" -ge 1 ]
run "$TORN" replay "${cases[@]}"
expect "its cases: exit 1" exits_with 1
expect "its cases: VIOLATED" [ "$(grep -c VIOLATED "$work/out")" -eq "${#cases[@]}" ]
run "$TORN" explain "${cases[0]}"
expect "its cases are told" says '(a real ext4:noauto_da_alloc, '
expect "nothing is left" nothing_left

# A case whose writes the disk is not given any more proves nothing.
sed 's/write=[0-9]*/write=4000/' "${cases[0]}" >"$work/more.case"
run "$TORN" replay "$work/more.case"
expect "writes that there are none of: exit 4" exits_with 4
expect "writes that there are none of: said" says 'the disk is not given these writes'

# Nor does one that loses what a flush had made durable: the first write is the mount's.
sed 's/ write=\([0-9]*\).*/ write=\1 drop=1/' "${cases[0]}" >"$work/flushed.case"
run "$TORN" replay "$work/flushed.case"
expect "a write that was flushed is lost: exit 4" exits_with 4
expect "a write that was flushed is lost: said" says 'keeps one that the cut loses'

# Nor one that says another moment than that of its writes, or tears what it leaves whole.
sed -E 's/^cut [0-9]+ /cut 0 /' "${cases[0]}" >"$work/moment.case"
run "$TORN" replay "$work/moment.case"
expect "another moment than that of the writes: exit 4" exits_with 4
expect "another moment than that of the writes: said" says 'the power goes at another op than 0'
sed -E 's/ write=([0-9]+).*/ write=\1 torn=\1:99999/' "${cases[0]}" >"$work/whole.case"
run "$TORN" replay "$work/whole.case"
expect "a write is torn behind its end: exit 4" exits_with 4

# A check that is given too little time tells what it saw: states of a recording that it did not end, too.
run env "$mark" "$TORN" check example.journal@correct --power ext4 --depth 1 --jobs 1 --time 2s --quiet --cases none
expect "stopped by its time: exit 3" exits_with 3
expect "stopped by its time: said" says 'not judged: stopped after 2 s, as --time says'
expect "stopped by its time: states are counted" grep -qE ', [1-9][0-9]* of at least .* crash states?, ' "$work/out"
expect "stopped by its time: nothing is left" nothing_left

# A check in the background, whose run is being recorded: $pid.
start_recording() {
	env "$mark" "$TORN" check example.journal@correct --power ext4 --depth 1 --jobs 1 --quiet --cases none >"$work/out" 2>&1 &
	pid=$!
	within 30 is_recording "$pid" || expect "$1: it was recording" false
}
is_interrupted() {
	status=0
	kill -TERM "$pid" # a SIGINT is ignored in the background
	wait "$pid" || status=$?
	[ "$status" -eq 130 ]
}

# An interrupt, too: once states of a run are looked at.
start_recording "interrupted"
is_looking() { ! is_recording "$pid"; }
within 30 is_looking || expect "interrupted: it was looking" false
expect "interrupted: exit 130" is_interrupted
expect "interrupted: said" says 'not judged: interrupted'
expect "interrupted: states are counted" grep -qE ', [1-9][0-9]* of at least .* crash states?, ' "$work/out"
expect "interrupted: nothing is left" nothing_left

# Whoever serves the recorded disk is stopped, and all that uses the disk waits in the kernel, where no signal comes.
start_recording "a disk hangs"
for child in $(<"/proc/$pid/task/$pid/children"); do
	for recorder in $(<"/proc/$child/task/$child/children"); do
		kill -STOP "$recorder"
	done
done
expect "a disk hangs, and it is interrupted: exit 130" is_interrupted
expect "a disk hangs, and it is interrupted: nothing is left" within 30 nothing_left_of "$pid"

# What the cross-check showed once: a page is on disk, and its size is not (effects_disk_test.c).
check example.stdio_rewrite ext4:data=writeback writeback
expect "a block that is used again: the model has all that is seen" not says model-lacks

run "$TORN" check example.replace --power ext3
expect "a file system that torn has none of: exit 2" exits_with 2
run "$TORN" check example.replace --power ext4:nobarrier
expect "an option without a preset: exit 2" exits_with 2
run "$TORN" check example.replace --power ext4:data=journal,data=writeback
expect "two modes of data: exit 2" exits_with 2
expect "two modes of data: said" says_on_stderr 'expected one data= mode at most, found ext4:data=journal,data=writeback'

# Killed at moments of its work: as they come, and in every second round while a run is recorded. Who serves the recorded
# disk is the last one to end, and once hung there, since it had the file system over its own disk to unmount.
for round in {1..20}; do
	env "$mark" "$TORN" check example.journal@correct --power ext4 --depth 1 --jobs 1 --quiet --cases none >/dev/null 2>&1 &
	pid=$!
	within 30 has_device "$pid" || expect "killed, round $round: it had a disk" false
	if ((round % 2)); then
		sleep "0.$((round * 17 % 10))"
	else
		within 30 is_recording "$pid" || expect "killed, round $round: it was recording" false
	fi
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	expect "killed, round $round: nothing is left" within 30 nothing_left_of "$pid"
done
check example.stdio_rewrite ext4 again
expect "after that it works" exits_with 1
expect "and nothing is left" nothing_left
expect "no workspace is left" within 5 no_workspace_left
finish
