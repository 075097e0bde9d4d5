#!/usr/bin/env bash
# hostile_handler_test.sh: a handler that hangs, forks and forgets, changes directory, closes its descriptors,
# crashes or exits once a step failed, in its apply or in its rollback: each such trial is a finding with a case
# that replays, and all other trials are judged as those of the handler that behaves.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

# What tells of it: in process, and of a handler in a process of its own.
invariant_of() {
	case $1 in
	hangs) echo no-hang ;;
	crashes | exits) echo no-crash ;;
	*) echo nothing-leaks ;;
	esac
}
words_of() {
	case $1 in
	hangs) echo 'the operation never ended' ;;
	forks) echo '1 process or thread that it started still runs' ;;
	changes_directory) echo 'the working directory is /srv, it was /' ;;
	closes_std) echo 'descriptor 0 is not what it was; descriptor 1 is not what it was; descriptor 2' ;;
	crashes) echo 'the operation crashed (SIGSEGV) instead of returning' ;;
	exits) echo 'the operation ended the process by exit(0) instead of returning' ;;
	esac
}
# Where: a fault of the runtime write is apply's, one of the file's rename rollback's.
blamed_in() { case $1 in apply) echo 'at 2 write (errno=EINVAL)' ;; *) echo 'at 7 rename (errno=EACCES)' ;; esac; }
part_of() { sed -n "/^$1 /,/^[a-z]/p" "$work/$2.out"; }
says_at() { part_of "$1" "$2" | grep -qF "$3: $4"; }
cases_of() { part_of "$1" "$2" | sed -n "/^  $3 /{n;s/^ *case: //p;}"; }
# Trials of a variant, and findings of other invariants than its own: as many as where it behaves.
trials_of() { grep "^$1 " "$work/$2.out" | grep -oE '[0-9]+ trials'; }
others_of() { part_of "$1" "$2" | grep -E '^  [a-z]+-[a-z-]+  ' | grep -cv "^  $3 "; }
labels_of() { part_of "$1" "$2" | grep '^  label '; }

# judge TARGET MISCHIEF PLACE
judge() {
	local target=$1 what=$1@$2_in_$3 invariant others files
	invariant=$(invariant_of "$2")
	expect "$what: $invariant says what it did" \
		says_at "$what" "$target" "$(blamed_in "$3")" "$(words_of "$2")"
	expect "$what: the sweep went on" \
		[ "$(trials_of "$what" "$target")" = "$(trials_of "$target@behaves" "$target")" ]
	expect "$what: with the labels of the one that behaves" \
		diff <(labels_of "$what" "$target") <(labels_of "$target@behaves" "$target")
	# One that exits with 0 reports success, which is not so.
	case $2 in exits) others=1 ;; *) others=0 ;; esac
	expect "$what: other findings" [ "$(others_of "$what" "$target" "$invariant")" -eq "$others" ]
	mapfile -t files < <(cases_of "$what" "$target" "$invariant")
	expect "$what: has cases" [ "${#files[@]}" -ge 3 ]
	run "$planted" replay "${files[@]}" --timeout 2
	expect "$what: they replay, exit 1" exits_with 1
	expect "$what: each as VIOLATED" \
		[ "$(grep -c "\.case: VIOLATED $invariant" "$work/out")" -eq "${#files[@]}" ]
}

for target in hostile.handler hostile.handler_traced; do
	marked timeout 300 "$planted" check "$target" planted.old_or_new --timeout 2 --depth 1 --quiet \
		>"$work/$target.out" 2>"$work/$target.err"
	status=$?
	if grep -q 'user namespaces are not allowed' "$work/$target.out" "$work/$target.err"; then
		echo "SKIPPED: $target: user namespaces are not allowed here"
		continue
	fi
	# In process a fork cannot be followed: it is said that these trials are not judged, and why.
	case $target in hostile.handler) wanted=3 ;; *) wanted=1 ;; esac
	expect "$target: exit $wanted" exits_with "$wanted"
	expect "$target: what behaves has no finding" grep -q "^$target@behaves  *0 findings" "$work/$target.out"
	expect "$target: the next target is judged" grep -q '^  old-or-new ' "$work/$target.out"
	for mischief in hangs forks changes_directory closes_std crashes exits; do
		for place in apply rollback; do
			if [ "$target" = hostile.handler ] && [ "$mischief" = forks ]; then
				expect "in process, $place: it is told that it forks" grep -q \
					"^$target@forks_in_$place  *not judged: .*starts a process" "$work/$target.out"
				continue
			fi
			judge "$target" "$mischief" "$place"
		done
	done
	expect "$target: no process is left" within 5 no_process_left
done

expect "no workspace is left" within 5 no_workspace_left
finish
