/* `awk … fstab > fstab.kensa.tmp && mv fstab.kensa.tmp fstab` on XFS: the rename is on the disk before the bytes. */
#include "../power.h"

static void put_old(void)
{
	put("fstab", "/dev/sda3 /tmp ext4 defaults 0 2");
}

int main(void)
{
	begin_on("xfs", "400M", "defaults", put_old);
	MUST(system("awk '$2 == \"/tmp\" { $4 = $4 \",nodev\" } { printf \"%s\", $0 }' fstab > fstab.kensa.tmp &&"
		    " mv fstab.kensa.tmp fstab") == 0);
	printf("committed\n");
	show("fstab");
	another_program_syncs();
	power_goes();
	show("fstab");
	return 0;
}
