# disks.sh: what tests with real disks share: may they be had, and is anything left of them? Sourced behind tests.sh.
# shellcheck shell=bash

has_disks() { is_root && [ -e /dev/loop-control ] && [ -e /dev/fuse ]; }
devices_of() { cat /sys/block/loop*/loop/backing_file 2>/dev/null | grep -E "torn-disk\.$1( |\$)"; }
has_device() { [ -n "$(devices_of "$1")" ]; }
no_mount_left() { ! grep -qE 'fuse.torn|/tmp/mounted' /proc/mounts; }
nothing_left() { no_process_left && no_mount_left; }
nothing_left_of() { nothing_left && ! has_device "$1"; }

# Of the last run: it said in one line why it did nothing.
is_skipped() { exits_with 3 && complains_in_one_line && says_on_stderr "torn: SKIPPED: "; }
