#!/usr/bin/env bash
# cross-check_targets_test.sh: a brief cross-check of every target on a real ext4: one variant each, one second each. What
# ci/cross-check does at length is held here each time for all of them, and none is left out unseen.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
# shellcheck source=fuzz/disks.sh
. "$SOURCE_DIR/fuzz/disks.sh" || exit 1
begin

if ! has_disks; then
	run "$SOURCE_DIR/ci/cross-check" --on ext4
	expect "without root or devices: SKIPPED" grep -q '^SKIPPED: ' "$work/out"
	finish
fi

# What is right, where there is such a variant: then more of its runs come to their end.
variant_of_each() {
	"$TORN" list targets | awk '/^[a-z]/ {target = $1}
		$1 == "variants:" && target !~ /^(hostile|planted)\./ {
			variant = $2
			for (i = 2; i <= NF; i++)
				if ($i == "fixed" || $i == "correct")
					variant = $i
			print target "@" variant}'
}

# cross_check SECONDS VARIANT...
cross_check() {
	local seconds=$1
	shift
	timeout 500 env "$mark" TORN="$TORN" "$SOURCE_DIR/ci/cross-check" --seconds "$seconds" --jobs 1 --on ext4 "$@" \
		>"$work/out" 2>"$work/err"
	status=$?
	grep '@' "$work/out"
}
without_a_state() { grep -vE '^[^ ]+ ext4: [1-9][0-9]* states, '; }

mapfile -t variants < <(variant_of_each)
expect "there are targets" [ "${#variants[@]}" -ge 40 ]
cross_check 1 "${variants[@]}" >told
expect "no state that the model lacks, none unmountable, none not judged: exit 0" exits_with 0
[ "$status" -eq 0 ] || cat told
expect "a line for each" [ "$(wc -l <told)" -eq "${#variants[@]}" ]
# A second may be too short for the first state where the machine has other work.
mapfile -t slow < <(without_a_state <told | cut -d' ' -f1)
if [ "${#slow[@]}" -gt 0 ]; then
	cross_check 10 "${slow[@]}" >told
	expect "with more time: exit 0" exits_with 0
	expect "each target left a disk in a state: $(without_a_state <told | tr '\n' ' ')" not without_a_state <told
fi
expect "nothing is left" within 30 nothing_left
finish
