#!/usr/bin/env bash
# bad_input_test.sh: what is wrong with a case, a command line or the place for
# the output is told in one line, and leaves nothing half written.
# shellcheck source=fuzz/tests.sh disable=SC2059
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

# ------------------------------------------------------------------- cases

# refused FILE LINE TEXT: LINE "" is the file as a whole.
refused() {
	local file=$1 line=$2 text=$3 command
	for command in replay explain; do
		run "$planted" "$command" "$file"
		expect "$command $file: exit 2" exits_with 2
		expect "$command $file: nothing on stdout" says_nothing
		expect "$command $file: one line" complains_in_one_line
		expect "$command $file: no control characters" is_printable
		expect "$command $file: says where and what was expected" \
			starts_with "$file:${line:+$line:} expected $text"
	done
}
starts_with() {
	local text
	text=$(head -c 4096 "$work/err")
	[ "${text#"$1"}" != "$text" ]
}

# refused_case NAME LINE TEXT BODY: a case of this body, from its second line on.
refused_case() {
	write_case "$1.case" "$4"
	refused "$1.case" "$2" "$3"
}

T='target planted.old_or_new\n'
refused_case unknown_word 3 'one of target, seed, command, arg, watch, old, fault, cut, then, expect, found bogus' "${T}bogus x\n"
refused_case bad_seed 3 'a number' "${T}seed 12x\n"
refused_case huge_seed 3 'a number' "${T}seed 18446744073709551616\n"
refused_case bad_op 3 '' "${T}fault x openat full\n"
refused_case op_zero 3 '' "${T}fault 0 openat full\n"
refused_case bad_bytes 3 '' "${T}fault 2 write short=-1\n"
refused_case bad_mode 3 '' "${T}old srv/f file mode=9 x\n"
refused_case no_target 2 '' 'seed 1\n'
refused_case target 2 'a target (see torn list targets), found planted.nope' 'target planted.nope\n'
refused_case variant 2 'a variant of planted.old_or_new, found nope' 'target planted.old_or_new@nope\n'
refused_case empty_variant 2 '' 'target planted.old_or_new@\n'
refused_case arg 3 'an argument of planted.old_or_new, found nope' "${T}arg nope 1\n"
refused_case second_arg 4 'an argument of planted.old_or_new, found nope' "${T}arg content 1\narg nope 1\n"
refused_case invariant 3 'an invariant (see torn list invariants), found nope' "${T}expect violated nope\n"
refused_case call 3 'the name of a' "${T}fault 1 opennat full\n"
refused_case fault 3 'one of errno=E' "${T}fault 1 openat bogus\n"
refused_case errno_name 3 'the name of an errno, found ENOPE' "${T}fault 1 openat errno=ENOPE\n"
refused_case errno_number 3 'the name of an errno, found 5' "${T}fault 1 openat errno=5\n"
refused_case errno_impossible 3 'a possible fault' "${T}fault 1 openat errno=EPIPE\n"
refused_case errno_impossible_second 4 'a possible fault' \
	"${T}fault 1 openat errno=EIO\nfault 2 write errno=EISDIR\n"
refused_case short_rename 3 'a possible fault' "${T}fault 1 renameat short\n"
refused_case cut_preset 3 'a preset (see torn list presets), found ext3' "${T}cut 1 preset=ext3\n"
refused_case cut_effect 3 'an op number from 1 to 1, found 2' "${T}cut 1 preset=ext4 lost=2.entry\n"
refused_case cut_and_kill 4 'one end: a kill or a cut (first on line 3), found cut' \
	"${T}fault 1 openat kill=after\ncut 2 preset=ext4\n"
refused_case fault_behind_cut 4 'no fault behind the cut at op 1, found 2 openat errno=EIO' \
	"${T}cut 1 preset=ext4\nfault 2 openat errno=EIO\n"
refused_case twice 4 '' "${T}seed 1\nseed 1\n"
refused_case link_to_nothing 4 '' "${T}old srv/f file x\nold srv/g link srv/nope\n"
refused_case below_a_file 4 '' "${T}old srv/f file x\nold srv/f/g file x\n"
refused_case outside 3 '' "${T}old ../etc/x file x\n"
refused_case reference_missing 3 'a file that exists, found @nope' "${T}old srv/f file @nope\n"
refused_case reference_outside 3 '' "${T}old srv/f file @../../../../etc/passwd\n"
refused_case terminal_target 2 '' 'target "\\x1b[31mred\\x07"\n'
refused_case terminal_variant 2 '' 'target planted.old_or_new@"\\x1b[31m"\n'
refused_case terminal_arg 3 '' "${T}arg \"\\\\\\\\x1b[31m\" 1\n"
refused_case terminal_invariant 3 '' "${T}expect violated \"\\\\\\\\x1b[31m\"\n"
refused_case terminal_link 3 '' "${T}old srv/g link \"\\\\\\\\x1b[31m\\\\n\"\n"
refused_case terminal_raw 3 '' "${T}\033[31mred\a\n"
refused_case c1_control 3 '' "${T}\xc2\x9b31m\n"
refused_case not_utf8 3 '' "${T}\xff\xfe\n"
refused_case nul 2 'text, found a NUL byte' 'target plan\0ted.old_or_new\n'

printf 'torn-case 2\n' >version.case
refused version.case 1 'version 1, found 2'
printf 'torn-case 1\r\ntarget planted.old_or_new\r\n' >dos.case
refused dos.case 1 ''
: >empty.case
refused empty.case 1 'torn-case 1'
refused missing.case '' 'a file that exists'
refused no/such/folder.case '' 'a file that exists'
mkdir folder.case
refused folder.case '' 'a regular file'
mkfifo fifo.case
refused fifo.case '' 'a regular file'
refused /dev/zero '' 'a regular file'
ln -s loop.case loop.case
refused loop.case '' ''
refused "$(printf '%0300d' 0).case" '' ''
: >closed.case
chmod 0 closed.case
run "${as_user[@]}" "$planted" replay closed.case
expect "a case that may not be read: exit 2" exits_with 2
expect "a case that may not be read: names it" says_on_stderr "closed.case: expected "

# 10 MiB that are no case: of any byte, of zeros, of one line, of lines, of UTF-8.
head -c 10485760 /dev/urandom >noise.case
refused noise.case 1 ''
head -c 10485760 /dev/zero >zeros.case
refused zeros.case 1 'text, found a NUL byte'
head -c 10485760 /dev/zero | tr '\0' 'a' >line.case
refused line.case 1 'torn-case 1'
head -c 10485760 /dev/zero | tr '\0' '\n' >newlines.case
refused newlines.case 10485760 'torn-case 1'
{
	printf 'torn-case 1\ntarget planted.old_or_new\n'
	yes 'seed 1' | head -c 10485760
} >seeds.case
refused seeds.case 4 ''
{
	printf 'torn-case 1\ntarget planted.old_or_new\nold srv/f file "'
	head -c 10485760 /dev/zero | tr '\0' 'a'
} >unclosed.case
refused unclosed.case 3 ''
rm -f noise.case zeros.case line.case newlines.case seeds.case unclosed.case

# The good ones of a list are still told; the worst exit counts.
O='old srv/f file "old\\\\n"\n'
write_case good.case "${T}${O}fault 1 openat kill=after\nexpect violated old-or-new\n"
run "$planted" replay good.case missing.case
expect "a good case and a missing one: exit 2" exits_with 2
expect "a good case beside a missing one is told" grep -q '^good.case: VIOLATED' "$work/out"
run "$planted" replay missing.case good.case
expect "a missing case and a good one: exit 2" exits_with 2
expect "a good case after a missing one is told" grep -q '^good.case: VIOLATED' "$work/out"
write_case outdated.case "${T}${O}fault 9 openat kill=after\nexpect violated old-or-new\n"
run "$planted" replay outdated.case
expect "a case whose op is gone: exit 4" exits_with 4
write_case other_call.case "${T}${O}fault 2 openat errno=EIO\nexpect violated old-or-new\n"
run "$planted" replay other_call.case
expect "a case whose op is another call: exit 4" exits_with 4
expect "a case whose op is another call: never a pass" grep -q 'INVALID' "$work/out"

# ------------------------------------------------------------ command line

# misused TEXT ARGUMENT...
misused() {
	local text=$1
	shift
	run "$planted" "$@"
	expect "torn $*: exit 2" exits_with 2
	expect "torn $*: nothing on stdout" says_nothing
	expect "torn $*: one line" complains_in_one_line
	expect "torn $*: no control characters" is_printable
	expect "torn $*: says $text" says_on_stderr "$text"
}

misused 'expected a command' nope
misused 'expected a command' ''
misused 'expected a command' $'\e[31mred'
for command in list check replay explain gate; do
	misused '--nope' "$command" --nope
done
misused 'expected an option with its value (see --help), found -Z' check -Z
misused 'expected an option with its value (see --help), found --json' check --json
misused 'expected a number for --seed' check --seed x
misused 'expected a number for --seed' check --seed ''
misused 'expected a number for --seed' check --seed -1
misused 'expected a number for --seed' check --seed '1 '
misused 'expected a number for --seed' check --seed 18446744073709551616 planted.old_or_new
misused 'expected a number for --seed' check --seed $'\e[31m'
misused 'expected 1 to 3600 for --timeout' check --timeout 3601
misused 'expected 1 to 3600 for --timeout' check --timeout 1s
misused 'expected one of --time and --runs, found both' fuzz planted.old_or_new --time 5s --runs 5
misused 'expected one of --time and --runs, found both' fuzz --runs 5 planted.old_or_new --time=60
misused 'expected 1s to 720h for --time' fuzz planted.old_or_new --time 5x
misused 'expected a number from 1 for --runs' fuzz planted.old_or_new --runs 0
misused 'found --depth' fuzz planted.old_or_new --depth 1
# An option of another command, and the beginning of an option, are none.
for command in check gate replay explain; do
	others=(--runs --runs=5 --ti --timeou)
	no_options='--runs='
	[ "$command" = check ] || others+=(--time --time=5) no_options='--(time|runs)='
	for option in "${others[@]}"; do
		misused "expected an option with its value (see --help), found $option" \
			"$command" "$option" 5 planted.old_or_new
	done
	run "$planted" "$command" --help
	expect "torn $command --help: no option of others" not grep -qE -- "$no_options" "$work/out"
	expect "torn $command --help: its own options" grep -q -- '--timeout=' "$work/out"
done
misused 'expected 1s to 720h for --time' check planted.old_or_new --time 0
misused 'found --dep' check --dep 1 planted.old_or_new
misused 'found --quie' check --quie planted.old_or_new
run "$planted" fuzz --help
told=$(tr -s ' \n' ' ' <"$work/out")
for text in '--jobs=N workers at once (1 to 64, default: one a processor; of fuzz: 1)' \
	'of fuzz: which cases are tried'; do
	expect "torn fuzz --help: says $text" grep -qF -- "$text" <<<"$told"
done
expect "torn fuzz --help: its options" [ "$(grep -cE -- '--(time|runs|timeout)=' "$work/out")" -eq 3 ]
for bad in 0 9 -1 x '' '2 ' 1.5 99999999999999999999; do
	misused 'expected 1 to 8 for --depth' check --depth "$bad" planted.old_or_new
done
for bad in 0 65 -1 x '' ' 2' 99999999999999999999; do
	misused 'expected 1 to 64 for --jobs' check --jobs "$bad" planted.old_or_new
done
for bad in 0/1 2/1 1 1/ /1 / '' 1/0 1/x x/2 -1/2 '1 /2' 1/2/3 1/4097 4097/4097 $'1/\e[31m'; do
	misused 'expected I/N with 1 <= I <= N <= 4096 for --shard' check --shard "$bad" planted.old_or_new
done
misused 'expected an option with its value' check --all-errnos=yes planted.old_or_new
for option in --depth --jobs --shard; do
	misused 'expected an option with its value' check planted.old_or_new "$option"
	misused 'expected an option with its value' list "$option" 1
done
for good in '--depth 1' '--depth 8 --shard 4096/4096' '--jobs 64 --depth 1' '--shard 1/1 --depth 1' \
	'--shard 4096/4096' '--all-errnos'; do
	# shellcheck disable=SC2086
	run "$planted" check planted.old_or_new --quiet --cases "$work/good" $good
	expect "torn check $good: is understood" [ "$status" -le 1 ]
done
misused 'for --allow, found nope' check --allow nope
misused 'expected a target (see torn list targets), found nope' check nope
misused 'expected a target' check planted
misused 'expected a target' check ''
misused 'expected a target' check planted.old_or_new nope
misused 'expected a target' check $'\e[31mred'
misused 'expected a variant of planted.old_or_new' check planted.old_or_new@nope
misused 'expected a variant of planted.old_or_new' check planted.old_or_new@
misused 'expected a target' gate nope
misused 'expected targets, invariants' list nope
misused 'expected targets, invariants' list $'\e[31mred'
misused 'expected a case' replay
misused 'expected a case' explain

# ------------------------------------------------------------------ output

# unwritable NAME ARGUMENT...: an error that names it, exit 3.
unwritable() {
	local name=$1
	shift
	run "$@"
	expect "$name: exit 3" exits_with 3
	expect "$name: named on stderr" grep -qF -- "$name" <(grep -v '^checked ' "$work/err")
	expect "$name: one line" [ "$(grep -vc '^checked ' "$work/err")" -eq 1 ]
}

check=(check planted.old_or_new --quiet)

mkdir -m 0555 closed
unwritable closed/r.json "${as_user[@]}" "$planted" "${check[@]}" --json closed/r.json --cases cases1
expect "closed: nothing in it" is_empty_folder closed
unwritable closed/cases "${as_user[@]}" "$planted" "${check[@]}" --cases closed/cases
expect "closed: nothing in it" is_empty_folder closed
mkdir -m 0755 old
echo whole >old/r.json
chmod 0666 old/r.json
is_root || chmod 0555 old
unwritable old/r.json "${as_user[@]}" "$planted" "${check[@]}" --json old/r.json --cases cases1
expect "an old report in a closed folder is whole" [ "$(cat old/r.json)" = whole ]
expect "no temporary file beside it" [ "$(ls -A old)" = r.json ]
unwritable missing/r.json "$planted" "${check[@]}" --json missing/r.json --cases cases2
expect "no folder is made for a report" not test -e missing
unwritable missing/cases "$planted" "${check[@]}" --cases missing/cases
mkdir folder
unwritable folder "$planted" "${check[@]}" --json folder --cases cases2
expect "folder: nothing in it" is_empty_folder folder
: >file
unwritable file/ "$planted" "${check[@]}" --cases file
unwritable file/r.json "$planted" "${check[@]}" --json file/r.json --cases cases2
unwritable /dev/full "$planted" "${check[@]}" --json /dev/full --cases cases2
long=$(printf '%0300d' 0)
unwritable "$long" "$planted" "${check[@]}" --json "$long" --cases cases2
unwritable 'torn: ' "$planted" "${check[@]}" --json '' --cases cases2

# Every command that prints says so when it cannot.
full() { timeout 60 "$@" >/dev/full 2>"$work/err"; status=$?; : >"$work/out"; }
closed() { timeout 60 "$@" >&- 2>"$work/err"; status=$?; : >"$work/out"; }
for how in full closed; do
	for arguments in 'list' 'list invariants' '--version' '--help' 'help' 'check --help' \
		'check planted.old_or_new -q' 'check example.replace -q' \
		'check planted.old_or_new -q --json -' 'replay good.case' 'explain good.case' \
		"gate example.replace --corpus $SOURCE_DIR/corpus"; do
		# shellcheck disable=SC2086
		$how "$planted" $arguments
		expect "$how stdout, torn $arguments: exit 3" exits_with 3
		expect "$how stdout, torn $arguments: one line" [ "$(grep -vc '^checked ' "$work/err")" -eq 1 ]
		expect "$how stdout, torn $arguments: says stdout" says_on_stderr stdout
	done
done

# What goes to a pipe or a device is written there, and the place is left as it was.
run "$planted" "${check[@]}" --json /dev/null --cases cases3
expect "a report to /dev/null: exit 1, as without" exits_with 1
expect "/dev/null is still a device" test -c /dev/null
run "$planted" "${check[@]}" --json r.json --cases cases3
expect "a report that is there: exit 1" exits_with 1
ln -s r.json link.json
chmod 0640 r.json
run "$planted" "${check[@]}" --json r.json --cases cases3
expect "a report's mode is kept" [ "$(stat -c %a r.json)" = 640 ]
run "$planted" "${check[@]}" --json link.json --cases cases3
expect "a report behind a symlink: the link stays" test -L link.json

# A disk that is full: what is there stays whole, what is not there stays away.
if is_root && [ -n "${TORN_TEST_PRIVATE:-}" ]; then
	mkdir tiny
	mount -t tmpfs -o size=16k,mode=1777 tmpfs tiny
	echo whole >tiny/r.json
	cat /dev/zero >tiny/filler 2>/dev/null
	unwritable tiny/r.json "$planted" "${check[@]}" --json tiny/r.json --cases cases4
	expect "full disk: the old report is whole" [ "$(cat tiny/r.json)" = whole ]
	expect "full disk: no temporary file" [ "$(ls -A tiny | tr '\n' ' ')" = 'filler r.json ' ]
	mkdir tiny/cases
	unwritable tiny/cases/ "$planted" "${check[@]}" --cases tiny/cases
	expect "full disk: no half case" is_empty_folder tiny/cases
	# Room for two pages: some cases fit, and those are whole.
	truncate -s 8192 tiny/filler
	unwritable tiny/cases/ "$planted" "${check[@]}" --cases tiny/cases
	expect "nearly full disk: some cases fit" not is_empty_folder tiny/cases
	for file in tiny/cases/*; do
		run "$planted" replay "$file"
		expect "nearly full disk: $file is a whole case" exits_with 1
	done
	umount tiny
else
	echo "SKIP: a full tmpfs needs root and a mount namespace"
fi

expect "nothing half written is left" [ -z "$(find . -name '*.json.*' -o -name '*.case.*')" ]
expect "no workspace is left" within 5 no_workspace_left
finish
