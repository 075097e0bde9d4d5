#!/usr/bin/env bash
# The page of reports/programs: where a program has the version that the page tells of, torn finds
# in it today what stands there, and the cases show it again.
# shellcheck source=fuzz/tests.sh
. "${SOURCE_DIR:?}/fuzz/tests.sh"
programs=$SOURCE_DIR/reports/programs

case $TORN in
*/build/test/*)
	echo "SKIPPED: real programs are run in the preset release"
	exit 0
	;;
esac
if why=$("$TORN" exec --clean-only -- true 2>&1); [[ $why == *namespaces* ]]; then
	echo "SKIPPED: $why"
	exit 0
fi
for tool in jq flock; do
	command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not there"; exit 0; }
done
# The folders that cases name are the same for all: one at a time.
exec 9>/tmp/torn-programs.lock
flock 9
begin

make() { TORN=$torn "$programs/make" "$@"; }
told() { sed 1d "$programs/cases/$1/findings"; }
version_told() { sed -n '1s/^version //p' "$programs/cases/$1/findings"; }
has_case() { [ -f "$programs/$1" ]; }

for folder in "$programs"/*/run; do
	name=$(basename "$(dirname "$folder")")
	expect "$name: is on the page" grep -qF "](#$name) |" "$programs/README.md"
	expect "$name: its findings are kept" [ -s "$programs/cases/$name/findings" ]
	version=$(make --version "$name" 2>/dev/null) || version=none
	if [ "$version" != "$(version_told "$name")" ]; then
		echo "SKIPPED: $name: here is $version, the page tells of $(version_told "$name")"
		continue
	fi
	if [ -z "${TORN_SLOW:-}" ] && make --slow "$name"; then
		echo "SKIPPED: $name takes long: set TORN_SLOW"
		continue
	fi
	make --findings "$name" >"$work/found" 2>"$work/err"
	told "$name" >"$work/told"
	expect "$name: what is found is what the page tells" diff "$work/told" "$work/found"
	grep -q . "$work/told" || continue
	run env TORN="$torn" "$programs/make" --replay "$name"
	expect "$name: its cases are violated" exits_with 1
	expect "$name: all of them" not grep -qv ': VIOLATED ' "$work/out"
done

while read -r case; do
	expect "$case is there" has_case "$case"
done < <(grep -o 'cases/[^`]*\.case' "$programs/README.md")

# A finding without a verdict, or a verdict without a finding, stops the page.
cp -r "$programs" "$work/copy"
printf '## none: nothing\nverdict: true\n- old-or-new none: none\n\nConfirmed: never.\n' >>"$work/copy/mv/verdicts"
run env TORN="$torn" "$work/copy/make" mv
expect 'a verdict without a finding is refused' exits_with 1
expect 'and named' says_on_stderr 'mv: no finding: none: old-or-new none: none'
rm "$work/copy/sed/verdicts"
run env TORN="$torn" "$work/copy/make" sed
expect 'a finding without a verdict is refused' exits_with 1
expect 'and named' says_on_stderr 'sed: no verdict: old-or-new write'
expect 'the page is as it was' cmp "$programs/README.md" "$work/copy/README.md"

finish
