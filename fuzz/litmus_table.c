/* litmus_table.c: see litmus_table.h. */
#include "litmus_table.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "litmus_cell.h"
#include "worker.h"

#define ARENA_BYTES ((size_t)256 << 20)

/* Those that have a preset of their own. */
static const char *const usual[] = {
	"ext4", "ext4:noauto_da_alloc", "ext4:data=journal", "ext4:data=writeback", "xfs", "btrfs",
};

static int make_column(struct torn_arena *arena, const char *name, struct torn_litmus_column *column, char *ret_message,
		       size_t size)
{
	struct torn_device_choice choice;
	char text[160];
	size_t rows = 0;
	if (torn_device_choose(torn_bytes_of(name), &choice, ret_message, size) < 0)
		return -EINVAL;
	torn_device_choice_text(&choice, text, sizeof text);
	while (torn_litmus_number(rows))
		rows++;
	column->file_system = (const char *)torn_arena_copy(arena, text, strlen(text)).data;
	column->preset = torn_preset_name(choice.preset);
	column->cells = torn_arena_take(arena, rows * sizeof *column->cells);
	column->cells_count = rows;
	if (!column->file_system || !column->cells)
		return -ENOMEM;
	for (size_t i = 0; i < rows; i++)
		column->cells[i] = (struct torn_litmus_cell){.row = torn_litmus_number(i)->name,
							     .path = torn_litmus_number(i)->path};
	return 0;
}

static const char *release_of_kernel(struct torn_arena *arena)
{
	struct utsname name;
	const char *release = uname(&name) == 0 ? name.release : "unknown";
	return (const char *)torn_arena_copy(arena, release, strlen(release)).data;
}

int torn_litmus_table_make(struct torn_arena *arena, char *const *names, size_t count,
			   struct torn_litmus_table *ret_table, size_t *ret_wrong, char *ret_message, size_t size)
{
	const bool is_usual = count == 0;
	struct torn_litmus_table table = {.columns_count = is_usual ? sizeof usual / sizeof *usual : count};
	table.kernel = release_of_kernel(arena);
	table.columns = torn_arena_take(arena, table.columns_count * sizeof *table.columns);
	int r = table.kernel && table.columns ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < table.columns_count; i++) {
		r = make_column(arena, is_usual ? usual[i] : names[i], &table.columns[i], ret_message, size);
		*ret_wrong = i;
	}
	if (r == 0)
		*ret_table = table;
	return r;
}

/* ------------------------------------------------------------------ workers */

/* Who shares out the rows of a column; in shared memory. */
struct crew {
	struct torn_litmus_column *column;
	const struct torn_litmus_how *how;
	uint32_t next, done; /* rows */
	char failure[256];   /* of whoever failed */
	struct torn_worker workers[TORN_WORKERS_MAX];
	struct torn_arena arenas[TORN_WORKERS_MAX]; /* of workers */
	struct member {
		struct crew *crew;
		unsigned number;
	} members[TORN_WORKERS_MAX];
	unsigned count;
};

/* XFS and btrfs take ten times as long: there a brief look is at what they are known to differ in. */
static bool is_left_out(const struct crew *crew, const struct torn_litmus *row)
{
	return crew->how->is_brief && !row->is_telling && strncmp(crew->column->file_system, "ext4", 4) != 0;
}

static void fill_rows(void *context, struct torn_lab *lab)
{
	const struct member *member = context;
	struct crew *crew = member->crew;
	const struct torn_litmus *row;
	uint32_t number;
	while ((row = torn_litmus_number(number = __atomic_fetch_add(&crew->next, 1, __ATOMIC_SEQ_CST)))) {
		struct torn_litmus_cell *cell = &crew->column->cells[number];
		if (is_left_out(crew, row))
			snprintf(cell->left_out, sizeof cell->left_out, "it is left out of a brief look");
		else if (torn_litmus_fill(cell, lab, &crew->arenas[member->number], row,
					  torn_preset_named(torn_bytes_of(crew->column->preset)), crew->how->seed) < 0) {
			memcpy(crew->failure, lab->failure, sizeof crew->failure);
			return;
		}
		__atomic_fetch_add(&crew->done, 1, __ATOMIC_SEQ_CST);
	}
}

/* One of them died: from the beginning. */
static void begin_again(void *context)
{
	const struct member *member = context;
	struct crew *crew = member->crew;
	crew->next = crew->done = 0;
	torn_arena_return(&crew->arenas[member->number], 0);
}

static void tell_progress(void *context)
{
	const struct crew *crew = context;
	crew->how->progress(crew->column, crew->done);
}

static int open_member(struct crew *crew, char *ret_message, size_t size)
{
	struct torn_worker *worker = &crew->workers[crew->count];
	struct torn_arena *arena = &crew->arenas[crew->count];
	int r = torn_device_fs_permitted(ret_message, size);
	if (r < 0)
		return r;
	r = torn_arena_open(arena, ARENA_BYTES);
	if (r < 0) {
		snprintf(ret_message, size, "no memory: %s", strerror(-r));
		return r;
	}
	r = torn_worker_open(worker, crew->how->timeout_s, ret_message, size);
	if (r == 0) {
		r = torn_worker_open_disk(worker, crew->column->file_system, ret_message, size);
		if (r < 0)
			torn_worker_close(worker);
	}
	if (r < 0) {
		torn_arena_close(arena);
		return r;
	}
	crew->members[crew->count] = (struct member){crew, crew->count};
	crew->count++;
	return 0;
}

static int do_rows(struct crew *crew, char *ret_message, size_t size)
{
	struct torn_job jobs[TORN_WORKERS_MAX];
	for (unsigned i = 0; i < crew->count; i++)
		jobs[i] = (struct torn_job){.job = fill_rows, .again = begin_again, .context = &crew->members[i]};
	if (crew->how->progress) {
		crew->workers[0].progress = tell_progress;
		crew->workers[0].progress_context = crew;
	}
	const int r = torn_workers_do(crew->workers, jobs, crew->count, ret_message, size);
	if (r < 0 || !crew->failure[0])
		return r;
	snprintf(ret_message, size, "%s", crew->failure);
	return -EPROTO;
}

int torn_litmus_table_hold(struct torn_litmus_column *column, const struct torn_litmus_how *how, char *ret_message,
			   size_t size)
{
	struct torn_arena shared;
	int r = torn_arena_open(&shared, sizeof(struct crew) + 64);
	struct crew *crew = r < 0 ? NULL : torn_arena_take(&shared, sizeof *crew);
	if (!crew) {
		snprintf(ret_message, size, "no memory: %s", strerror(-r));
		return r;
	}
	crew->column = column;
	crew->how = how;
	while (r == 0 && crew->count < how->jobs)
		r = open_member(crew, ret_message, size);
	if (r == 0)
		r = do_rows(crew, ret_message, size);
	column->is_held = r == 0;
	for (unsigned i = 0; i < crew->count; i++) {
		torn_worker_close(&crew->workers[i]);
		torn_arena_close(&crew->arenas[i]);
	}
	torn_arena_close(&shared);
	return r;
}

size_t torn_litmus_table_lacks(const struct torn_litmus_table *table)
{
	size_t lacks = 0;
	for (size_t i = 0; i < table->columns_count; i++)
		for (size_t j = 0; j < table->columns[i].cells_count; j++)
			lacks += torn_litmus_cell_lacks(&table->columns[i].cells[j]);
	return lacks;
}
