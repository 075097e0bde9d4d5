#!/usr/bin/env bash
# ci/cross-check with a program in place of torn: which variants it asks for, what it makes of the answers, and its
# exit code.
set -euo pipefail
cross_check=${SOURCE_DIR:?}/ci/cross-check
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

if ((EUID != 0)) || [[ ! -e /dev/loop-control || ! -e /dev/fuse ]]; then
	status=0
	output=$("$cross_check" 2>&1) || status=$?
	[[ $status == 0 && $output == SKIPPED:* ]] || exit 1
	exit 0
fi

# Answers `torn check VARIANT --power FS ...` from the file VARIANT; JSON and text go where they are asked for.
cat >"$place/torn" <<'EOF'
#!/usr/bin/env bash
place=$(dirname "$0")
if [[ $1 == list ]]; then
	cat "$place/list"
	exit
fi
if [[ $* == "check --power "*" --help" ]]; then
	[[ $3 =~ ^(ext4(:.*)?|xfs|btrfs|model|none)$ ]] # options of torn's own: none and model are no file systems
	exit
fi
echo "$2 $4" >>"$place/asked"
variant=$2
while (($#)); do
	[[ $1 == --json ]] && json=$2
	[[ $1 == --text ]] && text=$2
	shift
done
. "$place/$variant"
EOF
chmod +x "$place/torn"
cat >"$place/list" <<'EOF'
targets
clean.one     it does
                variants: first second
                old states: present
hostile.two   it does not
                variants: first
EOF

answer() { # VARIANT LABEL FAILURE STATUS
	cat >"$place/$1" <<EOF
printf '%s\n' '      "label": "$2"' '  "failure": "$3"' | grep -v '""' >"\$json"
echo '1 check: 0 findings; 7 plans, 674 of at least 2^9 crash states, 25 distinct; a disk left 62 of 136 trees that the model has after these runs, 0.81 s' >"\$text"
exit $4
EOF
}

# Run ci/cross-check; sets $status and $output.
run() {
	status=0
	: >"$place/asked"
	output=$(TORN=$place/torn "$cross_check" --jobs 1 --seconds 5 "$@" 2>&1) || status=$?
}

expect() {
	if ! eval "$1"; then
		echo "failed: $1 (exit $status)"
		echo "$output"
		cat "$place/asked"
		exit 1
	fi
}

answer clean.one@first never-syncs "" 1
answer clean.one@second stale-temp "stopped after 5 s, as --time says (old state present)" 3
run
expect '((status == 0))'
expect '(($(wc -l <"$place/asked") == 12))'
expect '! grep -q hostile "$place/asked"'
expect '[[ $output == *"clean.one@first ext4: 674 states, 0 model-lacks, 0 unmountable, 62 of 136 shown, whole"* ]]'
expect '[[ $output == *"clean.one@second btrfs: 674 states, 0 model-lacks, 0 unmountable, 62 of 136 shown, stopped"* ]]'
expect '[[ $output == *"8088 states, 0 model-lacks, 0 unmountable, 744 of 1632 shown, 0 unknown; 6 whole, 6 stopped, 0 SKIPPED, 0 not judged, 0 failed" ]]'

answer clean.one@second model-lacks "" 1
run --on xfs clean.one@second
expect '((status == 1))'
expect '[[ $(<"$place/asked") == "clean.one@second xfs" ]]'
expect '[[ $output == *"674 states, 1 model-lacks, "* ]]'

answer clean.one@second unmountable "" 0
run --on xfs clean.one
expect '((status == 1))'
expect '[[ $output == *"0 model-lacks, 1 unmountable, 62 of 136 shown, whole"* ]]'

answer clean.one@second "" "the target is not deterministic" 3
run --on xfs clean.one@second
expect '((status == 1))'
expect '[[ $output == *", not judged: the target is not deterministic"* ]]'

echo 'echo "torn: no memory" >&2; exit 3' >"$place/clean.one@second"
run --on xfs clean.one@second
expect '((status == 1))'
expect '[[ $output == *"torn told nothing (exit 3): torn: no memory"* ]]'

# A mkfs that is not installed is no defect, and no check either.
echo 'echo "torn: SKIPPED: mkfs.xfs is not installed (Debian: xfsprogs)" >&2; exit 3' >"$place/clean.one@second"
run --on xfs clean.one
expect '((status == 0))'
expect '[[ $output == *"clean.one@second xfs: SKIPPED: mkfs.xfs is not installed (Debian: xfsprogs)"* ]]'
expect '[[ $output == *"; 1 whole, 0 stopped, 1 SKIPPED, 0 not judged, 0 failed" ]]'
run --on xfs clean.one@second
expect '((status == 1))'
expect '[[ $output == *"no state was looked at"* ]]'

# It ends well, and saw nothing.
cat >"$place/clean.one@second" <<'EOF'
echo '{}' >"$json"
echo '1 check: 0 findings; 7 plans, 0 crash states, 0.81 s' >"$text"

EOF
run --on xfs clean.one@second
expect '((status == 1))'
expect '[[ $output == *"no state was looked at"* ]]'

# refused WORDS MESSAGE: before anything is asked.
refused() {
	local message=$2
	# shellcheck disable=SC2086 # several words
	run $1
	expect "((status == 2))"
	expect "[[ \$output == 'ci/cross-check: '*\"$message\"* && \$output != *\$'\\n'* ]]"
	expect '[[ ! -s $place/asked ]]'
}
refused "--every" "none of --seconds N"
refused "--seconds" "--seconds wants a number"
refused "--jobs 0" "--jobs wants a number"
refused "--on" "--on wants a file system"
refused "--on ext4 no.such" "there is no target no.such"
refused "--on ext4 no.such@first" "there is no target no.such"
refused "--on ext4 clean.one clean.one@third" "there is no variant clean.one@third (there are clean.one@first clean.one@second)"
refused "--on ext3 clean.one" "there is no file system ext3"
refused "--on model clean.one" "there is no file system model"
echo targets >"$place/list"
refused "--on ext4" "there are no targets"
