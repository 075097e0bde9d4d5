/* touched.c: see touched.h. */
#include "touched.h"

#include <string.h>

/* The number of the old file of that path; olds_count: there is none. */
static size_t place_of(const struct torn_setup *setup, struct torn_bytes path)
{
	size_t low = 0, high = setup->olds_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = torn_bytes_compare(setup->olds[middle].path, path);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return setup->olds_count;
}

/* A path and what leads to it; of a hard link the file that has the bytes. */
static void mark(const struct torn_lab *lab, const struct torn_setup *setup, struct torn_bytes path)
{
	while (path.size > 0) {
		const size_t at = place_of(setup, path);
		if (at < setup->olds_count && !lab->touched[at]) {
			lab->touched[at] = 1;
			if (setup->olds[at].is_link)
				mark(lab, setup, setup->olds[at].text);
		}
		const uint8_t *slash = memrchr(path.data, '/', path.size);
		path.size = slash ? (size_t)(slash - path.data) : 0;
	}
}

/* What a listing of a directory shows. */
static void mark_listed(const struct torn_lab *lab, const struct torn_setup *setup, struct torn_bytes dir)
{
	for (size_t i = 0; i < setup->olds_count; i++) {
		const struct torn_bytes path = setup->olds[i].path;
		const size_t lead = dir.size ? dir.size + 1 : 0;
		if (path.size > lead && (!lead || (path.data[dir.size] == '/' &&
						   memcmp(path.data, dir.data, dir.size) == 0)) &&
		    !memchr(path.data + lead, '/', path.size - lead))
			mark(lab, setup, path);
	}
}

/* All names of files that share their bytes with another one: a link counts its names. */
static void mark_links(const struct torn_lab *lab, const struct torn_setup *setup)
{
	for (size_t i = 0; i < setup->olds_count; i++) {
		const size_t first = setup->olds[i].is_link ? place_of(setup, setup->olds[i].text)
							    : setup->olds_count;
		if (first < setup->olds_count && lab->touched[first])
			mark(lab, setup, setup->olds[i].path);
	}
}

void torn_touched_mark(struct torn_lab *lab, const struct torn_setup *setup)
{
	if (!lab->touched)
		return;
	const struct torn_log *log = &lab->recorder->log;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		mark(lab, setup, op->path);
		mark(lab, setup, op->path_to);
		if (op->kind == TORN_KIND_readdir || op->kind == TORN_KIND_rmdir)
			mark_listed(lab, setup, op->path);
	}
	const char *path;
	for (size_t i = 0; (path = torn_tracer_executed(lab->tracer, i)); i++)
		mark(lab, setup, torn_bytes_of(path));
	for (size_t i = 0; i < setup->promised.watch_count; i++)
		mark(lab, setup, setup->promised.watch[i]);
	mark_links(lab, setup);
}
