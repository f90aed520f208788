/* Call log: whether, and what. */
#include "server/call_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

hm_status hm_call_log_parse(const char *text, struct hm_call_log_policy *ret_policy)
{
	static const struct {
		const char *word;
		struct hm_call_log_policy policy;
	} words[] = {
		{ "none", { 0 } },
		{ "failed", { .logs_failed = true } },
		{ "all", { .logs_failed = true, .logs_all = true } },
	};
	char *end;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(text, words[i].word)) {
			*ret_policy = words[i].policy;
			return HM_OK;
		}
	if (!strncmp(text, "slow:", 5) && text[5] >= '0' && text[5] <= '9') {
		unsigned long ms = strtoul(text + 5, &end, 10);

		if (!*end && ms && ms <= INT32_MAX) {
			*ret_policy = (struct hm_call_log_policy){ .logs_failed = true, .slow_ms = (uint32_t)ms };
			return HM_OK;
		}
	}
	return hm_raise(INVALID_ARGUMENT, "which calls are logged: none, failed, slow:MILLISECONDS or all; not %s",
			text);
}

/* A server's own failures, as an operator sees it; the others are somebody's who called. */
static enum hm_log_level level_of(hm_status status)
{
	const unsigned own = 1u << HM_UNKNOWN | 1u << HM_DEADLINE_EXCEEDED | 1u << HM_INTERNAL | 1u << HM_UNAVAILABLE |
			     1u << HM_DATA_LOSS;

	return own >> status & 1 ? HM_LOG_WARNING : HM_LOG_INFO;
}

static bool is_wanted(const struct hm_call_log_policy *policy, const struct hm_call *call, struct hm_call_end *end)
{
	if (end->status != HM_OK)
		return policy->logs_failed;
	if (policy->logs_all)
		return !call->context.is_unsampled;
	if (!policy->slow_ms)
		return false;
	if (!end->now_us)
		end->now_us = hm_clock_mono_us();
	return end->now_us - call->started_us >= policy->slow_ms * HM_US_PER_MS;
}

static void add_text(struct hm_buffer *line, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	hm_buffer_printf(line, ",\"%s\":", key);
	hm_json_write_text(line, value, strlen(value));
}

static void add_number(struct hm_buffer *line, const char *key, uint64_t value)
{
	hm_buffer_printf(line, ",\"%s\":%" PRIu64, key, value);
}

static void add_id(struct hm_buffer *line, const char *key, const struct hm_id *id)
{
	char text[HM_ID_TEXT_BYTES];

	if (hm_id_is_zero(id))
		return;
	hm_id_format(id, text);
	add_text(line, key, text);
}

static void add_span(struct hm_buffer *line, const char *key, uint64_t span)
{
	if (span)
		hm_buffer_printf(line, ",\"%s\":\"%016" PRIx64 "\"", key, span);
}

/* W3C's forms: 32 and 16 hexadecimal digits, never all zero. */
static void add_trace(struct hm_buffer *line, const struct hm_call *call)
{
	char id[HM_ID_TEXT_BYTES], trace[HM_ID_TEXT_BYTES], *to = trace;

	add_id(line, "requestId", &call->context.request_id);
	if (!hm_id_is_zero(&call->context.request_id)) {
		hm_id_format(&call->context.request_id, id);
		for (const char *at = id; *at; at++)
			if (*at != '-')
				*to++ = *at;
		*to = '\0';
		add_text(line, "trace", trace);
	}
	if (!hm_id_is_zero(&call->audit_id))
		add_span(line, "span", hm_call_span(call));
	add_span(line, "parent", call->parent);
}

static void add_actor(struct hm_buffer *line, const struct hm_actor *actor)
{
	static const char *const types[] = {
		[HM_ACTOR_ANONYMOUS] = "anonymous",
		[HM_ACTOR_USER] = "user",
		[HM_ACTOR_OPERATOR] = "operator",
		[HM_ACTOR_SERVICE] = "service",
	};

	add_text(line, "actorType", types[actor->type]);
	if (actor->type == HM_ACTOR_OPERATOR || actor->type == HM_ACTOR_SERVICE)
		add_text(line, "actorId", actor->id);
}

static void write_line(struct hm_buffer *line, enum hm_log_level level, const struct hm_call *call,
		       const struct hm_call_end *end)
{
	int64_t us = end->now_us - call->started_us;
	char time[HM_TIME_BYTES];

	hm_time_format(hm_clock_wall_us(), time);
	hm_buffer_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"what\":\"call\"", time,
			 level == HM_LOG_WARNING ? "warning" : "info");
	add_text(line, "method", call->method->name);
	add_text(line, "status", hm_status_name(end->status));
	add_text(line, "reason", end->reason);
	if (end->file)
		hm_buffer_printf(line, ",\"at\":\"%s:%d\"", end->file, end->line);
	add_number(line, "latencyUs", us > 0 ? (uint64_t)us : 0);
	add_number(line, "requestBytes", end->request_bytes);
	add_number(line, "replyBytes", end->reply_bytes);
	if (call->counts) {
		add_number(line, "received", call->counts->received);
		add_number(line, "sent", call->counts->sent);
	}
	add_text(line, "brand", call->context.brand);
	add_actor(line, &call->actor);
	add_text(line, "peer", call->peer);
	add_trace(line, call);
	if (call->audited)
		add_id(line, "auditId", &call->audit_id);
	hm_buffer_add_text(line, "}\n");
}

void hm_call_log_write(struct hm_log_queue *queue, const struct hm_call_log_policy *policy, const struct hm_call *call,
		       struct hm_call_end *end)
{
	const enum hm_log_level level = level_of(end->status);
	struct hm_buffer line = { 0 };

	if (!queue || !is_wanted(policy, call, end) || !hm_log_is_on(level))
		return;
	if (!end->now_us)
		end->now_us = hm_clock_mono_us();
	write_line(&line, level, call, end);
	(void)hm_log_queue_add(queue, line.data, line.size, end->now_us); /* counted if there is no room */
	hm_buffer_fini(&line);
}
