/*
 * fsatomic_walk.h: how fsatomic comes to a name: from "/", one directory after the
 * other, following no symlink.
 */
#ifndef KENSA_FSATOMIC_WALK_H
#define KENSA_FSATOMIC_WALK_H

#include <limits.h>
#include <sys/stat.h>

#include "fsatomic.h"

/* A name in a directory that was reached without following a symlink. */
struct fsatomic_place {
	int parent;       /* descriptor of the directory */
	const char *base; /* the last part of `path`; whether it exists is not known */
	char path[PATH_MAX];
};

/* 16 hexadecimal digits and a NUL */
#define FSATOMIC_SUFFIX_SIZE sizeof("0123456789abcdef")

/* Walk to an absolute path. On success the caller closes ret_place->parent. */
enum fsatomic_error fsatomic_walk(const char *path, struct fsatomic_place *ret_place);
/* Look at the name itself: FSATOMIC_NOT_EXIST, FSATOMIC_SYMLINK_IN_PATH, FSATOMIC_OTHER. */
enum fsatomic_error fsatomic_look(const struct fsatomic_place *place, struct stat *ret_status);
/* FIXED: how many names are drawn before it is an error that they are taken. */
#define FSATOMIC_TEMP_TRIES 4u
/* Draw what makes a temporary name nobody else's. */
void fsatomic_random_suffix(char suffix[static FSATOMIC_SUFFIX_SIZE]);
/* Close, and leave errno as it is. */
void fsatomic_close(int fd);
/* Set errno and return FSATOMIC_OTHER. */
enum fsatomic_error fsatomic_other(int number);

#endif
