#!/usr/bin/env bash
# user_namespace_test.sh: torn as root of a user namespace, which is root of nothing outside; and disks for those who
# are no root. What cannot be had is said in one line, and nothing is left.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

says() { grep -qF -- "$1" "$work/out"; }
skips_disks() { says_on_stderr "torn: SKIPPED: real file systems need root: ext4 cannot be mounted in a user namespace"; }

write_case disk.case 'target example.replace\ncut 4 disk=ext4 commit=1 write=9\n'
chmod 0644 disk.case

# ------------------------------------------------------------ an ordinary user

for command in replay explain; do
	run "${as_user[@]}" "$torn" "$command" disk.case
	expect "$command of a disk's case: exit 3" exits_with 3
	expect "$command of a disk's case: SKIPPED" grep -qxF \
		"disk.case: SKIPPED real file systems need root: ext4 cannot be mounted in a user namespace" "$work/out"
done

# ------------------------------------------- root of a namespace, of one id

alone=("${as_user[@]}" unshare -Ur)
if ! "${alone[@]}" true 2>/dev/null; then
	echo "SKIPPED: user namespaces, which are not allowed here"
	finish
fi
run "${alone[@]}" "$torn" check example.replace --power ext4 --cases none
expect "one id, a disk: exit 3" exits_with 3
expect "one id, a disk: SKIPPED" skips_disks
expect "one id, a disk: one line" complains_in_one_line
run "${alone[@]}" "$torn" litmus ext4
expect "one id, litmus: exit 3" exits_with 3
expect "one id, litmus: SKIPPED" skips_disks
expect "one id, litmus: one line" complains_in_one_line
for words in "check example.replace --cases none" "replay disk.case" "exec --cases none -- true"; do
	# shellcheck disable=SC2086 # several words
	run "${alone[@]}" "$torn" $words
	expect "one id, $words: exit 3" exits_with 3
	expect "one id, $words: what is missing" says_on_stderr "this user namespace does not map these"
	expect "one id, $words: one line" complains_in_one_line
done
expect "nothing is left" no_workspace_left

# ---------------------------------------------- root of a namespace, of many

# in_namespace COMMAND...: as `run`. Only root may map more than its own id.
in_namespace() {
	local pid
	unshare -U bash -c 'until [ "$(id -u)" = 0 ]; do :; done; exec "$@"' bash timeout 60 "$@" >"$work/out" 2>"$work/err" &
	pid=$!
	within 30 is_elsewhere "$pid" && echo "0 0 100000" >"/proc/$pid/gid_map" && echo "0 0 100000" >"/proc/$pid/uid_map"
	wait "$pid"
	status=$?
}
is_elsewhere() { [ "$(readlink "/proc/$1/ns/user")" != "$(readlink /proc/self/ns/user)" ]; }

if is_root; then
	in_namespace "$torn" check example.replace@correct --quiet --cases none
	expect "many ids: a check is done" exits_with 0
	in_namespace "$torn" check example.replace --power ext4 --cases none
	expect "many ids, a disk: exit 3" exits_with 3
	expect "many ids, a disk: SKIPPED" skips_disks
	in_namespace "$torn" replay disk.case
	expect "many ids, replay: exit 3" exits_with 3
	expect "many ids, replay: SKIPPED" says "disk.case: SKIPPED real file systems need root"
	expect "many ids: nothing is left" no_workspace_left
fi
finish
