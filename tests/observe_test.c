/* What is seen of a running server: metrics that count each call once, health over HTTP, a log line a call. */
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "echo/v1/echo.hm.h"
#include "host/metrics.h"
#include "notes/v1/notes.hm.h"
#include "server/call_log.h"
#include "tests/fixture.h"
#include "tests/rpc_world.h"
#include "tests/scrape.h"

static struct fixture observe(const char *log_calls)
{
	static const struct hm_service *const both[] = { &notes_service, &echo_service, NULL };

	fixture_observe(log_calls);
	return fixture_serving_all(both, NULL);
}

static const Notes__AddNoteRequest untitled = { NOTES_ADD_NOTE_REQUEST_BASE };

static Notes__AddNoteRequest titled(void)
{
	return (Notes__AddNoteRequest){ NOTES_ADD_NOTE_REQUEST_BASE, .title = "a title" };
}

/* How many calls of a method a side counts with an outcome. */
static double counted(const struct fixture *f, const char *side, const char *method, const char *status,
		      const char *error)
{
	struct hm_buffer text = { 0 };
	char series[300];
	double value;

	snprintf(series, sizeof series,
		 "rpc_%s_call_duration_seconds_count{rpc_system_name=\"hallmark\",rpc_method=\"%s\","
		 "rpc_response_status_code=\"%s\"%s%s%s}",
		 side, method, status, *error ? ",error_type=\"" : "", error, *error ? "\"" : "");
	scrape(hm_host_metrics_port(f->host), &text);
	value = scrape_value(&text, series);
	hm_buffer_fini(&text);
	return value;
}

static double gauge(const struct fixture *f, const char *series)
{
	struct hm_buffer text = { 0 };
	double value;

	scrape(hm_host_metrics_port(f->host), &text);
	value = scrape_value(&text, series);
	hm_buffer_fini(&text);
	return value;
}

Test(observe, counts_each_call_once_by_method_and_outcome, .timeout = 60)
{
	struct fixture f = observe(NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	const Notes__AddNoteRequest note = titled();
	Notes__Note *added;

	for (int i = 0; i < 7; i++)
		must(notes_add_note(f.channel, ana, &note, &added));
	for (int i = 0; i < 3; i++)
		refuses(INVALID_ARGUMENT, notes_add_note(f.channel, ana, &untitled, &added));
	refuses(UNAUTHENTICATED, notes_add_note(f.channel, fixture_anonymous(&f, "loop"), &note, &added));
	cr_expect_eq(counted(&f, "server", "notes.v1.Notes/AddNote", "OK", ""), 7);
	cr_expect_eq(counted(&f, "server", "notes.v1.Notes/AddNote", "INVALID_ARGUMENT", ""), 3);
	cr_expect_eq(counted(&f, "server", "notes.v1.Notes/AddNote", "UNAUTHENTICATED", ""), 1);
	cr_expect_eq(counted(&f, "client", "notes.v1.Notes/AddNote", "OK", ""), 7);
	cr_expect_eq(counted(&f, "client", "notes.v1.Notes/AddNote", "INVALID_ARGUMENT", "INVALID_ARGUMENT"), 3);
	cr_expect_eq(gauge(&f, "hallmark_server_calls_in_flight"), 0);
	cr_expect_geq(gauge(&f, "hallmark_database_connections{service=\"notes\",role=\"app\",state=\"idle\"}"), 1);
	cr_expect_eq(gauge(&f, "hallmark_database_connections{service=\"notes\",role=\"app\",state=\"used\"}"), 0);
	cr_expect_eq(gauge(&f, "hallmark_audit_group_entries_sum{service=\"notes\"}"), 4); /* of those that failed */
	cr_expect_eq(gauge(&f, "hallmark_audit_entries_waiting{service=\"notes\"}"), 0);
	cr_expect_eq(gauge(&f, "hallmark_audit_entries_failed_total{service=\"notes\"}"), 0);
	cr_expect_gt(gauge(&f, "process_resident_memory_bytes"), 0);
}

static _Atomic unsigned ended;

static void count_ended(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	(void)user;
	(void)status;
	(void)reply;
	ended++;
}

/* Many to a packet, and each counted, its bytes too. */
Test(observe, counts_inline_calls_that_share_packets, .timeout = 60)
{
	enum { CALLS = 1000 };
	struct fixture f = observe("failed");
	struct hm_context *nobody = fixture_anonymous(&f, "loop");
	const Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE, .text = "twelve bytes" };
	struct hm_channel *echo;

	must(hm_channel_open("echo", &echo));
	for (int i = 0; i < CALLS; i++)
		must(echo_echo_start(echo, nobody, &message, count_ended, NULL));
	rpc_wait_for(ended == CALLS);
	cr_expect_eq(counted(&f, "server", "echo.v1.Echo/Echo", "OK", ""), CALLS);
	cr_expect_eq(counted(&f, "client", "echo.v1.Echo/Echo", "OK", ""), CALLS);
	cr_expect_eq(gauge(&f, "rpc_server_request_size_bytes_sum{rpc_system_name=\"hallmark\","
			       "rpc_method=\"echo.v1.Echo/Echo\",rpc_response_status_code=\"OK\"}"),
		     CALLS * 14);
	cr_expect_eq(gauge(&f, "rpc_client_response_size_bytes_sum{rpc_system_name=\"hallmark\","
			       "rpc_method=\"echo.v1.Echo/Echo\",rpc_response_status_code=\"OK\"}"),
		     CALLS * 14);
	cr_expect_eq(gauge(&f, "hallmark_log_lines_total"), 0);
	hm_channel_close(echo);
}

Test(observe, counts_streams_and_calls_of_methods_it_does_not_know, .timeout = 60)
{
	struct fixture f = observe(NULL);
	struct hm_context *nobody = fixture_anonymous(&f, "loop");
	const Echo__CountRequest three = { ECHO_COUNT_REQUEST_BASE, .has_count = true, .count = 3 };
	const struct hm_method stranger = { .name = "echo.v1.Echo/Nothing",
					    .id = hm_method_id("echo.v1.Echo/Nothing"),
					    .request = &echo__echo_message__descriptor,
					    .reply = &echo__echo_message__descriptor,
					    .effect = HM_EFFECT_NONE };
	const Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE };
	ProtobufCMessage *reply;
	struct hm_channel *echo;
	struct hm_stream *stream;

	must(hm_channel_open("echo", &echo));
	must(hm_stream_open(echo, nobody, hm_method_find(echo_service.table, "Count"), &three.base, &stream));
	do
		must(hm_stream_next(stream, &reply));
	while (reply);
	hm_stream_close(stream);
	refuses(UNIMPLEMENTED, hm_channel_call(echo, nobody, &stranger, &message.base, &reply));
	cr_expect_eq(counted(&f, "server", "echo.v1.Echo/Count", "OK", ""), 1);
	cr_expect_eq(counted(&f, "client", "echo.v1.Echo/Count", "OK", ""), 1);
	cr_expect_eq(counted(&f, "server", "_OTHER", "UNIMPLEMENTED", "UNIMPLEMENTED"), 1);
	cr_expect_eq(counted(&f, "client", "echo.v1.Echo/Nothing", "UNIMPLEMENTED", "UNIMPLEMENTED"), 1);
	cr_expect_eq(gauge(&f, "hallmark_server_calls_refused_total{reason=\"UNIMPLEMENTED\"}"), 1);
	hm_channel_close(echo);
}

static void publish_one(void *user, struct hm_exposition *exposition)
{
	static const struct hm_metric metric = { "notes_unread", HM_GAUGE, "Notes nobody has read." };

	(void)user;
	hm_exposition_add(exposition, &metric, 5, NULL);
}

Test(observe, shows_what_other_modules_publish)
{
	struct fixture f = observe(NULL);

	must(hm_host_publish(f.host, publish_one, NULL));
	cr_expect_eq(gauge(&f, "notes_unread"), 5);
}

Test(observe, answers_over_http_what_it_has_and_nothing_else, .timeout = 60)
{
	static const struct {
		const char *request;
		int status;
	} requests[] = {
		{ "GET /healthz", 200 },       { "GET /", 404 },         { "GET /metrics/", 404 },
		{ "GET /../etc/passwd", 404 }, { "POST /metrics", 405 }, { "DELETE /healthz", 405 },
		{ "GET /metrics?x=%00", 200 },
	};
	struct fixture f = observe(NULL);
	unsigned port = hm_host_metrics_port(f.host);
	struct hm_buffer body = { 0 };

	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		cr_expect_eq(scrape_get(port, requests[i].request, &body), requests[i].status, "%s",
			     requests[i].request);
	must(hm_server_set_health(hm_host_server(f.host), "", false));
	hm_buffer_reset(&body);
	cr_expect_eq(scrape_get(port, "GET /healthz", &body), 503);
	cr_expect_str_eq(body.data, "NOT_SERVING\n");
	hm_buffer_fini(&body);
}

Test(observe, listens_for_scrapes_only_where_it_can)
{
	static const char *const wrong[] = { "9464", "127.0.0.1", "127.0.0.1:", "localhost:9464", "[::1:1", ":1" };

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const struct hm_metrics_config config = { .address = wrong[i] };
		struct hm_metrics *metrics;

		refuses(INVALID_ARGUMENT, hm_metrics_open(&config, &metrics));
	}
}

/* ---- The log -------------------------------------------------------------------------------------------------------- */

/* Standard error as a file, to be read while it is written. */
static int catch_log(void)
{
	char path[] = "/tmp/hallmark-log-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC | O_APPEND);

	cr_assert(fd >= 0 && !unlink(path) && dup2(fd, STDERR_FILENO) >= 0);
	hm_log_set_level(HM_LOG_INFO);
	return fd;
}

static json_t *read_lines(int fd)
{
	json_t *lines = json_array();
	struct hm_buffer text = { 0 };
	char *line, *rest;
	ssize_t got;

	got = pread(fd, hm_buffer_reserve(&text, 1 << 20), 1 << 20, 0);
	cr_assert(got >= 0);
	hm_buffer_advance(&text, (size_t)got);
	hm_buffer_add(&text, "", 1);
	rest = text.data;
	while ((line = strsep(&rest, "\n")) && rest) {
		json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		cr_assert(object, "no JSON: %s", line);
		json_array_append_new(lines, object);
	}
	hm_buffer_fini(&text);
	return lines;
}

/* The lines about calls, once there are so many; they are written a moment after the calls end. */
static json_t *wait_for_lines(int fd, size_t count)
{
	json_t *lines = read_lines(fd);

	for (; json_array_size(lines) < count; lines = read_lines(fd))
		json_decref(lines);
	cr_assert_eq(json_array_size(lines), count);
	return lines;
}

static const char *text_of(const json_t *lines, size_t n, const char *key)
{
	return json_string_value(json_object_get(json_array_get(lines, n), key));
}

Test(observe, logs_a_line_a_call_that_leads_to_its_audit_entry, .timeout = 60)
{
	int log = catch_log();
	struct fixture f = observe("all");
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	const Notes__AddNoteRequest note = titled();
	char request_id[HM_ID_TEXT_BYTES], audit_id[HM_ID_TEXT_BYTES];
	Notes__Note *added;
	json_t *lines;

	must(notes_add_note(f.channel, ana, &note, &added));
	hm_id_format(&ana->request_id, request_id);
	hm_id_format(&ana->audit_id, audit_id);
	lines = wait_for_lines(log, 1);
	cr_expect_str_eq(text_of(lines, 0, "what"), "call");
	cr_expect_str_eq(text_of(lines, 0, "level"), "info");
	cr_expect_str_eq(text_of(lines, 0, "method"), "notes.v1.Notes/AddNote");
	cr_expect_str_eq(text_of(lines, 0, "status"), "OK");
	cr_expect_str_eq(text_of(lines, 0, "brand"), "loop");
	cr_expect_str_eq(text_of(lines, 0, "actorType"), "user");
	cr_expect_null(text_of(lines, 0, "actorId"));
	cr_expect_str_eq(text_of(lines, 0, "requestId"), request_id);
	cr_expect_eq(strlen(text_of(lines, 0, "trace")), 32);
	cr_expect_eq(strlen(text_of(lines, 0, "span")), 16);
	cr_expect_str_eq(text_of(lines, 0, "auditId"), audit_id);
	cr_expect(json_is_integer(json_object_get(json_array_get(lines, 0), "latencyUs")));
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(lines, 0), "requestBytes")),
		     (json_int_t)notes__add_note_request__get_packed_size(&note));
	json_decref(lines);
	refuses(FAILED_PRECONDITION, notes_fail_after_write(f.channel, ana, &note, &added));
	lines = wait_for_lines(log, 2);
	cr_expect(strstr(text_of(lines, 1, "at"), "tests/services/notes/"), "%s", text_of(lines, 1, "at"));
	json_decref(lines);
}

/* By default only what failed; a server's own failures weigh more than a caller's. An error's words may repeat a request's. */
Test(observe, logs_failures_without_their_words, .timeout = 60)
{
	int log = catch_log();
	struct fixture f = observe("failed");
	struct hm_context *nobody = fixture_anonymous(&f, "loop");
	Echo__FailRequest failing = { ECHO_FAIL_REQUEST_BASE, .has_code = true, .code = HM_NOT_FOUND,
				      .message = "no patient Jane Doe" };
	const Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE };
	Echo__EchoMessage *echoed;
	Echo__FailReply *reply;
	struct hm_channel *echo;
	json_t *lines;
	char *all;

	must(hm_channel_open("echo", &echo));
	must(echo_echo(echo, nobody, &message, &echoed));
	refuses(NOT_FOUND, echo_fail(echo, nobody, &failing, &reply));
	failing.code = HM_INTERNAL;
	refuses(INTERNAL, echo_fail(echo, nobody, &failing, &reply));
	lines = wait_for_lines(log, 2);
	cr_expect_str_eq(text_of(lines, 0, "level"), "info");
	cr_expect_str_eq(text_of(lines, 0, "status"), "NOT_FOUND");
	cr_expect_str_eq(text_of(lines, 1, "level"), "warning");
	cr_expect_str_eq(text_of(lines, 1, "status"), "INTERNAL");
	cr_expect_null(text_of(lines, 1, "at")); /* the handler raised nothing: it set what it was asked for */
	cr_expect_str_eq(text_of(lines, 1, "actorType"), "anonymous");
	all = json_dumps(lines, 0);
	cr_expect_null(strstr(all, "Jane"));
	free(all);
	json_decref(lines);
	hm_channel_close(echo);
}

/* What a stranger writes gets nowhere near the log through the guard; if it did, it would be text in a string. */
Test(observe, escapes_what_strangers_write_into_the_log, .timeout = 60)
{
	static const char hostile[] = "x\",\"status\":\"OK\"}\n{\x1b[2J\xff";
	const struct hm_call_log_policy policy = { .logs_failed = true };
	const struct hm_method method = { .name = "a.v1.A/B" };
	struct hm_call_end end = { .status = HM_INTERNAL, .reason = hostile };
	struct hm_call call = { .method = &method, .peer = hostile };
	struct hm_log_queue *queue;
	int log = catch_log();
	json_t *lines;

	memcpy(call.context.brand, hostile, sizeof hostile);
	must(hm_log_queue_open(log, 0, &queue));
	hm_call_log_write(queue, &policy, &call, &end);
	hm_log_queue_close(queue);
	lines = wait_for_lines(log, 1);
	cr_expect_str_eq(text_of(lines, 0, "status"), "INTERNAL");
	cr_expect_str_eq(text_of(lines, 0, "brand"), "x\",\"status\":\"OK\"}\n{\x1b[2J\xef\xbf\xbd");
	cr_expect_str_eq(text_of(lines, 0, "peer"), text_of(lines, 0, "brand"));
	cr_expect_str_eq(text_of(lines, 0, "reason"), text_of(lines, 0, "brand"));
	json_decref(lines);
}

Test(observe, reads_which_calls_are_logged)
{
	struct hm_call_log_policy policy;

	must(hm_call_log_parse("slow:250", &policy));
	cr_expect_eq(policy.slow_ms, 250);
	cr_expect(policy.logs_failed && !policy.logs_all);
	must(hm_call_log_parse("none", &policy));
	cr_expect(!policy.logs_failed && !policy.logs_all && !policy.slow_ms);
	refuses(INVALID_ARGUMENT, hm_call_log_parse("slow", &policy));
	refuses(INVALID_ARGUMENT, hm_call_log_parse("slow:0", &policy));
	refuses(INVALID_ARGUMENT, hm_call_log_parse("slow:-1", &policy));
	refuses(INVALID_ARGUMENT, hm_call_log_parse("everything", &policy));
}
