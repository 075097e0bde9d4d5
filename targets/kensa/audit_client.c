/*
 * audit_client.c: see audit_client.h. Each request asks for an acknowledgement, which is a message of
 * its own and may come before or behind the answer (the kernel sends answers from a thread).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "audit_client.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* MAX_AUDIT_MESSAGE_LENGTH of the audit user space */
#define MESSAGE_MAX 8970u
/* Messages to one request, at most: a kernel that goes on is left. */
#define ANSWERS_MAX 65536

union message {
	struct nlmsghdr header;
	uint8_t bytes[NLMSG_HDRLEN + MESSAGE_MAX];
};

/* What is wanted beside the acknowledgement. */
struct wanted {
	uint16_t type; /* of the answer; 0: none */
	bool is_list;  /* it ends with NLMSG_DONE */
	int (*take)(void *context, const uint8_t *data, size_t size); /* returns 0 or -errno */
	void *context;
};

int audit_client_open(struct audit_client *ret_client)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd < 0)
		return -errno;
	*ret_client = (struct audit_client){.socket = fd};
	return 0;
}

void audit_client_close(struct audit_client *client)
{
	(void)close(client->socket);
	client->socket = -1;
}

static int send_request(struct audit_client *client, uint16_t type, const void *data, size_t size)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	union message message = {.header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
					    .nlmsg_type = type,
					    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
					    .nlmsg_seq = ++client->sequence}};

	if (size > MESSAGE_MAX)
		return -E2BIG;
	if (size > 0)
		memcpy(message.bytes + NLMSG_HDRLEN, data, size);
	ssize_t sent = TEMP_FAILURE_RETRY(sendto(client->socket, &message, message.header.nlmsg_len, 0,
						 (const struct sockaddr *)&kernel, sizeof(kernel)));
	if (sent < 0)
		return -errno;
	return (size_t)sent == message.header.nlmsg_len ? 0 : -EIO;
}

/* Receive one message, which a datagram of this family has one of. */
static int receive(struct audit_client *client, union message *ret_message)
{
	struct sockaddr_nl from;
	socklen_t from_size = sizeof(from);

	ssize_t got = TEMP_FAILURE_RETRY(recvfrom(client->socket, ret_message, sizeof(*ret_message), 0,
						  (struct sockaddr *)&from, &from_size));
	if (got < 0)
		return -errno;
	if ((size_t)got < NLMSG_HDRLEN || ret_message->header.nlmsg_len < NLMSG_HDRLEN ||
	    ret_message->header.nlmsg_len > (size_t)got)
		return -EBADMSG;
	return 0;
}

/* What is known of a request. */
struct answered {
	bool is_acknowledged, is_complete;
};

/* Take one message in. Returns 0; the error that the kernel reports; what `take` says. */
static int take_message(const union message *message, const struct wanted *wanted,
			struct answered *answered)
{
	const uint8_t *data = message->bytes + NLMSG_HDRLEN;
	const size_t size = message->header.nlmsg_len - NLMSG_HDRLEN;
	int error = 0;

	if (message->header.nlmsg_type == NLMSG_ERROR) {
		if (size < sizeof(error))
			return -EBADMSG;
		memcpy(&error, data, sizeof(error));
		answered->is_acknowledged = true;
		return error;
	}
	if (message->header.nlmsg_type == NLMSG_DONE) {
		answered->is_complete = true;
		return 0;
	}
	if (message->header.nlmsg_type != wanted->type)
		return 0;
	if (!wanted->is_list)
		answered->is_complete = true;
	return wanted->take(wanted->context, data, size);
}

static int request(struct audit_client *client, uint16_t type, const void *data, size_t size,
		   const struct wanted *wanted)
{
	struct answered answered = {.is_complete = wanted->type == 0};

	int result = send_request(client, type, data, size);
	for (int i = 0; result == 0 && i < ANSWERS_MAX; i++) {
		union message message;
		if (answered.is_acknowledged && answered.is_complete)
			return 0;
		result = receive(client, &message);
		if (result == 0 && message.header.nlmsg_seq == client->sequence)
			result = take_message(&message, wanted, &answered);
	}
	return result < 0 ? result : -EIO;
}

int audit_client_add(struct audit_client *client, const struct audit_rule *rule)
{
	return request(client, AUDIT_ADD_RULE, &rule->data, rule->size, &(const struct wanted){0});
}

int audit_client_delete(struct audit_client *client, const struct audit_rule *rule)
{
	return request(client, AUDIT_DEL_RULE, &rule->data, rule->size, &(const struct wanted){0});
}

struct listed {
	struct audit_rule *rules;
	size_t count;
};

static int take_rule(void *context, const uint8_t *data, size_t size)
{
	struct listed *listed = context;
	struct audit_rule *rule = NULL;

	if (size < sizeof(struct audit_rule_data) || size > sizeof(rule->data) + sizeof(rule->strings))
		return -EBADMSG;
	struct audit_rule *more = reallocarray(listed->rules, listed->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	listed->rules = more;
	rule = &more[listed->count++];
	memset(rule, 0, sizeof(*rule));
	memcpy((uint8_t *)rule + offsetof(struct audit_rule, data), data, size);
	rule->size = size;
	return sizeof(rule->data) + rule->data.buflen <= size ? 0 : -EBADMSG;
}

int audit_client_list(struct audit_client *client, struct audit_rule **ret_rules, size_t *ret_count)
{
	struct listed listed = {NULL, 0};
	const struct wanted wanted = {
		.type = AUDIT_LIST_RULES, .is_list = true, .take = take_rule, .context = &listed};

	int result = request(client, AUDIT_LIST_RULES, NULL, 0, &wanted);
	if (result < 0) {
		free(listed.rules);
		return result;
	}
	*ret_rules = listed.rules;
	*ret_count = listed.count;
	return 0;
}

static int take_status(void *context, const uint8_t *data, size_t size)
{
	struct audit_status *status = context;

	if (size < offsetof(struct audit_status, failure))
		return -EBADMSG;
	memcpy(status, data, size < sizeof(*status) ? size : sizeof(*status));
	return 0;
}

int audit_client_enabled(struct audit_client *client, uint32_t *ret_enabled)
{
	struct audit_status status = {0};
	const struct wanted wanted = {.type = AUDIT_GET, .take = take_status, .context = &status};

	int result = request(client, AUDIT_GET, NULL, 0, &wanted);
	if (result == 0)
		*ret_enabled = status.enabled;
	return result;
}

int audit_client_enable(struct audit_client *client, uint32_t enabled)
{
	const struct audit_status status = {.mask = AUDIT_STATUS_ENABLED, .enabled = enabled};

	return request(client, AUDIT_SET, &status, sizeof(status), &(const struct wanted){0});
}
