/* output.h: files that torn writes: wholly, or not at all. */
#ifndef TORN_OUTPUT_H
#define TORN_OUTPUT_H

#include <stdio.h>

/*
 * Write a file by a function: to a temporary name beside it, fsync, rename,
 * fsync of the directory. What is no regular file ("-" is stdout, a pipe, a
 * device) is written to directly. `write` returns 0 or -errno. Returns 0 or
 * -errno; after an error the file is what it was and no temporary one is left.
 */
int torn_output_write(const char *path, int (*write)(FILE *out, const void *context),
		      const void *context);
/*
 * The same for a name in a folder that is open (O_PATH will do), which takes the place of whatever
 * has that name but a directory: no symlink is followed, nothing that waits is opened. It gets the
 * mode that the umask leaves of 0666.
 */
int torn_output_write_at(int folder_fd, const char *name,
			 int (*write)(FILE *out, const void *context), const void *context);

#endif
