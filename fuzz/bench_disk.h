/* bench_disk.h: figures of power cuts on real file systems, for torn-bench, beside the bare thing. Root's. */
#ifndef TORN_BENCH_DISK_H
#define TORN_BENCH_DISK_H

/*
 * Print what it takes to put an image on a loop device of 16 MiB by io_uring, by pwrite(2) on the device, and into its
 * backing file, from 1 to 64 scattered writes of 4 KiB. Returns 0, or 1 after saying why not.
 */
int torn_bench_images(void);
/*
 * Print how many times a second an ext4 of 16 MiB with a dirty journal is put back, mounted (which recovers it), read and
 * unmounted, by system calls alone: "read-write N" and, as torn mounts a state, "read-only N". Returns as the above.
 */
int torn_bench_mounts(void);

#endif
