/* vdso.h: clocks and randomness that the kernel serves without a system call. */
#ifndef TORN_VDSO_H
#define TORN_VDSO_H

/*
 * Turn the vDSO's functions into the system calls they stand for, in this
 * process only (its pages are private). Once a process. Returns 0, also where
 * there is no vDSO; -errno of mprotect(2) where it cannot be written.
 */
int torn_vdso_patch(void);

#endif
