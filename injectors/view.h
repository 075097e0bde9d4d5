/*
 * view.h: what a process's names mean: its descriptors, its working directory
 * and the tree that it sees. Both gates keep one for each process they watch.
 *
 * Paths are resolved here, component by component over the fold's tree, with
 * ".." clamped at the root and symlinks taken as the root's own, so that
 * /etc/x is the trial's /etc/x however it is spelled. The kernel is then given
 * (descriptor of the parent, one component) and nothing to resolve.
 */
#ifndef TORN_VIEW_H
#define TORN_VIEW_H

#include "fold.h"
#include "tree.h"

/* Descriptors from here on are torn's own; the target's end below. */
#define TORN_FD_RESERVED 1000
/* The first of them is /dev/null, to put back what a target closed. */
#define TORN_FD_NULL TORN_FD_RESERVED
#define TORN_PATH_MAX 4096

enum torn_fd_class {
	TORN_FD_CLOSED, /* or never seen: the kernel answers EBADF */
	TORN_FD_ROOT,   /* an inode below the root: its calls are numbered */
	TORN_FD_OUTPUT, /* stdout, stderr: bytes are recorded and go nowhere */
	TORN_FD_RANDOM, /* /dev/urandom: virtual randomness */
	TORN_FD_URING,  /* a ring of io_uring: its object is the ring's number */
	TORN_FD_AUDIT,  /* a netlink socket to the simulated kernel's audit */
	TORN_FD_OTHER,  /* stdin, pipes, /dev/null, the loader's files: passed on */
};

/* An open file description: what dup'ed descriptors share. */
struct torn_description {
	enum torn_fd_class class;
	torn_object object;
	uint32_t how;    /* flags of open(2) */
	uint32_t op;     /* that opened it */
	uint32_t cursor; /* of a directory: entries given out, with "." and ".." */
	uint64_t offset; /* of a file */
	int stream;      /* of an output: 1 or 2, which of them it is */
	int owed; /* errno that its next fsync is told: writing back failed (errseq_t of the kernel) */
	struct torn_bytes path; /* when it was opened */
};

/* Pages of a file that the target shares with it: stores into them are writes. */
struct torn_mapping {
	uint64_t address, size; /* whole pages */
	uint64_t offset;        /* in the file */
	torn_object object;
	uint32_t op;            /* that mapped it */
	bool writable;          /* now: mprotect(2) */
	struct torn_bytes path; /* when it was opened */
};

#define TORN_MAPPINGS_MAX 64u

/* What the descriptors of a process are open on; several may share one: clone(2), CLONE_FILES. */
struct torn_fds {
	uint16_t number[TORN_FD_RESERVED]; /* of a description; 0: closed */
	bool is_closed_by_exec[TORN_FD_RESERVED]; /* FD_CLOEXEC; kept by the ptrace gate only */
	uint32_t open;
	int end; /* none from here on is open or was */
};

struct torn_view {
	struct torn_fold fold;
	torn_object cwd; /* 0: outside the root */
	uint32_t umask;
	struct torn_description *descriptions; /* by number; 0 is unused */
	uint32_t descriptions_count, descriptions_room;
	struct torn_fds *fds;    /* of the process whose call is looked at */
	struct torn_fds own_fds; /* these, where there is one process */
	struct torn_mapping mappings[TORN_MAPPINGS_MAX];
	uint32_t mappings_count;
	/*
	 * Where the root stands in a larger world, "/home/me/app"; data NULL: it is all there is. Then a
	 * path that goes out of it is not clamped: torn_view_resolve() returns -EXDEV, and `left` is where
	 * it goes on, as a path of that world.
	 */
	struct torn_bytes root_path, left;
	/*
	 * Names in the root where something else is mounted ("usr"), which the tree has not got: a path
	 * through one of them is -EXDEV, too. Ends with NULL; NULL: there are none.
	 */
	const char *const *others;
	/* the last directory whose path was asked for; see torn_view_path */
	torn_object path_object;
	struct torn_bytes path_known;
};

/* Begin a run: descriptors 0 to 2 only, cwd at the root, umask 022. Returns 0 or -ENOMEM. */
int torn_view_begin(struct torn_view *view, struct torn_arena *arena,
		    const struct torn_fold_base *base);

/* Return what a descriptor is open on; NULL where it is not open. */
static inline struct torn_description *torn_view_fd(struct torn_view *view, int fd)
{
	if (fd < 0 || fd >= view->fds->end || view->fds->number[fd] == 0)
		return NULL;
	return &view->descriptions[view->fds->number[fd]];
}
/* Note that `fd` is now open. Returns 0, -EMFILE for a number of torn's own, -ENOMEM. */
int torn_view_open(struct torn_view *view, int fd, const struct torn_description *description);
/* Note that `fd` is another name of what `from` is open on. Returns 0, -EBADF or -EMFILE. */
int torn_view_duplicate(struct torn_view *view, int from, int fd);
/* Is there a descriptor left for the target? */
bool torn_view_has_room(const struct torn_view *view);
void torn_view_close(struct torn_view *view, int fd);

/* LAST_NORM and so on of fs/namei.c, and a name that is too long for any directory. */
enum torn_last { TORN_LAST_NAME, TORN_LAST_LONG, TORN_LAST_DOT, TORN_LAST_DOTDOT, TORN_LAST_ROOT };

/* Where a path leads. */
struct torn_place {
	torn_object dir;        /* directory of the last component */
	struct torn_bytes name; /* the last component, "." where the path ends in a directory itself */
	torn_object object;     /* what is there; 0: nothing */
	int descriptor;         /* "/proc/self/fd/N": N, and `object` is its; else -1 */
	bool slash;             /* a trailing slash: it must be a directory */
	enum torn_last last;    /* of TORN_RESOLVE_PARENT only: what the last component is */
};

/* What is done with the last component. */
enum torn_resolve {
	TORN_RESOLVE_SELF,   /* what has that name, also a symlink: lstat */
	TORN_RESOLVE_FOLLOW, /* what a symlink leads to: stat */
	TORN_RESOLVE_CREATE, /* the same for open(O_CREAT): a trailing slash is EISDIR */
	TORN_RESOLVE_CREATE_SELF, /* for open(O_CREAT) with O_EXCL or O_NOFOLLOW */
	/* Only its directory has to be there: rename, unlink, mkdir. Never followed,
	 * whatever slashes come behind it, which the caller looks at. */
	TORN_RESOLVE_PARENT,
};

/*
 * Resolve a path from `dirfd` (AT_FDCWD, a descriptor; not looked at for an
 * absolute path). A last component that is absent is no error. Returns 0,
 * -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG or -EBADF as path_resolution(7) has
 * it; -EXDEV where the path leaves a root that stands in a larger world (`left`).
 */
int torn_view_resolve(struct torn_view *view, int dirfd, struct torn_bytes path,
		      enum torn_resolve how, struct torn_place *ret_place);

/*
 * Write the path of `name` in `dir` into the arena ("" for the root; a name of
 * "." adds nothing). `ret_name` is its last component, with a NUL behind it.
 * Returns 0 or -ENOMEM.
 */
int torn_view_path(struct torn_view *view, torn_object dir, struct torn_bytes name,
		   struct torn_bytes *ret_path, struct torn_bytes *ret_name);
/* The path of an inode by its first name; "" also for one that has none. */
struct torn_bytes torn_view_object_path(struct torn_view *view, torn_object object);
/* A directory was moved: forget what paths were. */
void torn_view_moved(struct torn_view *view);

static inline const struct torn_node *torn_view_node(const struct torn_view *view,
						     torn_object object)
{
	const struct torn_fold_object *found = torn_fold_object(&view->fold, object);
	return found ? found->node : NULL;
}

#endif
