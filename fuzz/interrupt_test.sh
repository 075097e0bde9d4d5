#!/usr/bin/env bash
# interrupt_test.sh: an interrupted torn tells what it found, exits 130 and leaves
# no process and no folder; of a killed one the next start clears the folder.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin
set -m # a background job is not to ignore SIGINT

at_end() {
	local pid
	for pid in $(processes_left); do
		kill -KILL "$pid" 2>/dev/null
	done
}

# start COMMAND...: leaves $pid; the folder that it works in is $workspace once it works.
start() {
	env "$mark" "$@" >"$work/out" 2>"$work/err" &
	pid=$!
}
# The workspace of a torn is what it holds open below /dev/shm.
workspace_of() {
	readlink /proc/"$1"/fd/* 2>/dev/null | sed -n 's|^\(/dev/shm/torn-[A-Za-z0-9-]*\)/root$|\1|p' | head -n 1
}
# The first one: torn has a worker for each processor.
child_of() { cut -d ' ' -f 1 /proc/"$1"/task/"$1"/children 2>/dev/null; }
works() {
	workspace=$(workspace_of "$pid")
	worker=$(child_of "$pid")
	[ -n "$workspace" ] && [ -n "$worker" ] && confined "$worker"
}
# A worker that has begun: no new privileges, and a session of its own.
confined() { grep -q '^NoNewPrivs:[[:space:]]1' /proc/"$1"/status 2>/dev/null; }
has_grandchild() { [ -n "$(child_of "$worker")" ]; }
is_gone() { not test -e "/proc/$1" || grep -q '^State:[[:space:]]Z' "/proc/$1/status" 2>/dev/null; }

ends_with() {
	within 10 is_gone "$pid"
	wait "$pid" 2>/dev/null # bash's own word on it
	status=$?
	exits_with "$1"
}

# interrupted SIGNAL COMMAND...: interrupted while a target runs.
interrupted() {
	local signal=$1
	shift
	start "$@"
	expect "$*: begins" within 20 works
	kill "-$signal" "$pid"
	expect "SIG$signal, $*: exit 130" ends_with 130
	expect "SIG$signal, $*: no process is left" within 5 no_process_left
	expect "SIG$signal, $*: no folder is left" not test -e "$workspace"
}

for signal in INT TERM HUP; do
	interrupted "$signal" "$planted" check hostile.loops@pure --timeout 60
done
expect "it says that it was interrupted" grep -q interrupted "$work/out"
interrupted INT "$planted" gate hostile.loops@getpid --timeout 60 --corpus "$SOURCE_DIR/corpus"
interrupted INT "${as_user[@]}" "$planted" check hostile.loops@pure --timeout 60 --cases "$work/place/c"

# To the whole group of processes, as a terminal does.
start "$planted" check hostile.loops@pure --timeout 60
expect "begins" within 20 works
kill -INT -- "-$pid"
expect "SIGINT to the group: exit 130" ends_with 130
expect "SIGINT to the group: no process is left" within 5 no_process_left

# What was found before is told: on stdout, in the report, as cases.
rm -rf torn-cases
start "$planted" check planted.old_or_new hostile.loops@pure planted.no_litter --timeout 60 --json r.json
works_on_loops() { grep -q '^checked planted.old_or_new' "$work/err" && works; }
expect "begins with the second target" within 20 works_on_loops
kill -INT "$pid"
expect "SIGINT in the second target: exit 130" ends_with 130
expect "the first target's findings are on stdout" grep -q '^  old-or-new ' "$work/out"
expect "the first target's findings are in the report" grep -q '"invariant": "old-or-new"' r.json
expect "the report is whole" [ "$(tail -n 1 r.json)" = '}' ]
expect "the third target was not begun" not grep -q planted.no_litter r.json
expect "its cases are there" not is_empty_folder torn-cases
expect "no process is left" within 5 no_process_left

# While each trial has a child of its own: that dies too.
start "$planted" check hostile.loops@pure --timeout 2
expect "the worker is replaced by one with a child" within 30 eval 'works && has_grandchild'
grandchild=$(child_of "$worker")
kill -INT "$pid"
expect "SIGINT with a child: exit 130" ends_with 130
expect "SIGINT with a child: the child dies" within 5 is_gone "$grandchild"
expect "SIGINT with a child: no process is left" within 5 no_process_left
expect "SIGINT with a child: no folder is left" not test -e "$workspace"

# Replaying and explaining.
start "$planted" check hostile.loops@pure --timeout 1 --cases loops
wait "$pid"
for command in replay explain; do
	interrupted INT "$planted" "$command" --timeout 60 loops/*.case
done

# Files that a target goes on writing are no reason to leave the folder.
for round in 1 2 3 4 5 6 7 8; do
	start "$planted" check hostile.loops@write --timeout 60
	expect "begins, round $round" within 20 works
	kill -INT "$pid"
	expect "SIGINT while files are written, round $round: exit 130" ends_with 130
	expect "SIGINT while files are written, round $round: no folder is left" not test -e "$workspace"
done
expect "no process is left" within 5 no_process_left
expect "no folder is left" no_workspace_left

# A reader that goes away ends it at most, and leaves nothing.
run "$planted" check planted.old_or_new --cases piped -q
piped=(piped/*.case)
start bash -c '"$@" | true' - "$planted" replay "${piped[@]}" "${piped[@]}" "${piped[@]}"
wait "$pid"
expect "no reader: no process is left" within 5 no_process_left
expect "no reader: no folder is left" within 5 no_workspace_left

# ------------------------------------------------------------ a killed torn

start "$planted" check hostile.loops@pure --timeout 60
expect "begins" within 20 works
first=$pid first_workspace=$workspace
start "$planted" check hostile.loops@pure --timeout 60
expect "a second one begins" within 20 works
second=$pid second_workspace=$workspace second_worker=$worker
expect "they work in two folders" [ "$first_workspace" != "$second_workspace" ]
expect "the first one's folder is still there" test -d "$first_workspace/root"
kill -KILL "$second"
wait "$second" 2>/dev/null
expect "SIGKILL of torn: its worker dies" within 5 is_gone "$second_worker"
expect "SIGKILL of torn: its folder stays" test -d "$second_workspace"
# Such as a target leaves: closed folders, names with anything in them.
mkdir -p "$second_workspace/root/closed/below" "$second_workspace/root/"$'new\nline'
: >"$second_workspace/root/closed/below/file"
chmod 0 "$second_workspace/root/closed/below" "$second_workspace/root/closed"

# What is none of torn's is left alone, whatever it is called.
mkdir -p /dev/shm/torn-cases-$$.of-a-user
: >/dev/shm/torn-cases-$$.of-a-user/precious
run "$planted" check example.replace -q
expect "the next start works" exits_with 0
expect "the next start clears the dead one's folder" not test -e "$second_workspace"
expect "the next start leaves the living one's folder" test -d "$first_workspace/root"
expect "the next start leaves other people's folders" test -e "/dev/shm/torn-cases-$$.of-a-user/precious"
rm -rf "/dev/shm/torn-cases-$$.of-a-user"
expect "the living one lives" not is_gone "$first"
kill -INT "$first"
pid=$first workspace=$first_workspace
expect "the living one ends as it should" ends_with 130
expect "its folder goes" not test -e "$first_workspace"
expect "no process is left" within 5 no_process_left

# A worker's child dies with a killed torn as well.
start "$planted" check hostile.loops@pure --timeout 2
expect "the worker is replaced by one with a child" within 30 eval 'works && has_grandchild'
grandchild=$(child_of "$worker")
kill -KILL "$pid"
wait "$pid" 2>/dev/null
expect "SIGKILL of torn: the worker's child dies" within 5 is_gone "$grandchild"
expect "SIGKILL of torn: no process is left" within 5 no_process_left
run "$planted" check example.replace -q
expect "its folder is cleared" not test -e "$workspace"

# The default place for cases is not cleared with the folders of dead ones.
if [ -n "${TORN_TEST_PRIVATE:-}" ]; then
	mkdir /dev/shm/here && cd /dev/shm || exit 1
	run "$planted" check planted.old_or_new -q
	run "$planted" replay torn-cases/*.case
	expect "cases in /dev/shm/torn-cases are there to be replayed" exits_with 1
	rm -rf /dev/shm/torn-cases /dev/shm/here
	cd "$work/place" || exit 1
fi

# Many at once do not take each other's folders.
many() {
	local i pids=() bad=0
	for i in 1 2 3 4 5 6; do
		(
			for _ in {1..100}; do
				"$planted" replay good.case >/dev/null || exit 1
			done
		) 2>"$work/many.$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || bad=1
	done
	return "$bad"
}
write_case good.case 'target example.replace\nold srv/app/state.json file x\n'
run "$planted" replay good.case
expect "a case to replay" exits_with 0
expect "600 starts, six at once" many || cat "$work"/many.*

expect "no folder is left" within 5 no_workspace_left
finish
