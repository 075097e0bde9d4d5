#!/usr/bin/env bash
# A clean run under torn exec is the program alone: exit code, stdout and stderr, byte for byte.
set -euo pipefail

: "${TORN:?the torn binary}"
if why=$("$TORN" exec --clean-only -- true 2>&1); [[ $why == *namespaces* ]]; then
	echo "SKIPPED: $why"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# With rights that a umask takes away.
make_dir() {
	rm -rf "$work/dir"
	mkdir "$work/dir"
	printf 'one\ntwo\n' >"$work/dir/file"
	chmod 0666 "$work/dir/file"
}

# same NAME COMMAND...: in equal directories, once alone and once under torn.
same() {
	local name=$1 alone=0 traced=0
	shift
	make_dir
	(cd "$work/dir" && "$@" >"$work/alone.out" 2>"$work/alone.err" </dev/null) || alone=$?
	make_dir
	(cd "$work/dir" && "$TORN" exec --clean-only -- "$@" >"$work/traced.out" 2>"$work/traced.err") || traced=$?
	if ((alone != traced)) || ! cmp "$work/alone.out" "$work/traced.out" ||
		! cmp "$work/alone.err" "$work/traced.err"; then
		echo "FAILED: $name: exit $alone alone, $traced under torn" >&2
		diff "$work/alone.err" "$work/traced.err" >&2 || true
		failures=$((failures + 1))
	elif [[ $(cat "$work/dir/file") != $'one\ntwo' ]]; then
		echo "FAILED: $name: it changed the original" >&2
		failures=$((failures + 1))
	else
		echo "ok: $name"
	fi
}

same "an exit code, both outputs" sh -c 'echo out; echo err >&2; exit 3'
same "bytes that are no text, more than a pipe holds" head -c 300000 /bin/sh
same "a file through cat" cat file
same "no such file" cat nosuch
same "where it is, and who" sh -c 'pwd; id -u; id -g; umask'
same "a mode" stat -c %a file
same "children and a pipeline" sh -c 'sort -r file | tr a-z A-Z; (exit 4) || echo "$?"'
same "a background process" sh -c 'echo first & wait; echo second'
same "the environment and arguments" sh -c 'printf "%s|" "$0" "$@"; echo "$HOME"' name 'two words' '' '*'
same "a file that it writes and reads" sh -c 'echo three >>file; cat file; ls'
same "output in the place of another one's" sh -c 'exec 3>&1 >&2; echo to-err; echo to-out >&3'
same "killed by a signal" sh -c 'kill -9 $$'
if command -v perl >/dev/null; then
	same "perl" perl -e '$| = 1; print STDERR "e"; print "o" x 5; exit 7'
fi

((failures == 0))
