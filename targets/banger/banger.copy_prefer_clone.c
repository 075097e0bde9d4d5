/*
 * banger.copy_prefer_clone: CopyFilePreferClone, which makes a disk image of
 * another one: /var/lib/banger/images/noble.work-seed.ext4 here becomes the
 * work disk of a machine.
 *
 * What it promises: dst did not exist, and is the source afterwards or not
 * there; a half of an image is a file system that mounts and loses files. It
 * sets the source's nine permission bits. It is meant to be run again after a
 * kill, as nothing else would make that machine's disk.
 */
#include "banger.h"

static int published(const struct torn_run *run)
{
	return banger_copy_file_prefer_clone(torn_run_text(run, "source"),
					     torn_run_text(run, "dst"));
}

static int fixed(const struct torn_run *run)
{
	return banger_copy_file_prefer_clone_fixed(torn_run_text(run, "source"),
						   torn_run_text(run, "dst"));
}

static const struct torn_variant variants[] = {
	{"published", published},
	{"fixed", fixed},
	{NULL, NULL},
};

#define SOURCE "old var/lib/banger/images/noble.work-seed.ext4 "
#define DST "old var/lib/banger/vms/one/work.ext4 "
#define TEN(text) text text text text text text text text text text
/* 9000 bytes, that is of more than two blocks; ISO C promises 4095 for a string. */
#define LARGE                                                                                      \
	"\"" TEN(TEN("# 90 bytes of an image that would not fit into one block of a file, nor into" \
		     " two of th...\\n")) "\"\n"
#define DST_ABSENT                                                                                 \
	"old var/lib/banger/vms/one dir\n" DST "absent\n"
#define WITHOUT_CLONE "old var/lib/banger mount lacks=clone\n"

static const struct torn_world worlds[] = {
	{"clone", SOURCE "file \"an image\\n\"\n" DST_ABSENT, .refuses = false},
	{"clone_empty", SOURCE "file \"\"\n" DST_ABSENT, .refuses = false},
	{"clone_large", __extension__ SOURCE "file " LARGE DST_ABSENT, .refuses = false},
	/* 0775: what the umask takes off has to come back; 04755: set-ID bits stay behind */
	{"clone_mode_0775",
	 SOURCE "file mode=0775 \"an image\\n\"\n" DST_ABSENT,
	 .refuses = false},
	{"clone_mode_04755",
	 SOURCE "file mode=04755 \"an image\\n\"\n" DST_ABSENT,
	 .refuses = false},
	{"copy", WITHOUT_CLONE SOURCE "file \"an image\\n\"\n" DST_ABSENT, .refuses = false},
	{"copy_empty", WITHOUT_CLONE SOURCE "file \"\"\n" DST_ABSENT, .refuses = false},
	{"copy_large",
	 __extension__ WITHOUT_CLONE SOURCE "file " LARGE DST_ABSENT,
	 .refuses = false},
	{"copy_mode_0775",
	 WITHOUT_CLONE SOURCE "file mode=0775 \"an image\\n\"\n" DST_ABSENT,
	 .refuses = false},
	{"copy_mode_04755",
	 WITHOUT_CLONE SOURCE "file mode=04755 \"an image\\n\"\n" DST_ABSENT,
	 .refuses = false},
	/* no clone and no copy_file_range reaches from one file system to another */
	{"elsewhere",
	 __extension__ "old var/lib/banger/vms mount\n" SOURCE "file " LARGE DST_ABSENT,
	 .refuses = false},
	{"source_symlink",
	 "old srv/noble.ext4 file \"an image\\n\"\n"
	 SOURCE "symlink /srv/noble.ext4\n" DST_ABSENT,
	 .refuses = false},
	{"dst_exists",
	 SOURCE "file \"an image\\n\"\n" DST "file \"a disk in use\\n\"\n",
	 .refuses = true},
	{"dst_dangling_symlink",
	 SOURCE "file \"an image\\n\"\n" DST "symlink /srv/work.ext4\n",
	 .refuses = true},
	{"dst_directory", SOURCE "file \"an image\\n\"\n" DST "dir\n", .refuses = true},
	{"dst_parent_missing",
	 SOURCE "file \"an image\\n\"\n"
	 "old var/lib/banger/vms dir\n",
	 .refuses = true},
	{"source_missing", "old var/lib/banger/images dir\n" DST_ABSENT, .refuses = true},
	{"source_directory", SOURCE "dir\n" DST_ABSENT, .refuses = true},
	/* nobody writes to it: open(2) of its other end waits */
	{"source_fifo", SOURCE "fifo\n" DST_ABSENT, .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"source", "/var/lib/banger/images/noble.work-seed.ext4"},
	{"dst", "/var/lib/banger/vms/one/work.ext4"},
	{NULL, NULL},
};

static const char *const watch[] = {"$dst", NULL};

static const struct torn_target target = {
	.name = "banger.copy_prefer_clone",
	.summary = "copy a file to a name that is free: FICLONE, or byte by byte",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
	.mode = "@$source",
};
TORN_TARGET(target);
