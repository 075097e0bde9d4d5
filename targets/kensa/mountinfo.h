/* mountinfo.h: what is mounted at a directory: /proc/self/mountinfo, proc_pid_mountinfo(5). */
#ifndef KENSA_MOUNTINFO_H
#define KENSA_MOUNTINFO_H

/* Of the mount that is on top there: malloc'ed strings. */
struct mountinfo {
	char *source;
	char *of_mount, *of_filesystem; /* its options: "ro,nosuid", and "rw,size=4k" */
	char *options;                  /* both, as findmnt(8) joins them: "ro,nosuid,size=4k" */
};

/* Read it. Returns 0; -1 with errno, ENOENT where nothing is mounted there. The caller frees. */
int mountinfo_read(const char *mount_point, struct mountinfo *ret_info);
void mountinfo_free(struct mountinfo *info);

#endif
