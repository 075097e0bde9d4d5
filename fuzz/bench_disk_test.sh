#!/usr/bin/env bash
# bench_disk_test.sh: what ci/bench holds the rate of disk states against: both ways to mount one bare, each with its name.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
# shellcheck source=fuzz/disks.sh
. "$SOURCE_DIR/fuzz/disks.sh" || exit 1
begin

run env "$mark" "$(dirname "$TORN")/torn-bench" --mounts
if ! has_disks; then
	expect "without a right to disks: exit 1" exits_with 1
	expect "without a right to disks: no figure" says_nothing
	echo "SKIPPED: bare mounts need root and loop devices"
	finish
fi
expect "exit 0" exits_with 0
expect "two figures" [ "$(wc -l <"$work/out")" -eq 2 ]
expect "mounted read-write" grep -qE '^read-write [1-9][0-9]*$' "$work/out"
expect "mounted read-only, as torn does" grep -qE '^read-only [1-9][0-9]*$' "$work/out"
expect "nothing is left" nothing_left
finish
