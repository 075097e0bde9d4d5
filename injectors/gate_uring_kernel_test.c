/*
 * gate_uring_kernel_test.c: what the kernel here answers to a batch of requests the gate
 * answers too: linked, failing, refused ones.
 */
#include "gate_uring_for_tests.h"

#include <limits.h>

struct files {
	int file, reader, pipe, to_pipe;
};

static char buffer[64];
static const struct open_how to_read = {.flags = O_RDONLY};
static const struct iovec three = {buffer, 3};

#define SCRIPT(name)                                                                               \
	static void name(struct io_uring *ring, __attribute__((unused)) const struct files *files)
/* A request, linked: does what is behind it run? */
#define BEHIND(name, prepare)                                                                      \
	SCRIPT(name)                                                                               \
	{                                                                                          \
		PUT(1, LINK, prepare);                                                             \
		NOP(2, 0);                                                                         \
	}

BEHIND(behind_read, io_uring_prep_read(sqe, files->file, buffer, 10, 0))
BEHIND(behind_short_read, io_uring_prep_read(sqe, files->file, buffer, 64, 0))
BEHIND(behind_write, io_uring_prep_write(sqe, files->file, "abc", 3, 0))
BEHIND(behind_write_at_own_offset, io_uring_prep_write(sqe, files->file, "abc", 3, -1))
BEHIND(behind_write_below_zero, io_uring_prep_write(sqe, files->file, "abc", 3, -5))
BEHIND(behind_write_to_reader, io_uring_prep_write(sqe, files->reader, "abc", 3, 0))
BEHIND(behind_write_of_bad_address, io_uring_prep_write(sqe, files->file, (void *)8, 3, 0))
BEHIND(behind_write_to_pipe, io_uring_prep_write(sqe, files->to_pipe, "abc", 3, 77))
BEHIND(behind_fsync, io_uring_prep_fsync(sqe, files->file, IORING_FSYNC_DATASYNC))
BEHIND(behind_failed_fsync, io_uring_prep_fsync(sqe, files->pipe, 0))
BEHIND(behind_fsync_of_closed, io_uring_prep_fsync(sqe, 888, 0))
BEHIND(behind_fsync_with_flags, io_uring_prep_fsync(sqe, files->file, 4))
BEHIND(behind_rename, io_uring_prep_renameat(sqe, AT_FDCWD, "f", AT_FDCWD, "g", 0))
BEHIND(behind_failed_rename, io_uring_prep_renameat(sqe, AT_FDCWD, "no", AT_FDCWD, "g", 0))
BEHIND(behind_rename_of_bad_address,
       io_uring_prep_renameat(sqe, AT_FDCWD, (char *)8, AT_FDCWD, "g", 0))
BEHIND(behind_rename_to_bad_address,
       io_uring_prep_renameat(sqe, AT_FDCWD, "f", AT_FDCWD, (char *)8, 0))
BEHIND(behind_failed_unlink, io_uring_prep_unlinkat(sqe, AT_FDCWD, "no", 0))
BEHIND(behind_rmdir, io_uring_prep_unlinkat(sqe, AT_FDCWD, "d", AT_REMOVEDIR))
BEHIND(behind_failed_mkdir, io_uring_prep_mkdirat(sqe, AT_FDCWD, "d", 0700))
BEHIND(behind_link, io_uring_prep_linkat(sqe, AT_FDCWD, "f", AT_FDCWD, "h", 0))
BEHIND(behind_failed_link, io_uring_prep_linkat(sqe, AT_FDCWD, "no", AT_FDCWD, "h", 0))
BEHIND(behind_symlink, io_uring_prep_symlinkat(sqe, "f", AT_FDCWD, "s"))
BEHIND(behind_failed_symlink, io_uring_prep_symlinkat(sqe, "f", AT_FDCWD, "d"))
BEHIND(behind_failed_open, io_uring_prep_openat(sqe, AT_FDCWD, "no", O_RDONLY, 0))
BEHIND(behind_failed_openat2,
       io_uring_prep_openat2(sqe, AT_FDCWD, "no", (struct open_how *)&to_read))
BEHIND(behind_failed_close, io_uring_prep_close(sqe, 888))
BEHIND(behind_close_of_the_ring, io_uring_prep_close(sqe, ring->ring_fd))
BEHIND(behind_failed_statx,
       io_uring_prep_statx(sqe, AT_FDCWD, "no", 0, STATX_SIZE, (struct statx *)(void *)buffer))
BEHIND(behind_fallocate, io_uring_prep_fallocate(sqe, files->file, 0, 0, 100))
BEHIND(behind_failed_fallocate, io_uring_prep_fallocate(sqe, files->reader, 0, 0, 100))
BEHIND(behind_sync_range_of_pipe, io_uring_prep_sync_file_range(sqe, files->pipe, 0, 0, 0))
BEHIND(behind_advice_for_pipe, io_uring_prep_fadvise(sqe, files->pipe, 0, 0, 0))
BEHIND(behind_writev, io_uring_prep_writev(sqe, files->file, &three, 1, 0))
BEHIND(behind_durable_write,
       (io_uring_prep_write(sqe, files->file, "abc", 3, 0), sqe->rw_flags = RWF_DSYNC))
BEHIND(behind_priority, (io_uring_prep_fsync(sqe, files->file, 0), sqe->ioprio = 1))
BEHIND(behind_buffer_index,
       (io_uring_prep_mkdirat(sqe, AT_FDCWD, "new", 0700), sqe->buf_index = 1))
BEHIND(behind_personality, (io_uring_prep_fsync(sqe, files->file, 0), sqe->personality = 7))

BEHIND(behind_failed_ftruncate,
       (sqe->opcode = OP_FTRUNCATE, sqe->fd = files->reader, sqe->off = 3))

SCRIPT(fixed_file_where_none_is_registered)
{
	PUT(1, LINK | IOSQE_FIXED_FILE, io_uring_prep_fsync(sqe, files->file, 0));
	NOP(2, 0);
}

SCRIPT(hard_link_goes_on)
{
	PUT(1, HARD, io_uring_prep_read(sqe, files->file, buffer, 64, 0));
	NOP(2, 0);
}

SCRIPT(cancelled_beyond_a_hard_link)
{
	PUT(1, LINK, io_uring_prep_read(sqe, files->file, buffer, 64, 0));
	NOP(2, HARD);
	NOP(3, 0);
	NOP(4, 0);
}

SCRIPT(refused_in_a_chain)
{
	NOP(1, LINK);
	PUT(2, LINK, io_uring_prep_unlinkat(sqe, AT_FDCWD, (char *)8, 0));
	NOP(3, 0);
	NOP(4, 0);
}

SCRIPT(refused_at_the_end_of_a_chain)
{
	PUT(1, LINK, io_uring_prep_mkdirat(sqe, AT_FDCWD, "new", 0700));
	PUT(2, 0, io_uring_prep_unlinkat(sqe, AT_FDCWD, (char *)8, 0));
	NOP(3, 0);
}

SCRIPT(refused_alone)
{
	PUT(1, 128, io_uring_prep_nop(sqe));
	NOP(2, 0);
}

SCRIPT(chain_ends_with_the_batch)
{
	NOP(1, LINK);
	NOP(2, LINK);
}

SCRIPT(no_completion_of_a_success)
{
	NOP(1, LINK | SKIP);
	NOP(2, 0);
}

SCRIPT(one_completion_of_a_failed_chain)
{
	PUT(1, LINK | SKIP, io_uring_prep_read(sqe, files->file, buffer, 64, 0));
	NOP(2, LINK);
	NOP(3, 0);
}

SCRIPT(cancelled_ones_do_not_keep_quiet)
{
	PUT(1, LINK, io_uring_prep_read(sqe, files->file, buffer, 64, 0));
	NOP(2, LINK | SKIP);
	NOP(3, 0);
}

/* `there`: completions that come. */
struct script {
	const char *name;
	void (*prepare)(struct io_uring *ring, const struct files *files);
	unsigned there;
	unsigned setup; /* IORING_SETUP_ flags */
};
#define ROW(name, there) {#name, name, there, 0}
static const struct script scripts[] = {
	ROW(behind_read, 2),
	ROW(behind_short_read, 2),
	ROW(behind_write, 2),
	ROW(behind_write_at_own_offset, 2),
	ROW(behind_write_below_zero, 2),
	ROW(behind_write_to_reader, 2),
	ROW(behind_write_of_bad_address, 2),
	ROW(behind_write_to_pipe, 2),
	ROW(behind_fsync, 2),
	ROW(behind_failed_fsync, 2),
	ROW(behind_fsync_of_closed, 2),
	ROW(behind_fsync_with_flags, 2),
	ROW(behind_rename, 2),
	ROW(behind_failed_rename, 2),
	ROW(behind_rename_of_bad_address, 2),
	ROW(behind_rename_to_bad_address, 2),
	ROW(behind_failed_unlink, 2),
	ROW(behind_rmdir, 2),
	ROW(behind_failed_mkdir, 2),
	ROW(behind_link, 2),
	ROW(behind_failed_link, 2),
	ROW(behind_symlink, 2),
	ROW(behind_failed_symlink, 2),
	ROW(behind_failed_open, 2),
	ROW(behind_failed_openat2, 2),
	ROW(behind_failed_close, 2),
	ROW(behind_close_of_the_ring, 2),
	ROW(behind_failed_statx, 2),
	ROW(behind_fallocate, 2),
	ROW(behind_failed_fallocate, 2),
	ROW(behind_sync_range_of_pipe, 2),
	ROW(behind_advice_for_pipe, 2),
	ROW(behind_writev, 2),
	ROW(behind_durable_write, 2),
	ROW(behind_priority, 2),
	ROW(behind_buffer_index, 2),
	ROW(behind_personality, 2),
	ROW(behind_failed_ftruncate, 2),
	ROW(fixed_file_where_none_is_registered, 2),
	ROW(hard_link_goes_on, 2),
	ROW(cancelled_beyond_a_hard_link, 4),
	ROW(refused_in_a_chain, 4),
	ROW(refused_at_the_end_of_a_chain, 2),
	ROW(refused_alone, 1),
	{"refused_alone, all submitted", refused_alone, 2, IORING_SETUP_SUBMIT_ALL},
	ROW(chain_ends_with_the_batch, 2),
	ROW(no_completion_of_a_success, 1),
	ROW(one_completion_of_a_failed_chain, 1),
	ROW(cancelled_ones_do_not_keep_quiet, 3),
};

#define NO_COMPLETION INT_MIN

/* What came of a script: how many requests were taken, and the result of each. */
struct answer {
	int submitted, results[8];
	int written;        /* bytes of the file afterwards */
	long position;      /* of its descriptor */
	unsigned left_over; /* completions that were not expected */
};

/* In a directory with a file "f" of 10 bytes and a directory "d". Returns 0 or a line. */
static int run_script(const struct script *script, struct answer *ret_answer)
{
	struct io_uring ring;
	int pipe_ends[2];
	struct answer answer = {.submitted = -1};
	MUST(io_uring_queue_init(8, &ring, script->setup) == 0);
	MUST(pipe(pipe_ends) == 0);
	const struct files files = {open("f", O_RDWR), open("f", O_RDONLY), pipe_ends[0], pipe_ends[1]};
	MUST(files.file >= 0 && files.reader >= 0);
	for (int i = 0; i < 8; i++)
		answer.results[i] = NO_COMPLETION;
	script->prepare(&ring, &files);
	answer.submitted = io_uring_submit(&ring);
	for (unsigned i = 0; i < script->there; i++) {
		struct io_uring_cqe *cqe;
		MUST(io_uring_wait_cqe(&ring, &cqe) == 0);
		MUST(cqe->user_data < 8);
		answer.results[cqe->user_data] = cqe->res;
		io_uring_cqe_seen(&ring, cqe);
	}
	answer.left_over = io_uring_cq_ready(&ring);
	struct stat status;
	MUST(fstat(files.file, &status) == 0);
	answer.written = (int)status.st_size;
	answer.position = lseek(files.file, 0, SEEK_CUR);
	io_uring_queue_exit(&ring);
	close(files.file);
	close(files.reader);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	*ret_answer = answer;
	return 0;
}

/* Shared with the worker. */
static struct {
	const struct script *script;
	struct answer answer;
} *asked;

static int runs_script(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(chdir("/srv") == 0);
	const int line = run_script(asked->script, &asked->answer);
	MUST(chdir("/") == 0);
	return line;
}

static bool kernel_has_uring(void)
{
	struct io_uring ring;
	if (io_uring_queue_init(2, &ring, 0) < 0)
		return false;
	io_uring_queue_exit(&ring);
	return true;
}

static void ask_kernel(const struct script *script, struct answer *ret_answer)
{
	char folder[] = "/tmp/torn-uring-XXXXXX";
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	const int fd = open("f", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	close(fd);
	assert_int_equal(mkdir("d", 0700), 0);
	const int line = run_script(script, ret_answer);
	static const char *const names[] = {"f", "g", "h", "s"};
	for (size_t i = 0; i < 4; i++)
		unlink(names[i]);
	rmdir("d");
	rmdir("new");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing else was made */
	assert_int_equal(line, 0);
}

/* Remedy: torn_uring_perform() says what failed; take(), step() and cancel() do what follows. */
static void test_a_batch_ends_as_the_kernel_here_ends_it(void **state)
{
	(void)state;
	if (!kernel_has_uring())
		skip();
	asked = mmap(NULL, sizeof *asked, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(asked != MAP_FAILED);
	begin_with("old srv/f file 0123456789\nold srv/d dir\n");
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		struct answer kernel;
		ask_kernel(&scripts[i], &kernel);
		asked->script = &scripts[i];
		assert_holds(runs_script);
		const struct answer *gate = &asked->answer;
		if (gate->submitted != kernel.submitted || gate->left_over != kernel.left_over ||
		    gate->written != kernel.written || gate->position != kernel.position)
			fail_msg("%s: the gate took %d, left %u, size %d, at %ld; the kernel %d, %u, %d, %ld",
				 scripts[i].name, gate->submitted, gate->left_over, gate->written,
				 gate->position, kernel.submitted, kernel.left_over, kernel.written,
				 kernel.position);
		for (int id = 0; id < 8; id++)
			if (gate->results[id] != kernel.results[id])
				fail_msg("%s: request %d: the gate says %d, the kernel %d",
					 scripts[i].name, id, gate->results[id], kernel.results[id]);
	}
	munmap(asked, sizeof *asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_batch_ends_as_the_kernel_here_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
