/*
 * runtime_audit_kernel_test.c: the simulated audit subsystem, and this kernel's where that is allowed.
 *
 * No namespace holds audit rules: those of the kernel are the machine's. So the comparison is SKIPPED
 * unless TORN_AUDIT_OF_THIS_MACHINE=1 says that its rules are nobody's; it needs to be root, to find no
 * rule loaded, and leaves none.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dice.h"
#include "arena_for_tests.h"
#include "audit_rule.h"
#include "runtime.h"

#define REQUESTS 4000
#define COUNT(table) (sizeof(table) / sizeof *(table))

struct request {
	struct nlmsghdr header;
	uint8_t data[4096];
};

static struct torn_bytes bytes_of(const struct request *request)
{
	return (struct torn_bytes){(const uint8_t *)request, request->header.nlmsg_len};
}

static void begin_request(struct request *request, uint16_t type, const void *data, size_t size)
{
	static uint32_t sequence;
	request->header = (struct nlmsghdr){.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
					    .nlmsg_type = type,
					    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
					    .nlmsg_seq = ++sequence};
	if (size)
		memcpy(request->data, data, size);
}

static struct nlmsghdr header_of(struct torn_bytes replies)
{
	struct nlmsghdr header = {.nlmsg_len = 0};
	if (replies.size >= sizeof header)
		memcpy(&header, replies.data, sizeof header);
	return header;
}

/* Step over one reply, without padding. */
static struct torn_bytes next_reply(struct torn_bytes *replies)
{
	const size_t size = header_of(*replies).nlmsg_len;
	const struct torn_bytes reply = {replies->data, size};
	const size_t whole = NLMSG_ALIGN(size) < replies->size ? NLMSG_ALIGN(size) : replies->size;
	*replies = torn_text_behind(*replies, whole);
	return reply;
}

/* ------------------------------------------------------- by itself */

static struct torn_runtime_audit audit;

static int tell(uint16_t type, const char *line)
{
	struct torn_audit_rule rule;
	struct request request;
	assert_int_equal(torn_audit_rule_read(&arena, torn_bytes_of(line), &rule), 0);
	begin_request(&request, type, &rule.head, sizeof rule.head);
	memcpy(request.data + sizeof rule.head, rule.strings.data, rule.strings.size);
	request.header.nlmsg_len += (uint32_t)rule.strings.size;
	return torn_runtime_audit(&arena, bytes_of(&request), &audit);
}

static void assert_rules(const char *expected)
{
	const struct torn_bytes rules = torn_arena_copy(&arena, audit.rules.data, audit.rules.size);
	assert_string_equal((const char *)rules.data, expected);
}

static void test_rules_are_added_and_deleted(void **state)
{
	(void)state;
	audit = (struct torn_runtime_audit){.rules = torn_bytes_of("-w /etc/x -p wa\n"),
					    .enabled = torn_bytes_of("1\n")};
	assert_int_equal(tell(AUDIT_ADD_RULE, "-w /etc/x -p aw"), -EEXIST);
	assert_false(audit.changes_rules);
	assert_int_equal(tell(AUDIT_ADD_RULE, "-w /etc/y -p wa -k y"), 0);
	assert_true(audit.changes_rules);
	assert_int_equal(tell(AUDIT_ADD_RULE, "-a never,exclude -F msgtype=CWD"), 0);
	assert_int_equal(tell(AUDIT_ADD_RULE, "-a never,user -F uid=1"), 0);
	assert_int_equal(tell(AUDIT_ADD_RULE, "-A always,exit -S open"), 0);
	assert_rules("-a never,user -F uid=1\n-a always,exit -S open\n-w /etc/x -p wa\n-w /etc/y -p wa -k y\n"
		     "-a never,exclude -F msgtype=CWD\n");
	assert_int_equal(tell(AUDIT_DEL_RULE, "-w /etc/x -p wa -k other"), -ENOENT);
	assert_int_equal(tell(AUDIT_DEL_RULE, "-w /etc/x -p wa"), 0);
	assert_int_equal(tell(AUDIT_DEL_RULE, "-w /etc/x -p wa"), -ENOENT);
	assert_rules("-a never,user -F uid=1\n-a always,exit -S open\n-w /etc/y -p wa -k y\n"
		     "-a never,exclude -F msgtype=CWD\n");
}

static int set_enabled(uint32_t enabled)
{
	const struct audit_status status = {.mask = AUDIT_STATUS_ENABLED, .enabled = enabled};
	struct request request;
	begin_request(&request, AUDIT_SET, &status, sizeof status);
	return torn_runtime_audit(&arena, bytes_of(&request), &audit);
}

static void test_what_is_locked_stays(void **state)
{
	(void)state;
	audit = (struct torn_runtime_audit){.rules = torn_bytes_of("-w /etc/x -p wa\n"),
					    .enabled = torn_bytes_of("1\n")};
	assert_int_equal(set_enabled(3), -EINVAL);
	assert_int_equal(set_enabled(0), 0);
	assert_true(torn_text_is(audit.enabled, "0\n"));
	assert_int_equal(set_enabled(2), 0);
	assert_int_equal(set_enabled(2), -EPERM);
	assert_int_equal(tell(AUDIT_ADD_RULE, "-w /etc/y -p wa"), -EPERM);
	assert_int_equal(tell(AUDIT_DEL_RULE, "-w /etc/x -p wa"), -EPERM);
	assert_rules("-w /etc/x -p wa\n");
}

/* What is sent back, message by message, for one that lists. */
static void test_a_list_is_acknowledged_told_and_ended(void **state)
{
	(void)state;
	struct request request;
	audit = (struct torn_runtime_audit){.rules = torn_bytes_of("-w /etc/x -p wa -k abc\nno rule\n"),
					    .enabled = torn_bytes_of("1\n")};
	begin_request(&request, AUDIT_LIST_RULES, NULL, 0);
	assert_int_equal(torn_runtime_audit(&arena, bytes_of(&request), &audit), 0);
	struct torn_bytes replies = audit.replies, reply = next_reply(&replies);
	assert_int_equal(header_of(reply).nlmsg_type, NLMSG_ERROR);
	assert_int_equal(reply.size, NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	reply = next_reply(&replies);
	assert_int_equal(header_of(reply).nlmsg_type, AUDIT_LIST_RULES);
	assert_int_equal(reply.size, NLMSG_LENGTH(sizeof(struct torn_audit_head) + strlen("/etc/xabc")));
	reply = next_reply(&replies);
	assert_int_equal(header_of(reply).nlmsg_type, NLMSG_DONE);
	assert_int_equal(replies.size, 0);
}

static void test_what_is_no_message_has_no_answer(void **state)
{
	(void)state;
	struct request request;
	audit = (struct torn_runtime_audit){.rules = torn_bytes_of(""), .enabled = torn_bytes_of("1\n")};
	begin_request(&request, AUDIT_GET, NULL, 0);
	request.header.nlmsg_len += 4;
	assert_int_equal(torn_runtime_audit(&arena, (struct torn_bytes){(uint8_t *)&request, 16}, &audit), 0);
	assert_int_equal(audit.replies.size, 0);
	assert_int_equal(torn_runtime_audit(&arena, (struct torn_bytes){(uint8_t *)&request, 15}, &audit), 0);
	assert_int_equal(audit.replies.size, 0);
}

/* ------------------------------------------------------- on the kernel */

static uint32_t pick(struct torn_dice *dice, const uint32_t *of, size_t count)
{
	return of[torn_dice_below(dice, count)];
}

/* Paths are there on any machine, so that ENOENT has one meaning. */
static const char *const strings[] = {"/etc/passwd", "/etc", "/etc/", "/", "key", "a\1b", "a\1", "k k", "/bin/sh"};

static void add_random_field(struct torn_dice *dice, struct torn_audit_head *head, uint8_t *at, size_t *size)
{
	static const uint32_t fields[] = {AUDIT_WATCH, AUDIT_WATCH, AUDIT_PERM,	 AUDIT_PERM,   AUDIT_DIR,
					  AUDIT_UID,   AUDIT_PID,   AUDIT_ARCH,	 AUDIT_EXIT,   AUDIT_FILTERKEY,
					  AUDIT_LOGINUID, AUDIT_ARG0, AUDIT_SUCCESS, AUDIT_MSGTYPE, AUDIT_INODE,
					  AUDIT_FIELD_COMPARE, 77, AUDIT_EXE, AUDIT_GID, AUDIT_LOGINUID_SET};
	static const uint32_t operators[] = {AUDIT_EQUAL, AUDIT_EQUAL, AUDIT_EQUAL, AUDIT_NOT_EQUAL,
					     AUDIT_LESS_THAN, AUDIT_BIT_TEST, AUDIT_BIT_MASK};
	static const uint32_t values[] = {0, 1, 5, 15, 16, UINT32_MAX, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, 1300};
	const uint32_t i = head->field_count++;
	const struct torn_audit_field *field;
	head->fields[i] = pick(dice, fields, COUNT(fields));
	head->fieldflags[i] = pick(dice, operators, COUNT(operators));
	head->values[i] = pick(dice, values, COUNT(values));
	field = torn_audit_field_numbered(head->fields[i]);
	if (!field || field->form != TORN_AUDIT_STRING)
		return;
	const char *string = strings[torn_dice_below(dice, COUNT(strings))];
	head->values[i] = (uint32_t)strlen(string) + (torn_dice_chance(dice, 1, 20) ? 1 : 0);
	memcpy(at + *size, string, strlen(string));
	*size += strlen(string);
}

static void random_rule(struct torn_dice *dice, struct request *request)
{
	static const uint32_t lists[] = {AUDIT_FILTER_EXIT, AUDIT_FILTER_EXIT, AUDIT_FILTER_EXIT, AUDIT_FILTER_EXIT,
					 AUDIT_FILTER_USER, AUDIT_FILTER_EXCLUDE, AUDIT_FILTER_TASK, 2, 9};
	static const uint32_t actions[] = {AUDIT_ALWAYS, AUDIT_ALWAYS, AUDIT_ALWAYS, AUDIT_NEVER, AUDIT_POSSIBLE};
	struct torn_audit_head head = {.flags = pick(dice, lists, COUNT(lists)),
				       .action = pick(dice, actions, COUNT(actions))};
	size_t size = 0;
	if (torn_dice_chance(dice, 1, 8))
		head.flags |= AUDIT_FILTER_PREPEND;
	if ((head.flags & 7) == AUDIT_FILTER_EXIT)
		memset(head.mask, 0xff, sizeof head.mask - sizeof head.mask[0]);
	if (torn_dice_chance(dice, 1, 4) && (head.flags & 7) == AUDIT_FILTER_EXIT) {
		memset(head.mask, 0, sizeof head.mask);
		head.mask[0] = torn_dice_below(dice, 4);
	}
	for (uint32_t count = torn_dice_below(dice, 4); count > 0; count--)
		add_random_field(dice, &head, request->data + sizeof head, &size);
	head.buflen = (uint32_t)size;
	const uint16_t type = torn_dice_chance(dice, 2, 5) ? AUDIT_DEL_RULE : AUDIT_ADD_RULE;
	begin_request(request, type, &head, sizeof head);
	request->header.nlmsg_len += (uint32_t)size;
}

/* All replies of the kernel, one behind the other, padded; the last one ends a list or acknowledges. */
static struct torn_bytes ask_kernel(int fd, const struct request *request, bool is_list)
{
	struct torn_text replies;
	struct torn_bytes all = {NULL, 0};
	torn_text_begin(&replies, &arena);
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return all;
	for (bool is_last = false; !is_last;) {
		static uint8_t message[16384];
		memset(message, 0, sizeof message);
		const ssize_t size = recv(fd, message, sizeof message, 0);
		if (size < (ssize_t)sizeof(struct nlmsghdr))
			return all;
		struct nlmsghdr header = header_of((struct torn_bytes){message, (size_t)size});
		const bool is_error = header.nlmsg_type == NLMSG_ERROR;
		is_last = is_list ? header.nlmsg_type == NLMSG_DONE : is_error;
		header.nlmsg_pid = 0; /* the port is the kernel's to give */
		memcpy(message, &header, sizeof header);
		torn_text_add(&replies, (struct torn_bytes){message, NLMSG_ALIGN(header.nlmsg_len)});
	}
	return torn_text_end(&replies, &all) == 0 ? all : (struct torn_bytes){NULL, 0};
}

static void tell_request(const struct request *request, struct torn_bytes real, struct torn_bytes ours)
{
	const struct torn_audit_head *head = (const struct torn_audit_head *)request->data;
	int errors[2] = {1, 1};
	if (real.size >= 20)
		memcpy(&errors[0], real.data + NLMSG_HDRLEN, sizeof errors[0]);
	if (ours.size >= 20)
		memcpy(&errors[1], ours.data + NLMSG_HDRLEN, sizeof errors[1]);
	fprintf(stderr, "type %u flags %#x action %u mask %#x: kernel %d (%zu bytes), torn %d (%zu bytes)\n",
		request->header.nlmsg_type, head->flags, head->action, head->mask[0], errors[0], real.size, errors[1],
		ours.size);
	for (uint32_t i = 0; i < head->field_count; i++)
		fprintf(stderr, "  field %u op %#x value %u\n", head->fields[i], head->fieldflags[i], head->values[i]);
}

/* The first message of two lists that is not the same. */
static void tell_lists(struct torn_bytes real, struct torn_bytes ours)
{
	while (real.size && ours.size) {
		const struct torn_bytes one = next_reply(&real), other = next_reply(&ours);
		size_t at = 0;
		while (at < one.size && at < other.size && one.data[at] == other.data[at])
			at++;
		if (at == one.size && at == other.size)
			continue;
		struct torn_audit_rule rule;
		struct torn_text text;
		struct torn_bytes line = {(const uint8_t *)"", 0};
		torn_text_begin(&text, &arena);
		if (torn_audit_rule_take(torn_text_behind(one, NLMSG_HDRLEN), &rule) == 0)
			torn_audit_rule_print(&text, &rule);
		torn_text_end(&text, &line);
		fprintf(stderr, "  differs at byte %zu (%#x, %#x): '%.*s'\n", at, one.data[at], other.data[at],
			(int)line.size, (const char *)line.data);
		return;
	}
}

static bool ask_both(int fd, const struct request *request)
{
	const bool is_list = request->header.nlmsg_type == AUDIT_LIST_RULES;
	const struct torn_bytes real = ask_kernel(fd, request, is_list);
	torn_runtime_audit(&arena, bytes_of(request), &audit);
	if (torn_bytes_equal(real, audit.replies))
		return true;
	tell_request(request, real, audit.replies);
	if (is_list)
		tell_lists(real, audit.replies);
	return false;
}

/* Take away what the machine has got from us. */
static void delete_all(int fd)
{
	struct request request;
	begin_request(&request, AUDIT_LIST_RULES, NULL, 0);
	struct torn_bytes rules = ask_kernel(fd, &request, true);
	while (rules.size) {
		const struct torn_bytes rule = next_reply(&rules);
		if (header_of(rule).nlmsg_type != AUDIT_LIST_RULES)
			continue;
		begin_request(&request, AUDIT_DEL_RULE, rule.data + NLMSG_HDRLEN, rule.size - NLMSG_HDRLEN);
		ask_kernel(fd, &request, false);
	}
}

static bool has_rules(int fd)
{
	struct request request;
	begin_request(&request, AUDIT_LIST_RULES, NULL, 0);
	struct torn_bytes replies = ask_kernel(fd, &request, true);
	while (replies.size)
		if (header_of(next_reply(&replies)).nlmsg_type == AUDIT_LIST_RULES)
			return true;
	return false;
}

static void test_requests_are_answered_as_the_kernel_does(void **state)
{
	(void)state;
	const char *allowed = getenv("TORN_AUDIT_OF_THIS_MACHINE");
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (!allowed || strcmp(allowed, "1") != 0 || geteuid() != 0 || fd < 0 || has_rules(fd)) {
		print_message("SKIPPED: audit rules are the machine's; TORN_AUDIT_OF_THIS_MACHINE=1 lends them\n");
		if (fd >= 0)
			close(fd);
		return;
	}
	struct torn_dice dice = {.state = 1};
	struct request request;
	int differences = 0;
	audit = (struct torn_runtime_audit){.rules = torn_bytes_of(""), .enabled = torn_bytes_of("0\n")};
	for (int i = 0; i < REQUESTS && differences < 5; i++) {
		random_rule(&dice, &request);
		differences += !ask_both(fd, &request);
		if (i % 10 == 0) {
			begin_request(&request, AUDIT_LIST_RULES, NULL, 0);
			differences += !ask_both(fd, &request);
		}
	}
	delete_all(fd);
	close(fd);
	assert_int_equal(differences, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_rules_are_added_and_deleted),
		arena_test(test_what_is_locked_stays),
		arena_test(test_a_list_is_acknowledged_told_and_ended),
		arena_test(test_what_is_no_message_has_no_answer),
		arena_test(test_requests_are_answered_as_the_kernel_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
