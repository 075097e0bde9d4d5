#!/usr/bin/env bash
# A known finding's case, asked of the version that repairs it: what kensa's first apply
# left behind (found/kensa-replace-of-absent) is held from pr115 on, and by every invariant.
. "${SOURCE_DIR:?}/fuzz/tests.sh"
begin

# The case that a line of the list names: found VARIANT INVARIANT, where no fault is needed.
found_without_fault() {
	sed -nE "s/^$1 +$2 +[^ ]+ +- +([^ ]*\.case).*/\1/p" "$SOURCE_DIR/corpus/kensa.sysctl_set/expected"
}
# The same world, run by another version: as it is VARIANT; without what it expects, all are asked.
on() { sed -E "s/^(target [^@]*)@.*/\1@$1/" "$case"; }
all_on() { on "$1" | sed '/^expect /d'; }
says() { grep -q "$1" "$work/out"; }

for invariant in runtime-restored clean-run-succeeds; do
	cases=$(found_without_fault pre115 $invariant)
	expect "$invariant of pre115 is known" [ -n "$cases" ]
	repaired=0
	for file in $cases; do
		case=$SOURCE_DIR/corpus/kensa.sysctl_set/$file
		# One that no version repairs (a capture of a FIFO) is known of pr115, too.
		grep -q '^old etc/sysctl.d/99-kensa.conf absent' "$case" || continue
		repaired=$((repaired + 1))
		run "$torn" replay "$case"
		expect "$file: pre115 breaks $invariant" exits_with 1
		expect "$file: and by that name" says "VIOLATED $invariant"
		for variant in pr115 head fixed; do
			all_on $variant >all.case
			run "$torn" replay all.case
			expect "$file: $variant holds" exits_with 0
			expect "$file: $variant holds all" says 'HELD every invariant'
			on $variant >one.case
			run "$torn" replay one.case
			expect "$file: $variant does not break $invariant" exits_with 0
			expect "$file: nor says so" not says VIOLATED
		done
	done
	expect "$invariant: a case has no drop-in" [ "$repaired" -gt 0 ]
done
finish
