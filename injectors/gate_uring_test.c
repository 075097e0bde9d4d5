/*
 * gate_uring_test.c: io_uring at the gate: requests as ops, in which order, which are refused, and
 * how a run waits for them and ends.
 */
#include "gate_uring_for_tests.h"

#include <sys/random.h>

static char buffer[64];
static const struct iovec four = {"1234", 4};

/* ------------------------------------------------------------------ as ops */

/* Write, fsync and rename as one chain; the results are in shared->numbers from 1 on. */
static int replaces_by_a_chain(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring_memory, *const ring = &ring_memory;
	MUST(io_uring_queue_init(4, ring, 0) == 0);
	const int fd = open("/srv/temp", O_WRONLY | O_CREAT | O_EXCL, 0644);
	PUT(1, LINK, io_uring_prep_write(sqe, fd, "new", 3, 0));
	PUT(2, LINK, io_uring_prep_fsync(sqe, fd, 0));
	PUT(3, 0, io_uring_prep_renameat(sqe, AT_FDCWD, "/srv/temp", AT_FDCWD, "/srv/f", 0));
	MUST(io_uring_submit_and_wait(ring, 3) == 3);
	for (int i = 0; i < 3; i++) {
		struct io_uring_cqe *cqe;
		MUST(io_uring_wait_cqe(ring, &cqe) == 0);
		shared->numbers[cqe->user_data] = cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	MUST(close(fd) == 0);
	io_uring_queue_exit(ring);
	return 0;
}

#define assert_results(first, second, third)                                                       \
	do {                                                                                       \
		assert_int_equal(shared->numbers[1], first);                                       \
		assert_int_equal(shared->numbers[2], second);                                      \
		assert_int_equal(shared->numbers[3], third);                                       \
	} while (0)

/* Remedy: torn_uring_perform() goes by torn_gate_file(), as the system call would. */
static void test_each_request_is_the_op_of_its_system_call(void **state)
{
	(void)state;
	assert_holds(replaces_by_a_chain);
	assert_results(3, 0, 0);
	assert_int_equal(test->trial.log->numbered, 5);
	assert_op(1, "openat", 3 + 1, 3 + 1); /* 3 is the ring */
	assert_op(2, "pwrite64", 3, 3);
	assert_int_equal(op(2)->data.size, 3);
	assert_memory_equal(op(2)->data.data, "new", 3);
	assert_op(3, "fsync", 0, 0);
	assert_op(4, "renameat2", 0, 0);
	assert_int_equal(op(4)->path.size, 8);
	assert_memory_equal(op(4)->path.data, "srv/temp", 8);
	assert_op(5, "close", 0, 0);
	assert_string_equal(now("srv/f"), "new");
	assert_null(now("srv/temp"));
	assert_int_equal(test->trial.leaks_count, 0);
}

/* Remedy: `told` is what a chain goes by, not what the kernel did. */
static void test_a_write_that_a_fault_refuses_or_shortens_cuts_its_chain_off(void **state)
{
	(void)state;
	assert_holds_under(replaces_by_a_chain, "fault 2 pwrite64 errno=ENOSPC\n");
	assert_results(-ENOSPC, -ECANCELED, -ECANCELED);
	assert_op(2, "pwrite64", -ENOSPC, -ENOSPC);
	assert_op(3, "close", 0, 0);
	assert_string_equal(now("srv/f"), "old");

	assert_holds_under(replaces_by_a_chain, "fault 2 pwrite64 short=2\n");
	assert_results(2, -ECANCELED, -ECANCELED);
	assert_string_equal(now("srv/f"), "old");
	assert_string_equal(now("srv/temp"), "ne");

	assert_holds_under(replaces_by_a_chain, "fault 2 pwrite64 eintr\n");
	assert_results(-EINTR, -ECANCELED, -ECANCELED);
}

/* Remedy: FAILS is no trait of fsync: Linux goes on behind it. */
static void test_an_fsync_that_a_fault_refuses_cuts_nothing_off(void **state)
{
	(void)state;
	assert_holds_under(replaces_by_a_chain, "fault 3 fsync errno=EIO\n");
	assert_results(3, -EIO, 0);
	assert_op(3, "fsync", -EIO, -EIO);
	assert_op(4, "renameat2", 0, 0);
	assert_string_equal(now("srv/f"), "new");
}

static int opens_reads_and_writes(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring_memory, *const ring = &ring_memory;
	struct io_uring_cqe *cqe;
	struct open_how how = {.flags = O_RDWR};
	char bytes[8] = "";
	MUST(io_uring_queue_init(4, ring, 0) == 0);
	PUT(1, 0, io_uring_prep_openat2(sqe, AT_FDCWD, "../../../srv/./f", &how));
	MUST(io_uring_submit_and_wait(ring, 1) == 1 && io_uring_peek_cqe(ring, &cqe) == 0);
	const int fd = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	MUST(fd == 4);
	PUT(1, LINK, io_uring_prep_writev(sqe, fd, &four, 1, -1));
	PUT(2, LINK, io_uring_prep_read(sqe, fd, bytes, 2, 1));
	PUT(3, LINK, (sqe->opcode = OP_FTRUNCATE, sqe->fd = fd, sqe->off = 3));
	PUT(4, 0, io_uring_prep_close(sqe, fd));
	MUST(io_uring_submit_and_wait(ring, 4) == 4);
	const int wanted[] = {4, 2, 0, 0};
	for (int i = 0; i < 4; i++) {
		MUST(io_uring_peek_cqe(ring, &cqe) == 0);
		MUST(cqe->user_data == (uint64_t)i + 1 && cqe->res == wanted[i]);
		io_uring_cqe_seen(ring, cqe);
	}
	MUST(strcmp(bytes, "23") == 0);
	MUST_FAIL(fcntl(fd, F_GETFD), EBADF);
	PUT(1, 0, io_uring_prep_write(sqe, STDOUT_FILENO, "told\n", 5, 77));
	MUST(io_uring_submit_and_wait(ring, 1) == 1 && io_uring_peek_cqe(ring, &cqe) == 0);
	MUST(cqe->res == 5);
	io_uring_cqe_seen(ring, cqe);
	const int again = open("/srv/f", O_WRONLY);
	PUT(1, 0, (io_uring_prep_write(sqe, again, "X", 1, 2), sqe->rw_flags = RWF_DSYNC));
	MUST(io_uring_submit_and_wait(ring, 1) == 1 && io_uring_peek_cqe(ring, &cqe) == 0);
	MUST(cqe->res == 1 && close(again) == 0);
	io_uring_queue_exit(ring);
	return 0;
}

/* Remedy: as_call(): each member of a request goes where its call has it. */
static void test_descriptors_offsets_and_output_are_those_of_the_run(void **state)
{
	(void)state;
	assert_holds(opens_reads_and_writes);
	assert_int_equal(test->trial.log->numbered, 8);
	assert_op(1, "openat2", 4, 4);
	assert_op(2, "writev", 4, 4);
	assert_op(3, "pread64", 2, 2);
	assert_op(4, "ftruncate", 0, 0);
	assert_op(5, "close", 0, 0);
	assert_op(7, "pwritev2", 1, 1);
	assert_int_equal(op(7)->how, RWF_DSYNC);
	assert_int_equal(op(7)->offset, 2);
	assert_string_equal(now("srv/f"), "12X");
	assert_string_equal(output_of(1), "told\n");
	assert_int_equal(test->trial.leaks_count, 0);
}

static int goes_up_and_out(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring_memory, *const ring = &ring_memory;
	MUST(io_uring_queue_init(4, ring, 0) == 0);
	PUT(1, 0, io_uring_prep_mkdirat(sqe, AT_FDCWD, "../../../tmp/../torn-uring-1", 0755));
	PUT(2, 0, io_uring_prep_symlinkat(sqe, "/etc/passwd", AT_FDCWD, "/srv/out/torn-uring-2"));
	PUT(3, 0, io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0));
	MUST(io_uring_submit_and_wait(ring, 3) == 3);
	for (int i = 0; i < 3; i++) {
		struct io_uring_cqe *cqe;
		MUST(io_uring_wait_cqe(ring, &cqe) == 0);
		shared->numbers[cqe->user_data] = cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	io_uring_queue_exit(ring);
	return 0;
}

/* Remedy: no request reaches a ring of the kernel's: its paths are resolved below the root. */
static void test_no_request_gets_out_of_the_root(void **state)
{
	(void)state;
	begin_with("old srv/f file old\nold srv/out symlink /\nold tmp dir\n");
	assert_holds(goes_up_and_out);
	assert_results(0, 0, -ENOENT);
	assert_non_null(torn_tree_find(test->trial.now, torn_bytes_of("torn-uring-1")));
	assert_non_null(torn_tree_find(test->trial.now, torn_bytes_of("torn-uring-2")));
	assert_int_equal(access("/torn-uring-1", F_OK), -1);
	assert_int_equal(access("/torn-uring-2", F_OK), -1);
}

/* ------------------------------------------------------------------- order */

/* Two chains of three, four requests that are alone, a drain, and two behind it. */
static int makes_directories(const struct torn_run *torn_run)
{
	(void)torn_run;
	static const struct {
		const char *name;
		unsigned flags;
	} rows[] = {{"/a1", LINK}, {"/a2", LINK}, {"/a3", 0}, {"/b1", LINK},
		    {"/b2", HARD}, {"/b3", 0},	  {"/c", 0},  {"/d", 0},
		    {"/e", 0},	   {"/f", 0},	  {"/x", IOSQE_IO_DRAIN}, {"/y", 0}, {"/z", 0}};
	const unsigned count = sizeof rows / sizeof *rows;
	struct io_uring ring_memory, *const ring = &ring_memory;
	MUST(io_uring_queue_init(16, ring, 0) == 0);
	for (unsigned i = 0; i < count; i++)
		PUT(i, rows[i].flags, io_uring_prep_mkdirat(sqe, AT_FDCWD, rows[i].name, 0755));
	MUST(io_uring_submit_and_wait(ring, count) == (int)count);
	MUST(io_uring_cq_ready(ring) == count);
	io_uring_queue_exit(ring);
	return 0;
}

/* The order of a run under a seed: "a1 b1 c ...". */
static void order_under(unsigned seed, char ret_order[64])
{
	char line[32];
	snprintf(line, sizeof line, "seed %u\n", seed);
	assert_holds_under(makes_directories, line);
	ret_order[0] = '\0';
	assert_int_equal(test->trial.log->numbered, 13);
	for (uint32_t i = 1; i <= 13; i++) {
		const struct torn_bytes path = op(i)->path;
		snprintf(ret_order + strlen(ret_order), 64 - strlen(ret_order), "%.*s ",
			 (int)path.size, (const char *)path.data);
	}
}

static void assert_in_order(const char *order, const char *first, const char *second)
{
	const char *one = strstr(order, first), *two = strstr(order, second);
	if (!one || !two || one > two)
		fail_msg("%s is not before %s: %s", first, second, order);
}

/* Remedy: perform_group() draws the next chain from the run's randomness. */
static void test_the_seed_chooses_the_order_of_what_is_not_linked(void **state)
{
	(void)state;
	char first[64], order[64];
	bool differs = false, mixes = false;
	order_under(1, first);
	order_under(1, order);
	assert_string_equal(first, order);
	for (unsigned seed = 2; seed < 12; seed++) {
		order_under(seed, order);
		differs |= strcmp(first, order) != 0;
		assert_in_order(order, "a1", "a2");
		assert_in_order(order, "a2", "a3");
		assert_in_order(order, "b1", "b2");
		assert_in_order(order, "b2", "b3");
		assert_ptr_equal(strstr(order, "x"), order + 6 * 3 + 4 * 2); /* all before it are */
		mixes |= strstr(order, "a2 a3") == NULL;
	}
	assert_true(differs);
	assert_true(mixes);
}

/* Without a choice there is nothing to draw: what getrandom(2) gives is as without a ring. */
static int draws(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(getrandom(&shared->numbers[shared->count++], 8, 0) == 8);
	return 0;
}

static int draws_after_a_chain(const struct torn_run *torn_run)
{
	const int line = replaces_by_a_chain(torn_run);
	return line ? line : draws(torn_run);
}

static void test_a_chain_alone_uses_no_randomness(void **state)
{
	(void)state;
	shared->count = 10;
	assert_holds(draws);
	assert_holds(draws_after_a_chain);
	assert_true(shared->numbers[10] != 0);
	assert_int_equal(shared->numbers[10], shared->numbers[11]);
}

/* ------------------------------------------------------------------ refused */

static long setup_with(uint32_t flags)
{
	struct io_uring_params params = {.flags = flags};
	const long fd = syscall(SYS_io_uring_setup, 4, &params);
	const int number = errno;
	if (fd >= 0)
		close((int)fd);
	return fd < 0 ? -number : 0;
}

static int wants_sqpoll(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(setup_with(IORING_SETUP_SQPOLL) == -EPERM);
	return 0;
}

static int wants_wide_completions(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(setup_with(IORING_SETUP_CQE32) == -EINVAL);
	return 0;
}

static int submits_what_is_not_done(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	MUST(io_uring_queue_init(4, &ring, 0) == 0);
	put(&ring, 1, 0)->opcode = IORING_OP_SPLICE;
	MUST(io_uring_submit_and_wait(&ring, 1) == 1);
	MUST(io_uring_wait_cqe(&ring, &cqe) == 0 && cqe->res == -EINVAL);
	io_uring_queue_exit(&ring);
	return 0;
}

static int registers_a_file(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring;
	const int fd = 1;
	MUST(io_uring_queue_init(4, &ring, 0) == 0);
	MUST(io_uring_register_files(&ring, &fd, 1) == -EINVAL);
	io_uring_queue_exit(&ring);
	return 0;
}

static int leaves_completions(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring_memory, *const ring = &ring_memory;
	MUST(io_uring_queue_init(2, ring, 0) == 0);
	for (int i = 0; i < 5; i++) {
		NOP(i, 0);
		MUST(io_uring_submit(ring) == 1);
	}
	MUST(io_uring_cq_ready(ring) == 4);
	io_uring_queue_exit(ring);
	return 0;
}

static int polls_a_ring(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring;
	MUST(io_uring_queue_init(2, &ring, 0) == 0);
	uint64_t pollfd = (uint32_t)ring.ring_fd | UINT64_C(1) << 32;
	MUST(syscall(SYS_poll, &pollfd, 1L, 0L) >= 0);
	io_uring_queue_exit(&ring);
	return 0;
}

static int syncs_a_part(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring_memory, *const ring = &ring_memory;
	MUST(io_uring_queue_init(2, ring, 0) == 0);
	const int fd = open("/srv/f", O_WRONLY);
	PUT(1, 0, (io_uring_prep_fsync(sqe, fd, 0), sqe->len = 1));
	MUST(io_uring_submit_and_wait(ring, 1) == 1);
	close(fd);
	io_uring_queue_exit(ring);
	return 0;
}

/* Remedy: what the gate does not do is never told as if a kernel had no such thing. */
static void test_what_is_not_done_makes_the_trial_incomplete_and_is_named(void **state)
{
	(void)state;
	assert_not_judged(wants_sqpoll, "INCOMPLETE: needs io_uring with SQPOLL");
	assert_int_equal(test->trial.code, 0);
	assert_not_judged(wants_wide_completions, "INCOMPLETE: sets up io_uring with flags 0x800");
	assert_int_equal(test->trial.code, 0);
	assert_not_judged(submits_what_is_not_done, "INCOMPLETE: io_uring request with opcode 30");
	assert_int_equal(test->trial.code, 0);
	assert_not_judged(registers_a_file, "INCOMPLETE: registers with io_uring");
	assert_int_equal(test->trial.code, 0);
	assert_not_judged(leaves_completions, "INCOMPLETE: leaves more completions");
	assert_int_equal(test->trial.code, 0);
	assert_not_judged(polls_a_ring, "INCOMPLETE: polls a ring");
	assert_not_judged(syncs_a_part, "INCOMPLETE: io_uring fsync of a part");
}

static int asks_for_what_no_kernel_gives(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring_params params = {.resv = {1}};
	MUST_FAIL(syscall(SYS_io_uring_setup, 4, &params), EINVAL);
	MUST_FAIL(syscall(SYS_io_uring_setup, 4, 8L), EFAULT);
	params = (struct io_uring_params){0};
	MUST_FAIL(syscall(SYS_io_uring_setup, 0, &params), EINVAL);
	MUST_FAIL(syscall(SYS_io_uring_setup, 40000, &params), EINVAL);
	params = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 4};
	MUST_FAIL(syscall(SYS_io_uring_setup, 8, &params), EINVAL);
	MUST(setup_with(1u << 16) == -EINVAL); /* newer than Linux 6.1: NO_SQARRAY */
	MUST(setup_with(IORING_SETUP_DEFER_TASKRUN) == -EINVAL);
	MUST(setup_with(IORING_SETUP_TASKRUN_FLAG) == -EINVAL);
	MUST(setup_with(IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER) == 0);
	MUST_FAIL(syscall(SYS_io_uring_enter, 888, 0, 0, 0, NULL, 0), EBADF);
	MUST_FAIL(syscall(SYS_io_uring_enter, 1, 0, 0, 0, NULL, 0), EOPNOTSUPP);
	MUST_FAIL(syscall(SYS_io_uring_register, 1, IORING_REGISTER_PROBE, NULL, 0), EOPNOTSUPP);
	params = (struct io_uring_params){.flags = IORING_SETUP_CLAMP};
	const int fd = (int)syscall(SYS_io_uring_setup, 40000, &params);
	MUST(fd == 3 && params.sq_entries == 32768 && params.cq_entries == 65536);
	MUST_FAIL(syscall(SYS_io_uring_enter, fd, 0, 0, 1u << 20, NULL, 0), EINVAL);
	/* Where not all that was to be submitted is there, nothing is waited for. */
	MUST(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 0);
	MUST_FAIL(read(fd, buffer, 1), EINVAL);
	MUST_FAIL(write(fd, buffer, 1), EINVAL);
	MUST_FAIL(ftruncate(fd, 0), EINVAL);
	MUST_FAIL(fsync(fd), EINVAL);
	MUST_FAIL(lseek(fd, 0, SEEK_SET), ESPIPE);
	MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, IORING_OFF_SQES) == MAP_FAILED);
	MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096) == MAP_FAILED);
	MUST(mmap(NULL, 64 << 20, PROT_READ, MAP_SHARED, fd, IORING_OFF_SQES) == MAP_FAILED);
	MUST(close(fd) == 0);
	return 0;
}

/* Remedy: refusals that a kernel makes too leave the trial to be judged. */
static void test_what_every_kernel_refuses_is_refused_and_judged(void **state)
{
	(void)state;
	assert_holds(asks_for_what_no_kernel_gives);
	assert_int_equal(test->trial.leaks_count, 0);
}

static int probes(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring;
	_Alignas(struct io_uring_probe) char memory[sizeof(struct io_uring_probe) +
						    256 * sizeof(struct io_uring_probe_op)] = {0};
	struct io_uring_probe *probe = (struct io_uring_probe *)(void *)memory;
	MUST(io_uring_queue_init(2, &ring, 0) == 0);
	MUST(io_uring_register_probe(&ring, probe, 256) == 0);
	MUST(probe->last_op == OP_FTRUNCATE && probe->ops_len == OP_FTRUNCATE + 1);
	MUST(io_uring_opcode_supported(probe, IORING_OP_RENAMEAT));
	MUST(io_uring_opcode_supported(probe, OP_FTRUNCATE));
	MUST(!io_uring_opcode_supported(probe, IORING_OP_SPLICE));
	MUST(io_uring_register_probe(&ring, probe, 256) == -EINVAL); /* it is not zero now */
	io_uring_queue_exit(&ring);
	return 0;
}

static void test_a_probe_tells_what_the_gate_does(void **state)
{
	(void)state;
	assert_holds(probes);
}

/* -------------------------------------------------------------- waiting, ends */

static int waits_for_nothing(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	MUST(io_uring_queue_init(2, &ring, 0) == 0);
	io_uring_wait_cqe(&ring, &cqe);
	return 0;
}

/* Remedy: all is complete when io_uring_enter(2) returns: what is not there never comes. */
static void test_waiting_for_what_cannot_come_is_a_hang(void **state)
{
	(void)state;
	test->isolated = true;
	assert_ends(waits_for_nothing, TORN_HUNG, TORN_HANG_WAITS);
}

static int waits_a_second(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct __kernel_timespec second = {.tv_sec = 1};
	struct timespec before, after;
	MUST(io_uring_queue_init(2, &ring, 0) == 0);
	MUST(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
	MUST(io_uring_wait_cqe_timeout(&ring, &cqe, &second) == -ETIME);
	MUST(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
	MUST(after.tv_sec == before.tv_sec + 1);
	io_uring_queue_exit(&ring);
	return 0;
}

static void test_a_time_out_moves_the_clock_of_the_run(void **state)
{
	(void)state;
	assert_holds(waits_a_second);
}

static int leaves_a_ring(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring_params params = {0};
	MUST(syscall(SYS_io_uring_setup, 4, &params) == 3);
	return 0;
}

static int makes_many_rings(const struct torn_run *torn_run)
{
	(void)torn_run;
	for (int i = 0; i < 100; i++) {
		struct io_uring ring;
		MUST(io_uring_queue_init(4, &ring, 0) == 0 && ring.ring_fd == 3);
		MUST(dup(3) == 4 && close(3) == 0);
		put(&ring, 7, 0)->opcode = IORING_OP_NOP;
		ring.ring_fd = ring.enter_ring_fd = 4;
		MUST(io_uring_submit(&ring) == 1 && io_uring_cq_ready(&ring) == 1);
		io_uring_queue_exit(&ring);
	}
	return 0;
}

/* Lines of /proc/self/maps are read by the loader too: the gate lets them be seen. */
static int finds_no_memory_of_rings(const struct torn_run *torn_run)
{
	(void)torn_run;
	static char maps[1 << 18];
	const int fd = open("/proc/self/maps", O_RDONLY);
	MUST(fd >= 0);
	size_t size = 0;
	for (ssize_t part; (part = read(fd, maps + size, sizeof maps - 1 - size)) > 0;)
		size += (size_t)part;
	MUST(close(fd) == 0 && size > 0);
	maps[size] = '\0';
	MUST(strstr(maps, "libc.so") && !strstr(maps, "io_uring"));
	return 0;
}

static int makes_more_at_a_time_than_there_are(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring_params params;
	for (int i = 0; i < 16; i++) {
		params = (struct io_uring_params){0};
		MUST(syscall(SYS_io_uring_setup, 4, &params) == 3 + i);
	}
	MUST_FAIL(syscall(SYS_io_uring_setup, 4, &params), ENOMEM);
	return 0;
}

/* Remedy: settle_descriptors() closes a ring and tells; find_free() uses its place again. */
static void test_a_ring_is_a_descriptor_of_the_run(void **state)
{
	(void)state;
	assert_both_hold(leaves_a_ring, makes_many_rings);
	assert_int_equal(test->trial.leaks_count, 0);
	shared->jobs = 0;
	assert_both_hold(leaves_a_ring, finds_no_memory_of_rings);
	assert_holds(leaves_a_ring);
	assert_int_equal(test->trial.leaks_count, 1);
	assert_string_equal(test->trial.leaks[0].detail,
			    "descriptor 3 on a ring of io_uring is still open");
	assert_not_judged(makes_more_at_a_time_than_there_are, "INCOMPLETE: has more than 16 rings");
	assert_int_equal(test->trial.code, 0);
}

/* A target may write anything into its rings: the gate is not led out of its memory. */
static int writes_nonsense_into_its_rings(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring_params params = {0};
	const int fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	MUST(fd == 3);
	uint8_t *rings = mmap(NULL, params.sq_off.array + 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			      IORING_OFF_SQ_RING);
	MUST(rings != MAP_FAILED);
	uint32_t *const array = (uint32_t *)(void *)(rings + params.sq_off.array);
	uint32_t *const tail = (uint32_t *)(void *)(rings + params.sq_off.tail);
	uint32_t *const dropped = (uint32_t *)(void *)(rings + params.sq_off.dropped);
	memset(rings + params.sq_off.ring_mask, 0xff, 4);
	memset(rings + params.cq_off.ring_mask, 0xff, 4);
	memset(rings + params.cq_off.ring_entries, 0xff, 4);
	array[0] = 4;
	*tail = 1;
	MUST(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) == 0);
	MUST(*dropped == 1);
	array[1] = 0xffffffff;
	*tail = 2;
	MUST(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) == 0);
	array[2] = array[3] = array[0] = array[1] = 0;
	*tail = 0x7fffffff; /* more than there are: those that are, no more */
	MUST(syscall(SYS_io_uring_enter, fd, 0xffffffff, 0, 0, NULL, 0) == 4);
	*(uint32_t *)(void *)(rings + params.cq_off.tail) = 0xfffffff0;
	*(uint32_t *)(void *)(rings + params.cq_off.head) = 0xfffffff0;
	MUST(syscall(SYS_io_uring_enter, fd, 4, 0, 0, NULL, 0) == 4); /* no-ops, all zero */
	/* Cut off behind its back, the memory would be the gate's SIGBUS. */
	const int again = open("/proc/self/fd/3", O_RDWR);
	MUST(again < 0 || ftruncate(again, 0) < 0);
	MUST(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) == 1);
	MUST(again < 0 || close(again) == 0);
	MUST(munmap(rings, params.sq_off.array + 16) == 0);
	MUST(close(fd) == 0);
	return 0;
}

static void test_nonsense_in_a_ring_is_the_targets_own(void **state)
{
	(void)state;
	assert_holds(writes_nonsense_into_its_rings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_each_request_is_the_op_of_its_system_call),
		gate_test(test_a_write_that_a_fault_refuses_or_shortens_cuts_its_chain_off),
		gate_test(test_an_fsync_that_a_fault_refuses_cuts_nothing_off),
		gate_test(test_descriptors_offsets_and_output_are_those_of_the_run),
		gate_test(test_no_request_gets_out_of_the_root),
		gate_test(test_the_seed_chooses_the_order_of_what_is_not_linked),
		gate_test(test_a_chain_alone_uses_no_randomness),
		gate_test(test_what_is_not_done_makes_the_trial_incomplete_and_is_named),
		gate_test(test_what_every_kernel_refuses_is_refused_and_judged),
		gate_test(test_a_probe_tells_what_the_gate_does),
		gate_test(test_waiting_for_what_cannot_come_is_a_hang),
		gate_test(test_a_time_out_moves_the_clock_of_the_run),
		gate_test(test_a_ring_is_a_descriptor_of_the_run),
		gate_test(test_nonsense_in_a_ring_is_the_targets_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
