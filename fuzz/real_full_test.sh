#!/usr/bin/env bash
# real_full_test.sh: real disks that are full: what the kernel's ENOSPC breaks is found by the sweep over sizes, as
# injection finds it, replays and is told; nothing that was mounted or set up is left, also where torn was killed.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts # a workspace that another torn left is not ours
# shellcheck source=fuzz/disks.sh
. "$SOURCE_DIR/fuzz/disks.sh" || exit 1
begin

says() { grep -qF -- "$1" "$work/out"; }
check() { run env "$mark" "$TORN" check "$1" --full "$2" --jobs "${4:-1}" --quiet --cases "$work/cases-$3"; }
found() { grep -oE '^  [a-z-]+ .*\(.*full disk=[^)]*\)' "$work/out" | sort; }

run "${as_user[@]}" "$torn" check example.stdio_rewrite --full tmpfs --cases none
expect "without root: exit 3" exits_with 3
expect "without root: said in one line" complains_in_one_line
expect "without root: SKIPPED" says_on_stderr "SKIPPED: real file systems need root"
run "$TORN" check example.replace --full xfs
expect "a disk that torn has none of: exit 2" exits_with 2
run "$TORN" check exec --full tmpfs
expect "a program: exit 2 or 3" not exits_with 0

if ! is_root || [ ! -e /dev/loop-control ]; then
	echo "SKIPPED: full real file systems need root and loop devices"
	finish
fi

for disk in tmpfs ext4; do
	check example.stdio_rewrite "$disk" "$disk"
	expect "$disk: exit 1" exits_with 1
	for invariant in old-or-new success-means-new; do
		expect "$disk: $invariant, by the kernel's ENOSPC" \
			grep -q "^  $invariant .* write (full disk=$disk blocks=0)" "$work/out"
	done
	expect "$disk: injection finds the same" not says injection-lacks
	mapfile -t cases < <(grep -l "^fault [0-9]* write full disk=$disk blocks=0\$" "$work/cases-$disk"/*.case)
	expect "$disk: there are cases" [ "${#cases[@]}" -eq 2 ]
	run "$TORN" replay "${cases[@]}"
	expect "$disk: its cases replay" exits_with 1
	expect "$disk: each VIOLATED" [ "$(grep -c VIOLATED "$work/out")" -eq 2 ]
	run "$TORN" explain "${cases[0]}"
	expect "$disk: told: which disk" says "a real $disk that had 0 blocks left"
	expect "$disk: told: where" grep -q '^> .*write .*ENOSPC.*: the disk is full' "$work/out"

	sed 's/blocks=0/blocks=60/' "${cases[0]}" >"$work/roomy.case"
	run "$TORN" replay "$work/roomy.case"
	expect "$disk: a case whose disk has room proves nothing: exit 4" exits_with 4

	check example.replace@correct "$disk" "correct-$disk"
	expect "$disk: a correct replace is clean at every size" exits_with 0
	run "${as_user[@]}" "$torn" replay "${cases[0]}"
	expect "$disk: no replay without root" exits_with 3
done

# Names are inodes on tmpfs: a second link is refused where the first one was not.
check example.alice_toy_links tmpfs links
expect "inodes: the second of two links is refused" \
	grep -q '^  together .* link (full disk=tmpfs inodes=1)' "$work/out"
found >"$work/alone"
check example.alice_toy_links tmpfs links-2 2
found >"$work/shared"
expect "two workers find what one finds" diff "$work/alone" "$work/shared"

run "$TORN" check kensa.sysctl_set --full tmpfs --cases none
expect "what the kernel keeps is on no disk: exit 3" exits_with 3
expect "what the kernel keeps is on no disk: SKIPPED" says_on_stderr "SKIPPED: what the kernel keeps"

# Killed while it works: all goes away with its last process.
for round in {1..6}; do
	env "$mark" "$TORN" check banger.copy_prefer_clone --full ext4 --jobs 1 --quiet --cases none >/dev/null 2>&1 &
	pid=$!
	within 30 has_device "$pid" || expect "killed, round $round: it had a disk" false
	if ((round % 2)); then
		kill -KILL "$pid"
	else
		kill -INT "$pid"
	fi
	wait "$pid" 2>/dev/null
	expect "killed, round $round: nothing is left" within 30 nothing_left_of "$pid"
done
expect "no workspace is left" within 5 no_workspace_left
finish
