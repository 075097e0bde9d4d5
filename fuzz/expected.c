/* expected.c: see expected.h. */
#include "expected.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(struct torn_expected_list *list, const struct torn_expected *item)
{
	struct torn_expected *items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count++] = *item;
	return 0;
}

static int read_line(char *line, struct torn_expected *item)
{
	const struct {
		char *to;
		size_t size;
	} words[] = {
		{item->variant, sizeof item->variant}, {item->invariant, sizeof item->invariant},
		{item->call, sizeof item->call},       {item->fault, sizeof item->fault},
		{item->file, sizeof item->file},
	};
	size_t count = 0;
	char *rest = NULL;
	line[strcspn(line, "#")] = '\0';
	for (char *word = strtok_r(line, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest)) {
		if (count == sizeof words / sizeof *words || strlen(word) >= words[count].size)
			return -EINVAL;
		strcpy(words[count].to, word);
		count++;
	}
	return count == 0 ? 0 : count == sizeof words / sizeof *words ? 1 : -EINVAL;
}

int torn_expected_parse(FILE *in, struct torn_expected_list *ret_list, uint32_t *ret_line)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int r = 0;
	*ret_list = (struct torn_expected_list){0};
	for (uint32_t number = 1; r >= 0 && (length = getline(&line, &room, in)) >= 0; number++) {
		struct torn_expected item = {.line = number};
		*ret_line = number;
		r = strlen(line) == (size_t)length ? read_line(line, &item) : -EINVAL;
		if (r > 0)
			r = add(ret_list, &item);
	}
	if (r >= 0 && ferror(in)) {
		r = -errno;
		*ret_line = 0;
	}
	free(line);
	if (r < 0)
		torn_expected_free(ret_list);
	return r < 0 ? r : 0;
}

int torn_expected_read(const char *corpus, const char *target, struct torn_expected_list *ret_list)
{
	char path[4096];
	uint32_t line = 0;
	snprintf(path, sizeof path, "%s/%s/expected", corpus, target);
	*ret_list = (struct torn_expected_list){0};
	FILE *in = fopen(path, "re");
	if (!in)
		return errno == ENOENT ? 0 : -errno;
	int r = torn_expected_parse(in, ret_list, &line);
	fclose(in);
	if (r == -EINVAL && line)
		fprintf(stderr, "%s:%u: expected VARIANT INVARIANT CALL FAULT CASE\n", path, line);
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	return r;
}

void torn_expected_free(struct torn_expected_list *list)
{
	free(list->items);
	*list = (struct torn_expected_list){0};
}

static bool is(const char *written, const char *value)
{
	return strcmp(written, value[0] ? value : "-") == 0;
}

void torn_expected_fault(const struct torn_finding *finding, char *buffer, size_t size)
{
	const bool is_cut = strcmp(finding->fault, "cut") == 0 && finding->presets_count > 0;
	const char *fault = finding->is_any_fault ? "any" : "-";
	snprintf(buffer, size, "%s%s%s", finding->fault[0] ? finding->fault : fault, is_cut ? "=" : "",
		 is_cut ? finding->presets[0] : "");
}

struct torn_expected *torn_expected_match(struct torn_expected_list *list,
					  const struct torn_finding *finding, const char *file)
{
	char fault[64];
	torn_expected_fault(finding, fault, sizeof fault);
	for (size_t i = 0; i < list->count; i++) {
		struct torn_expected *item = &list->items[i];
		if (item->found || (file && strcmp(item->file, file) != 0))
			continue;
		if (!is(item->variant, finding->variant) || !is(item->invariant, finding->id) ||
		    !is(item->call, finding->call) || strcmp(item->fault, fault) != 0)
			continue;
		item->found = true;
		return item;
	}
	return NULL;
}
