#!/usr/bin/env bash
# shell_target_test.sh: a target that starts programs is swept and replayed as any other, and what it starts
# reaches nothing of the host.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

# Of these each trial starts a dozen programs, with sanitizers in some of them.
run_long() {
	timeout 400 "$@" >"$work/out" 2>"$work/err"
	status=$?
}
host() {
	cat /proc/self/mountinfo /proc/sys/kernel/panic /proc/sys/net/ipv4/conf/all/log_martians
	ls -A / /dev
}
host >"$work/before"
host_is_as_before() { host | diff "$work/before" - >"$work/difference"; }
same() { diff "$1" "$2" >"$work/difference"; }
without_seconds() { sed -E 's/[0-9.]+ s$/s/' "$1"; }

rules=/etc/audit/audit.rules
for user in root other; do
	prefix=(env)
	[ "$user" = root ] || prefix=("${as_user[@]}")
	mkdir -m 1777 "$work/place/$user" && cd "$work/place/$user" || exit 1

	run "${prefix[@]}" "$planted" check hostile.shell@in_place --depth 1 --quiet
	if grep -q 'user namespaces are not allowed' "$work/out" "$work/err"; then
		echo "SKIPPED: user namespaces are not allowed here"
		exit 0
	fi
	expect "$user: writing in place is found" exits_with 1
	expect "$user: a file that is half there is found" grep -q 'old-or-new .* write (kill=' "$work/out"
	without_seconds "$work/out" >first
	run "${prefix[@]}" "$planted" check hostile.shell@in_place --depth 1 --quiet
	without_seconds "$work/out" >second
	expect "$user: twice the same is found" same first second

	for found in torn-cases/hostile.shell-old-or-new-*.case; do
		run "${prefix[@]}" "$planted" replay "$found"
		expect "$user: $found shows again" exits_with 1
		expect "$user: and is told" grep -q 'VIOLATED.*old-or-new\|old-or-new.*VIOLATED' "$work/out"
	done

	run "${prefix[@]}" "$planted" check hostile.shell@moved --depth 1 --quiet
	expect "$user: mv never leaves half a file" not grep -q '^  old-or-new ' "$work/out"

	# A value of the kernel, set by the stand-in for sysctl(8) that sh finds.
	run_long "${prefix[@]}" "$torn" check kensa.sysctl_set_shell@head --quiet
	expect "$user: the handler by commands is judged" exits_with 1
	expect "$user: it leaves another mode than by calls" grep -q 'paths-agree .*mode, owner or attributes differ' "$work/out"
	expect "$user: a drop-in that is half there is found" grep -q 'old-or-new .*99-kensa.conf' "$work/out"
	expect "$user: rollback stops at its file step" grep -q 'rollback-completes .*log_martians' "$work/out"
	expect "$user: after the runtime write, too" grep -q 'conf/all/log_martians: [1-9][0-9]* trials' "$work/out"
	for found in torn-cases/kensa.sysctl_set_shell-rollback-completes-*.case; do
		run "${prefix[@]}" "$torn" replay "$found"
		expect "$user: $found shows again" exits_with 1
	done

	# augenrules is a script: cp in place, only where the file is another, and nothing is synced.
	cp "$SOURCE_DIR"/corpus/kensa.audit_rule_set_shell/*-{paths-agree,rollback-is-durable}-*.case .
	for found in kensa.audit_rule_set_shell-paths-agree-*.case; do
		run "${prefix[@]}" "$torn" explain "$found"
		expect "$user: augenrules writes in place" \
			grep -q ' openat  *'"$rules"' O_WRONLY|O_CREAT|O_TRUNC' "$work/out"
		expect "$user: its mode is set behind that" grep -q ' chmod  *'"$rules"' to 0640' "$work/out"
		expect "$user: it syncs nothing" not grep -q 'sync  *'"$rules" "$work/out"
	done
	for found in kensa.audit_rule_set_shell-rollback-is-durable-*.case; do
		run "${prefix[@]}" "$torn" explain "$found"
		expect "$user: augenrules compares" grep -q ' openat  *'"$rules"' O_RDONLY' "$work/out"
		expect "$user: it leaves what is the same" not grep -q "$rules O_WRONLY" "$work/out"
	done

	# dconf reads what it may: what it cannot ask for its type it passes over, and a FIFO is no file.
	cp "$SOURCE_DIR"/corpus/kensa.dconf_set_shell/*-success-means-new-*.case .
	for found in kensa.dconf_set_shell-success-means-new-*.case; do
		run "${prefix[@]}" "$torn" explain "$found"
		expect "$user: dconf asks for the type" \
			grep -q ' newfstatat  */etc/dconf/db/local.d  *-> EACCES ' "$work/out"
		expect "$user: it goes on without an answer" grep -q '^reported: success' "$work/out"
		expect "$user: nothing is compiled" not grep -q ' rename.* to /etc/dconf/db/local ' "$work/out"
	done
	for found in "$SOURCE_DIR"/corpus/kensa.dconf_set/fifo_beside_*.case; do
		run "${prefix[@]}" "$torn" explain "$found"
		expect "$user: a FIFO is not opened" not grep -q ' openat .*/20-wait' "$work/out"
		expect "$user: what is beside it is compiled" \
			grep -q ' rename.* to /etc/dconf/db/local ' "$work/out"
	done

	run_long "${prefix[@]}" "$planted" check hostile.shell@reaches --depth 1 --quiet
	expect "$user: what reaches for the host is judged" exits_with 1
	expect "$user: the host is as before" host_is_as_before || cat "$work/difference"
	expect "$user: no workspace is left" no_workspace_left
done

finish
