#!/usr/bin/env bash
# fuzz_disk_test.sh: torn fuzz with power cuts on real file systems: what they break is found, the same with the same seed,
# and replays; what is right stays so; and nothing is left, however a search ends. Of the preset fuzz.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts # a workspace that another torn left is not ours
# shellcheck source=fuzz/disks.sh
. "$SOURCE_DIR/fuzz/disks.sh" || exit 1
begin
set -m # a background job is not to ignore SIGINT

fuzz() { run env "$mark" "$TORN" fuzz "$@"; }
says() { grep -qE -- "$1" "$work/out"; }

# Without a right to disks, whoever asks.
run "${as_user[@]}" "$(dirname "$TORN")/fuzz_example.stdio_rewrite" fuzz example.stdio_rewrite \
	--power ext4 --runs 2 --cases none
expect "an ordinary user: SKIPPED in one line" is_skipped
if ! has_disks; then
	echo "SKIPPED: power cuts on real file systems need root, /dev/fuse and loop devices"
	finish
fi
run unshare -m bash -c 'mount --bind /dev/null /dev/fuse && exec "$@"' bash \
	"$TORN" fuzz example.stdio_rewrite --power ext4 --runs 2 --cases none
expect "without devices: SKIPPED in one line" is_skipped

# ------------------------------------------------------------------ finding

for round in first second; do
	mkdir -p "$round" && cd "$round" || exit 1
	fuzz example.stdio_rewrite --power ext4 --runs 40 --cases cases --json r.json
	expect "a file is rewritten, $round time: exit 1" exits_with 1
	expect "a file is rewritten, $round time: a power cut empties it" \
		says 'power cut, ext4\): after a power cut /srv/app/state.json is neither old .* but 0 bytes$'
	expect "a file is rewritten, $round time: so many states of so many" \
		says '^a real ext4: [1-9][0-9]* of at least [1-9][0-9]* states that power cuts leave .* looked at'
	without_times <r.json | grep -v '"found_after": ' >told
	cd .. || exit 1
done
expect "the same seed: the same is told" diff first/told second/told
expect "the same seed: the same cases" diff -r first/cases second/cases

mapfile -t cases < <(grep -l '^cut .* disk=ext4 ' first/cases/*.case)
expect "there are cases of that disk" [ "${#cases[@]}" -ge 1 ]
run "$TORN" replay first/cases/*.case
expect "the cases: exit 1" exits_with 1
expect "the cases: VIOLATED" [ "$(grep -c VIOLATED "$work/out")" -eq "$(find first/cases -name '*.case' | wc -l)" ]

# With the file system's options, and where nothing has reached the disk yet: write=0.
for disk in ext4:noauto_da_alloc xfs; do
	fuzz example.alice_toy@published --power "$disk" --runs 40 --cases "cases-$disk"
	expect "$disk: exit 1" exits_with 1
	expect "$disk: found on it" grep -qr "^cut .* disk=$disk " "cases-$disk"
	run "$TORN" replay "cases-$disk"/*.case
	expect "$disk: the cases replay" exits_with 1
done

fuzz example.replace@correct --power ext4 --runs 150 --cases none --json r.json
expect "what is right: exit 0" exits_with 0
expect "what is right: no case" not test -e none
expect "what is right: disks were looked at" says '^a real ext4: [1-9][0-9]* of '
expect "an fsync that failed is on no disk, and that is told" grep -q '"label": "not-on-disk"' r.json
expect "nothing is left" within 5 nothing_left

# Several workers have a disk each.
fuzz example.stdio_rewrite --power ext4 --runs 40 --jobs 2 --cases cases-2
expect "two workers: exit 1" exits_with 1
expect "two workers: nothing is left" within 5 nothing_left

# ------------------------------------------------------------------- ending

start() {
	env "$mark" "$TORN" fuzz example.stdio_rewrite --power ext4 --jobs 2 --quiet --cases none >"$work/out" 2>"$work/err" &
	pid=$!
	within 30 has_device "$pid" || expect "$1: it had a disk" false
	sleep "0.$2" # any moment of its work will do
}

for signal in INT TERM KILL; do
	for moment in 1 4 7; do
		start "SIG$signal" "$moment"
		kill "-$signal" "$pid"
		wait "$pid" 2>/dev/null
		status=$?
		[ "$signal" = KILL ] || expect "SIG$signal: exit 130" exits_with 130
		expect "SIG$signal: nothing is left" within 30 nothing_left_of "$pid"
	done
done
fuzz example.stdio_rewrite --power ext4 --runs 20 --quiet --cases again
expect "after that it works" exits_with 1
expect "and nothing is left" within 5 nothing_left
expect "no workspace is left" within 5 no_workspace_left
finish
