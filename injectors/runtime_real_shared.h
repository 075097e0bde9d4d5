/* runtime_real_shared.h: what a question to the real kernel is made of; runtime_real.c asks, _server.c answers. */
#ifndef TORN_RUNTIME_REAL_SHARED_H
#define TORN_RUNTIME_REAL_SHARED_H

#include "runtime_real.h"

enum torn_real_state { TORN_REAL_IDLE, TORN_REAL_ASKED, TORN_REAL_ENDS };
enum torn_real_kind { TORN_REAL_SYSCTL, TORN_REAL_MOUNT, TORN_REAL_UMOUNT };

/* Key or mount point; content or mountinfo before and after, as the simulation has it. */
enum torn_real_text {
	TORN_REAL_NAME,
	TORN_REAL_OLD,
	TORN_REAL_NEW,
	TORN_REAL_WRITTEN,
	TORN_REAL_SOURCE,
	TORN_REAL_TYPE,
	TORN_REAL_DATA,
	TORN_REAL_TEXT_COUNT
};

/* In memory that all processes share. */
struct torn_real_shared {
	uint32_t state; /* enum torn_real_state: a futex */
	enum torn_real_kind kind;
	uint64_t offset, flags;
	int error;
	uint64_t taken;
	bool moves;
	bool is_dead; /* it did not answer, and is asked no more */
	size_t sizes[TORN_REAL_TEXT_COUNT];
	uint8_t texts[TORN_REAL_TEXT_COUNT][TORN_REAL_TEXT_MAX + 1]; /* a NUL behind each */
	struct torn_runtime_real told;
};

static inline struct torn_bytes torn_real_text(const struct torn_real_shared *shared, enum torn_real_text text)
{
	return (struct torn_bytes){shared->texts[text], shared->sizes[text]};
}

/* Note that a question has no answer. Async-signal-safe. */
void torn_real_unheld(struct torn_real_shared *shared, struct torn_bytes name, const char *why);
/* Enter new namespaces (CLONE_NEW*), as root there, whoever asks; no mount is shared. Returns 0 or -errno. */
int torn_real_unshare(int namespaces);
/* Enter those of the process that is asked. Returns 0 or -errno. */
int torn_real_enter(void);
/* Answer the question that is there: compare, and note what differs. */
void torn_real_answer_sysctl(struct torn_real_shared *shared);
void torn_real_answer_mount(struct torn_real_shared *shared);
/* Note a difference, the first one in full. */
void torn_real_differs(struct torn_real_shared *shared, const char *text);

#endif
