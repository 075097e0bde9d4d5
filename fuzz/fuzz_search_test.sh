#!/usr/bin/env bash
# fuzz_search_test.sh: torn fuzz finds what is planted, the same with the same
# seed, survives its targets, and leaves nothing; and its binaries are libFuzzer
# programs like any other. Of the preset fuzz.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

folder=$(dirname "$TORN")
fuzz() { run "$TORN_PLANTED" fuzz "$@" --quiet; }
starts_with() { [ "${2#"$1"}" != "$2" ]; }

# ------------------------------------------------------------------ finding

# Without --power: what only power cuts show is left out.
mapfile -t planted_variants < <("$TORN_PLANTED" list targets | awk '/^[a-z]/ {target = $1}
	/^ +variants:/ && target ~ /^planted\./ {for (i = 2; i <= NF; i++) print target "@" $i}')
expect "more variants than targets" [ "${#planted_variants[@]}" -gt \
	"$(targets_of "$TORN_PLANTED" '^planted\.' | wc -l)" ]
for target in "${planted_variants[@]}"; do
	invariant=$(sed 's/^planted\.//; s/@.*//; s/_/-/g' <<<"$target")
	power=none
	[[ $target == *_is_durable@* || $target == *recovery_converges@* ]] && power=model
	fuzz "$target" --runs 3000 --timeout 1 --power "$power" --cases "cases-$target" --json r.json
	expect "$target: exit 1" exits_with 1
	expect "$target: its invariant is found broken" grep -q "\"invariant\": \"$invariant\"" r.json
	expect "$target: how long it took is told" grep -q '"found_after": ' r.json
	expect "$target: it does not claim to have seen all" grep -q '"all": false' r.json
	for file in "cases-$target"/*.case; do
		run "$TORN_PLANTED" replay "$file" --timeout 1
		expect "$target: $file replays" exits_with 1
	done
done

# A hang that was met is told, however little time there was for it.
for seed in 1 5; do
	fuzz planted.no_hang --time 3s --timeout 1 --seed "$seed" --json r.json
	expect "a hang, seed $seed: told" grep -q '"invariant": "no-hang"' r.json
done

run "$TORN" fuzz urunc.state_json@pr600 --runs 3000 --cases c --json r.json
expect "published: exit 1" exits_with 1
expect "the time of a finding is printed" grep -qE '^  found after [0-9.]+ s: no-litter at renameat \(errno\)$' "$work/out"
expect "coverage is printed" grep -qE '^coverage of the target.s code: [1-9][0-9]* of [0-9]+ edges' "$work/out"
expect "coverage is printed by source file" grep -qE '^  urunc/[a-z_]+[.]c: [1-9][0-9]* of [0-9]+ edges$' "$work/out"
expect "coverage is in the JSON, by source file" grep -qE '"file": "urunc/[a-z_]+[.]c"' r.json
expect "what never ran is printed" grep -qE '^  urunc_write_file \(urunc/atomic_write_file.c\): never called$' "$work/out"

# A target that starts programs is traced, whoever drives it.
run "$TORN" fuzz kensa.sysctl_set_shell@head --runs 60 --cases c --json r.json
expect "a shell path: exit 1" exits_with 1
expect "a shell path: what is written in place is found" grep -q '"invariant": "old-or-new"' r.json
expect "a shell path: no coverage is claimed" grep -q '^coverage: not counted' "$work/out"
run "$folder/fuzz_kensa.sysctl_set_shell" -runs=60
expect "a shell path, driven by libFuzzer: a finding is a crash" says_on_stderr "kensa.sysctl_set_shell@pr115: "

for target in urunc.state_json@fixed example.replace@correct; do
	fuzz "$target" --runs 5000 --cases none
	expect "$target: exit 0" exits_with 0
	expect "$target: no case" not test -e none
done

# -------------------------------------------------------------- determinism

# All that is told but times: trials, kills and trees too. So many that tables fill up,
# where what depends on addresses shows.
for seed in 1 5; do
	for round in first second; do
		mkdir -p "$round-$seed" && cd "$round-$seed" || exit 1
		fuzz urunc.state_json@before --runs 8000 --seed "$seed" --cases cases --json r.json
		without_times <r.json | grep -v '"found_after": ' >told
		cd .. || exit 1
	done
	expect "seed $seed: there are findings" grep -q '"invariant": ' "first-$seed/told"
	expect "seed $seed: the same is told" diff "first-$seed/told" "second-$seed/told"
	expect "seed $seed: the same cases" diff -r "first-$seed/cases" "second-$seed/cases"
done
# Every bit of a seed counts: none of these is another one's search.
seeds=(0 1 2 64 33554433 4294967296 4294967297 9223372036854775809 18446744073709551615)
for seed in "${seeds[@]}"; do
	fuzz urunc.state_json@fixed --runs 500 --seed "$seed" --cases none --json r.json
	grep -E '"(trials|ops|kills)": ' r.json | tr -d '\n'
	echo
done >searches
expect "each seed is a search of its own" [ "$(sort -u searches | wc -l)" -eq "${#seeds[@]}" ]
fuzz urunc.state_json@before --runs 4000 --jobs 2 --cases cases --json r.json
expect "two workers find as much" diff <(grep -c '"invariant"' r.json) <(grep -c '"invariant"' first-1/r.json)

# A worker that dies begins again alone: the others go on, and which case it was is told.
for round in first second; do
	mkdir -p "$round" && cd "$round" || exit 1
	run "$TORN_PLANTED" fuzz planted.no_crash --runs 2000 --jobs 3 --seed 4 --cases died --json died.json
	expect "workers that die: exit 1" exits_with 1
	sed -E 's/"(seconds|found_after)": [0-9.e+-]+/"\1"/' died.json >died.timeless
	expect "each worker died once" [ "$(grep -c 'this case ended its process' "$work/err")" -eq 3 ]
	expect "each of a case in which the rename fails" \
		[ "$(awk '/^torn-case/ { cases++ } /^fault [0-9]+ renameat|^old srv.f dir/ { fails[cases] = 1 }
			END { print length(fails) }' "$work/err")" -eq 3 ]
	cd .. || exit 1
done
expect "workers that die: the same report" diff first/died.timeless second/died.timeless
expect "workers that die: the same cases" diff -r first/died second/died

# Fewer cases than workers: none of those has a share of 0, which would be all there is time for.
fuzz urunc.state_json@fixed --runs 1 --jobs 3 --cases none --json r.json
expect "more workers than cases: exit 0" exits_with 0
expect "more workers than cases: the old states are run, and no search begins" \
	[ "$(grep -oE '"plans": [0-9]+' r.json | grep -oE '[0-9]+')" -le 20 ]

# --------------------------------------------------------------- the corpus

fuzz urunc.state_json@fixed --runs 3000 --corpus inputs --cases none
expect "the corpus is made" [ "$(find inputs -type f | wc -l)" -gt 10 ]
expect "it is of cases" [ "$(head -qn 1 inputs/* | sort -u)" = "torn-case 1" ]
before=$(find inputs -type f | wc -l)
fuzz urunc.state_json@fixed --runs 2000 --corpus inputs --cases none --seed 3
expect "it grows" [ "$(find inputs -type f | wc -l)" -ge "$before" ]

# What cannot be a corpus is told before the search.
: >file
for arguments in "--corpus file" "--corpus /dev/null"; do
	# shellcheck disable=SC2086
	fuzz urunc.state_json@fixed --runs 10 --cases none $arguments
	expect "$arguments: exit 2" exits_with 2
	expect "$arguments: nothing on stdout" says_nothing
	expect "$arguments: one line" complains_in_one_line
done
fuzz urunc.state_json@fixed --runs 10 --cases none --corpus missing/inputs
expect "a corpus in a folder that is missing: exit 3" exits_with 3
expect "a corpus in a folder that is missing: named" says_on_stderr "missing/inputs: "
expect "a corpus in a folder that is missing: no search" says_nothing
# And one that cannot be saved at the end is a failure, told once, beside what was found.
if is_root && [ -n "${TORN_TEST_PRIVATE:-}" ]; then
	mkdir full
	mount -t tmpfs -o size=16k,mode=1777 tmpfs full
	cat /dev/zero >full/filler 2>/dev/null
	fuzz urunc.state_json@before --runs 3000 --jobs 2 --cases c --corpus full --json r.json
	expect "a full corpus: exit 3" exits_with 3
	expect "a full corpus: named, once" complains_in_one_line
	expect "a full corpus: what was found is told" grep -q '"invariant": "old-or-new"' r.json
	umount full
else
	echo "SKIP: a full tmpfs needs root and a mount namespace"
fi

# ----------------------------------------------------------- what misbehaves

fuzz hostile.exits --runs 200 --timeout 1 --cases c --json r.json
expect "a target that exits: exit 1" exits_with 1
expect "a target that exits: told" grep -q 'ended the process by exit' r.json
fuzz hostile.aborts --runs 200 --timeout 1 --cases c --json r.json
expect "a target that aborts: told" grep -q 'crashed (SIGABRT)' r.json

# No finding of what was not judged means nothing.
for target in hostile.fork_write@pthread_create hostile.raw_syscalls@x32; do
	fuzz "$target" --runs 500 --cases c --json r.json
	expect "$target: exit 3" exits_with 3
	expect "$target: the text says why" grep -qE '^[^ ]+  not judged: (INVALID|INCOMPLETE): ' "$work/out"
	expect "$target: the JSON too" grep -qE '"failure": "(INVALID|INCOMPLETE): ' r.json
done

# ---------------------------------------------------------------- libFuzzer

mkdir plain && cd plain || exit 1
run "$folder/fuzz_urunc.state_json" -runs=500 -seed=1
expect "plain: exit 86" exits_with 86
expect "plain: an artifact" [ "$(find . -name 'crash-*' | wc -l)" -eq 1 ]
expect "plain: the case is printed" grep -q '^expect violated old-or-new$' "$work/err"
# What libFuzzer says of files is true where torn was called: its worker has copies.
told_path() { sed -nE 's/.*Test unit written to (.*)/\1/p' "$work/err"; }
expect "plain: the artifact is named" test -f "$(told_path)"
expect "plain: its place is named" says_on_stderr "artifact_prefix='./'; Test unit written to ./crash-"
cp crash-* one.case
mkdir -p out/below
for prefix in out/ out/x- "$PWD/out/below/" "$PWD/out/below/y-" x-; do
	run "$folder/fuzz_urunc.state_json" "-artifact_prefix=$prefix" -runs=500 -seed=1
	expect "plain, $prefix: the artifact is where it is said to be" cmp one.case "$(told_path)"
	expect "plain, $prefix: with this prefix" starts_with "$prefix" "$(told_path)"
done
run "$folder/fuzz_urunc.state_json" -exact_artifact_path=out/exact -runs=500 -seed=1
expect "plain: an exact path is told" [ "$(told_path)" = out/exact ]
expect "plain: and is it" cmp one.case out/exact
for flag in -minimize_crash=1 -minimize_crash=2 -minimize_crash_internal_step=1 -fork=1 -fork=3; do
	run "$folder/fuzz_urunc.state_json" "$flag" -runs=10 one.case
	expect "plain $flag: exit 2" exits_with 2
	expect "plain $flag: one line" complains_in_one_line
	expect "plain $flag: it is named" says_on_stderr ", found $flag"
	expect "plain $flag: nothing is written" not test -e "minimized-from-$(sha1sum <one.case | cut -c1-40)"
done
run "$folder/fuzz_urunc.state_json" one.case
expect "plain: the input shows it again" exits_with 86
expect "plain: the input is named" says_on_stderr "Running: one.case"
run bash -c 'exec "$0" -runs=1 one.case 2>&-' "$folder/fuzz_urunc.state_json"
expect "plain: a closed stderr is no failure" exits_with 86
run bash -c 'exec "$0" -runs=1 one.case 2>/dev/full' "$folder/fuzz_urunc.state_json"
expect "plain: a full stderr is no failure" exits_with 86
rm -rf out x-crash-* one.case
run "$folder/fuzz_urunc.state_json" crash-*
expect "plain: the artifact shows it again" exits_with 86
run "$folder/fuzz_urunc.state_json" --variant=fixed crash-*
expect "plain: another variant does not run it" exits_with 0
run "$folder/fuzz_planted.nothing_leaks" --variant=memory -runs=3000 -seed=21
expect "plain: lost memory is found" exits_with 86
run "$folder/fuzz_planted.nothing_leaks" --variant=memory \
	"$(find "../cases-planted.nothing_leaks@memory" -name '*.case' | sort | head -n 1)"
expect "plain: a case of lost memory shows it" exits_with 86
mkdir inputs
run "$folder/fuzz_urunc.state_json" --variant=fixed -runs=300 -seed=1 inputs
expect "plain, fixed: exit 0" exits_with 0
expect "plain, fixed: the folder is named" grep -qE ' files found in inputs/*$' "$work/err"
expect "plain, fixed: and no copy of it" not grep -qE 'fd/[0-9]+/[0-9]+/.* inputs' "$work/err"
expect "plain, fixed: inputs were added" [ "$(find inputs -type f | wc -l)" -gt 5 ]
mkdir merged
run "${as_user[@]}" cp -r inputs "$work/place/for-user"
run "$folder/fuzz_urunc.state_json" --variant=fixed -merge=1 merged inputs
expect "merge: exit 0" exits_with 0
for flag in --varaint=fixed --nope --keep-going=1 --variant -- --variant=none; do
	run "$folder/fuzz_urunc.state_json" "$flag" -runs=1
	expect "plain $flag: exit 2" exits_with 2
	expect "plain $flag: nothing on stdout" says_nothing
	expect "plain $flag: one line" complains_in_one_line
	expect "plain $flag: it is named" says_on_stderr "found $flag"
	run "$folder/fuzz_urunc.state_json" -merge=1 "$flag" merged inputs
	expect "merge $flag: exit 2" exits_with 2
done
run "$folder/fuzz_urunc.state_json" --help
expect "plain --help: exit 0" exits_with 0
expect "plain --help: its flags" grep -q -- '^  --variant=NAME ' "$work/out"
expect "plain --help: nothing is run" [ ! -s "$work/err" ]
expect "merge: a part of the inputs" [ "$(find merged -type f | wc -l)" -gt 3 ]
cd .. || exit 1

# ----------------------------------------------------------------- mistakes

for arguments in "fuzz no.target" "fuzz urunc.state_json@none" "fuzz urunc.state_json --time 0" \
	"fuzz urunc.state_json --time 5x" "fuzz urunc.state_json --runs 0" "fuzz"; do
	# shellcheck disable=SC2086
	run "$TORN" $arguments
	expect "$arguments: exit 2" exits_with 2
	expect "$arguments: one line" complains_in_one_line
done
run "$work/torn" fuzz urunc.state_json
expect "without its binary: exit 3" exits_with 3
expect "without its binary: it says how to get it" says_on_stderr "cmake --preset fuzz"

expect "no workspace is left" within 5 no_workspace_left
finish
