#!/usr/bin/env bash
# As root and as an ordinary user torn exec finds the same.
set -euo pipefail

: "${TORN:?the torn binary}"
if ((EUID != 0)); then
	echo "SKIPPED: only root can become two users"
	exit 0
fi
if ! setpriv --reuid=12345 --regid=12345 --clear-groups unshare -Ur true 2>/dev/null; then
	echo "SKIPPED: an ordinary user may make no user namespaces here"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
install -m 755 "$TORN" "$work/torn"
failures=0

# As the same directory is called: what is told has its name in it.
findings() {
	local user=$1
	shift
	rm -rf "$work/dir"
	mkdir "$work/dir"
	printf 'one\n' >"$work/dir/file"
	mkdir "$work/dir/below"
	chmod 640 "$work/dir/file"
	chown -R "$user:$user" "$work/dir"
	(
		cd "$work/dir"
		setpriv --reuid="$user" --regid="$user" --clear-groups "$work/torn" exec "$@" 2>&1 || true
	) | sed -E 's/[0-9.]+ s$//'
}

for command in 'sed -i s/one/two/ file' 'cp file below/copy' \
	'umask 077; echo two >file.tmp; sync file.tmp; mv file.tmp file; sync .'; do
	as_root=$(findings 0 -- sh -ec "$command")
	as_user=$(findings 12345 -- sh -ec "$command")
	if [[ $as_root != "$as_user" || $as_root != *"1 check:"* ]]; then
		echo "FAILED: $command" >&2
		diff <(echo "$as_root") <(echo "$as_user") >&2 || true
		failures=$((failures + 1))
	else
		echo "ok: $command: $(head -n 1 <<<"$as_root")"
	fi
done
((failures == 0))
