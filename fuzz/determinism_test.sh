#!/usr/bin/env bash
# determinism_test.sh: the same check gives the same report, but for times, whoever
# runs it, wherever and in whatever surroundings.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

# Everything but what is there to misbehave, takes seconds to hang, or has so many later runs that
# a dozen checks of it take minutes.
mapfile -t targets < <(targets_of "$planted" | grep -v -e '^hostile\.' -e '^planted\.no_hang$' \
	-e '^urunc\.create$' -e '^example\.journal$' -e '^banger\.copy_prefer_clone$' -e '^kensa\.kernelio' \
	-e '^kensa\.transaction' -e '^kensa\.\(audit\|dconf\|mount\|kernel_module\)_' -e '_shell$')
expect "there are targets of all kinds" [ "${#targets[@]}" -ge 15 ]
# A dozen times all of them: one fault a trial. Pairs are for the end.
check=("$planted" check "${targets[@]}" --depth 1 --json r.json --quiet)

# in_surroundings NAME COMMAND...: run in a folder of its own; leaves r.json, text, cases there.
in_surroundings() {
	local name=$1
	shift
	mkdir -m 1777 "$work/place/$name" && cd "$work/place/$name" || exit 1
	mkdir -m 1777 torn-cases
	timeout 120 "$@" >text 2>err
	status=$?
	cp err "$work/err"
	expect "$name: exit 1" exits_with 1
	expect "$name: nothing on stderr" [ ! -s err ]
	without_times <r.json >json
	sed -E 's/ +[0-9.]+ s$//' text >text.timeless
	cd "$work/place" || exit 1
}
same() { cmp -s "$work/place/first/$1" "$work/place/$2/$1"; }
differences() { diff "$work/place/first/$1" "$work/place/$2/$1" | head -n 20; }

# as_first NAME COMMAND...: and hold it against the first.
as_first() {
	in_surroundings "$@"
	expect "$1: the same JSON" same json "$1" || differences json "$1"
	expect "$1: the same text" same text.timeless "$1" || differences text.timeless "$1"
	expect "$1: the same cases" diff -r first/torn-cases "$1/torn-cases"
}

# Findings and labels of a text, without its columns.
lines_of() { grep -E '^  ' "$1" | tr -s ' ' | sort; }

in_surroundings first "${check[@]}"
expect "the report has findings" [ "$(grep -c '"invariant": ' first/json)" -gt 50 ]
expect "the report has labels" grep -q '"label": "stale-temp"' first/json
expect "the report says seconds" grep -q '"seconds": 0,*$' first/json
expect "every variant was judged" not grep -q '"failure"' first/json

as_first again "${check[@]}"
as_first user "${as_user[@]}" "${check[@]}"
# All that a shell, a service manager or a terminal may leave to a program.
# shellcheck disable=SC2016
as_first surroundings nice -n 5 bash -c '
	umask 077
	ulimit -n 1024
	trap "" INT TERM PIPE USR1 CHLD
	for fd in {3..42} 255 999 1000 1001 1005; do
		eval "exec $fd</dev/null" 2>/dev/null || true
	done
	exec "$@" <&-' - env TZ=Pacific/Kiritimati LANG=tr_TR.UTF-8 LC_ALL=C.UTF-8 HOME=/nonexistent \
	PATH=/nonexistent MALLOC_PERTURB_=165 "${check[@]}"
# Nothing at all, and 100 kB of it: the stack begins elsewhere.
as_first crowded env "PADDING=$(printf '%0100000d' 0)" "${check[@]}"
if setarch -R true 2>/dev/null; then
	as_first bare_fixed_addresses setarch -R env -i "${check[@]}"
else
	echo "SKIP: setarch -R is forbidden here"
	as_first bare env -i "${check[@]}"
fi
if is_root && unshare -T --monotonic 864000 true 2>/dev/null; then
	as_first other_uptime unshare -T --monotonic 864000 --boottime 864000 --fork "${check[@]}"
else
	echo "SKIP: a time namespace needs root"
fi
# Two at once, on the same processors.
in_background() { failures=0; as_first "$@"; exit "$((failures > 0))"; }
(in_background beside "${check[@]}") &
as_first with_another "${check[@]}"
wait $!
expect "two at once" [ $? -eq 0 ]

# Another seed confirms other kills; what is found is the same.
in_surroundings other_seed "${check[@]}" --seed 7
expect "another seed finds the same" same json other_seed || differences json other_seed

# One at a time or all together is the same, in whatever order.
mkdir apart && cd apart || exit 1
for target in "${targets[@]}"; do
	"$planted" check "$target" --depth 1 --quiet >>unsorted 2>&1
done
expect "one at a time finds the same" diff \
	<(lines_of ../first/text) <(lines_of unsorted)
cd .. || exit 1

# Two faults a trial, by one worker and by three.
pairs=("$planted" check planted.no_litter urunc.pid_file kensa.kernelio_write_file --json r.json --quiet)
in_surroundings pairs "${pairs[@]}" --jobs 1
in_surroundings pairs_of_three "${pairs[@]}" --jobs 3
expect "two faults: the same JSON" diff pairs/json pairs_of_three/json
expect "two faults: the same cases" diff -r pairs/torn-cases pairs_of_three/torn-cases

# Too few descriptors for torn's own, above 1000, is told in one line.
run bash -c 'ulimit -n 256 && exec "$@"' - "$planted" check example.replace -q
expect "too few descriptors: exit 3, or none needed" [ "$status" -eq 3 ]
expect "too few descriptors: it says so" grep -qiE 'RLIMIT_NOFILE|ulimit|open files' "$work/out" "$work/err"

# A case replays the same every time.
for file in first/torn-cases/*no_litter*.case first/torn-cases/*old_or_new*.case; do
	for _ in 1 2 3; do
		"$planted" explain "$file"
	done >explained 2>&1
	size=$(wc -l <explained)
	expect "$file: explained the same three times" diff \
		<(head -n $((size / 3)) explained) <(tail -n $((size / 3)) explained)
done

expect "no workspace is left" within 5 no_workspace_left
finish
