/*
 * transport.h: what the original's handlers do their work through (seeds/kensa.md, "Transports"):
 * FileTransport, SysctlTransport and ModuleTransport in one, and a look at a file's mode, by which
 * a fake can be held against the real thing.
 */
#ifndef KENSA_TRANSPORT_H
#define KENSA_TRANSPORT_H

#include "fsatomic.h"

/*
 * Every function returns FSATOMIC_OK or kensa's error for it. Paths are absolute. What is read is
 * malloc'ed, with a NUL behind it; NULL where there is no such file.
 */
struct kensa_transport {
	void *self;
	enum fsatomic_error (*write)(void *self, const char *path, mode_t mode,
				     struct torn_bytes content);
	enum fsatomic_error (*replace)(void *self, const char *path, mode_t mode,
				       struct torn_bytes content);
	enum fsatomic_error (*remove)(void *self, const char *path);
	enum fsatomic_error (*read)(void *self, const char *path, char **ret_text, size_t *ret_size);
	enum fsatomic_error (*mkdir_all)(void *self, const char *path, mode_t mode);
	/* lstat(2)'s; FSATOMIC_NOT_EXIST, and FSATOMIC_OTHER where it keeps none */
	enum fsatomic_error (*look)(void *self, const char *path, mode_t *ret_mode);
	enum fsatomic_error (*write_sysctl)(void *self, const char *key, const char *value);
	enum fsatomic_error (*read_sysctl)(void *self, const char *key, char **ret_value,
					   size_t *ret_size);
	/* FSATOMIC_NOT_EXIST is ErrModuleNotLoaded */
	enum fsatomic_error (*delete_module)(void *self, const char *name);
};

/* The real primitives. `variant` outlives it. */
struct kensa_transport kensa_real_transport(enum fsatomic_variant *variant);

/*
 * Do what `operations` says, "replace /etc/f text; remove /etc/f; ...", and tell on stdout, a line each:
 * "replace /etc/f: ok", "remove /etc/f: ErrNotExist". Words are:
 *
 *   write PATH TEXT    AtomicWrite        put PATH TEXT   kernelio.WriteFile
 *   replace PATH TEXT  AtomicReplace      drop PATH       kernelio.RemoveFile
 *   remove PATH        AtomicRemove       mkdir PATH      MkdirAll
 *   read PATH          ReadFileIfExists   mode PATH       what lstat(2) says
 *   sysctl KEY VALUE   WriteSysctl        get KEY         ReadSysctl
 *   module NAME        DeleteModule
 *
 * Files get the mode 0644, directories 0755. An unknown word is told as "what?". Returns 0 or -ENOMEM.
 */
int kensa_sequence_run(const struct kensa_transport *transport, const char *operations);

/*
 * Call `visit` with what each operation names: a path, a key, a module's name. Returns 0, -ENOMEM, or what
 * `visit` returned that was not 0.
 */
enum kensa_named { KENSA_NAMES_PATH, KENSA_NAMES_KEY, KENSA_NAMES_MODULE };
typedef int kensa_sequence_visit(void *context, enum kensa_named what, const char *name);
int kensa_sequence_names(const char *operations, kensa_sequence_visit *visit, void *context);

#endif
