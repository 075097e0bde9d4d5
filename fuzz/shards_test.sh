#!/usr/bin/env bash
# shards_test.sh: a check shared out, among workers or machines, finds what one
# finds alone; depth and errnos are what was asked for.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

without_folder() { sed -E 's/"case": "[^"]*\//"case": "/'; }
# Sum of a count over reports: "trials" of each target.
sum_of() {
	local name=$1
	shift
	cat "$@" | grep -oE "\"$name\": [0-9]+" | awk '{ sum += $2 } END { print sum + 0 }'
}
# The findings and labels of reports, one a line: id, target, variant, call and name of the last fault.
listed() {
	cat "$@" | tr -d '\n' | sed -E 's/[[:space:]]+/ /g' |
		grep -oE '\{ ?"(invariant|label)": [^{}]*\}' |
		sed -E 's/^\{ ?"[a-z]+": "([^"]*)", "target": "([^"]*)", "variant": "([^"]*)", /\1 \2 \3 /
			s/"op": .*"call": "([^"]*)".*"faults": \[ ?([^]]*)\].*/\1 \2/
			s/ "[^]]* ([a-z]+)[^ ]*" ?$/ \1/' |
		sort -u
}

# Of banger.update one old state shows without a fault what another one shows under some.
targets=(planted.no_litter example.replace urunc.state_json banger.update)

# check NAME ARGUMENT...: leaves NAME.json
check() {
	local name=$1
	shift
	run "$planted" check "${targets[@]}" --quiet --json "$name.json" --cases "cases.$name" "$@"
	expect "$name: exit 1" exits_with 1
	expect "$name: nothing on stderr" [ ! -s "$work/err" ]
	without_times <"$name.json" | without_folder | sed -E 's/torn-cases|cases\.[a-z0-9_]*//' >"$name.timeless"
}

# ------------------------------------------------------------------- workers

check one --jobs 1
expect "there are findings" [ "$(listed one.json | wc -l)" -ge 3 ]
for jobs in 2 3 5; do
	check "jobs_$jobs" --jobs "$jobs"
	expect "--jobs $jobs: the same report" cmp one.timeless "jobs_$jobs.timeless" ||
		diff one.timeless "jobs_$jobs.timeless" | head -n 20
	expect "--jobs $jobs: the same cases" diff -r cases.one "cases.jobs_$jobs"
done

# -------------------------------------------------------------------- shards

# together NAME REPORT...: these shards are the whole: all findings and no other, all counts.
together() {
	local name=$1 count
	shift
	expect "$name: all findings and no other" diff <(listed one.json) <(listed "$@")
	for count in trials ops kills; do
		expect "$name: $count add up" [ "$(sum_of $count "$@")" -eq "$(sum_of $count one.json)" ]
	done
}
for shard in 1 2 3; do
	run "$planted" check "${targets[@]}" --quiet --json "third_$shard.json" \
		--cases "cases.third_$shard" --shard "$shard/3" --jobs 1
	expect "--shard $shard/3: exit 0 or 1" [ "$status" -le 1 ]
	# Another number of workers, on another machine perhaps, does the same share.
	run "$planted" check "${targets[@]}" --quiet --json "third_2jobs_$shard.json" \
		--cases "cases.third_2jobs_$shard" --shard "$shard/3" --jobs 2
	expect "--shard $shard/3: the same share by two workers" cmp \
		<(without_times <"third_$shard.json" | without_folder) \
		<(without_times <"third_2jobs_$shard.json" | without_folder)
	expect "--shard $shard/3 is less than the whole" \
		[ "$(sum_of trials "third_$shard.json")" -lt "$(($(sum_of trials one.json) * 2 / 3))" ]
done
together "three shards" third_1.json third_2jobs_2.json third_3.json
# What README.md says: each shard tells its own smallest case, and the whole's is one of these.
for file in cases.one/*; do
	expect "$file is told by a shard" \
		test -e "cases.third_1/${file##*/}" -o -e "cases.third_2/${file##*/}" -o -e "cases.third_3/${file##*/}"
done

# --------------------------------------------------------------------- depth

check depth_1 --depth 1
check depth_3 --depth 3
check all_errnos --all-errnos
expect "the default is two faults" [ "$(sum_of trials one.json)" -gt "$(sum_of trials depth_1.json)" ]
check depth_2 --depth 2
expect "--depth 2 is the default" cmp one.timeless depth_2.timeless
expect "--depth 3 tries more" [ "$(sum_of trials depth_3.json)" -gt "$(sum_of trials one.json)" ]
expect "--all-errnos tries more" [ "$(sum_of trials all_errnos.json)" -gt "$(sum_of trials one.json)" ]

expect "no workspace is left" within 5 no_workspace_left
finish
