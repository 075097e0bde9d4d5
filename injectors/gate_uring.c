/*
 * gate_uring.c: rings, what is linked, and in which order requests are done.
 *
 * A ring is a sealed memfd, which the target maps and the gate maps too; its
 * descriptor is one of the target's. Requests are taken in all at once, as the
 * kernel does (IORING_FEAT_SUBMIT_STABLE), then performed:
 *
 *   - a chain (IOSQE_IO_LINK, IOSQE_IO_HARDLINK) in its order;
 *   - chains that are not linked in any order, step by step among each other:
 *     io_uring(7) promises none. Which one is next, the run's randomness says, so
 *     that another seed shows another order;
 *   - IOSQE_IO_DRAIN when all before are done, and before all behind.
 *
 * Not modelled: a request that is still under way when io_uring_enter(2) has
 * returned. All are complete by then, so that nothing of the target's own runs
 * between two of them.
 */
#include "gate_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "gate_files.h"

#define ENTRIES_MAX 32768u /* IORING_MAX_ENTRIES */
#define CQ_ENTRIES_MAX (2 * ENTRIES_MAX)
#define NS_PER_S INT64_C(1000000000)

/* What target and gate share; behind it the completions, then the indices of requests. */
struct rings {
	uint32_t sq_head, sq_tail, sq_mask, sq_entries, sq_flags, sq_dropped;
	uint32_t cq_head, cq_tail, cq_mask, cq_entries, cq_flags, cq_overflow;
	uint32_t padding[4];
};

static struct rings *rings_of(const struct torn_ring *ring)
{
	return (struct rings *)(void *)ring->base;
}

static struct io_uring_cqe *completions_of(const struct torn_ring *ring)
{
	return (struct io_uring_cqe *)(void *)(ring->base + sizeof(struct rings));
}

static uint32_t *indices_of(const struct torn_ring *ring)
{
	return (uint32_t *)(void *)(ring->base + ring->indices_at);
}

static const struct io_uring_sqe *requests_of(const struct torn_ring *ring)
{
	return (const struct io_uring_sqe *)(const void *)(ring->base + ring->requests_at);
}

/* The target may write anything there at any time: each is read once. */
#define LOAD(member) __atomic_load_n(&(member), __ATOMIC_ACQUIRE)
#define STORE(member, value) __atomic_store_n(&(member), (value), __ATOMIC_RELEASE)

/* ---------------------------------------------------------------- descriptors */

bool torn_uring_is_ring(struct torn_gate *gate, int fd)
{
	const struct torn_description *description = torn_view_fd(&gate->recorder->view, fd);
	return description && description->class == TORN_FD_URING;
}

/* A ring's description says which one it is, in the place of an object: from 1. */
static long ring_at(struct torn_gate *gate, int fd, struct torn_ring **ret_ring)
{
	const struct torn_description *description = torn_view_fd(&gate->recorder->view, fd);
	if (!description)
		return -EBADF;
	if (description->class != TORN_FD_URING)
		return -EOPNOTSUPP;
	*ret_ring = &gate->rings[description->object - 1];
	return 0;
}

static bool is_open(struct torn_gate *gate, torn_object number)
{
	struct torn_view *view = &gate->recorder->view;
	for (int fd = 0; fd < view->fds->end; fd++)
		if (torn_uring_is_ring(gate, fd) && torn_view_fd(view, fd)->object == number)
			return true;
	return false;
}

static void give_back(struct torn_ring *ring)
{
	if (ring->base)
		torn_raw(SYS_munmap, ring->base, ring->bytes);
	*ring = (struct torn_ring){0};
}

void torn_uring_forget(struct torn_gate *gate)
{
	for (int i = 0; i < TORN_RINGS_MAX; i++)
		give_back(&gate->rings[i]);
}

/* Returns the number of a ring that is not in use, from 1; 0 where there is none. */
static torn_object find_free(struct torn_gate *gate)
{
	for (torn_object number = 1; number <= TORN_RINGS_MAX; number++) {
		if (gate->rings[number - 1].base && is_open(gate, number))
			continue;
		give_back(&gate->rings[number - 1]);
		return number;
	}
	return 0;
}

/* ---------------------------------------------------------------------- setup */

static int refuse_flags(struct torn_gate *gate, uint32_t flags)
{
	const uint32_t done = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
			      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	/* Newer ones: the kernel that uname(2) tells of does not know them either, and libraries
	 * that ask for one go on without it. */
	if (flags & ~((IORING_SETUP_DEFER_TASKRUN << 1) - 1))
		return -EINVAL;
	if (flags & IORING_SETUP_SQPOLL) {
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "needs io_uring with SQPOLL, where a thread of the kernel's takes "
				      "requests that cross no gate: refused");
		return -EPERM; /* as a kernel before 5.11 tells an ordinary user */
	}
	if (flags & ~done) {
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "sets up io_uring with flags 0x%x, which this gate does not do",
				      flags & ~done);
		return -EINVAL;
	}
	const bool defers = flags & IORING_SETUP_DEFER_TASKRUN;
	if (defers && !(flags & IORING_SETUP_SINGLE_ISSUER))
		return -EINVAL;
	if ((flags & IORING_SETUP_TASKRUN_FLAG) && !defers && !(flags & IORING_SETUP_COOP_TASKRUN))
		return -EINVAL;
	return 0;
}

/* The next power of two; with CLAMP never more than `most`. 0: it cannot be. */
static uint32_t entries_of(uint32_t asked, uint32_t most, uint32_t flags)
{
	if (asked > most && (flags & IORING_SETUP_CLAMP))
		asked = most;
	if (asked == 0 || asked > most)
		return 0;
	uint32_t entries = 1;
	while (entries < asked)
		entries *= 2;
	return entries;
}

static int choose_sizes(struct io_uring_params *params, uint32_t asked)
{
	const bool sized = params->flags & IORING_SETUP_CQSIZE;
	params->sq_entries = entries_of(asked, ENTRIES_MAX, params->flags);
	if (!params->sq_entries)
		return -EINVAL;
	params->cq_entries = sized ? entries_of(params->cq_entries, CQ_ENTRIES_MAX, params->flags)
				   : 2 * params->sq_entries;
	return params->cq_entries < params->sq_entries ? -EINVAL : 0;
}

static uint64_t pages(uint64_t bytes)
{
	return (bytes + 4095) / 4096 * 4096;
}

static void lay_out(const struct io_uring_params *params, struct torn_ring *ring)
{
	ring->flags = params->flags;
	ring->sq_entries = params->sq_entries;
	ring->cq_entries = params->cq_entries;
	ring->indices_at = sizeof(struct rings) + params->cq_entries * sizeof(struct io_uring_cqe);
	ring->requests_at = pages(ring->indices_at + params->sq_entries * sizeof(uint32_t));
	ring->bytes = ring->requests_at + pages(params->sq_entries * sizeof(struct io_uring_sqe));
}

/* Sealed: a ring that the target could cut off would take the gate with it (SIGBUS). */
static long open_memory(struct torn_ring *ring)
{
	const long fd = torn_raw(SYS_memfd_create, "io_uring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fd;
	long r = torn_raw(SYS_ftruncate, fd, ring->bytes);
	if (r == 0)
		r = torn_raw(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	if (r == 0)
		r = torn_raw(SYS_mmap, 0, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r < 0) {
		torn_raw(SYS_close, fd);
		return r;
	}
	ring->base = (uint8_t *)r;
	return fd;
}

static void begin_rings(const struct torn_ring *ring)
{
	struct rings *rings = rings_of(ring);
	rings->sq_entries = ring->sq_entries;
	rings->sq_mask = ring->sq_entries - 1;
	rings->cq_entries = ring->cq_entries;
	rings->cq_mask = ring->cq_entries - 1;
}

static void tell_offsets(const struct torn_ring *ring, struct io_uring_params *params)
{
	params->features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |
			   IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY |
			   IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE;
	params->sq_off = (struct io_sqring_offsets){
		.head = offsetof(struct rings, sq_head),
		.tail = offsetof(struct rings, sq_tail),
		.ring_mask = offsetof(struct rings, sq_mask),
		.ring_entries = offsetof(struct rings, sq_entries),
		.flags = offsetof(struct rings, sq_flags),
		.dropped = offsetof(struct rings, sq_dropped),
		.array = ring->indices_at,
	};
	params->cq_off = (struct io_cqring_offsets){
		.head = offsetof(struct rings, cq_head),
		.tail = offsetof(struct rings, cq_tail),
		.ring_mask = offsetof(struct rings, cq_mask),
		.ring_entries = offsetof(struct rings, cq_entries),
		.overflow = offsetof(struct rings, cq_overflow),
		.cqes = sizeof(struct rings),
		.flags = offsetof(struct rings, cq_flags),
	};
}

long torn_uring_setup(struct torn_gate *gate, const struct torn_request *request)
{
	if (torn_is_wild(request->arg[1]))
		return -EFAULT;
	struct io_uring_params *params = torn_user(request->arg[1]);
	if (params->resv[0] || params->resv[1] || params->resv[2])
		return -EINVAL;
	int r = refuse_flags(gate, params->flags);
	struct io_uring_params answer = *params;
	if (r == 0)
		r = choose_sizes(&answer, (uint32_t)request->arg[0]);
	if (r < 0)
		return r;
	if (!torn_view_has_room(&gate->recorder->view))
		return -EMFILE;
	const torn_object number = find_free(gate);
	if (!number) {
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "has more than %d rings of io_uring", TORN_RINGS_MAX);
		return -ENOMEM;
	}
	struct torn_ring *ring = &gate->rings[number - 1];
	lay_out(&answer, ring);
	const long fd = open_memory(ring);
	const struct torn_description description = {
		.class = TORN_FD_URING, .object = number, .how = O_RDWR | O_CLOEXEC};
	if (fd < 0)
		return fd;
	r = torn_view_open(&gate->recorder->view, (int)fd, &description);
	if (r < 0) {
		torn_raw(SYS_close, fd);
		give_back(ring);
		return r;
	}
	begin_rings(ring);
	tell_offsets(ring, &answer);
	*params = answer;
	return fd;
}

/* One mapping has both rings (IORING_FEAT_SINGLE_MMAP), another the requests. */
static long map(const struct torn_ring *ring, const struct torn_request *request)
{
	const uint64_t *arg = request->arg;
	const bool requests = arg[5] == IORING_OFF_SQES;
	const uint64_t room = requests ? ring->bytes - ring->requests_at : ring->requests_at;
	if (!requests && arg[5] != IORING_OFF_SQ_RING && arg[5] != IORING_OFF_CQ_RING)
		return -EINVAL;
	if (arg[1] > room || !(arg[3] & MAP_SHARED))
		return -EINVAL;
	return torn_raw(SYS_mmap, arg[0], arg[1], arg[2], arg[3], arg[4],
			requests ? ring->requests_at : 0);
}

bool torn_uring_file(struct torn_gate *gate, const struct torn_request *request, long *ret_told)
{
	struct torn_ring *ring;
	if (ring_at(gate, request->fd, &ring) < 0)
		return false;
	switch (request->kind) {
	case TORN_KIND_map:
		*ret_told = map(ring, request);
		return true;
	case TORN_KIND_seek:
		*ret_told = -ESPIPE;
		return true;
	case TORN_KIND_read:
	case TORN_KIND_write:
	case TORN_KIND_copy:
	case TORN_KIND_truncate:
	case TORN_KIND_allocate:
	case TORN_KIND_sync:
		*ret_told = -EINVAL;
		return true;
	default:
		return false;
	}
}

/* ------------------------------------------------------------------ completions */

static void complete(struct torn_gate *gate, const struct torn_ring *ring,
		     const struct io_uring_sqe *sqe, long result)
{
	struct rings *rings = rings_of(ring);
	const uint32_t tail = LOAD(rings->cq_tail);
	if (tail - LOAD(rings->cq_head) >= ring->cq_entries) {
		STORE(rings->cq_overflow, LOAD(rings->cq_overflow) + 1);
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "leaves more completions of io_uring than its ring has room for "
				      "(%u)", ring->cq_entries);
		return;
	}
	completions_of(ring)[tail & (ring->cq_entries - 1)] = (struct io_uring_cqe){
		.user_data = sqe->user_data, .res = (int32_t)result};
	STORE(rings->cq_tail, tail + 1);
}

/* --------------------------------------------------------------------- requests */

/* A request that was taken in, and why Linux does not begin it (0: it does). */
struct taken {
	struct io_uring_sqe sqe;
	int refused;
};

/* Requests that are done one after the other. */
struct chain {
	uint32_t next, end; /* of those taken */
	bool drains;
	bool refused;       /* one of them: then none is begun */
};

struct batch {
	struct taken *taken;
	struct chain *chains;
	uint32_t taken_count, chains_count;
	bool linked; /* the next one belongs to the last chain */
};

static bool links(const struct io_uring_sqe *sqe)
{
	return sqe->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
}

/* Returns whether the batch goes on: a request that is refused and ends its chain ends it. */
static bool take(struct torn_gate *gate, const struct torn_ring *ring, struct batch *batch,
		 const struct io_uring_sqe *sqe)
{
	struct taken *taken = &batch->taken[batch->taken_count];
	taken->sqe = *sqe;
	taken->refused = torn_uring_check(gate, &taken->sqe);
	if (!batch->linked)
		batch->chains[batch->chains_count++] = (struct chain){.next = batch->taken_count};
	struct chain *chain = &batch->chains[batch->chains_count - 1];
	chain->end = ++batch->taken_count;
	chain->drains |= taken->sqe.flags & IOSQE_IO_DRAIN;
	chain->refused |= taken->refused < 0;
	batch->linked = links(&taken->sqe);
	return taken->refused == 0 || batch->linked || (ring->flags & IORING_SETUP_SUBMIT_ALL);
}

/* Take in up to `count` requests, all before any is performed: it could write over the others. */
static void take_all(struct torn_gate *gate, const struct torn_ring *ring, uint32_t count,
		     struct batch *batch)
{
	struct rings *rings = rings_of(ring);
	uint32_t head = LOAD(rings->sq_head);
	for (bool more = true; more && batch->taken_count < count;) {
		const uint32_t index = LOAD(indices_of(ring)[head++ & (ring->sq_entries - 1)]);
		if (index >= ring->sq_entries) {
			STORE(rings->sq_dropped, LOAD(rings->sq_dropped) + 1);
			break;
		}
		more = take(gate, ring, batch, &requests_of(ring)[index]);
	}
	STORE(rings->sq_head, head);
}

/* io_fail_links(): a request that wants no completion and fails has the only one of its chain. */
static void cancel(struct torn_gate *gate, const struct torn_ring *ring, const struct batch *batch,
		   struct chain *chain, bool silent)
{
	for (; chain->next < chain->end; chain->next++) {
		const struct taken *taken = &batch->taken[chain->next];
		if (!silent)
			complete(gate, ring, &taken->sqe, taken->refused ? taken->refused : -ECANCELED);
	}
}

/* Do the next request of a chain. */
static void step(struct torn_gate *gate, const struct torn_ring *ring, const struct batch *batch,
		 struct chain *chain)
{
	if (chain->refused) {
		cancel(gate, ring, batch, chain, false);
		return;
	}
	const struct io_uring_sqe *sqe = &batch->taken[chain->next++].sqe;
	const bool quiet = sqe->flags & IOSQE_CQE_SKIP_SUCCESS;
	bool failed;
	const long result = torn_uring_perform(gate, sqe, &failed);
	if (failed || !quiet)
		complete(gate, ring, sqe, result);
	if (failed && !(sqe->flags & IOSQE_IO_HARDLINK))
		cancel(gate, ring, batch, chain, quiet);
}

/* Chains that wait for none of each other. */
static void perform_group(struct torn_gate *gate, const struct torn_ring *ring,
			  const struct batch *batch, struct chain *chains, uint32_t count)
{
	while (count > 0) {
		uint64_t which = 0;
		if (count > 1)
			torn_recorder_random(gate->recorder, &which, sizeof which);
		struct chain *chain = &chains[which % count];
		step(gate, ring, batch, chain);
		if (chain->next == chain->end)
			*chain = chains[--count];
	}
}

static void perform_all(struct torn_gate *gate, const struct torn_ring *ring, struct batch *batch)
{
	for (uint32_t first = 0, end; first < batch->chains_count; first = end) {
		end = first + 1;
		while (!batch->chains[first].drains && end < batch->chains_count &&
		       !batch->chains[end].drains)
			end++;
		perform_group(gate, ring, batch, &batch->chains[first], end - first);
	}
}

static long submit(struct torn_gate *gate, const struct torn_ring *ring, uint32_t count)
{
	const struct rings *rings = rings_of(ring);
	const uint32_t there = LOAD(rings->sq_tail) - LOAD(rings->sq_head);
	count = count < there ? count : there;
	count = count < ring->sq_entries ? count : ring->sq_entries;
	struct torn_arena *arena = &gate->recorder->arena;
	struct batch batch = {
		.taken = torn_arena_take(arena, count * sizeof *batch.taken),
		.chains = torn_arena_take(arena, count * sizeof *batch.chains),
	};
	if (!batch.taken || !batch.chains) {
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "the run is larger than what torn keeps of one (%zu MiB)",
				      arena->size >> 20);
		return -ENOMEM;
	}
	take_all(gate, ring, count, &batch);
	perform_all(gate, ring, &batch);
	return batch.taken_count;
}

/* ---------------------------------------------------------------------- waiting */

/* Returns 0, with the time-out's nanoseconds or -1 for none; or -errno. */
static long take_timeout(struct torn_gate *gate, const struct torn_request *request,
			 int64_t *ret_ns)
{
	uint64_t mask = request->arg[4];
	*ret_ns = -1;
	if (request->arg[3] & IORING_ENTER_EXT_ARG) {
		if (request->arg[5] != sizeof(struct io_uring_getevents_arg))
			return -EINVAL;
		if (torn_is_wild(request->arg[4]))
			return -EFAULT;
		const struct io_uring_getevents_arg *how = torn_user(request->arg[4]);
		mask = how->sigmask;
		if (how->ts) {
			if (torn_is_wild(how->ts))
				return -EFAULT;
			const struct __kernel_timespec *time = torn_user(how->ts);
			*ret_ns = time->tv_sec * NS_PER_S + time->tv_nsec;
		}
	}
	if (mask)
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "waits for io_uring with a signal mask, which is not modelled");
	return 0;
}

/* All that was asked for is complete: what is not there by now never comes. */
static long wait_for(struct torn_gate *gate, const struct torn_ring *ring,
		     const struct torn_request *request)
{
	const struct rings *rings = rings_of(ring);
	const uint32_t asked = (uint32_t)request->arg[2];
	const uint32_t wanted = asked < ring->cq_entries ? asked : ring->cq_entries;
	const uint32_t there = LOAD(rings->cq_tail) - LOAD(rings->cq_head);
	int64_t ns;
	const long r = take_timeout(gate, request, &ns);
	if (r < 0 || there >= wanted)
		return r;
	if (ns < 0)
		torn_gate_die(gate, TORN_HUNG, TORN_HANG_WAITS);
	gate->recorder->clock_ns += ns;
	return there ? 0 : -ETIME;
}

long torn_uring_enter(struct torn_gate *gate, const struct torn_request *request)
{
	const uint32_t to_submit = (uint32_t)request->arg[1], flags = (uint32_t)request->arg[3];
	const uint32_t known = IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT |
			       IORING_ENTER_EXT_ARG;
	if (flags & ~known) /* no ring is registered */
		return -EINVAL;
	struct torn_ring *ring;
	long r = ring_at(gate, (int)request->arg[0], &ring);
	if (r < 0)
		return r;
	if (to_submit > 0)
		r = submit(gate, ring, to_submit);
	if (r < 0 || (uint32_t)r != to_submit || !(flags & IORING_ENTER_GETEVENTS))
		return r; /* where not all were taken it does not wait either */
	const long waited = wait_for(gate, ring, request);
	return r > 0 ? r : waited;
}

/* ------------------------------------------------------------------ registering */

static long give_probe(uint64_t address, uint32_t count)
{
	static const uint8_t zero[sizeof(struct io_uring_probe)];
	if (torn_is_wild(address))
		return -EFAULT;
	if (count > 256)
		return -EINVAL;
	struct io_uring_probe *probe = torn_user(address);
	if (memcmp(probe, zero, sizeof *probe) != 0)
		return -EINVAL;
	uint8_t last = 0;
	for (unsigned opcode = 0; opcode < 256; opcode++)
		if (torn_uring_does(opcode))
			last = (uint8_t)opcode;
	const uint32_t told = count < last + 1u ? count : last + 1u;
	for (uint32_t i = 0; i < told; i++)
		probe->ops[i] = (struct io_uring_probe_op){
			.op = (uint8_t)i,
			.flags = torn_uring_does(i) ? IO_URING_OP_SUPPORTED : 0,
		};
	probe->last_op = last;
	probe->ops_len = (uint8_t)told;
	return 0;
}

long torn_uring_register(struct torn_gate *gate, const struct torn_request *request)
{
	struct torn_ring *ring;
	const long r = ring_at(gate, (int)request->arg[0], &ring);
	if (r < 0)
		return r;
	switch ((uint32_t)request->arg[1]) {
	case IORING_REGISTER_PROBE:
		return give_probe(request->arg[2], (uint32_t)request->arg[3]);
	case IORING_REGISTER_RING_FDS: /* a short cut: who cannot have it goes the long way */
		return -EINVAL;
	default:
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "registers with io_uring what this gate does not do (%u)",
				      (uint32_t)request->arg[1]);
		return -EINVAL;
	}
}
