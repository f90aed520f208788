/* Ends: who serves, and who calls: threads that wait for each call, and one that starts many. */
#include "tests/faults/faults.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "echo/v1/echo.hm.h"
#include "net/tls.h"
#include "server/server.h"

enum { WAITERS = 4, STARTED_AT_ONCE = 20, TIMEOUT_MS = 1500, PAUSE_NS = 20000000, PATIENCE_S = 20 };

#define URL "tls+tcp://" FAULTS_SERVER ":7077"

static struct ledger *book;
static struct hm_channel *channel;

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

static int say(const char *what)
{
	fprintf(stderr, "faults: %s: %s\n", what, hm_error_get()->message);
	return 1;
}

/* The one method of the contract that may not be called twice: its message is the number of a call. */
static hm_status note(struct hm_call *hm_call, const Echo__FailRequest *request, Echo__FailReply *reply)
{
	unsigned long number = strtoul(request->message, NULL, 10);

	(void)reply;
	if (number >= CALLS_MAX)
		return hm_fail(hm_call, INVALID_ARGUMENT, "no call's number");
	atomic_fetch_add(&book->ran[number], 1);
	return HM_OK;
}

static const struct hm_service service = ECHO_SERVICE(.fail = note);

static hm_status run(void *user, struct hm_call *hm_call, void *principal)
{
	(void)user;
	(void)principal;
	return hm_call->method->thunk(hm_call->service->handlers, hm_call, hm_call->request, hm_call->reply);
}

int serve(struct ledger *ledger, const char *certificates)
{
	static const struct hm_service *const services[] = { &service };
	static const struct hm_interceptor interceptor = { .run = run };
	SCOPED(hm_server) server = NULL;
	const struct hm_server_config config = { .services = services, .n_services = 1, .interceptor = &interceptor };

	book = ledger;
	if (hm_tls_configure_folder(certificates) != HM_OK || hm_server_open(&config, &server) != HM_OK ||
	    hm_server_listen(server, URL, NULL) != HM_OK)
		return say("serve");
	atomic_store(&book->is_served, true);
	while (!atomic_load(&book->is_over))
		pause_briefly();
	return 0;
}

/* A status that no fault of the line explains is a surprise. */
static void ended(uint32_t number, hm_status status)
{
	bool is_expected = status == HM_UNAVAILABLE || status == HM_DEADLINE_EXCEEDED || status == HM_UNKNOWN;

	atomic_fetch_add(&book->ended[number], 1);
	if (status == HM_OK)
		atomic_fetch_add(&book->ended_well[number], 1);
	atomic_fetch_add(status == HM_OK ? &book->ok : &book->failed, 1);
	if (status == HM_OK || is_expected || atomic_fetch_add(&book->surprises, 1))
		return;
	snprintf(book->surprise, sizeof book->surprise, "%s: %.200s", hm_status_name(status), hm_error_get()->message);
}

static uint32_t next_number(char ret_text[static 16])
{
	uint32_t number = atomic_fetch_add(&book->begun, 1);

	if (number >= CALLS_MAX)
		abort();
	snprintf(ret_text, 16, "%u", number);
	return number;
}

static struct hm_context *open_context(void)
{
	struct hm_context *context;

	if (hm_context_open("", NULL, &context) != HM_OK)
		abort();
	return context;
}

static void *wait_for_each(void *user)
{
	struct hm_context *context = open_context();

	while (!atomic_load(&book->is_over)) {
		char text[16];
		uint32_t number = next_number(text);
		const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, .message = text };
		Echo__FailReply *reply;
		hm_status status;

		hm_context_reset(context);
		hm_context_set_timeout(context, TIMEOUT_MS);
		status = echo_fail(channel, context, &request, &reply);
		ended(number, status);
		if (status != HM_OK)
			pause_briefly();
	}
	hm_context_close(context);
	return user;
}

static void on_done(void *user, hm_status status, const Echo__FailReply *reply)
{
	(void)reply;
	ended((uint32_t)(uintptr_t)user, status);
}

static void start_some(void)
{
	for (int i = 0; i < STARTED_AT_ONCE; i++) {
		struct hm_context *context = open_context();
		char text[16];
		uint32_t number = next_number(text);
		const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, .message = text };
		hm_status status;

		hm_context_set_timeout(context, TIMEOUT_MS);
		status = echo_fail_start(channel, context, &request, on_done, (void *)(uintptr_t)number);
		if (status != HM_OK)
			ended(number, status);
		hm_context_close(context);
	}
}

static bool all_have_ended(void)
{
	return atomic_load(&book->ok) + atomic_load(&book->failed) == atomic_load(&book->begun);
}

int call(struct ledger *ledger, const char *certificates)
{
	pthread_t threads[WAITERS];

	book = ledger;
	while (!atomic_load(&book->is_served))
		pause_briefly();
	if (hm_tls_configure_folder(certificates) != HM_OK || hm_channel_open_url(URL "#localhost", &channel) != HM_OK)
		return say("call");
	for (int i = 0; i < WAITERS; i++)
		if (pthread_create(&threads[i], NULL, wait_for_each, NULL))
			abort();
	while (!atomic_load(&book->is_over)) {
		start_some();
		pause_briefly();
	}
	for (int i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	for (int64_t until_us = hm_clock_mono_us() + PATIENCE_S * HM_US_PER_S;
	     !all_have_ended() && hm_clock_mono_us() < until_us;)
		pause_briefly();
	hm_channel_close(channel);
	return 0;
}
