/*
 * call: one call with JSON from the command line, or one a line from a file.
 *
 * A file's calls are made in its order, or --jobs at a time on as many threads; results are printed in the file's order,
 * each as soon as those before it are.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "call_stream.h"
#include "client.h"
#include "remote.h"

enum { READ_BYTES = 65536 };

/* Below a terminal's reply: how it went, and how to find it again. */
static void print_outcome(const struct call_ids *ids, int64_t took_us)
{
	print_styled(stderr, STYLE_GOOD, "OK");
	print_styled(stderr, STYLE_DIM, " %.1f ms   ", (double)took_us / HM_US_PER_MS);
	print_ids(ids, "none");
}

static hm_status call_once(const struct options *options, const char *service, const struct hm_method *method,
			   const struct hm_buffer *json, struct call_ids *ret_ids)
{
	SCOPED(hm_channel) channel = NULL;
	SCOPED(hm_context) context = NULL;
	struct hm_buffer reply = { 0 };
	int64_t started_us = hm_clock_mono_us();
	hm_status status;

	TRY(client_open(options, &context));
	TRY(client_call_channel(options, service, &channel));
	context->idempotency_key = options->key;
	status = client_call(channel, context, method, json->data, json->size, &reply, ret_ids);
	if (status == HM_OK) {
		printf("%s\n", reply.data);
		fflush(stdout);
		if (!options->json)
			print_outcome(ret_ids, hm_clock_mono_us() - started_us);
	}
	hm_buffer_fini(&reply);
	return status;
}

/* One line of the file and what came of it. number counts from 1, as editors do. */
struct line {
	char *json;
	size_t bytes, number;
	bool is_done;
	hm_status status;
	struct hm_error *error;
	struct call_ids ids;
	struct hm_buffer reply;
};

/* What the threads of one file share. */
struct batch {
	const struct options *options;
	const struct hm_method *method;
	struct hm_channel *channel;
	struct line *lines;
	size_t n_lines, next, printed, failed;
	pthread_mutex_t lock;
};

/* A failed line is told with its number, on stderr; with --json in its place among the replies. */
static void print_line(struct batch *batch, const struct line *line)
{
	if (line->status == HM_OK) {
		printf("%s\n", line->reply.data);
		return;
	}
	batch->failed++;
	(void)hm_error_set(line->error);
	if (!batch->options->json)
		fprintf(stderr, "%s:%zu: ", batch->options->file, line->number);
	(void)fail_call(batch->options, &line->ids);
}

static void print_finished(struct batch *batch)
{
	while (batch->printed < batch->n_lines && batch->lines[batch->printed].is_done) {
		struct line *line = &batch->lines[batch->printed++];

		print_line(batch, line);
		hm_buffer_fini(&line->reply);
		free(line->error);
	}
	progress("calls", batch->printed, batch->n_lines);
}

static void run_line(struct batch *batch, struct hm_context *context, struct line *line)
{
	hm_context_reset(context);
	line->status =
		client_call(batch->channel, context, batch->method, line->json, line->bytes, &line->reply, &line->ids);
	if (line->status == HM_OK)
		return;
	line->error = malloc(sizeof *line->error);
	if (!line->error)
		abort();
	*line->error = *hm_error_get();
}

static void *run_lines(void *user)
{
	struct batch *batch = user;
	SCOPED(hm_context) context = NULL;
	hm_status opened = client_open(batch->options, &context);

	pthread_mutex_lock(&batch->lock);
	while (opened == HM_OK && batch->next < batch->n_lines) {
		struct line *line = &batch->lines[batch->next++];

		pthread_mutex_unlock(&batch->lock);
		run_line(batch, context, line);
		pthread_mutex_lock(&batch->lock);
		line->is_done = true;
		print_finished(batch);
	}
	pthread_mutex_unlock(&batch->lock);
	return NULL;
}

static void run_batch(struct batch *batch)
{
	pthread_t threads[JOBS_MAX];
	size_t n = 0;

	while (n < batch->options->jobs && n < batch->n_lines && !pthread_create(&threads[n], NULL, run_lines, batch))
		n++;
	if (!n)
		run_lines(batch);
	while (n)
		pthread_join(threads[--n], NULL);
}

/* Reads the file whole; lines that are blank are passed over. */
static hm_status read_lines(const char *path, struct batch *batch)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	size_t room = 0, text_room = 0, number = 0;
	char *text = NULL;
	ssize_t length;

	if (!file)
		return hm_raise_errno(NOT_FOUND, "cannot read %s", path);
	while ((length = getline(&text, &text_room, file)) >= 0) {
		number++;
		if (strspn(text, " \t\r\n") == (size_t)length)
			continue;
		if (batch->n_lines == room) {
			room = room ? room * 2 : 256;
			batch->lines = reallocarray(batch->lines, room, sizeof *batch->lines);
			if (!batch->lines)
				abort();
		}
		batch->lines[batch->n_lines++] =
			(struct line){ .json = take(&text), .bytes = (size_t)length, .number = number };
		text_room = 0;
	}
	free(text);
	if (file != stdin)
		fclose(file);
	return HM_OK;
}

static hm_status check_token(const struct options *options)
{
	SCOPED(hm_context) context = NULL;

	return client_open(options, &context);
}

static hm_status call_file(const struct options *options, const char *service, const struct hm_method *method,
			   size_t *ret_failed)
{
	struct batch batch = { .options = options, .method = method, .lock = PTHREAD_MUTEX_INITIALIZER };
	SCOPED(hm_channel) channel = NULL;
	int64_t started_us = hm_clock_mono_us();

	TRY(check_token(options));
	TRY(client_call_channel(options, service, &channel));
	batch.channel = channel;
	TRY(read_lines(options->file, &batch));
	run_batch(&batch);
	fflush(stdout);
	if (!options->json)
		print_styled(stderr, batch.failed ? STYLE_BAD : STYLE_GOOD, "%zu OK, %zu failed in %.1f s\n",
			     batch.printed - batch.failed, batch.failed,
			     (double)(hm_clock_mono_us() - started_us) / HM_US_PER_S);
	for (size_t i = 0; i < batch.n_lines; i++)
		free(batch.lines[i].json);
	free(batch.lines);
	*ret_failed = batch.failed;
	if (batch.printed < batch.n_lines)
		return hm_raise(UNAVAILABLE, "%zu lines of %s were not tried: the token cannot be read any more",
				batch.n_lines - batch.printed, options->file);
	return HM_OK;
}

/* The request of a single call: the argument, or all of standard input. */
static hm_status read_request(const struct options *options, struct hm_buffer *ret_json)
{
	const char *argument = options->n_arguments > 1 ? options->arguments[1] : "{}";
	size_t got;

	if (strcmp(argument, "-")) {
		hm_buffer_add_text(ret_json, argument);
		return HM_OK;
	}
	do {
		got = fread(hm_buffer_reserve(ret_json, READ_BYTES), 1, READ_BYTES, stdin);
		hm_buffer_advance(ret_json, got);
	} while (got);
	return ferror(stdin) ? hm_raise_errno(UNAVAILABLE, "cannot read standard input") : HM_OK;
}

static hm_status call_one(const struct options *options, const char *service, const struct hm_method *method,
			  struct call_ids *ret_ids)
{
	struct hm_buffer json = { 0 };
	hm_status status = read_request(options, &json);

	if (status == HM_OK && method->kind == HM_UNARY)
		status = call_once(options, service, method, &json, ret_ids);
	else if (status == HM_OK)
		status = call_stream(options, service, method, json.data, ret_ids);
	hm_buffer_fini(&json);
	return status;
}

/* A file is one stream's requests, or one call a line; one request cannot come of it. */
static hm_status call(const struct options *options, const char *service, const struct hm_method *method,
		      struct call_ids *ret_ids, size_t *ret_failed)
{
	const char *argument = options->n_arguments > 1 ? options->arguments[1] : NULL;

	if (method->kind & HM_CLIENT_STREAM)
		return call_stream(options, service, method, argument, ret_ids);
	if (!options->file)
		return call_one(options, service, method, ret_ids);
	if (method->kind == HM_UNARY)
		return call_file(options, service, method, ret_failed);
	return hm_raise(INVALID_ARGUMENT, "%s takes one request and answers with a stream: give the request as JSON",
			method->name);
}

static bool is_well_formed(const struct options *options)
{
	if (options->file)
		return options->n_arguments == 1 && !options->request && !options->key;
	return options->n_arguments == 1 || options->n_arguments == 2;
}

/* A method this program was built with, else one of the server's where its service is reached. */
static const struct hm_method *find_method(const struct options *options, const char *name,
					   char ret_service[HM_FIELD_BYTES], struct remote **ret_remote)
{
	const struct hm_service *service;
	const struct hm_method *method = methods_find(name, &service);

	remote_short(method ? service->table->short_name : name, ret_service);
	if (method || !strchr(name, '/') || !remote_is_known(options, ret_service))
		return method;
	if (remote_open(options, ret_service, ret_remote) != HM_OK)
		return NULL;
	for (const struct hm_service_table *const *table = remote_tables(*ret_remote); *table && !method; table++)
		method = hm_method_find(*table, name);
	if (!method)
		(void)hm_raise(UNIMPLEMENTED, "there is no method %s there (hallmark ls %s)", name, ret_service);
	return method;
}

static int run_call(const struct options *options)
{
	char service[HM_FIELD_BYTES];
	SCOPED(remote) remote = NULL;
	const struct hm_method *method;
	struct call_ids ids = { 0 };
	hm_status status;
	size_t failed = 0;

	if (!is_well_formed(options))
		return usage_fail(&call_command);
	method = find_method(options, options->arguments[0], service, &remote);
	if (!method)
		return fail(options);
	status = call(options, service, method, &ids, &failed);
	if (status != HM_OK)
		return fail_call(options, &ids);
	return failed ? 1 : 0;
}

const struct command call_command = {
	.name = "call",
	.usage = "METHOD [JSON|-] | METHOD -f FILE [--jobs N]   [--brand BRAND] [--as NAME|operator] [--timeout MS] "
		 "[--request ID] [--idempotency-key KEY] [--fault RULE] [--faults FILE]",
	.summary = "make a call, or one for each line of a file",
	.takes = "bafntrkcsoO",
	.notes = "METHOD is package.Service/Method (hallmark ls). JSON is the request, {} if not given, standard input "
		 "if -.\n"
		 "The reply goes to standard output, how it went to standard error. Of a file every line is tried; the "
		 "exit\n"
		 "status is 1 if one failed.\n"
		 "Where messages stream each is a line: replies are printed as they come; requests are read from FILE "
		 "or, "
		 "without\n"
		 "JSON, from standard input, and are one call.\n",
	.run = run_call,
};
