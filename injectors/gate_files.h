/*
 * gate_files.h: what the files that perform calls on files share. gate_files.c
 * takes a call in and hands it to one of the functions below, by its kind.
 */
#ifndef TORN_GATE_FILES_H
#define TORN_GATE_FILES_H

#include "gate_internal.h"

/* What a perform function is given; it returns a value or -errno. */
struct torn_doing {
	struct torn_gate *gate;
	struct torn_request *request;
	struct torn_op *op;
	uint64_t limit; /* bytes to move at most */
	bool interrupted; /* a signal arrives: a call that would wait is told EINTR (signal(7)) */
};

static inline struct torn_view *torn_doing_view(const struct torn_doing *doing)
{
	return &doing->gate->recorder->view;
}

static inline int torn_doing_dirfd(const struct torn_doing *doing)
{
	return torn_directories_fd(doing->gate->directories, doing->op->dir);
}

static inline const char *torn_doing_name(const struct torn_doing *doing)
{
	return (const char *)doing->op->name.data;
}

/*
 * On disk a file's mode is what the tree says, without the set-ID bits and with
 * the owner's own rights on top (the target is root, whom no mode stops).
 */
static inline uint32_t torn_doing_mode(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	return (op->mode & 0777) | (op->kind == TORN_KIND_mkdir ? 0700 : 0600);
}

/* The file system of an inode: the object that it begins with, and what it lacks (enum torn_mount). */
static inline torn_object torn_doing_filesystem(const struct torn_doing *doing, torn_object object)
{
	return torn_fold_filesystem(&torn_doing_view(doing)->fold, object);
}

static inline bool torn_doing_lacks(const struct torn_doing *doing, torn_object object,
				    enum torn_mount what)
{
	const struct torn_view *view = torn_doing_view(doing);
	return torn_view_node(view, torn_doing_filesystem(doing, object))->mount & (uint32_t)what;
}

/* An address that the target passed. One that cannot be any is EFAULT; a wild one crashes it. */
static inline void *torn_user(uint64_t address)
{
	return (void *)(uintptr_t)address; /* NOLINT: from a register */
}

static inline bool torn_is_wild(uint64_t address)
{
	return address < 4096 || address >= UINT64_C(1) << 47;
}

/* Put all that a write was given into one piece, which the log keeps. Returns 0 or -errno. */
int torn_doing_gather(struct torn_gate *gate, struct torn_request *request, struct torn_op *op);

/* A descriptor of the target's was moved by the kernel: note where it stands now. */
void torn_gate_follow_offset(struct torn_view *view, int fd);

/* gate_other.c: a call that is no op; `where` says of what kind. Returns what the target is told. */
long torn_gate_other(struct torn_gate *gate, struct torn_request *request, enum torn_where where);

/* gate_open.c */
long torn_do_open(const struct torn_doing *doing);
long torn_do_close(const struct torn_doing *doing);
long torn_do_duplicate(const struct torn_doing *doing);
long torn_do_fcntl(const struct torn_doing *doing);
long torn_do_flock(const struct torn_doing *doing);

/* gate_bytes.c */
long torn_do_read(const struct torn_doing *doing);
long torn_do_write(const struct torn_doing *doing);
long torn_do_seek(const struct torn_doing *doing);
long torn_do_copy(const struct torn_doing *doing);
long torn_do_clone(const struct torn_doing *doing);
/* Does an ioctl make the kernel send signals to whom the target names? They are as F_SETOWN. */
bool torn_ioctl_signals(uint32_t command);
long torn_do_control(const struct torn_doing *doing);
long torn_do_truncate(const struct torn_doing *doing);
long torn_do_allocate(const struct torn_doing *doing);
long torn_do_sync(const struct torn_doing *doing);
/* Put the op's data in the place of the file's whole content, also through a read-only descriptor. */
long torn_do_revert(const struct torn_doing *doing);

/* gate_runtime.c */
long torn_do_runtime(const struct torn_doing *doing);

/* gate_mapping.c */
long torn_do_map(const struct torn_doing *doing);

/* gate_look.c */
long torn_do_stat(const struct torn_doing *doing);
long torn_do_access(const struct torn_doing *doing);
long torn_do_readlink(const struct torn_doing *doing);
long torn_do_readdir(const struct torn_doing *doing);
long torn_do_chdir(const struct torn_doing *doing);

/* gate_names.c */
long torn_do_rename(const struct torn_doing *doing);
long torn_do_unlink(const struct torn_doing *doing);
long torn_do_link(const struct torn_doing *doing);
long torn_do_symlink(const struct torn_doing *doing);
long torn_do_mkdir(const struct torn_doing *doing);
long torn_do_mknod(const struct torn_doing *doing);

/* gate_attributes.c */
long torn_do_chmod(const struct torn_doing *doing);
long torn_do_chown(const struct torn_doing *doing);
long torn_do_utime(const struct torn_doing *doing);
long torn_do_setxattr(const struct torn_doing *doing);
long torn_do_getxattr(const struct torn_doing *doing);

#endif
