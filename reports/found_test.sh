#!/usr/bin/env bash
# The pages of reports/found: each known finding of published code is on one of
# them, what they name is there, and what they show of the kernel is what it does
# today, by the plain program beside each page.
. "${SOURCE_DIR:?}/fuzz/tests.sh"
begin
found=$SOURCE_DIR/reports/found

# Cases that pages name, a line each.
named() { sed -n 's|^    corpus/\(.*\.case\)$|\1|p' "$found"/*/README.md; }
# Cases of known findings in the published systems.
listed() {
	local list target
	for list in "$SOURCE_DIR"/corpus/{kensa,banger,urunc}.*/expected; do
		target=$(basename "$(dirname "$list")")
		sed -n "s|^[^#].* \([^ ]*\.case\) *\(#.*\)\{0,1\}$|$target/\1|p" "$list"
	done
}
same() { diff "$1" "$2"; }

# Cases that are violated there: those, and what is deeper than the gate sweeps (two errors, then a power cut).
violated() { (cd "$SOURCE_DIR/corpus" && grep -l '^expect violated ' {kensa,banger,urunc}.*/*.case); }

named | sort >named
listed | sort >listed
violated | sort >violated
comm -23 listed violated >held
expect "there are known findings" [ -s listed ]
expect "the case of each is violated" [ ! -s held ]
expect "each violated case is on one page, and no other case is" same violated named

sed -n 's|^| |; s|.*](\([^)]*\)/README.md).*|\1|p' "$found/README.md" | sort >rows
(cd "$found" && ls -d */ | tr -d /) | sort >pages
expect "each page has a row of the index" same pages rows

# What stands between the lines ``` of a page.
shown() { sed -n '/^```$/,/^```$/{/^```$/!p}' "$1"; }

while read -r page; do
	expect "$page: the program beside it builds" \
		"${CC:-cc}" -std=gnu17 -Wall -Wextra -Werror -O1 -o confirm "$found/$page/confirm.c"
	status=0
	timeout 60 ./confirm >out 2>&1 || status=$?
	if [ "$status" -eq 77 ]; then
		echo "$page: $(cat out)"
		continue
	fi
	shown "$found/$page/README.md" >wanted
	expect "$page: it is so" [ "$status" -eq 0 ]
	expect "$page: something is shown" [ -s wanted ]
	expect "$page: the kernel does what is shown" same wanted out
done <pages
expect "nothing is left" [ -z "$(find /tmp -maxdepth 1 -name 'torn-confirm-*')" ]
finish
