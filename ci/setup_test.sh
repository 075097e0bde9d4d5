#!/usr/bin/env bash
# ci/setup with programs in place of dpkg-query, apt-get, sudo and sleep: what it
# asks for, how often it tries, and what it says where it cannot.
set -euo pipefail
setup=${SOURCE_DIR:?}/ci/setup
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
bash=$(command -v bash)

fake() {
	printf '#!%s\n%s\n' "$bash" "$2" >"$place/$1"
	chmod +x "$place/$1"
}

# Run ci/setup with the fakes in front; sets $status and $output.
run() {
	status=0
	: >"$place/calls"
	output=$(PATH=$place:$PATH PLACE=$place "$setup" 2>&1 </dev/null) || status=$?
}

expect() {
	if ! eval "$1"; then
		echo "failed: $1 (exit $status)"
		echo "$output"
		cat "$place/calls"
		exit 1
	fi
}

fake sleep 'exit 0'
fake sudo '[[ $1 == -n ]] && shift; exec "$@"'
fake apt-get 'echo "$DEBIAN_FRONTEND $*" >>"$PLACE/calls"'

# Everything is there: no apt-get, exit 0.
fake dpkg-query 'printf "ii "'
run
expect '((status == 0))'
expect '[[ ! -s $place/calls ]]'

# One package is missing: it alone is installed, after one update.
fake dpkg-query '[[ ${*: -1} == strace ]] || printf "ii "'
run
expect '((status == 0))'
expect '(($(wc -l <"$place/calls") == 2))'
expect 'grep -qx "noninteractive -q -y update" "$place/calls"'
expect 'grep -qx "noninteractive -q -y install --no-install-recommends strace" "$place/calls"'

# A removed package whose configuration stayed is missing too.
fake dpkg-query '[[ ${*: -1} == strace ]] && printf "rc " || printf "ii "'
run
expect 'grep -q "install .* strace$" "$place/calls"'

# apt-get fails twice, then works.
fake apt-get 'echo "$*" >>"$PLACE/calls"; (($(wc -l <"$PLACE/calls") > 2))'
run
expect '((status == 0))'
expect '(($(grep -c update "$place/calls") == 3))'

# It fails three times: no fourth try, and the last line says what.
fake apt-get 'echo "$*" >>"$PLACE/calls"; exit 100'
run
expect '((status == 1))'
expect '(($(wc -l <"$place/calls") == 3))'
expect '[[ $(tail -n 1 <<<"$output") == "ci/setup: apt-get update failed" ]]'

# Packages come by name alone: no script of ours says from where.
expect '! grep -nE "https?://|sources\.list" "$SOURCE_DIR"/ci/{setup,gate,test} "$SOURCE_DIR"/.ci/run'
