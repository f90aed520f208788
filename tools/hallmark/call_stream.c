/*
 * Streams at the terminal. Where requests stream a thread of its own reads them, as replies come at the same time; it waits for its
 * input and for the call's end, which may be earlier, at once.
 */
#include "call_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "client.h"
#include "client/stream.h"
#include "wire/json.h"

enum { READ_BYTES = 65536 };

/* Lines of a file or a pipe, until the end of either the input or the call. */
struct lines {
	const char *name; /* for people */
	int fd, over; /* `over` becomes readable when the call has ended */
	struct hm_buffer text;
	size_t at; /* of the next line */
	bool is_read; /* to the end */
	size_t number; /* of the line last given, from 1 */
};

struct sender {
	struct hm_stream *stream;
	struct hm_context *context;
	const struct hm_method *method;
	struct lines lines;
	hm_status status;
	struct hm_error error;
};

/* Waits for input or the call's end. */
static hm_status read_more(struct lines *lines)
{
	struct pollfd waits[] = { { .fd = lines->fd, .events = POLLIN }, { .fd = lines->over, .events = POLLIN } };
	ssize_t got;

	if (lines->at)
		hm_buffer_drop(&lines->text, lines->at);
	lines->at = 0;
	if (poll(waits, 2, -1) < 0)
		return errno == EINTR ? HM_OK : hm_raise_errno(UNAVAILABLE, "cannot wait for %s", lines->name);
	if (waits[1].revents)
		return hm_raise(CANCELLED, "the call is over");
	got = read(lines->fd, hm_buffer_reserve(&lines->text, READ_BYTES), READ_BYTES);
	if (got < 0)
		return errno == EINTR ? HM_OK : hm_raise_errno(UNAVAILABLE, "cannot read %s", lines->name);
	hm_buffer_advance(&lines->text, (size_t)got);
	lines->is_read = got == 0;
	return HM_OK;
}

/* The next line that is not blank; NULL: there is none. */
static hm_status next_line(struct lines *lines, const char **ret_line, size_t *ret_bytes)
{
	const char *line, *end;
	size_t left;

	for (;;) {
		left = lines->text.size - lines->at;
		line = left ? lines->text.data + lines->at : NULL;
		end = left ? memchr(line, '\n', left) : NULL;
		if (!end && !lines->is_read) {
			TRY(read_more(lines));
			continue;
		}
		*ret_line = line;
		*ret_bytes = end ? (size_t)(end - line) : left;
		lines->at += *ret_bytes + (end != NULL);
		lines->number++;
		if (!left || strspn(line, " \t\r") < *ret_bytes)
			return HM_OK;
	}
}

static hm_status send_line(struct sender *sender, struct hm_arena *arena, const char *line, size_t bytes)
{
	ProtobufCMessage *request;

	hm_arena_reset(arena);
	if (hm_json_parse(arena, sender->method->request, line, bytes, &request) != HM_OK)
		return hm_raise(INVALID_ARGUMENT, "%s:%zu: %s", sender->lines.name, sender->lines.number,
				hm_error_get()->message);
	return hm_stream_send(sender->stream, request);
}

static hm_status send_lines(struct sender *sender, struct hm_arena *arena)
{
	const char *line;
	size_t bytes;

	for (;;) {
		TRY(next_line(&sender->lines, &line, &bytes));
		if (!line)
			return hm_stream_end(sender->stream);
		TRY(send_line(sender, arena, line, bytes));
	}
}

/* Requests that cannot be read or sent are the call's end, if it has not ended already. */
static void *run_sender(void *user)
{
	struct sender *sender = user;
	struct hm_arena arena = { 0 };

	sender->status = send_lines(sender, &arena);
	if (sender->status != HM_OK)
		sender->error = *hm_error_get();
	if (sender->status != HM_OK)
		hm_context_cancel(sender->context);
	hm_arena_fini(&arena);
	return NULL;
}

static void print_message(const ProtobufCMessage *message)
{
	struct hm_buffer json = { 0 };

	hm_json_write(&json, message);
	printf("%s\n", json.data);
	fflush(stdout);
	hm_buffer_fini(&json);
}

static hm_status print_replies(struct hm_stream *stream, const struct hm_method *method, size_t *ret_count)
{
	ProtobufCMessage *message = NULL;

	for (*ret_count = 0;; ++*ret_count) {
		TRY(hm_stream_next(stream, &message));
		if (!message)
			return HM_OK;
		print_message(message);
		if (!(method->kind & HM_SERVER_STREAM)) /* its one reply, and the end */
			return HM_OK;
	}
}

/* Sends what comes, on a thread, while replies are printed. Why the sender cancelled explains that end. */
static hm_status exchange(struct sender *sender, size_t *ret_count)
{
	pthread_t thread;
	int over[2];
	hm_status status;

	if (pipe2(over, O_CLOEXEC))
		return hm_raise_errno(RESOURCE_EXHAUSTED, "no pipe");
	sender->lines.over = over[0];
	if (pthread_create(&thread, NULL, run_sender, sender)) {
		close(over[0]);
		close(over[1]);
		return hm_raise(RESOURCE_EXHAUSTED, "no thread to send by");
	}
	status = print_replies(sender->stream, sender->method, ret_count);
	close(over[1]);
	pthread_join(thread, NULL);
	close(over[0]);
	return status == HM_CANCELLED && sender->status != HM_OK ? hm_error_set(&sender->error) : status;
}

static hm_status open_input(const struct options *options, const char *argument, struct lines *ret_lines)
{
	const char *path = options->file ? options->file : "-";

	*ret_lines = (struct lines){ .name = argument ? "request" : path };
	if (argument && strcmp(argument, "-")) {
		hm_buffer_add_text(&ret_lines->text, argument);
		for (char *at = ret_lines->text.data; (at = strchr(at, '\n'));)
			*at = ' '; /* one request, however it is written */
		ret_lines->is_read = true;
		return HM_OK;
	}
	ret_lines->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	return ret_lines->fd >= 0 ? HM_OK : hm_raise_errno(NOT_FOUND, "cannot read %s", path);
}

static hm_status send_and_print(const struct options *options, struct sender *sender, const char *argument,
				size_t *ret_count)
{
	hm_status status;

	TRY(open_input(options, argument, &sender->lines));
	status = exchange(sender, ret_count);
	hm_buffer_fini(&sender->lines.text);
	if (sender->lines.fd > STDIN_FILENO)
		close(sender->lines.fd);
	return status;
}

static hm_status open_stream(const struct hm_method *method, struct hm_channel *channel, struct hm_context *context,
			     const char *argument, struct hm_stream **ret_stream)
{
	const char *json = argument ? argument : "{}";
	ProtobufCMessage *request = NULL;

	if (!(method->kind & HM_CLIENT_STREAM))
		TRY(hm_json_parse(&context->arena, method->request, json, strlen(json), &request));
	return hm_stream_open(channel, context, method, request, ret_stream);
}

hm_status call_stream(const struct options *options, const char *service, const struct hm_method *method,
		      const char *argument, struct call_ids *ret_ids)
{
	SCOPED(hm_channel) channel = NULL;
	SCOPED(hm_context) context = NULL;
	SCOPED(hm_stream) stream = NULL;
	struct sender sender = { .method = method };
	int64_t started_us = hm_clock_mono_us();
	size_t count = 0;
	hm_status status;

	TRY(client_open(options, &context));
	TRY(client_call_channel(options, service, &channel));
	context->idempotency_key = options->key;
	TRY(open_stream(method, channel, context, argument, &stream));
	sender.stream = stream;
	sender.context = context;
	status = method->kind & HM_CLIENT_STREAM ? send_and_print(options, &sender, argument, &count)
						 : print_replies(stream, method, &count);
	*ret_ids = (struct call_ids){ context->request_id, context->audit_id, context->attempts };
	if (status != HM_OK || options->json)
		return status;
	print_styled(stderr, STYLE_GOOD, "OK");
	print_styled(stderr, STYLE_DIM, " %.1f ms   ", (double)(hm_clock_mono_us() - started_us) / HM_US_PER_MS);
	if (method->kind & HM_SERVER_STREAM)
		print_styled(stderr, STYLE_DIM, "%zu messages   ", count);
	print_ids(ret_ids, "none");
	return HM_OK;
}
