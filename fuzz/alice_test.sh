#!/usr/bin/env bash
# alice_test.sh: what is known of ALICE's toy program (OSDI 2014), found by the
# crash model. The paper's tool finds these three, on a file system of its own
# making; here each is told with the file systems that show it.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

all_but_sync=ext4-journal,ext4,xfs,btrfs,ext4-noauto,ext4-writeback,posix

# findings TARGET@VARIANT OPTION...: of those that a crash shows a line each,
# "invariant call presets".
findings() {
	local what=$1
	shift
	run "$torn" check "$what" "$@" --json toy.json --cases cases --quiet
	awk '/"labels": / {nextfile}
		/"invariant": / {gsub(/[",]/, "", $2); id = $2}
		/"call": / {gsub(/[",]/, "", $2); call = $2}
		/"presets": \[/ {listing = !/\]/; presets = comma = ""; next}
		listing && /\]/ {print id, call, presets; listing = 0}
		listing {gsub(/[ ",]/, ""); presets = presets comma $0; comma = ","}' toy.json | sort >found
}
is_found() { grep -qxF -- "$1" found; }
finds_only() { diff <(printf '%s\n' "$@" | sort) found; }

# ------------------------------------------ the rename may persist before the write

findings example.alice_toy@published --power model
expect "a rename before its write: ext4, too" \
	is_found "old-or-new write ${all_but_sync#*,}"
# lost_write PRESET OLD: the write is lost, the rename is not.
lost_write() {
	local text="target example.alice_toy@published\narg content world\nold srv/app dir\n"
	write_case lost.case "$text$2\ncut 4 preset=$1 lost=2.data[0]\nexpect violated old-or-new\n"
	run "$torn" replay lost.case
}
for preset in ext4 xfs btrfs ext4-noauto posix; do
	lost_write "$preset" 'old srv/app/file1 absent'
	expect "$preset: a new name without the bytes" exits_with 1
done
for preset in ext4 xfs btrfs ext4-noauto posix; do
	lost_write "$preset" 'old srv/app/file1 file hello'
	expect "$preset: an old name without the bytes" exits_with 1
	expect "$preset: it is file1" \
		grep -q ': VIOLATED old-or-new: after a power cut /srv/app/file1 ' "$work/out"
done
lost_write ext4-journal 'old srv/app/file1 file hello'
expect "ext4 with its data in the journal writes the bytes before it renames over a name" exits_with 4
lost_write ext4-journal 'old srv/app/file1 absent'
expect "ext4 with its data in the journal keeps the order" exits_with 4
lost_write sync 'old srv/app/file1 absent'
expect "a synchronous mount keeps all" exits_with 4

# --------------------------------------- "Updated" before the rename is durable

findings example.alice_toy@published --power model
expect "what is printed is a promise, also where nothing is synced" \
	is_found "success-is-durable rename $all_but_sync"
# lost_rename CUT: "Updated" is printed between the rename, op 4, and the first link, op 5.
lost_rename() {
	local text="target example.alice_toy@published\narg content world\nold srv/app dir\n"
	write_case rename.case "$text""old srv/app/file1 file hello\ncut $1 preset=posix lost=4.entry${2-}
expect violated success-is-durable\n"
	run "$torn" replay rename.case
}
lost_rename 4
expect "before it is printed nothing is promised" exits_with 0
lost_rename '5 during' ,5.entry
expect "once it is printed it is" exits_with 1
findings example.alice_toy@file_synced --power model
expect "once the file is synced, only that is left" \
	finds_only "success-is-durable rename $all_but_sync"
findings example.alice_toy@file_synced --presets sync
expect "nothing on a synchronous mount" exits_with 0

# ------------------------------------------------- the pair of links is not atomic

for variant in published file_synced; do
	findings "example.alice_toy_links@$variant" --power none
	expect "$variant: one link after a kill between the two" is_found "together link kill"
	findings "example.alice_toy_links@$variant" --power model
	expect "$variant: a power cut takes the second link" \
		is_found "together link $all_but_sync"
	findings "example.alice_toy_links@$variant" --presets sync
	expect "$variant: on a synchronous mount as after a kill" is_found "together link kill"
done
# The other one of the two: only where directory entries have no order.
one_link() { # PRESET
	write_case one.case "target example.alice_toy_links@file_synced\narg content world\n\
old srv/app/file1 file hello\ncut 7 preset=$1 lost=6.entry\nexpect violated together\n"
	run "$torn" replay one.case
}
one_link posix
expect "posix: the second link without the first" exits_with 1
for preset in ext4 xfs btrfs; do
	one_link "$preset"
	expect "$preset: never the second link without the first" exits_with 4
done

# ----------------------------------------------- a rename half done: posix-split only

findings example.alice_toy@file_synced --presets posix-split
expect "posix-split: file1 is gone" is_found "old-or-new rename posix-split"
findings example.alice_toy@file_synced --power model
expect "under no other: file1 is old or new" not grep -q '^old-or-new' found

expect "no workspace is left" within 5 no_workspace_left
finish
