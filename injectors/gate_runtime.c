/*
 * gate_runtime.c: calls on what the kernel keeps: answered from the tree, never by the kernel.
 * What is there then is put on disk, where it is read like any file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "gate_files.h"

/* Put an op's data in the place of a file's whole content. Returns 0 or -errno. */
static long put_content(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_fold_link *link =
		torn_fold_object(&torn_doing_view(doing)->fold, op->object)->links;
	const int dirfd = torn_directories_fd(doing->gate->directories, link->dir);
	if (dirfd < 0)
		return dirfd;
	const long fd = torn_raw(SYS_openat, dirfd, link->name.data,
				 O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	const long r = torn_raw(SYS_pwrite64, fd, op->data.data, op->data.size, 0);
	torn_raw(SYS_close, fd);
	return r < 0 ? r : r == (long)op->data.size ? 0 : -EIO;
}

/* By a descriptor of a file. What is told is what was asked for: the kernel takes it whole. */
static long write_content(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	struct torn_description *description = torn_view_fd(torn_doing_view(doing), op->fd);
	const struct torn_request *request = doing->request;
	if ((description->how & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	const bool is_v2 = request->call == TORN_CALL_pwritev2;
	if (is_v2 && request->how & ~(uint32_t)(RWF_DSYNC | RWF_SYNC)) {
		torn_recorder_trouble(doing->gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "pwritev2 with flags 0x%x", request->how);
		return -EOPNOTSUPP;
	}
	bool moves = false;
	const long told = torn_recorder_write_runtime(doing->gate->recorder, op, &moves);
	if (told < 0)
		return told;
	const long r = put_content(doing);
	if (r < 0)
		return r;
	const bool is_own_offset = !request->has_offset || (is_v2 && request->offset == UINT64_MAX);
	if (moves && is_own_offset) {
		description->offset += (uint64_t)told;
		torn_raw(SYS_lseek, op->fd, description->offset, SEEK_SET);
	}
	return told;
}

/* No socket of the kernel's: a descriptor that others cannot tell from one. */
static long open_socket(const struct torn_doing *doing)
{
	struct torn_view *view = torn_doing_view(doing);
	const bool is_closed_by_exec = doing->request->arg[1] & SOCK_CLOEXEC;
	const struct torn_description description = {.class = TORN_FD_AUDIT, .how = O_RDWR};
	if (!torn_view_has_room(view))
		return -EMFILE;
	const long fd = torn_raw(SYS_fcntl, TORN_FD_NULL,
				 is_closed_by_exec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	if (fd >= 0 && torn_view_open(view, (int)fd, &description) < 0) {
		torn_raw(SYS_close, fd);
		return -EMFILE;
	}
	doing->op->fd = (int)fd;
	return fd;
}

static void tell_sender(const struct torn_request *request)
{
	if (torn_is_wild(request->arg[4]) || torn_is_wild(request->arg[5]))
		return;
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	socklen_t *size = torn_user(request->arg[5]);
	memcpy(torn_user(request->arg[4]), &kernel, *size < sizeof kernel ? *size : sizeof kernel);
	*size = sizeof kernel;
}

/* One message a call, what does not fit is dropped: netlink(7), recv(2) MSG_TRUNC, MSG_PEEK. */
static long receive(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_bytes *replies = &doing->gate->recorder->replies;
	if (replies->size == 0) {
		if (!(request->how & MSG_DONTWAIT) && !doing->interrupted)
			torn_gate_die(doing->gate, TORN_HUNG, TORN_HANG_WAITS);
		return doing->interrupted ? -EINTR : -EAGAIN;
	}
	if (request->size > 0 && torn_is_wild(request->buffer))
		return -EFAULT;
	struct nlmsghdr header;
	memcpy(&header, replies->data, sizeof header);
	const size_t part = request->size < header.nlmsg_len ? request->size : header.nlmsg_len;
	memcpy(torn_user(request->buffer), replies->data, part);
	tell_sender(request);
	if (!(request->how & MSG_PEEK)) {
		const size_t whole = NLMSG_ALIGN(header.nlmsg_len);
		const size_t gone = whole < replies->size ? whole : replies->size;
		*replies = (struct torn_bytes){replies->data + gone, replies->size - gone};
	}
	return request->how & MSG_TRUNC ? (long)header.nlmsg_len : (long)part;
}

long torn_do_runtime(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	switch (op->call) {
	case TORN_CALL_socket:
		return open_socket(doing);
	case TORN_CALL_bind:
		return 0;
	case TORN_CALL_recvfrom:
		return receive(doing);
	case TORN_CALL_sendto: {
		const long r = put_content(doing);
		return r < 0 ? r : (long)doing->request->size;
	}
	case TORN_CALL_delete_module:
	case TORN_CALL_finit_module:
	case TORN_CALL_mount:
	case TORN_CALL_umount2:
		return put_content(doing);
	default:
		return write_content(doing);
	}
}
