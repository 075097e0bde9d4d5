#!/usr/bin/env bash
# real_runtime_test.sh: --runtime real: what a namespace holds is held against this kernel while targets
# run, and what none holds is SKIPPED with the reason.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts
begin

unshare_flags=(-n -m)
is_root || unshare_flags+=(-U)
if ! unshare "${unshare_flags[@]}" true 2>/dev/null; then
	echo "SKIPPED: this machine allows no network and mount namespace"
	exit 0
fi

before=$(cat /proc/sys/net/ipv4/conf/all/log_martians)

run "$torn" check --runtime real --depth 1 --cases cases kensa.sysctl_set@head kensa.mount_option_set@fixed
expect "sysctls and mounts do on this kernel what they do in the model" \
	grep -qE '^torn: [1-9][0-9]* changes were made on this kernel, too: it did what the simulated one does$' "$work/err"
expect "sysctls below net and mounts are not skipped" not grep -q SKIPPED "$work/err"
expect "the machine's own value is as it was" \
	[ "$(cat /proc/sys/net/ipv4/conf/all/log_martians)" = "$before" ]

run "$torn" replay --runtime real cases/kensa.sysctl_set-*.case
expect "a replay is held against this kernel, too" grep -q 'changes were made on this kernel' "$work/err"

run "$torn" check --runtime real --depth 1 --cases cases kensa.audit_rule_set@head kensa.kernel_module_disable@head
expect "nothing is left to check: exit 0" exits_with 0
expect "audit rules are skipped, and it says why" \
	grep -qx 'kensa.audit_rule_set@head: SKIPPED: proc/audit/rules is the machine.s: no namespace has audit rules of its own' "$work/err"
expect "modules are skipped, and it says why" \
	grep -qx 'kensa.kernel_module_disable@head: SKIPPED: proc/modules is the machine.s: no namespace has modules of its own' "$work/err"

run "$planted" check --runtime real --depth 1 --cases cases planted.runtime_restored planted.old_or_new
expect "another sysctl is skipped" \
	grep -q '^planted.runtime_restored@planted: SKIPPED: proc/sys/kernel/panic_on_oops is the machine.s' "$work/err"
expect "what touches no runtime is skipped" \
	grep -q '^planted.old_or_new@planted: SKIPPED: it watches nothing that the kernel keeps' "$work/err"

run "$torn" check --runtime virtual kensa.sysctl_set@head
expect "another word is refused" exits_with 2
expect "with what was expected" grep -qx 'torn check: expected model or real for --runtime, found virtual' "$work/err"

finish
