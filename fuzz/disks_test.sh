#!/usr/bin/env bash
# disks_test.sh: would the other tests see what torn left behind? Each kind of it is made here by hand.
# shellcheck source=fuzz/tests.sh
. "$SOURCE_DIR/fuzz/tests.sh" || exit 1
private_mounts # a mount of this test is seen by no other one
# shellcheck source=fuzz/disks.sh
. "$SOURCE_DIR/fuzz/disks.sh" || exit 1
begin

if ! has_disks; then
	expect "who has no right to disks finds none" no_leftover
	echo "SKIPPED: power cuts on real file systems need root, /dev/fuse and loop devices"
	finish
fi
device='' holder=''
at_end() {
	[ -z "$holder" ] || kill -KILL "$holder" 2>/dev/null
	[ -z "$device" ] || losetup -d "$device" 2>/dev/null
	umount /tmp/mounted 2>/dev/null && rmdir /tmp/mounted
}
settled() { within 10 no_leftover; }
is_found() { leftovers_of_this_test | grep -qF -- "$1"; }

expect "there is nothing yet" settled

# ------------------------------------------------------------------ devices

make_device() {
	truncate -s 1M "$work/torn-disk.$1"
	device=$(losetup -f --show "$work/torn-disk.$1")
}
clear_device() {
	losetup -d "$device"
	device=''
}
gone=$(bash -c 'echo $$')
make_device "$gone"
expect "a device whose torn is gone: found" within 10 is_found "torn-disk.$gone"
expect "a device whose torn is gone: it is that one's" not nothing_left_of "$gone"
clear_device
make_device $$
expect "a device whose process is there: no leftover" settled
expect "a device whose process is there: it has one" has_device $$
clear_device

# ------------------------------------------------------------------- mounts

mkfifo open
# hold COMMAND...: COMMAND says on descriptor 4 that it has what it holds, and is there until it is let go.
hold() {
	"$@" 3<>open 4>held &
	holder=$!
	within 10 test -s held || expect "it is held: $*" false
}
let_go() {
	kill -KILL "$holder"
	wait "$holder" 2>/dev/null
	holder=''
}
# Mounts as torn has them, in a namespace of its own that PROGRAM keeps.
mounted_by() {
	# shellcheck disable=SC2016 # for the other shell
	exec env "$1" unshare -m --propagation private bash -c 'mount -t tmpfs none /tmp && mkdir /tmp/mounted &&
		mount -t tmpfs none /tmp/mounted && echo held >&4 && exec "$0" <&3' "$2"
}
program=/dev/shm/torn-cat # /tmp is another one there
cp "$(command -v cat)" "$program"
hold mounted_by A=1 cat
expect "a namespace that nobody's torn is in: found" within 10 is_found 'mnt:['
let_go
expect "a namespace that nobody's torn is in: gone" settled
hold mounted_by A=1 "$program"
expect "a namespace of somebody else's torn: no leftover" settled
let_go
hold mounted_by "$mark" "$program"
expect "a namespace of this test's torn: found" within 10 is_found 'mnt:['
expect "a namespace of this test's torn: its process, too" not no_process_left
let_go
expect "a namespace of this test's torn: gone" settled

mkdir -p /tmp/mounted && mount -t tmpfs none /tmp/mounted
expect "a mount that this test sees: found" within 10 is_found ' /tmp/mounted '
umount /tmp/mounted && rmdir /tmp/mounted
expect "a mount that this test sees: gone" settled

# --------------------------------------------------------------------- FUSE

# Mounted, and behind another root: who keeps it does not see it.
unseen() {
	# shellcheck disable=SC2016 # for the other shell
	exec unshare -m --propagation private bash -c 'exec 5<>/dev/fuse; mkdir fuse root && mount --bind / root &&
		mount -i -t fuse -o fd=5,rootmode=40000,user_id=0,group_id=0 none fuse && echo held >&4 &&
		exec chroot root cat <&3'
}
if [ -n "$(connections)" ] || unshare -m mount -t fusectl none /sys/fs/fuse/connections 2>/dev/null; then
	hold unseen
	expect "a connection that nobody sees: found" within 10 is_found 'FUSE connection '
	let_go
	expect "a connection that nobody sees: gone" settled
fi
finish
