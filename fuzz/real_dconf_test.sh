#!/usr/bin/env bash
# real_dconf_test.sh: what pages in reports/found say of dconf(1) was seen with torn's stand-in. It is so with the
# real one, which runs under the same gate: it writes beside and renames, passes over what it cannot look at and
# reports success all the same, and knows no uint32(900).
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

if ! [ -x /usr/bin/dconf ]; then
	echo "SKIPPED: dconf is not installed"
	exit 0
fi

# VALUE_TYPE VALUE, and the end of the case
real_case() {
	printf '%s\n' "torn-case 1" "target kensa.dconf_set_shell@head" "arg db local" "arg file 00-kensa" \
		"arg key banner-message-enable" "arg lock true" "arg path real_dconf" \
		"arg schema org/gnome/login-screen" "arg value $2" "arg value_type $1" \
		"old etc/dconf/db dir" "old etc/dconf/profile dir" "${@:3}"
}
run_case() {
	real_case "$@" >"$work/real.case"
	run "$torn" "$command" "$work/real.case"
}
# The number of the op that a line of the clean run's tale shows.
number_of() { awk -v line="$1" 'match($0, line) {print $1; exit}' "$work/clean"; }

command=explain
run_case '""' true "expect held success-means-new"
if grep -q 'user namespaces are not allowed' "$work/out" "$work/err"; then
	echo "SKIPPED: user namespaces are not allowed here"
	exit 0
fi
cp "$work/out" "$work/clean"
expect "with the real dconf the handler succeeds" grep -q '^reported: success, returned 0' "$work/clean"
expect "it is GLib that writes" grep -q ' fallocate  */etc/dconf/db/local\.' "$work/clean"
expect "it is made beside its name and renamed" \
	grep -q ' rename  */etc/dconf/db/local\.[A-Za-z0-9]* to /etc/dconf/db/local ' "$work/clean"

command=replay
looks=$(number_of ' getdents64  */etc/dconf/db/local.d ')
run_case '""' true "fault $looks getdents64 sticky=EIO" "expect violated success-means-new"
expect "what it cannot list it passes over, and reports success" exits_with 1
expect "and the key is not in the database" grep -q 'success was reported, and /etc/dconf/db/local is not new' "$work/out"

command=explain
run_case uint32 900 "expect held clean-run-succeeds"
expect "uint32(900) is no value" grep -q 'error: failed to update' "$work/out"
expect "and the handler takes all back" grep -q '^reported: failure, returned 64' "$work/out"

expect "no workspace is left" no_workspace_left
finish
