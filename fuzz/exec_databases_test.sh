#!/usr/bin/env bash
# exec_databases_test.sh: programs whose files are right only after their own recovery, and one that
# starts many others. What is acceptable they say themselves.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin
# shellcheck source=fuzz/exec_judging.sh
. "$SOURCE_DIR/fuzz/exec_judging.sh" || exit 1

# ----------------------------------------------------------------------- SQLite

if has sqlite3 sqlite3; then
	is_whole='sqlite3 x.db "pragma integrity_check" | grep -qx ok'
	for mode in delete wal; do
		judge -- --presets ext4,xfs --check "$is_whole" \
			--setup "sqlite3 x.db 'pragma journal_mode=$mode; create table t(a); insert into t values(1)'" \
			-- sqlite3 x.db 'insert into t values(2)'
		expect "sqlite3, journal_mode=$mode: it is judged" [ "$status" -eq 0 ]
		expect "sqlite3, journal_mode=$mode: no error, kill or power cut breaks it" \
			[ "$(verdicts | grep -vc '^label')" -eq 0 ]
	done
	# Without its journal a kill between two pages breaks it: the check can fail.
	judge -- --power none --check "$is_whole" \
		--setup "sqlite3 x.db 'create table t(a); with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) insert into t select i from n'" \
		-- sqlite3 x.db 'pragma journal_mode=off; create index i on t(a)'
	expect "sqlite3 without a journal: it is judged" [ "$status" -eq 1 ]
	expect "sqlite3 without a journal: a kill breaks it" grep -q 'kill=.*the state is not acceptable' "$work/out"
	# What is in the table is what counts, not how the pages lie.
	judge -- --power none --view 'dump() { sqlite3 "$1" .dump; }; dump' --watch x.db \
		--setup "sqlite3 x.db 'create table t(a primary key); insert into t values(1)'" \
		-- sqlite3 x.db 'insert or replace into t values(2)'
	expect "sqlite3 by --view: it is judged" [ "$status" -eq 0 ]
fi

# -------------------------------------------------------------------------- git

if has git git; then
	export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
	export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	judge -- --power none --no-rerun --check 'git fsck --strict && git log -1' \
		--setup 'git init -q && echo one >f && git add f && git commit -qm one && echo two >f && git add f' \
		-- git commit -qm two
	expect "git commit: it is judged" [ "$status" -le 1 ]
	expect "git commit: no error and no kill leaves a broken repository" \
		[ "$(verdicts | grep -c '^old-or-new')" -eq 0 ]
fi

# ------------------------------------------------------------------------- node

if has node nodejs; then
	judge state=old -- --power none -- node -e 'require("fs").writeFileSync("state", "new\n")'
	torn_says 'node, writeFileSync' 'old-or-new openat' 'old-or-new write' 'label committed' \
		'label never-syncs'
fi

finish
