#!/usr/bin/env bash
# dictionary_test.sh: the committed dictionary has the words that the parsers know.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
begin

run "$torn" list dictionary
expect "torn list dictionary: exit 0" exits_with 0
expect "corpus/torn.dict is what it prints (torn list dictionary >corpus/torn.dict)" \
	cmp "$work/out" "$SOURCE_DIR/corpus/torn.dict"
expect "each line is a comment or a word in quotes" \
	not grep -qvE '^(# .*|"[A-Za-z0-9_=+ -]+")$' "$work/out"

# Words that cases of the corpus are made of, one of each table.
for word in 'torn-case 1' target old expect violated file mode= absent errno= eintr eintr= full \
	kill= after cut during preset= lost= data openat renameat EIO ENOSPC TERM; do
	expect "it has $word" grep -qxF "\"$word\"" "$work/out"
done

# A list for programs is not in the way of those who ask for all.
run "$torn" list
expect "torn list has no dictionary" not grep -q dictionary "$work/out"
finish
