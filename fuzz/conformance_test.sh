#!/usr/bin/env bash
# conformance_test.sh: what conformance_test.c asks of the engine, asked of the
# programs: findings, cases, replays and reports as a user gets them. The canary:
# were a planted target to pass, every green check would be worth nothing.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

# ------------------------------------------------------------- the registries

run "$torn" list targets
expect "torn list: exit 0" exits_with 0
expect "the product has no target that is broken on purpose" \
	not grep -qE '^(planted|hostile)\.' "$work/out"
for target in kensa.fsatomic_write kensa.fsatomic_replace kensa.fsatomic_remove urunc.state_json \
	banger.atomic_replace banger.atomic_replace_rollback banger.update banger.copy_prefer_clone \
	example.replace example.stdio_replace example.stdio_rewrite example.tmpfile_link example.exchange \
	example.journal example.wal example.alice_toy example.alice_toy_links example.uring_replace; do
	expect "the product has $target" grep -q "^$target " "$work/out"
done
for invariant in clean-run-succeeds old-or-new together success-means-new error-means-old no-litter nothing-leaks; do
	expect "there is $invariant" grep -q "^$invariant " <("$torn" list invariants)
done
for fault in errno sticky full short late eintr kill signal; do
	expect "there is $fault" grep -q "^$fault " <("$torn" list faults)
done
# A linker section that comes out empty from one of the programs would show here.
expect "both programs have the same invariants" diff <("$torn" list invariants) <("$planted" list invariants)

# ------------------------------------------------------------------ the canary

# caught TARGET@VARIANT INVARIANT: through text, JSON, cases, replay and explain.
caught() {
	local what=$1 invariant=$2 folder=cases.$1 file
	run "$planted" check "$what" --timeout 1 --json "$what.json" --cases "$folder" --quiet
	expect "$what: exit 1" exits_with 1
	expect "$what: $invariant in the text" grep -q "^  $invariant " "$work/out"
	expect "$what: no other in the text" not grep -qE "^  [a-z]+-[a-z-]+  " <(grep -v "^  $invariant " "$work/out")
	expect "$what: $invariant in the JSON" grep -q "\"invariant\": \"$invariant\"" "$what.json"
	expect "$what: no other in the JSON" not grep '"invariant": ' <(grep -v "\"$invariant\"" "$what.json")
	expect "$what: a case for each finding" \
		[ "$(find "$folder" -name "*-$invariant-*.case" | wc -l)" -eq "$(grep -c '"invariant": ' "$what.json")" ]
	expect "$what: each case is in the JSON" diff \
		<(find "$folder" -name '*.case' | sort) <(sed -n 's/.*"case": "\(.*\)".*/\1/p' "$what.json" | sort)
	for file in "$folder"/*.case; do
		run "$planted" replay "$file" --timeout 1
		expect "$file: replays, exit 1" exits_with 1
		expect "$file: as VIOLATED" grep -q "^$file: VIOLATED $invariant" "$work/out"
		run "$planted" explain "$file" --timeout 1
		expect "$file: explains, exit 1" exits_with 1
		expect "$file: says VIOLATED" grep -q "$invariant VIOLATED" "$work/out"
		if grep -q '^fault ' "$file"; then
			# The op of the last fault is marked, or the one where a leak began.
			read -r _ op call _ < <(grep '^fault ' "$file" | tail -n 1)
			began=$(sed -n 's/^left in the process: .* (from op \([0-9]*\))$/\1/p' "$work/out")
			[ -z "$began" ] || op=$began call='[a-z0-9]*'
			# Of a rollback that stopped: where it stopped, behind the fault.
			[ "$invariant" != rollback-completes ] || op='[0-9]+' call='[a-z0-9]*'
			expect "$file: op $op, $call, is marked" grep -qE "^> +$op  $call " "$work/out"
			expect "$file: one op is marked" [ "$(grep -c '^>' "$work/out")" -eq 1 ]
		fi
		[ "$invariant" != no-hang ] || break # each costs seconds
	done
	# Allowed, it is told and does not count.
	[ "$invariant" != no-hang ] || return
	run "$planted" check "$what" --allow "$invariant" --cases "$folder" --quiet
	expect "$what --allow $invariant: exit 0" exits_with 0
	expect "$what --allow $invariant: still told" grep -q "^  $invariant " "$work/out"
}
for target in $(targets_of "$planted" '^planted\.' | grep -v -e nothing_leaks -e is_durable); do
	invariant=${target#planted.}
	caught "$target" "${invariant//_/-}"
done
# Only a power cut shows these, and under which presets is the point of them.
presets_of() { # TARGET@VARIANT INVARIANT: of its first finding of that name, in one line
	run "$planted" check "$1" --power model --json durable.json --cases durable --quiet
	awk -v wanted="\"invariant\": \"$2\"," '
		index($0, wanted) { here = 1 }
		here && /"presets"/ { listing = 1; next }
		listing && /\]/ { exit }
		listing { gsub(/[ ",]/, ""); printf "%s%s", comma, $0; comma = "," }' durable.json
}
expect_durable() { # TARGET@VARIANT INVARIANT PRESETS
	run "$planted" check "$1" --quiet
	expect "$1: nothing without a power cut" exits_with 0
	expect "$1: $2 under $3" [ "$(presets_of "$1" "$2")" = "$3" ]
}
all_but_sync=ext4-journal,ext4,xfs,btrfs,ext4-noauto,ext4-writeback,posix
expect_durable planted.success_is_durable@directory success-is-durable $all_but_sync
expect_durable planted.success_is_durable@wrong_directory success-is-durable $all_but_sync
expect_durable planted.success_is_durable@file old-or-new ${all_but_sync#*,}
expect_durable planted.rollback_is_durable@unsynced rollback-is-durable $all_but_sync
expect "a replace that is right under every one of them" \
	"$torn" check example.replace example.exchange example.tmpfile_link example.uring_replace@correct \
	example.journal@correct example.wal@correct banger.atomic_replace@fixed \
	banger.atomic_replace_rollback@fixed banger.update@fixed urunc.state_json@fixed \
	urunc.pid_file@fixed --power model --depth 1 --quiet
# A temp whose data a failed fsync lost is gone: that nobody has it is not what makes the rename undone.
run "$torn" check urunc.state_json@reviewed --power model --depth 1 --quiet
expect "what a power cut lost is to blame, not what was lost before" \
	[ "$(grep -o '^  success-is-durable  at [0-9]* [a-z0-9]*' "$work/out")" = '  success-is-durable  at 6 renameat' ]
# A state that a sample of the run without the fault missed: what is told has no fault behind its cut.
run "$torn" check example.journal@early_commit --power model --depth 1 --cases early --quiet
run "$torn" replay early/*.case
expect "each finding's case can be read and shows it" exits_with 1
expect "each finding's case shows it" not grep -qv ': VIOLATED ' "$work/out"
# Linux cuts no chain off behind an fsync that failed: gate_requests.c.
run "$torn" check example.uring_replace@one_chain --power model --depth 1 --quiet
expect "a rename linked behind an fsync is found, by the fsync's error and a cut" \
	grep -qE '^  old-or-new .*fsync fsync=lost, then power cut' "$work/out"
expect "a rename that is not even linked is found" \
	not "$torn" check example.uring_replace@unlinked --quiet
run "$torn" check example.replace --presets posix-split --depth 1 --quiet
expect "renames half done make it wrong: which is why posix-split is off" exits_with 1
for variant in descriptor cwd umask mask memory lock; do
	caught "planted.nothing_leaks@$variant" nothing-leaks
done
# What is lost without a fault, from an old state of the case's own, is lost in a replay too.
printf '%s\n' 'torn-case 1' 'target planted.nothing_leaks@memory' 'old srv/f dir' \
	'expect violated nothing-leaks' >lost.case
run "$planted" replay lost.case
expect "memory lost without a fault: exit 1" exits_with 1

# ------------------------------------------------- what the product is known for

run "$torn" check urunc.state_json@before --quiet --json before.json
expect "urunc.state_json@before: exit 1" exits_with 1
expect "urunc.state_json@before: old-or-new at a kill" grep -qE '^  old-or-new .*\(kill=' "$work/out"
run "$torn" check urunc.state_json@pr600 --quiet
expect "urunc.state_json@pr600: exit 1" exits_with 1
expect "urunc.state_json@pr600: no-litter when the rename fails" \
	grep -qE '^  no-litter .* rename.* \(errno=' "$work/out"
# Handlers with rollback and transactions take minutes: they are torn gate's.
mapfile -t clean < <("$torn" list targets | awk '/^[a-z]/ {target = $1}
	/variants:/ && target !~ /^kensa\.(.*_set|.*_disable|.*_shell|transaction.*)$/ {for (i = 2; i <= NF; i++) if ($i ~ /^(fixed|correct)$/) print target "@" $i}')
expect "there are fixed and correct variants" [ "${#clean[@]}" -ge 8 ]
run "$torn" check "${clean[@]}" --depth 1 --quiet
expect "fixed and correct variants: exit 0" exits_with 0
expect "fixed and correct variants: not one finding" not grep -qE '^  [a-z]+-[a-z-]+  ' "$work/out"
expect "nothing on stderr" [ ! -s "$work/err" ]

# A check that cannot be judged is no clean one.
run "$planted" check hostile.mount@mount example.replace --quiet
expect "one that is not judged: exit 3" exits_with 3

# ---------------------------------------------------------------------- the gate

# A new finding, a missing one, a case that changed: each stops a merge.
first_case() { find "$1" -name '*.case' | sort | head -n 1; }
gate() { run "$planted" gate planted.old_or_new --corpus "$1"; }
mkdir -p corpus/planted.old_or_new
gate corpus
expect "a gate without a list: exit 1" exits_with 1
expect "a gate without a list: NEW" grep -q '^  NEW ' "$work/out"
cp cases.planted.old_or_new/*.case corpus/planted.old_or_new
known=$(basename "$(first_case corpus)")
sed -n "s|^  NEW .*@\([a-z]*\) \([a-z-]*\) at \([a-z0-9]*\) (\([^)]*\)).*|\1 \2 \3 \4 $known|p" "$work/out" \
	>corpus/planted.old_or_new/expected
expect "a gate looks at kills and at power cuts" \
	[ "$(grep -c ' kill \| cut=' corpus/planted.old_or_new/expected)" -ge 2 ]
gate corpus
expect "a gate with all findings listed: exit 0" exits_with 0
expect "a gate with all findings listed: passed" grep -q '^gate: passed' "$work/out"
cp -r corpus more
echo 'planted no-litter renameat errno x.case' >>more/planted.old_or_new/expected
gate more
expect "a gate with one too many: exit 1" exits_with 1
expect "a gate with one too many: MISSING" grep -q '^  MISSING ' "$work/out"
cp -r corpus fewer
sed -i 1d fewer/planted.old_or_new/expected
gate fewer
expect "a gate with one too few: exit 1" exits_with 1
cp -r corpus held
sed -i 's/^expect violated/expect held/' "$(first_case held)"
gate held
expect "a gate with a case that is not as expected: exit 1" exits_with 1
cp -r corpus broken
echo nonsense >>"$(first_case broken)"
gate broken
expect "a gate with a case that cannot be read is not passed" not exits_with 0
cp -r corpus gone
rm "$(first_case gone)"
gate gone
expect "a gate whose listed case is gone is not passed" not exits_with 0
run "$torn" gate example.replace --corpus no-such-corpus
expect "a gate without its corpus is not passed" not exits_with 0

expect "no workspace is left" within 5 no_workspace_left
finish
