#!/usr/bin/env bash
# fuzz_parse.sh BINARY [OPTION...]: fuzz one of torn's parsers, from the cases of
# the corpus and what was found before. CTest runs it without options, each time
# the same; a longer run is
#
#   fuzz/fuzz_parse.sh build/fuzz/fuzz_parse_case -max_total_time=600
#
# Nothing is written but a temporary folder, and ./crash-* where a claim is broken.
set -euo pipefail
binary=$1
shift
options=("$@")
((${#options[@]})) || options=(-runs=40000 -seed=1 -timeout=10)
corpus=$(cd "$(dirname "${BASH_SOURCE[0]}")/../corpus" && pwd)
name=$(basename "$binary")
name=${name#fuzz_}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/found" "$work/seeds"

# What follows a word in the cases of the corpus, a seed each.
lines() {
	sed -n "s/^$1 //p" "$corpus"/*/*.case | sort -u | split -l 1 - "$work/seeds/$1."
}
case $name in
parse_case) cp "$corpus"/*/*.case "$work/seeds" ;;
parse_old) lines old ;;
parse_fault) lines fault ;;
parse_words) lines arg ;;
parse_expected)
	for file in "$corpus"/*/expected; do
		cp "$file" "$work/seeds/$(basename "$(dirname "$file")")"
	done
	;;
*)
	echo "fuzz_parse.sh: no seeds are known for $name" >&2
	exit 2
	;;
esac
[[ -n $(ls -A "$work/seeds") ]] || {
	echo "fuzz_parse.sh: the corpus has no seed for $name" >&2
	exit 1
}
folders=("$work/found" "$work/seeds")
[[ ! -d $corpus/fuzz/$name ]] || folders+=("$corpus/fuzz/$name")

"$binary" -error_exitcode=86 -dict="$corpus/torn.dict" "${options[@]}" "${folders[@]}"
