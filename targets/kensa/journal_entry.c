/* journal_entry.c: an entry of the journal as text, and back. See journal.h. */
#include "journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAD "kensa-journal 1\n"
#define END "end\n"

/* ------------------------------------------------------------------ print */

static void print_bytes(FILE *out, const char *word, const char *name, const void *data, size_t size)
{
	if (!data) {
		fprintf(out, "%s %s absent\n", word, name);
		return;
	}
	fprintf(out, "%s %s %zu\n", word, name, size);
	fwrite(data, 1, size, out);
	fputc('\n', out);
}

static void print_steps(FILE *out, const struct kensa_entry *entry, const struct kensa_prestate *states)
{
	for (size_t i = 0; i < entry->steps_count; i++) {
		const struct kensa_step *step = &entry->steps[i];
		fprintf(out, "step %s\n", step->mechanism);
		for (size_t p = 0; p < step->params_count; p++)
			print_bytes(out, "param", step->params[p].name, step->params[p].value.data,
				    step->params[p].value.size);
		for (size_t f = 0; f < states[i].facts_count; f++)
			print_bytes(out, "fact", states[i].facts[f].name, states[i].facts[f].text,
				    states[i].facts[f].size);
	}
	fputs(END, out);
}

static int print_into(const struct kensa_entry *entry, bool is_after, char **ret_text, size_t *ret_size)
{
	FILE *out = open_memstream(ret_text, ret_size);
	if (!out)
		return -ENOMEM;
	if (!is_after)
		fputs(LEAD, out);
	print_steps(out, entry, is_after ? entry->after : entry->before);
	bool failed = ferror(out) != 0;
	failed |= fclose(out) != 0;
	if (!failed)
		return 0;
	free(*ret_text);
	return -ENOMEM;
}

int kensa_entry_print(const struct kensa_entry *entry, char **ret_text, size_t *ret_size)
{
	return print_into(entry, false, ret_text, ret_size);
}

int kensa_entry_print_after(const struct kensa_entry *entry, char **ret_text, size_t *ret_size)
{
	return print_into(entry, true, ret_text, ret_size);
}

/* ------------------------------------------------------------------ parse */

/* What is left of a text; `at` is NULL once it was no entry. */
struct reader {
	char *at, *end;
};

static bool take(struct reader *reader, const char *word)
{
	const size_t size = strlen(word);

	if (!reader->at || (size_t)(reader->end - reader->at) < size ||
	    memcmp(reader->at, word, size) != 0)
		return false;
	reader->at += size;
	return true;
}

/* Take what stands before the next `end`, which becomes a NUL; NULL where there is no such. */
static char *take_until(struct reader *reader, char end)
{
	char *word = reader->at;

	if (!word)
		return NULL;
	reader->at = memchr(word, end, (size_t)(reader->end - word));
	if (!reader->at)
		return NULL;
	*reader->at++ = '\0';
	return strlen(word) == (size_t)(reader->at - 1 - word) ? word : NULL;
}

/* "NAME SIZE", a line of its own, then bytes and a newline: that becomes the NUL behind them. */
static bool take_bytes(struct reader *reader, char **ret_name, struct torn_bytes *ret_bytes)
{
	char *name = take_until(reader, ' ');
	char *size = name ? take_until(reader, '\n') : NULL;
	char *behind;

	if (!size)
		return false;
	*ret_name = name;
	*ret_bytes = (struct torn_bytes){NULL, 0};
	if (strcmp(size, "absent") == 0)
		return true;
	const unsigned long count = strtoul(size, &behind, 10);
	const size_t left = (size_t)(reader->end - reader->at);
	if (size[0] < '0' || size[0] > '9' || *behind || count >= left || reader->at[count] != '\n')
		return false;
	*ret_bytes = (struct torn_bytes){(const uint8_t *)reader->at, count};
	reader->at[count] = '\0';
	reader->at += count + 1;
	return true;
}

static bool take_params(struct reader *reader, struct kensa_step *step)
{
	while (take(reader, "param ")) {
		char *name;
		if (step->params_count == KENSA_PARAMS_MAX)
			return false;
		struct kensa_param *param = &step->params[step->params_count];
		if (!take_bytes(reader, &name, &param->value))
			return false;
		param->name = name;
		step->params_count++;
	}
	return true;
}

static int take_facts(struct reader *reader, struct kensa_prestate *state)
{
	while (take(reader, "fact ")) {
		char *name;
		struct torn_bytes bytes;
		if (!take_bytes(reader, &name, &bytes))
			return -EBADMSG;
		if (kensa_prestate_add(state, name, (const char *)bytes.data, bytes.size) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Take steps until "end". Of those after a commit only the facts are new. */
static int take_steps(struct reader *reader, struct kensa_entry *entry, struct kensa_prestate *states)
{
	size_t count = 0;

	while (take(reader, "step ")) {
		struct kensa_step step = {.params_count = 0};
		if (count == KENSA_STEPS_MAX)
			return -EBADMSG;
		step.mechanism = take_until(reader, '\n');
		if (!step.mechanism || !take_params(reader, &step))
			return -EBADMSG;
		if (states == entry->before) {
			entry->steps[count] = step;
			entry->steps_count++;
		}
		int r = take_facts(reader, &states[count]);
		if (r < 0)
			return r;
		count++;
	}
	return take(reader, END) && count == entry->steps_count ? 0 : -EBADMSG;
}

int kensa_entry_parse(char *text, size_t size, bool committed, struct kensa_entry *ret_entry)
{
	struct reader reader = {text, text + size};

	*ret_entry = (struct kensa_entry){.text = text};
	if (!take(&reader, LEAD))
		return -EBADMSG;
	int r = take_steps(&reader, ret_entry, ret_entry->before);
	if (r < 0 || !committed || reader.at == reader.end)
		return r;
	r = take_steps(&reader, ret_entry, ret_entry->after);
	return r == 0 && reader.at != reader.end ? -EBADMSG : r;
}

void kensa_entry_free(struct kensa_entry *entry)
{
	for (size_t i = 0; i < KENSA_STEPS_MAX; i++) {
		kensa_prestate_free(&entry->before[i]);
		kensa_prestate_free(&entry->after[i]);
	}
	free(entry->text);
	entry->text = NULL;
}
