/*
 * fake_transport.h: FakeSysctlTransport, with which the original's unit tests ran its handlers
 * (seeds/kensa.md, "Fake"): maps in place of a file system and a kernel.
 *
 * UNHARDENED (until the fix that it hid): AtomicReplace and AtomicWrite set, AtomicRemove deletes, whatever
 * is there. HARDENED: a file that is absent or present is told apart. In both a path is a key: there
 * are no directories, no symlinks, no modes, no errors of reading; a key of a sysctl is as good as any
 * other, and a value is what was written; every module unloads.
 *
 * FIXED is ours: of each operation of a sequence it says what the real primitives say. It knows
 * directories, symlinks and modes; which sysctls there are, and that one of a number takes
 * numbers only; which modules are loaded. Not modelled, in any: short writes, errors after publishing,
 * concurrency, a crash; in FIXED: ranges of sysctls, strings that are cut, modules in use.
 */
#ifndef KENSA_FAKE_TRANSPORT_H
#define KENSA_FAKE_TRANSPORT_H

#include "transport.h"

enum kensa_fake_version { KENSA_FAKE_UNHARDENED, KENSA_FAKE_HARDENED, KENSA_FAKE_FIXED };

enum kensa_fake_type { KENSA_FAKE_FILE, KENSA_FAKE_DIRECTORY, KENSA_FAKE_SYMLINK, KENSA_FAKE_OTHER };

/* An entry of a map. `text`, malloc'ed: a file's bytes, a symlink's target, a sysctl's value. */
struct kensa_fake_node {
	char *name; /* malloc'ed: a path, a key, a module */
	enum kensa_fake_type type;
	mode_t mode;
	char *text;
	size_t size;
};

#define KENSA_FAKE_NODES_MAX 96

struct kensa_fake_map {
	struct kensa_fake_node nodes[KENSA_FAKE_NODES_MAX];
	size_t count;
};

struct kensa_fake {
	enum kensa_fake_version version;
	struct kensa_fake_map files, runtime, modules;
};

/* Return the node of that name, or NULL. */
struct kensa_fake_node *kensa_fake_find(struct kensa_fake_map *map, const char *name);
/* Set a node, a new one or not; `text` is copied. Returns 0 or -ENOMEM, also where there is no room. */
int kensa_fake_set(struct kensa_fake_map *map, const char *name, enum kensa_fake_type type, mode_t mode,
		   struct torn_bytes text);
void kensa_fake_delete(struct kensa_fake_map *map, struct kensa_fake_node *node);
void kensa_fake_free(struct kensa_fake *fake);

/* The fake as a transport. */
struct kensa_transport kensa_fake_transport(struct kensa_fake *fake);

/*
 * Read into the fake what there is of all that a sequence names: files, and of FIXED the directories and
 * symlinks on the way, values and modules. Returns 0 or -errno.
 */
int kensa_fake_load(struct kensa_fake *fake, const char *operations);

/*
 * What FIXED makes of paths: fake_paths.c. walk: as fsatomic does, without following a symlink; `cleaned` has
 * PATH_MAX bytes, and the node is NULL where there is none. follow: as open(2) does; FSATOMIC_NOT_EXIST.
 * look: the last name is not followed. mkdir_all: FSATOMIC_OK or FSATOMIC_OTHER. In all ".." is
 * taken by the text, which the kernel does not do behind a symlink.
 */
void kensa_fake_clean(const char *path, char *ret_cleaned);
enum fsatomic_error kensa_fake_walk(struct kensa_fake *fake, const char *path, char *ret_cleaned,
				    struct kensa_fake_node **ret_node);
enum fsatomic_error kensa_fake_follow(struct kensa_fake *fake, const char *path,
				      struct kensa_fake_node **ret_node);
enum fsatomic_error kensa_fake_look(struct kensa_fake *fake, const char *path,
				    struct kensa_fake_node **ret_node);
enum fsatomic_error kensa_fake_mkdir_all(struct kensa_fake *fake, const char *path, mode_t mode);

#endif
