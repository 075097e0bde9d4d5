/*
 * example.uring_replace: the correct one, as requests of io_uring: a temp in the
 * same directory, then write and fsync as one chain, then rename and fsync of
 * the directory as another, submitted when both of the first have succeeded.
 *
 *   one_chain  all four linked to one chain. Since Linux 6.0 an fsync that fails
 *              cuts no chain off: the rename behind it runs, and the name leads
 *              to bytes that may never have reached the disk.
 *   unlinked   all four at once and not linked: they are done in any order, and
 *              each whatever became of the others.
 *
 * A write that is short fails its chain, and then the replace: on a disk that is
 * not full it does not happen, and a second submission would be one more path
 * that nobody tests. Only when the last step fails, the sync of the directory,
 * is a failure reported with the new file in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "example.h"

struct replacing {
	struct io_uring ring;
	int dir, file;
	const char *temp;
	struct torn_bytes content;
};

enum step { WRITE, SYNC, RENAME, SYNC_DIR, STEPS };

/* What became of the steps as long as no completion tells: where the ring fails the temp is there. */
#define NOT_DONE {ECANCELED, ECANCELED, ECANCELED, ECANCELED}

/* Returns the result that says that all of it was done. */
static int64_t wanted(const struct replacing *replacing, enum step step)
{
	return step == WRITE ? (int64_t)replacing->content.size : 0;
}

static void prepare(struct replacing *replacing, enum step step, unsigned flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&replacing->ring); /* there is room for all */

	switch (step) {
	case WRITE:
		io_uring_prep_write(sqe, replacing->file, replacing->content.data,
				    (unsigned)replacing->content.size, 0);
		break;
	case SYNC:
		io_uring_prep_fsync(sqe, replacing->file, 0);
		break;
	case RENAME:
		io_uring_prep_renameat(sqe, replacing->dir, replacing->temp, replacing->dir,
				       EXAMPLE_NAME, 0);
		break;
	default:
		io_uring_prep_fsync(sqe, replacing->dir, 0);
		break;
	}
	sqe->user_data = step;
	sqe->flags = (uint8_t)flags;
}

/* What became of a step: 0, or the errno of the failure. */
static int outcome(const struct replacing *replacing, enum step step, int result)
{
	if (result < 0)
		return -result;
	return result == wanted(replacing, step) ? 0 : EIO;
}

/*
 * Submit what was prepared, `count` steps, and wait for all. `ret_errors` is by
 * step. Returns 0, or -1 where the ring itself fails.
 */
static int perform(struct replacing *replacing, unsigned count, int ret_errors[STEPS])
{
	int submitted = io_uring_submit_and_wait(&replacing->ring, count);
	if (submitted != (int)count) {
		errno = submitted < 0 ? -submitted : EAGAIN;
		return -1;
	}
	for (unsigned i = 0; i < count; i++) {
		struct io_uring_cqe *cqe;
		int result = TEMP_FAILURE_RETRY(io_uring_wait_cqe(&replacing->ring, &cqe));
		if (result < 0) {
			errno = -result;
			return -1;
		}
		enum step step = (enum step)cqe->user_data;
		ret_errors[step] = outcome(replacing, step, cqe->res);
		io_uring_cqe_seen(&replacing->ring, cqe);
	}
	return 0;
}

/* An error that came first explains those behind it, which are only ECANCELED. */
static int first_error(const int errors[STEPS])
{
	for (int step = 0; step < STEPS; step++)
		if (errors[step] != 0 && errors[step] != ECANCELED) {
			errno = errors[step];
			return -1;
		}
	return 0;
}

/* How a variant submits the four steps. Returns 0, or -1 and whether the temp is still there. */
typedef int submit_all(struct replacing *replacing, bool *ret_temp_stays);

static int submit_two_chains(struct replacing *replacing, bool *ret_temp_stays)
{
	int errors[STEPS] = NOT_DONE;

	*ret_temp_stays = true;
	prepare(replacing, WRITE, IOSQE_IO_LINK);
	prepare(replacing, SYNC, 0);
	if (perform(replacing, 2, errors) < 0 || first_error(errors) < 0)
		return -1;
	prepare(replacing, RENAME, IOSQE_IO_LINK);
	prepare(replacing, SYNC_DIR, 0);
	int result = perform(replacing, 2, errors);
	*ret_temp_stays = errors[RENAME] != 0;
	return result < 0 ? -1 : first_error(errors);
}

static int submit_at_once(struct replacing *replacing, unsigned flags, bool *ret_temp_stays)
{
	int errors[STEPS] = NOT_DONE;

	for (enum step step = WRITE; step < SYNC_DIR; step++)
		prepare(replacing, step, flags);
	prepare(replacing, SYNC_DIR, 0);
	int result = perform(replacing, STEPS, errors);
	*ret_temp_stays = errors[RENAME] != 0;
	return result < 0 ? -1 : first_error(errors);
}

static int submit_one_chain(struct replacing *replacing, bool *ret_temp_stays)
{
	return submit_at_once(replacing, IOSQE_IO_LINK, ret_temp_stays);
}

static int submit_unlinked(struct replacing *replacing, bool *ret_temp_stays)
{
	return submit_at_once(replacing, 0, ret_temp_stays);
}

static int fill_and_rename(int dir, mode_t mode, struct torn_bytes content, submit_all *submit)
{
	char temp[EXAMPLE_TEMP_SIZE];
	struct replacing replacing = {.dir = dir, .temp = temp, .content = content};
	bool temp_stays = true;

	int result = io_uring_queue_init(STEPS, &replacing.ring, 0);
	if (result < 0) {
		errno = -result;
		return -1;
	}
	replacing.file = example_create_temp(dir, temp);
	if (replacing.file < 0) {
		io_uring_queue_exit(&replacing.ring);
		return -1;
	}
	result = fchmod(replacing.file, mode);
	if (result == 0)
		result = submit(&replacing, &temp_stays);
	example_close(replacing.file); /* its bytes are synced: nothing is left to be told */
	if (result < 0 && temp_stays)
		example_discard(dir, temp);
	int saved = errno;
	io_uring_queue_exit(&replacing.ring);
	errno = saved;
	return result;
}

/* The sync of the directory is the last of the steps: the caller has none to make. */
static int replace(const struct torn_run *run, submit_all *submit)
{
	mode_t mode;

	int dir = open("/srv/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int result = example_look(dir, &mode);
	if (result >= 0)
		result = fill_and_rename(dir, mode, torn_run_arg(run, "content"), submit);
	example_close(dir);
	return result;
}

static int correct(const struct torn_run *run)
{
	return replace(run, submit_two_chains);
}

static int one_chain(const struct torn_run *run)
{
	return replace(run, submit_one_chain);
}

static int unlinked(const struct torn_run *run)
{
	return replace(run, submit_unlinked);
}

static const struct torn_variant variants[] = {
	{.name = "correct", .operation = correct},
	{.name = "one_chain", .operation = one_chain},
	{.name = "unlinked", .operation = unlinked},
	{.name = NULL},
};

static const struct torn_target target = {
	.name = "example.uring_replace",
	.summary = "replace a file by io_uring: write and fsync linked, then rename and fsync linked",
	.variants = variants,
	.worlds = example_worlds,
	.args = example_args,
	.watch = example_watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
