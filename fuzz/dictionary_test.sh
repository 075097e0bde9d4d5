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
	kill= after cut then recover during preset= lost= data openat renameat EIO ENOSPC TERM; do
	expect "it has $word" grep -qxF "\"$word\"" "$work/out"
done

# What a case can name is told to those who write one, and the other way round.
run "$torn" list presets
expect "torn list presets: exit 0" exits_with 0
expect "each preset is told in a line of its own" not grep -qvE '^[a-z0-9-]+ +[^ ].*$' "$work/out"
cut -d ' ' -f 1 "$work/out" >"$work/listed"
expect "kill comes first: no file system is needed" test "$(head -n 1 "$work/listed")" = kill
sed -n '/^# power cuts$/,/^# calls$/p' "$SOURCE_DIR/corpus/torn.dict" | tr -d '"' >"$work/words"
expect "each preset but kill is a word of cuts" \
	cmp <(tail -n +2 "$work/listed") <(grep -xF -f "$work/listed" "$work/words")
for preset in sync ext4 xfs btrfs posix posix-split; do
	expect "it lists $preset" grep -qxF "$preset" "$work/listed"
done

# A list for programs is not in the way of those who ask for all.
run "$torn" list
expect "torn list has no dictionary" not grep -q dictionary "$work/out"
finish
