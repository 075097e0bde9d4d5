# exec_judging.sh: a real program under torn exec, and what comes out held against what is true of it.
# For tests, which have called begin (tests.sh).

# These take minutes with sanitizers in torn, which the other tests of torn exec run with.
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

# judge NAME=CONTENT... -- [OPTION...] -- COMMAND...: in a folder of its own with these files.
judge() {
	rm -rf "$work/place/in" "$work/cases"
	mkdir "$work/place/in" && cd "$work/place/in" || exit 1
	while [ "$1" != -- ]; do
		printf '%s\n' "${1#*=}" >"${1%%=*}"
		shift
	done
	shift
	timeout 120 "$torn" exec --quiet --depth 1 --cases "$work/cases" "$@" >"$work/out" 2>"$work/err"
	status=$?
	cd "$work/place" || exit 1
}

# "INVARIANT CALL" and "label NAME", each once.
verdicts() {
	sed -nE -e 's/^  label ([^ ]+) .*/label \1/p' -e 's/^  ([^ ]+) +at [0-9]+ ([^ ]+) \(.*/\1 \2/p' "$work/out" |
		LC_ALL=C sort -u
}
# torn_says NAME [VERDICT...]: these, and no other. A verdict in a word of its own has | for its space.
torn_says() {
	local name=$1
	shift
	printf '%s\n' "$@" | sed '/^$/d; s/|/ /' | LC_ALL=C sort >"$work/wanted"
	verdicts >"$work/found"
	expect "$name: it is judged" [ "$status" -le 1 ]
	expect "$name: what is found is what is true" diff "$work/wanted" "$work/found"
}

# has PROGRAM PACKAGE: a test of what is not installed is no test.
has() {
	command -v "$1" >/dev/null && return
	echo "SKIPPED: $1 is not there: install $2"
	return 1
}
