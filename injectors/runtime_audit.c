/*
 * runtime_audit.c: what the kernel's audit subsystem answers: kernel/audit.c (audit_receive_msg()) and
 * auditfilter.c, held against 6.18 by hand; a test cannot, for its rules are the machine's.
 *
 * Rules stand in the text in the order in which the kernel lists them: by list, and in a list as they were
 * added. A line that is no rule is nobody's, and stays. The acknowledgement comes before the answer, which
 * a thread of the kernel sends. Not modelled: limits and rates (AUDIT_SET of them is accepted), who is
 * registered as the daemon, records, and whether what is watched exists (ENOENT).
 */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "audit_rule.h"
#include "runtime.h"

#define BACKLOG_LIMIT 64u	  /* of kernel/audit.c, as the ones below */
#define BACKLOG_WAIT_TIME 15000u  /* 60 s at CONFIG_HZ 250 */
#define BACKLOG_WAIT_TIME_MAX (10 * BACKLOG_WAIT_TIME)
#define FEATURES AUDIT_FEATURE_BITMAP_ALL

/* A request that is being answered. */
struct answer {
	struct torn_arena *arena;
	struct torn_runtime_audit *audit;
	struct nlmsghdr header;
	struct torn_bytes data; /* behind the header */
	struct torn_text replies, more; /* more: what comes behind the acknowledgement */
};

static bool is_locked(const struct torn_runtime_audit *audit)
{
	return torn_text_begins(audit->enabled, "2");
}

/* ---------------------------------------------------------------- replies */

/* One message, padded as netlink(7) has it. */
static void reply(struct torn_text *to, const struct nlmsghdr *header, struct torn_bytes first,
		  struct torn_bytes second)
{
	static const uint8_t zeroes[NLMSG_ALIGNTO];
	struct nlmsghdr made = *header;
	made.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + first.size + second.size);
	torn_text_add(to, (struct torn_bytes){(const uint8_t *)&made, sizeof made});
	torn_text_add(to, first);
	torn_text_add(to, second);
	torn_text_add(to, (struct torn_bytes){zeroes, NLMSG_ALIGN(made.nlmsg_len) - made.nlmsg_len});
}

/* As it is in an acknowledgement: padded, and the padding counts (nlmsg_append()). */
static struct torn_bytes padded(struct answer *answer, struct torn_bytes bytes)
{
	struct torn_text text;
	struct torn_bytes made = {NULL, 0};
	torn_text_begin(&text, answer->arena);
	torn_text_add(&text, bytes);
	torn_text_add(&text, (struct torn_bytes){(const uint8_t[NLMSG_ALIGNTO]){0},
						 NLMSG_ALIGN(bytes.size) - bytes.size});
	if (torn_text_end(&text, &made) < 0)
		answer->replies.is_full = true;
	return made;
}

/* netlink_ack(): with the whole request where it failed. */
static void acknowledge(struct answer *answer, int error)
{
	const struct nlmsgerr told = {.error = error, .msg = answer->header};
	const struct nlmsghdr header = {.nlmsg_type = NLMSG_ERROR,
					.nlmsg_flags = error ? 0 : NLM_F_CAPPED,
					.nlmsg_seq = answer->header.nlmsg_seq,
					.nlmsg_pid = answer->header.nlmsg_pid};
	struct torn_bytes rest = {answer->data.data, 0};
	if (error)
		rest = padded(answer, answer->data);
	reply(&answer->replies, &header, (struct torn_bytes){(const uint8_t *)&told, sizeof told}, rest);
}

static void send_more(struct answer *answer, uint16_t type, uint16_t flags, struct torn_bytes first,
		      struct torn_bytes second)
{
	const struct nlmsghdr header = {
		.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = answer->header.nlmsg_seq};
	reply(&answer->more, &header, first, second);
}

/* ------------------------------------------------------------------ rules */

/* The first line with the same rule; `ret_end` is where what comes before a new one of its list ends. */
struct found {
	bool is_there;
	size_t from, to;    /* the line with its newline */
	size_t begin, end;  /* of the rules of that list */
};

static int find_rule(struct torn_arena *arena, struct torn_bytes rules, const struct torn_audit_rule *rule,
		     struct found *ret_found)
{
	struct found found = {.is_there = false};
	struct torn_bytes rest = rules, line;
	bool is_behind = false;
	while (torn_text_line(&rest, &line)) {
		const size_t from = (size_t)(line.data - rules.data), to = rules.size - rest.size;
		struct torn_audit_rule other;
		const int error = torn_audit_rule_read(arena, line, &other);
		if (error == -ENOMEM)
			return error;
		if (error)
			continue;
		if (!found.is_there && torn_audit_rule_same(rule, &other)) {
			found.is_there = true;
			found.from = from;
			found.to = to;
		}
		is_behind |= torn_audit_rule_list(&other) >= torn_audit_rule_list(rule);
		if (!is_behind)
			found.begin = to;
		if (torn_audit_rule_list(&other) <= torn_audit_rule_list(rule))
			found.end = to;
	}
	*ret_found = found;
	return 0;
}

/* The text with a line in place of what stands from one place to another. */
static int replace_line(struct answer *answer, size_t from, size_t to, const struct torn_audit_rule *rule)
{
	const struct torn_bytes old = answer->audit->rules;
	struct torn_text text;
	torn_text_begin(&text, answer->arena);
	torn_text_add(&text, (struct torn_bytes){old.data, from});
	if (rule) {
		if (text.size && text.data[text.size - 1] != '\n')
			torn_text_put(&text, "\n");
		torn_audit_rule_print(&text, rule);
		torn_text_put(&text, "\n");
	}
	torn_text_add(&text, torn_text_behind(old, to));
	const int error = torn_text_end(&text, &answer->audit->rules);
	answer->audit->changes_rules = !error;
	return error;
}

/* audit_rule_change() */
static int change_rules(struct answer *answer)
{
	struct torn_audit_rule rule;
	struct found found;
	if (answer->data.size < sizeof rule.head)
		return -EINVAL;
	if (is_locked(answer->audit))
		return -EPERM;
	int error = torn_audit_rule_take(answer->data, &rule);
	if (!error)
		error = find_rule(answer->arena, answer->audit->rules, &rule, &found);
	if (error)
		return error;
	if (answer->header.nlmsg_type == AUDIT_DEL_RULE)
		return found.is_there ? replace_line(answer, found.from, found.to, NULL) : -ENOENT;
	if (found.is_there)
		return -EEXIST;
	const size_t at = rule.head.flags & AUDIT_FILTER_PREPEND ? found.begin : found.end;
	rule.head.flags &= ~(uint32_t)AUDIT_FILTER_PREPEND;
	return replace_line(answer, at, at, &rule);
}

static int list_rules(struct answer *answer)
{
	struct torn_bytes rest = answer->audit->rules, line;
	while (torn_text_line(&rest, &line)) {
		struct torn_audit_rule rule;
		const int error = torn_audit_rule_read(answer->arena, line, &rule);
		if (error == -ENOMEM)
			return error;
		if (error == 0)
			send_more(answer, AUDIT_LIST_RULES, NLM_F_MULTI,
				  (struct torn_bytes){(const uint8_t *)&rule.head, sizeof rule.head}, rule.strings);
	}
	const struct torn_bytes none = {answer->data.data, 0};
	send_more(answer, NLMSG_DONE, NLM_F_MULTI, none, none);
	return 0;
}

/* ----------------------------------------------------------------- status */

static int tell_status(struct answer *answer)
{
	struct audit_status status = {.failure = 1 /* AUDIT_FAIL_PRINTK */,
				      .backlog_limit = BACKLOG_LIMIT,
				      .feature_bitmap = FEATURES,
				      .backlog_wait_time = BACKLOG_WAIT_TIME};
	const struct torn_bytes enabled = answer->audit->enabled;
	if (enabled.size && enabled.data[0] >= '0' && enabled.data[0] <= '2')
		status.enabled = (uint32_t)(enabled.data[0] - '0');
	const struct torn_bytes none = {answer->data.data, 0};
	send_more(answer, AUDIT_GET, 0, (struct torn_bytes){(const uint8_t *)&status, sizeof status}, none);
	return 0;
}

/* audit_set_enabled(): once it is locked only a reboot changes it. */
static int set_enabled(struct answer *answer, uint32_t enabled)
{
	static const char *const texts[] = {"0\n", "1\n", "2\n"};
	if (enabled > 2)
		return -EINVAL;
	if (is_locked(answer->audit))
		return -EPERM;
	answer->audit->enabled = torn_bytes_of(texts[enabled]);
	answer->audit->changes_enabled = true;
	return 0;
}

/* In the order of audit_receive_msg(); what comes before one that is refused has been done. */
static int set_status(struct answer *answer)
{
	struct audit_status status = {.mask = 0};
	memcpy(&status, answer->data.data, answer->data.size < sizeof status ? answer->data.size : sizeof status);
	const uint32_t limits = AUDIT_STATUS_FAILURE | AUDIT_STATUS_RATE_LIMIT | AUDIT_STATUS_BACKLOG_LIMIT |
				AUDIT_STATUS_BACKLOG_WAIT_TIME;
	int error = status.mask & AUDIT_STATUS_ENABLED ? set_enabled(answer, status.enabled) : 0;
	if (error)
		return error;
	if (status.mask & AUDIT_STATUS_FAILURE && status.failure > 2)
		return -EINVAL;
	if (status.mask & AUDIT_STATUS_BACKLOG_WAIT_TIME && status.backlog_wait_time > BACKLOG_WAIT_TIME_MAX)
		return -EINVAL;
	return status.mask & limits && is_locked(answer->audit) ? -EPERM : 0;
}

/* ---------------------------------------------------------------- request */

/* audit_netlink_ok() and what is done. */
static int act(struct answer *answer)
{
	const uint16_t type = answer->header.nlmsg_type;
	switch (type) {
	case AUDIT_ADD_RULE:
	case AUDIT_DEL_RULE:
		return change_rules(answer);
	case AUDIT_LIST_RULES:
		return list_rules(answer);
	case AUDIT_GET:
		return tell_status(answer);
	case AUDIT_SET:
		return set_status(answer);
	case AUDIT_LIST:
	case AUDIT_ADD:
	case AUDIT_DEL:
		return -EOPNOTSUPP;
	default: /* records of userspace go nowhere */
		return (type >= AUDIT_FIRST_USER_MSG && type <= AUDIT_LAST_USER_MSG) ||
				       (type >= AUDIT_FIRST_USER_MSG2 && type <= AUDIT_LAST_USER_MSG2)
			       ? 0
			       : -EINVAL;
	}
}

int torn_runtime_audit(struct torn_arena *arena, struct torn_bytes request, struct torn_runtime_audit *audit)
{
	struct answer answer = {.arena = arena, .audit = audit};
	audit->changes_rules = audit->changes_enabled = false;
	audit->replies = torn_bytes_of("");
	if (request.size < NLMSG_HDRLEN)
		return 0; /* audit_receive(): no message in it, and nobody says so */
	memcpy(&answer.header, request.data, sizeof answer.header);
	if (answer.header.nlmsg_len < NLMSG_HDRLEN || answer.header.nlmsg_len > request.size)
		return 0;
	answer.data = (struct torn_bytes){request.data + NLMSG_HDRLEN, answer.header.nlmsg_len - NLMSG_HDRLEN};
	torn_text_begin(&answer.replies, arena);
	torn_text_begin(&answer.more, arena);
	const int error = act(&answer);
	if (error == -ENOMEM)
		return error;
	if (error || answer.header.nlmsg_flags & NLM_F_ACK)
		acknowledge(&answer, error);
	torn_text_add(&answer.replies, (struct torn_bytes){answer.more.data, answer.more.size});
	if (answer.more.is_full || torn_text_end(&answer.replies, &audit->replies) < 0)
		return -ENOMEM;
	return error;
}
