#!/usr/bin/env bash
# litmus_test.sh: the litmus table on one small file system of this host: its matrix, its reports, its exit code; without
# the right to it SKIPPED; and nothing that was mounted or set up is left, also where it was interrupted.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts # a workspace that another torn left is not ours
# shellcheck source=fuzz/disks.sh
. "$SOURCE_DIR/fuzz/disks.sh" || exit 1
begin
set -m # a background job is not to ignore SIGINT

says() { grep -qF -- "$1" "$work/out"; }
rows() { sed -n '/^ /,/^$/p' "$work/out" | sed '1d;$d'; }

is_on_the_page() {
	local row
	while read -r row; do
		grep -qF -- "$row  " "$SOURCE_DIR/reports/litmus/README.md" || return
	done < <(rows | sed 's/  .*//')
}

run "${as_user[@]}" "$torn" litmus ext4
expect "as an ordinary user: exit 3" exits_with 3
expect "as an ordinary user: said in one line" complains_in_one_line
expect "as an ordinary user: SKIPPED" says_on_stderr "SKIPPED"
expect "as an ordinary user: no matrix" says_nothing
run "${as_user[@]}" "$torn" litmus
expect "of all file systems: said in one line, too" complains_in_one_line

run "$TORN" litmus ext3
expect "a file system that torn has none of: exit 2" exits_with 2
expect "a file system that torn has none of: said in one line" complains_in_one_line
run "$TORN" litmus ext4:nobarrier
expect "an option without a preset: exit 2" exits_with 2
run "$TORN" litmus ext4 --against ext5
expect "a preset that there is none of: exit 2" exits_with 2
expect "a preset that there is none of: said in one line" complains_in_one_line
expect "a preset that there is none of: said what was expected" says_on_stderr "a preset (see torn list presets) for --against"
run "$TORN" check --against ext4
expect "only litmus has that: exit 2" exits_with 2
run "$TORN" litmus --depth 1
expect "an option that it has not: exit 2" not exits_with 0

if ! has_disks; then
	echo "SKIPPED: power cuts on real file systems need root, /dev/fuse and loop devices"
	finish
fi

run env "$mark" "$TORN" litmus ext4:data=journal --json r.json --text r.txt --quiet
expect "data=journal is what its preset says: exit 0" exits_with 0
expect "nothing is left" nothing_left
expect "quiet: nothing on stderr" [ ! -s "$work/err" ]
expect "the matrix has all rows" [ "$(rows | wc -l)" -ge 37 ]
expect "no row was left out" not says SKIPPED
expect "a rename over a name is all or nothing" grep -qE '^rename over +srv/f +on$' "$work/out"
expect "a file that is written in place is not" grep -qE '^create, write +srv/g +[a0nx()]*0' "$work/out"
expect "a correct replace is there" grep -qE '^replace +srv/f +n$' "$work/out"
expect "the sums are told" grep -qE '^1 file system, [0-9]+ rows, [0-9]{3,} power cuts: 0 cells' "$work/out"
expect "the text is a report, too" diff r.txt "$work/out"
expect "each row is on the page of this table" is_on_the_page
expect "the JSON has the kernel" grep -qF "\"kernel\": \"$(uname -r)\"" r.json
expect "the JSON has the rows" [ "$(grep -c '"row":' r.json)" -eq "$(rows | wc -l)" ]
expect "the JSON has nothing that is forbidden" not grep -q '"first":' r.json

# A disk that loses more than data=journal does: a name that is new before its bytes are.
run env "$mark" "$TORN" litmus ext4:noauto_da_alloc --against ext4-journal --json r.json --quiet
expect "a preset that the disk is weaker than: exit 1" exits_with 1
expect "it is told what it was held against" says "ext4:noauto_da_alloc against ext4-journal: "
expect "a rename over a name may leave an empty file: forbidden" grep -qE '^rename over +srv/f +[^ ]*![^ ]*0' "$work/out"
expect "the row is named, with the cut and what it left" grep -qE '^  forbidden: rename over: .*: srv/f is empty' "$work/out"
expect "what data=journal does is not" grep -qE '^unlink +srv/f +[^! ]*$' "$work/out"
expect "the cells are counted" grep -qE '^1 file system, [0-9]+ rows, [0-9]{3,} power cuts: [1-9][0-9]* cells' "$work/out"
expect "the JSON has what is forbidden" grep -q '"first":' r.json

# Interrupted at its work.
env "$mark" "$TORN" litmus ext4:data=journal --jobs 1 --quiet >"$work/out" 2>"$work/err" &
pid=$!
expect "it has a disk" within 30 has_device "$pid"
kill -INT "$pid"
wait "$pid" 2>/dev/null
status=$?
expect "interrupted: exit 130" exits_with 130
expect "interrupted: nothing is left" within 30 nothing_left_of "$pid"
expect "no workspace is left" within 5 no_workspace_left
finish
