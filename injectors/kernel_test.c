/*
 * kernel_test.c: the gate held against the bare kernel.
 *
 * Pseudo-random sequences of file calls run twice: under the gate, and without
 * it as root in a chroot on a tmpfs of their own. Each call's result, its errno
 * and what it gave, the descriptors afterwards and the trees in the end must be
 * the same. What differs is cut down to the fewest steps that still differ.
 *
 * Deliberately different, and therefore not compared or not asked for:
 *   st_ino, st_dev, st_blocks, st_blksize and all times: virtual, equal on
 *     every machine (times that utimensat set are held in calls_test.c);
 *   the size of a directory: a number that each file system makes up;
 *   the order of a directory, d_off and d_ino: by name, by position, virtual
 *     (so a listing is read from its start and compared as a set, and of a
 *     position in a directory only whether it is given);
 *   statfs: an ext4 that is half full, whatever is below;
 *   FICLONE, FS_IOC_*: tmpfs has no reflinks, the gate gives them;
 *   mknod of devices: EPERM, the target must not make them;
 *   trusted, security and system attributes: virtual, see calls_test.c;
 *   O_PATH and O_NOFOLLOW on a name below /proc, lstat of one: the gate knows
 *     no magic links as objects of their own, only where they lead;
 *   readlink of /proc/self/fd/N: the first name that the inode has now, not the
 *     one that was opened, and no number for a file of O_TMPFILE;
 *   sync(2): not done for real;
 *   files beyond some MiB: the log keeps all bytes (INCOMPLETE, not wrong);
 *   O_CREAT with O_DIRECTORY: kernels differ (EINVAL since 6.4).
 *
 * Needs to mount: root, or a user namespace; skipped where neither is to be had.
 */
#include "kernel_bare_for_tests.h"

#ifndef SEQUENCES
#define SEQUENCES 640
#endif
#ifndef SEED_FIRST
#define SEED_FIRST 1
#endif
#ifndef REPORTS_MAX
#define REPORTS_MAX 5
#endif

/* ---------------------------------------------------------- the gate's side */

static uint32_t running; /* which sequence, in the worker */

static int operation(const struct torn_run *run)
{
	(void)run;
	perform_all(&shared->sequences[running], &shared->gate[running]);
	return 0;
}

static void walk_tree(char *tree, size_t room, const char *path, const struct torn_node *node)
{
	static const mode_t types[] = {[TORN_FILE] = S_IFREG, [TORN_DIRECTORY] = S_IFDIR,
				       [TORN_SYMLINK] = S_IFLNK, [TORN_FIFO] = S_IFIFO,
				       [TORN_SOCKET] = S_IFSOCK};
	static uint8_t bytes[1 << 23];
	char more[4096] = "";
	uint64_t hash = 0;
	if (node->type == TORN_SYMLINK)
		hash = hash_bytes(node->link.data, node->link.size);
	else if (node->type == TORN_FILE)
		hash = hash_bytes(bytes, torn_node_read(node, 0, bytes, sizeof bytes));
	for (uint32_t i = 0; i < node->xattrs_count; i++) {
		char name[300];
		snprintf(name, sizeof name, "%.*s", (int)node->xattrs[i].name.size,
			 (const char *)node->xattrs[i].name.data);
		add_xattr(more, sizeof more, name, node->xattrs[i].value.data, node->xattrs[i].value.size);
	}
	tree_line(tree, room, path, types[node->type] | node->mode, node->uid, node->gid, node->links,
		  node->size, hash, more);
	for (uint32_t i = 0; i < node->entries_count; i++) {
		char next[4000];
		snprintf(next, sizeof next, "%s%s%.*s", path, path[0] ? "/" : "",
			 (int)node->entries[i].name.size, (const char *)node->entries[i].name.data);
		walk_tree(tree, room, next, node->entries[i].node);
	}
}

static void gate_all(void *context, struct torn_lab *lab)
{
	struct torn_test *test = context;
	for (running = 0; running < shared->count; running++) {
		struct side *side = &shared->gate[running];
		struct torn_trial trial;
		lab->failure[0] = '\0';
		if (running > 0 && shared->gate[running - 1].failure[0])
			lab->on_disk = NULL; /* so that one that fails does not spoil the next */
		const int r = torn_trial_run(lab, &test->setup, &test->plan, TORN_TRIAL_PLAIN, &trial);
		side->tree[0] = '\0';
		if (r == TORN_HELD)
			walk_tree(side->tree, sizeof side->tree, "", trial.now);
		if (r != TORN_HELD || trial.end != TORN_RETURNED)
			snprintf(side->failure, sizeof side->failure, "result %d, end %d code %d: %s", r,
				 r == TORN_HELD ? (int)trial.end : -1, r == TORN_HELD ? trial.code : 0,
				 lab->failure);
	}
}

static void gate_side(struct torn_test *test)
{
	const struct torn_job job = {.job = gate_all, .again = torn_test_again, .context = test};
	char message[256] = "";
	if (torn_worker_do(&test->worker, &job, message, sizeof message) < 0)
		snprintf(shared->gate[running].failure, sizeof shared->gate[running].failure, "%s", message);
}

/* ------------------------------------------------------------- comparing */

static bool same_outcome(const struct outcome *a, const struct outcome *b)
{
	return a->result == b->result && a->hash == b->hash;
}

/* The first step that differs; `count` and more for a descriptor in the end; -1: none. */
static int first_difference(uint32_t i)
{
	const struct side *gate = &shared->gate[i], *bare = &shared->bare[i];
	const uint32_t count = shared->sequences[i].count;
	for (uint32_t at = 0; at < count; at++)
		if (at >= gate->done || at >= bare->done ||
		    !same_outcome(&gate->outcomes[at], &bare->outcomes[at]))
			return (int)at;
	if (gate->failure[0] || bare->failure[0])
		return (int)count;
	for (uint32_t at = count; at < count + FDS_SHOWN; at++)
		if (!same_outcome(&gate->outcomes[at], &bare->outcomes[at]))
			return (int)at;
	return strcmp(gate->tree, bare->tree) == 0 ? -1 : (int)count + FDS_SHOWN;
}

static void run_both(struct torn_test *test, const struct bare *bare)
{
	memset(shared->gate, 0, shared->count * sizeof *shared->gate);
	memset(shared->bare, 0, shared->count * sizeof *shared->bare);
	bare_side(bare);
	gate_side(test);
}

/* Leave out each step without which the two still differ. */
static void minimise(struct torn_test *test, const struct bare *bare, const struct sequence *from)
{
	struct sequence best = *from;
	shared->count = 1;
	for (bool smaller = true; smaller;) {
		smaller = false;
		for (uint32_t i = best.count; i-- > 0;) {
			struct sequence *tried = &shared->sequences[0];
			*tried = best;
			memmove(&tried->steps[i], &tried->steps[i + 1],
				(best.count - i - 1) * sizeof *tried->steps);
			tried->count--;
			run_both(test, bare);
			if (first_difference(0) < 0)
				continue;
			best = *tried;
			smaller = true;
		}
	}
	shared->sequences[0] = best;
	run_both(test, bare);
}

static void print_step(const struct step *step)
{
	const char *signature = torn_call_row(step->call)->signature;
	printf("%s(", torn_call_name(step->call));
	for (int i = 0; signature[i]; i++) {
		printf(i ? ", " : "");
		switch (signature[i]) {
		case 'd': case 'f': printf(step->fd == AT_FDCWD ? "AT_FDCWD" : "%d", step->fd); break;
		case 'D': case 'g': printf(step->fd_to == AT_FDCWD ? "AT_FDCWD" : "%d", step->fd_to); break;
		case 'p': case 't': printf("\"%s\"", step->path); break;
		case 'P': printf("\"%s\"", step->path_to); break;
		case 'x': printf("\"%s\"", step->name); break;
		case 'b': printf("buffer"); break;
		case 'v': printf("%lu each", (unsigned long)step->size); break;
		case 'c': printf("%u", step->pieces); break;
		case 'n': case 'z': printf("%ld", (long)step->size); break;
		case 'o': printf("%ld", (long)step->offset); break;
		case 'F': printf("%#x", step->how); break;
		case 'm': printf("%#o", step->mode); break;
		case 'u': printf("%d", (int)step->uid); break;
		case 'i': printf("%d", (int)step->gid); break;
		case 'h': printf("{%#x, %#o}", step->how, step->mode); break;
		default: printf("offset %ld/%ld mode %u", (long)step->offset, (long)step->offset_to, step->mode); break;
		}
	}
	printf(")");
}

static void print_outcome(const char *who, const struct outcome *outcome, bool done)
{
	printf("\n      %s: ", who);
	if (!done)
		printf("never came back");
	else if (outcome->result < 0)
		printf("%s", torn_errno_name((int)-outcome->result) ? torn_errno_name((int)-outcome->result) : "?");
	else
		printf("%ld", (long)outcome->result);
	printf("  %s", outcome->text);
}

static void print_tree_difference(const char *gate, const char *bare)
{
	while (*gate && *bare) {
		const size_t a = strcspn(gate, "\n"), b = strcspn(bare, "\n");
		if (a != b || memcmp(gate, bare, a) != 0)
			break;
		gate += a + 1;
		bare += b + 1;
	}
	printf("    first line of the trees that differs:\n      gate: %.*s\n      bare: %.*s\n",
	       (int)strcspn(gate, "\n"), gate, (int)strcspn(bare, "\n"), bare);
}

static void print_sequence(void)
{
	const struct sequence *sequence = &shared->sequences[0];
	const struct side *gate = &shared->gate[0], *bare = &shared->bare[0];
	const int differs = first_difference(0);
	printf("  seed %lu differs, at its shortest:\n", (unsigned long)sequence->seed);
	for (uint32_t i = 0; i < sequence->count; i++) {
		printf("    ");
		print_step(&sequence->steps[i]);
		if ((int)i == differs) {
			print_outcome("gate", &gate->outcomes[i], i < gate->done);
			print_outcome("bare", &bare->outcomes[i], i < bare->done);
		} else {
			printf(" = %ld %s", (long)bare->outcomes[i].result, bare->outcomes[i].text);
		}
		printf("\n");
	}
	if (gate->failure[0] || bare->failure[0])
		printf("    gate: %s; bare: %s\n", gate->failure, bare->failure);
	else if (differs >= (int)sequence->count && differs < (int)sequence->count + FDS_SHOWN) {
		printf("    descriptor %d:", differs - (int)sequence->count);
		print_outcome("gate", &gate->outcomes[differs], true);
		print_outcome("bare", &bare->outcomes[differs], true);
		printf("\n");
	} else if (differs >= (int)sequence->count) {
		print_tree_difference(gate->tree, bare->tree);
	}
}

/* What differed, in short, before it is cut down. */
static void note(uint32_t i, char *to, size_t size)
{
	const struct side *gate = &shared->gate[i], *bare = &shared->bare[i];
	const int at = first_difference(i);
	const bool in_outcomes = at < (int)shared->sequences[i].count + FDS_SHOWN;
	snprintf(to, size, "    step %d: gate %ld %s, bare %ld %s; %s %s\n", at,
		 in_outcomes ? (long)gate->outcomes[at].result : 0, in_outcomes ? gate->outcomes[at].text : "",
		 in_outcomes ? (long)bare->outcomes[at].result : 0, in_outcomes ? bare->outcomes[at].text : "",
		 gate->failure, bare->failure);
}

/* -------------------------------------------------------------------- test */

struct fixture {
	struct torn_test *test;
	struct bare bare;
	char folder[32];
};

static int set_up(void **state)
{
	static struct fixture fixture;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(fixture.folder, sizeof fixture.folder, "/tmp/torn-kernel-XXXXXX");
	if (shared == MAP_FAILED || !mkdtemp(fixture.folder))
		return -1;
	has_fchmodat2 = syscall(452, -1, "", 0, 0) < 0 && errno != ENOSYS;
	if (bare_open(fixture.folder, &fixture.bare) < 0)
		return -1;
	fixture.test = torn_test_open(beginnings_text());
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	torn_test_close(fixture->test);
	bare_close(&fixture->bare);
	munmap(shared, sizeof *shared);
	return rmdir(fixture->folder);
}

static int nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static void test_every_call_under_the_gate_is_as_on_the_bare_kernel(void **state)
{
	struct fixture *fixture = *state;
	struct torn_test *test = fixture->test;
	assert_int_equal(torn_test_run(test, nothing, ""), 0);
	test->variants[0].operation = operation;
	if (!shared->bare_ready) {
		print_message("no bare run: %s\n", shared->bare_failure);
		skip();
	}
	unsigned reports = 0;
	for (uint64_t seed = SEED_FIRST; seed < SEED_FIRST + SEQUENCES && reports < REPORTS_MAX;) {
		for (shared->count = 0; shared->count < BATCH; shared->count++)
			make_sequence(seed++, &shared->sequences[shared->count]);
		run_both(test, &fixture->bare);
		static struct sequence differing[BATCH];
		static char notes[BATCH][700];
		uint32_t count = 0;
		for (uint32_t i = 0; i < BATCH; i++)
			if (first_difference(i) >= 0) {
				note(i, notes[count], sizeof notes[count]);
				differing[count++] = shared->sequences[i];
			}
		for (uint32_t i = 0; i < count && reports < REPORTS_MAX; i++, reports++) {
			minimise(test, &fixture->bare, &differing[i]);
			print_sequence();
			if (first_difference(0) < 0)
				printf("    alone it does not differ: only after those before it\n%s", notes[i]);
		}
	}
	assert_int_equal(reports, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_every_call_under_the_gate_is_as_on_the_bare_kernel, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
