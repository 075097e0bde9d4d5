/* narrate.c: see narrate.h. Meanings of errnos come from libc, in English whatever the locale. */
#include "narrate.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "flags.h"

#define OBJECT_ROOT 1u
#define OUTPUT_SHOWN_MAX 40

/* ---------------------------------------------------------------- request */

static bool makes_inode(const struct torn_op *op)
{
	return op->kind == TORN_KIND_mkdir || op->kind == TORN_KIND_mknod ||
	       (op->kind == TORN_KIND_open && (op->flags & TORN_OP_CREATES));
}

/* What an op acts on: a name, a descriptor, or a name that a descriptor was opened by. */
static void add_subject(struct torn_phrase *phrase, const struct torn_op *op)
{
	bool by_fd = op->fd >= 0 && op->kind != TORN_KIND_open;
	if (op->kind == TORN_KIND_point) {
		torn_phrase_add(phrase, "%.*s", (int)op->name.size, (const char *)op->name.data);
		return;
	}
	if (op->path.size > 0 || (op->path.data && !by_fd) || op->object == OBJECT_ROOT) {
		torn_phrase_add_path(phrase, op->path);
		if (by_fd)
			torn_phrase_add(phrase, " (fd %" PRId32 ")", op->fd);
	} else if (by_fd) {
		torn_phrase_add(phrase, "fd %" PRId32, op->fd);
	}
}

static void add_range(struct torn_phrase *phrase, const char *sign, const struct torn_op *op)
{
	torn_phrase_add(phrase, "%s %" PRIu64 " byte%s", sign, op->length,
			op->length == 1 ? "" : "s");
	if (op->offset > 0)
		torn_phrase_add(phrase, " at %" PRIu64, op->offset);
}

static void add_access(struct torn_phrase *phrase, uint32_t mode)
{
	static const char *const names[] = {"F_OK", "X_OK",	 "W_OK",      "W_OK|X_OK",
					    "R_OK", "R_OK|X_OK", "R_OK|W_OK", "R_OK|W_OK|X_OK"};
	torn_phrase_add(phrase, " %s", names[mode & 7]);
}

static void add_details(struct torn_phrase *phrase, const struct torn_op *op)
{
	switch (op->kind) {
	case TORN_KIND_write:
	case TORN_KIND_copy:
	case TORN_KIND_allocate:
		add_range(phrase, ",", op);
		break;
	case TORN_KIND_read:
		add_range(phrase, ", up to", op);
		break;
	case TORN_KIND_runtime:
		if (op->name_to.size > 0) {
			torn_phrase_add(phrase, ", ");
			torn_phrase_add_quoted(phrase, op->name_to, OUTPUT_SHOWN_MAX);
		}
		if (op->data.size > 0 && op->result >= 0) {
			torn_phrase_add(phrase, ": it is ");
			torn_phrase_add_quoted(phrase, op->data, OUTPUT_SHOWN_MAX);
			torn_phrase_add(phrase, " then");
		}
		break;
	case TORN_KIND_store:
		torn_phrase_add(phrase, " at %" PRIu64 ", %" PRIu64 " byte%s through a mapping%s", op->offset,
				op->length, op->length == 1 ? "" : "s",
				op->how ? " (more than 1 MiB is mapped: looked at only here)" : "");
		break;
	case TORN_KIND_truncate:
		torn_phrase_add(phrase, " to %" PRIu64 " byte%s", op->length,
				op->length == 1 ? "" : "s");
		break;
	case TORN_KIND_seek:
		torn_phrase_add(phrase, " to %" PRIu64, op->offset);
		break;
	case TORN_KIND_access:
		add_access(phrase, op->mode);
		break;
	case TORN_KIND_chmod:
		torn_phrase_add(phrase, " to %04" PRIo32, op->mode);
		break;
	case TORN_KIND_chown:
		torn_phrase_add(phrase, " to %" PRIu32 ":%" PRIu32, op->uid, op->gid);
		break;
	case TORN_KIND_setxattr:
	case TORN_KIND_getxattr:
		if (op->xattr.size > 0) {
			torn_phrase_add(phrase, " ");
			torn_phrase_add_quoted(phrase, op->xattr, 255);
		}
		break;
	case TORN_KIND_rename:
	case TORN_KIND_link:
		torn_phrase_add(phrase,
				op->how & 2 && op->kind == TORN_KIND_rename ? " with " : " to ");
		torn_phrase_add_path(phrase, op->path_to);
		break;
	case TORN_KIND_symlink:
		torn_phrase_add(phrase, " to ");
		torn_phrase_add_quoted(phrase, op->path_to, OUTPUT_SHOWN_MAX);
		break;
	default:
		break;
	}
}

void torn_narrate_request(struct torn_phrase *phrase, const struct torn_op *op)
{
	if (op->flags & TORN_OP_OUTPUT) {
		torn_phrase_add(phrase, "%s ", op->fd == 2 ? "standard error" : "standard output");
		torn_phrase_add_quoted(phrase, op->data, OUTPUT_SHOWN_MAX);
		return;
	}
	add_subject(phrase, op);
	add_details(phrase, op);
	torn_flags_add(phrase, op);
	if (makes_inode(op))
		torn_phrase_add(phrase, " %04" PRIo32, op->mode);
}

/* ----------------------------------------------------------------- answer */

static void add_number_or_errno(struct torn_phrase *phrase, int64_t value)
{
	const char *name = value < 0 && value >= -4095 ? torn_errno_name((int)-value) : NULL;
	if (name)
		torn_phrase_add(phrase, "%s", name);
	else
		torn_phrase_add(phrase, "%" PRId64, value);
}

void torn_narrate_answer(struct torn_phrase *phrase, const struct torn_op *op)
{
	bool gives_fd =
		op->told >= 0 && (op->kind == TORN_KIND_open || op->kind == TORN_KIND_duplicate);
	if (op->kind == TORN_KIND_exit)
		return; /* it does not return */
	torn_phrase_add(phrase, "-> %s", gives_fd ? "fd " : "");
	add_number_or_errno(phrase, op->told);
}

/* ------------------------------------------------------------------ fault */

void torn_narrate_errno(struct torn_phrase *phrase, int64_t number)
{
	const char *name = torn_errno_name((int)number);
	const char *meaning = strerrordesc_np((int)number);
	if (name)
		torn_phrase_add(phrase, "%s", name);
	else
		torn_phrase_add(phrase, "errno %" PRId64, number);
	if (meaning)
		torn_phrase_add(phrase, " (%c%s)", tolower((unsigned char)meaning[0]), meaning + 1);
}

static void add_part(struct torn_phrase *phrase, int64_t done, const struct torn_op *op)
{
	torn_phrase_add(phrase, "%" PRId64 " of %" PRIu64 " byte%s", done, op->length,
			op->length == 1 ? "" : "s");
}

static void add_kill(struct torn_phrase *phrase, const struct torn_op *op, int64_t value)
{
	if (value == TORN_KILL_BEFORE) {
		torn_phrase_add(phrase, "killed before it happened");
	} else if (value == TORN_KILL_AFTER) {
		torn_phrase_add(phrase, "then killed");
	} else {
		add_part(phrase, value, op);
		torn_phrase_add(phrase, ", then killed");
	}
}

static const char *after_failed_sync(enum torn_fsync manner)
{
	static const char *const texts[TORN_FSYNC_COUNT] = {
		[TORN_FSYNC_LOST] = ": its data is never written, and the next fsync succeeds",
		[TORN_FSYNC_REVERTED] = ": its data is what is on disk again",
		[TORN_FSYNC_KEPT] = ": its data was written all the same",
		[TORN_FSYNC_READONLY] = ": the file system is read-only from then on",
		[TORN_FSYNC_SHUTDOWN] = ": the file system is shut down from then on",
	};
	return manner < TORN_FSYNC_COUNT && texts[manner] ? texts[manner] : "";
}

void torn_narrate_fault(struct torn_phrase *phrase, const struct torn_op *op,
			const struct torn_fault *fault)
{
	switch (fault->name) {
	case TORN_FAULT_ERRNO:
	case TORN_FAULT_STICKY:
		torn_phrase_add(phrase, "refused with ");
		torn_narrate_errno(phrase, fault->value);
		if (fault->name == TORN_FAULT_STICKY)
			torn_phrase_add(phrase, ", like every later %s",
					torn_kind_name((enum torn_kind)op->kind));
		break;
	case TORN_FAULT_FULL:
		if (op->told < 0) {
			torn_phrase_add(phrase, "refused with ");
			torn_narrate_errno(phrase, -op->told);
		} else {
			add_part(phrase, op->told, op);
		}
		torn_phrase_add(phrase, ": the disk is full");
		if (fault->value)
			torn_phrase_add(phrase, " (a real %s that had %u %s left)",
					torn_full_disk_name(torn_full_disk(fault->value)),
					torn_full_left(fault->value),
					torn_full_unit_name(torn_full_unit(fault->value)));
		break;
	case TORN_FAULT_SHORT:
		add_part(phrase, op->told, op);
		torn_phrase_add(phrase, ", no error");
		break;
	case TORN_FAULT_LATE:
		torn_phrase_add(phrase, "done, but reported as ");
		torn_narrate_errno(phrase, fault->value);
		break;
	case TORN_FAULT_EINTR:
		torn_phrase_add(phrase, "interrupted by a signal");
		break;
	case TORN_FAULT_KILL:
		add_kill(phrase, op, fault->value);
		break;
	case TORN_FAULT_FSYNC:
		torn_phrase_add(phrase, "refused with ");
		torn_narrate_errno(phrase, -op->told);
		torn_phrase_add(phrase, "%s", after_failed_sync(torn_fsync_manner(fault->value)));
		break;
	case TORN_FAULT_SIGNAL: {
		const char *name = torn_signal_name((int)fault->value);
		torn_phrase_add(phrase, "SIG%s arrives", name ? name : "?");
		break;
	}
	default:
		break;
	}
}
