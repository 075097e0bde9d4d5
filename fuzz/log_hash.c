/* log_hash.c: see log_hash.h. FNV-1a: stable from one version to the next. */
#include "log_hash.h"

#include "../injectors/faults.h"
#include "../injectors/log.h"

static uint64_t add_bytes(uint64_t hash, struct torn_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
	return (hash ^ bytes.size) * UINT64_C(0x100000001b3);
}

static uint64_t add_op(uint64_t hash, const struct torn_op *op, uint64_t told)
{
	const uint64_t parts[] = {op->call, op->number, op->how, told, op->offset, op->length,
				  op->mode, op->uid, op->gid, op->flags & TORN_OP_PERFORMED};
	hash = add_bytes(hash, (struct torn_bytes){(const uint8_t *)parts, sizeof parts});
	hash = add_bytes(hash, op->path);
	hash = add_bytes(hash, op->path_to);
	hash = add_bytes(hash, op->xattr);
	return add_bytes(hash, op->data);
}

#define BASIS UINT64_C(0xcbf29ce484222325)

uint64_t torn_log_hash(const struct torn_log *log)
{
	uint64_t hash = BASIS;
	for (uint32_t i = 0; i < log->count; i++)
		hash = add_op(hash, &log->ops[i], (uint64_t)log->ops[i].told);
	return hash;
}

uint64_t torn_log_behaviour(const struct torn_log *log)
{
	uint64_t hash = BASIS;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (op->number == 0)
			continue; /* messages quote the errno */
		uint64_t told = (uint64_t)op->told;
		if (op->fault > 0 && op->told < 0) {
			const enum torn_errno_class class = torn_errno_class((int)-op->told);
			/* What is neither space nor permission stands for a device that failed. */
			told = (uint64_t)INT64_MIN + (class == TORN_ERRNO_OTHER ? TORN_ERRNO_IO : class);
		}
		hash = add_op(hash, op, told);
	}
	return hash;
}

uint64_t torn_log_changes(const struct torn_log *log)
{
	uint64_t hash = BASIS;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		/* One that failed tells that it was asked for, and may leave data lost for good. */
		const bool is_sync = op->kind == TORN_KIND_sync;
		if (!is_sync && !torn_op_changes(op))
			continue;
		struct torn_op what = *op;
		what.number = 0; /* calls that change nothing may stand before it */
		const uint32_t objects[] = {op->kind, op->object, op->object_to, op->dir, op->dir_to, op->flags};
		hash = add_bytes(hash, (struct torn_bytes){(const uint8_t *)objects, sizeof objects});
		hash = add_op(hash, &what, (uint64_t)(op->result < 0 ? -1 : op->result));
	}
	return hash;
}
