# disks.sh: what tests with real disks share: may they be had, and is anything left of them? Sourced behind tests.sh.
#
# All that torn sets up is seen by nobody else: it mounts in a mount namespace of its own, so a look at the mounts of this
# one would hardly ever fail. What outlives torn is held by something: a process, a device, a connection of FUSE. Others
# may run torn at the same time; what is theirs is told by whose it is, and what was there before this test is not counted.
# shellcheck shell=bash disable=SC2154 # $mark is of tests.sh

has_disks() { is_root && [ -e /dev/loop-control ] && [ -e /dev/fuse ]; }
# Of a torn by its process number, as its name ends with that.
devices_of() { cat /sys/block/loop*/loop/backing_file 2>/dev/null | grep -E "torn-disk\.$1( |\$)"; }
has_device() { [ -n "$(devices_of "$1")" ]; }

# Devices whose torn is gone.
orphaned_devices() {
	local file disk
	for file in /sys/block/loop*/loop/backing_file; do
		{ disk=$(<"$file"); } 2>/dev/null || continue # cleared meanwhile
		[[ $disk =~ torn-disk\.([0-9]+) && ! -d /proc/${BASH_REMATCH[1]} ]] && echo "$file $disk"
	done
}

torn_mounts=' /tmp/(recorded|mounted|small) | - fuse\.torn '

# A torn or a test that is not this one's.
is_of_others() {
	local program
	program=$(readlink "/proc/$1/exe") || return
	program=${program##*/}
	[[ $program == torn* || $program == fuzz_* || $program == *_test ]] &&
		! { tr '\0' '\n' <"/proc/$1/environ" | grep -qxF "$mark"; } 2>/dev/null
}

# Mounts of torn in the namespace of this test; and other namespaces that have any, and no torn of others.
orphaned_mounts() {
	local own info pid namespace
	local -A others=() found=()
	own=$(readlink /proc/self/ns/mnt)
	grep -E "$torn_mounts" /proc/self/mountinfo
	while read -r info; do
		pid=${info//[!0-9]/}
		namespace=$(readlink "/proc/$pid/ns/mnt") || continue
		[ "$namespace" = "$own" ] && continue
		found[$namespace]=1
		! is_of_others "$pid" || others[$namespace]=1
	done < <(grep -lE "$torn_mounts" /proc/[0-9]*/mountinfo 2>/dev/null)
	for namespace in "${!found[@]}"; do
		[ -n "${others[$namespace]:-}" ] || echo "$namespace"
	done
}

# File systems of FUSE, by the number of their device. Where they cannot be looked at there are none.
connections() {
	unshare -m --propagation private bash -c 'mount -t fusectl none /sys/fs/fuse/connections
		ls /sys/fs/fuse/connections' 2>/dev/null
}
# Those that are mounted where no process sees them: a device or a descriptor keeps them.
orphaned_connections() {
	local number
	for number in $(connections); do
		grep -qE "^[0-9]+ [0-9]+ 0:$number " /proc/[0-9]*/mountinfo 2>/dev/null || echo "FUSE connection $number"
	done
}

leftovers() { { orphaned_devices; orphaned_mounts; orphaned_connections; } | sort; }
leftovers_before=$(leftovers)
leftovers_of_this_test() { comm -13 <(echo "$leftovers_before") <(leftovers); }
no_leftover() { [ -z "$(leftovers_of_this_test)" ]; }

# Of this test at once; what is being taken down just now may be somebody else's.
nothing_left() { no_process_left && { no_leftover || within 10 no_leftover; }; }
nothing_left_of() { no_process_left && ! has_device "$1" && nothing_left; }

# Of the last run: it said in one line why it did nothing.
is_skipped() { exits_with 3 && complains_in_one_line && says_on_stderr "torn: SKIPPED: "; }
