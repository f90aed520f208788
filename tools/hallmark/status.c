/* status: what a running process does, as its Admin service tells operators (proto/hallmark/admin.proto). What it says is foreign. */
#include <inttypes.h>
#include <string.h>

#include "client.h"
#include "hallmark/admin.hm.h"
#include "host/services.h"
#include "remote.h"
#include "wire/json.h"

enum { METHOD_WIDTH = 32, BRAND_WIDTH = 10, PEER_WIDTH = 34, NAME_WIDTH = 24, URL_WIDTH = 40 };

static const char *brand_name(const char *brand)
{
	return brand ? brand : "(unproven)";
}

/* Three digits say enough of any time. */
static void print_time(uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (ms >= units[i].ms) {
			printf("%7.1f %-3s", (double)ms / (double)units[i].ms, units[i].unit);
			return;
		}
	printf("%7" PRIu64 " ms ", ms);
}

static void print_heading(const char *text, size_t listed, uint32_t all)
{
	print_styled(stdout, STYLE_BOLD, "%s", text);
	if (listed < all)
		printf(": %u, %zu of them shown", all, listed);
	else
		printf(": %u", all);
	putchar('\n');
}

static void print_process(const Admin__Process *process)
{
	if (!process)
		return;
	print_foreign(stdout, process->program);
	printf(" (pid %u, protocol %u, build ", process->pid, process->protocol);
	print_foreign(stdout, process->build ? process->build : "unknown");
	printf(") ");
	print_styled(stdout, process->serving ? STYLE_GOOD : STYLE_BAD, "%s",
		     process->serving ? "serving" : "not serving");
	printf(", up");
	print_time(process->uptime_ms);
	putchar('\n');
}

static void print_service(const Admin__Service *service)
{
	printf("  ");
	print_foreign_in(stdout, NAME_WIDTH, service->name);
	printf(" running %3u of %-4u waiting %-5u contract ", service->running, service->limit, service->waiting);
	print_foreign(stdout, service->contract);
	putchar('\n');
	for (size_t i = 0; i < service->n_waiting_by_brand; i++) {
		printf("    waiting %-5u of ", service->waiting_by_brand[i]->calls);
		print_foreign(stdout, brand_name(service->waiting_by_brand[i]->brand));
		putchar('\n');
	}
}

static void print_call(const Admin__Call *call)
{
	print_time(call->age_ms);
	putchar(' ');
	print_foreign_in(stdout, METHOD_WIDTH, call->method);
	putchar(' ');
	print_foreign_in(stdout, BRAND_WIDTH, brand_name(call->brand));
	putchar(' ');
	print_foreign_in(stdout, PEER_WIDTH, call->peer);
	putchar(' ');
	print_foreign(stdout, call->request_id);
	printf("%s\n", call->streams ? " stream" : "");
}

/* The peer's name says already what services it has proven to be. */
static void print_connection(const Admin__Connection *connection)
{
	print_time(connection->age_ms);
	putchar(' ');
	print_foreign_in(stdout, PEER_WIDTH, connection->peer);
	printf(" calls %-4u streams %-4u idle", connection->calls, connection->streams);
	print_time(connection->idle_ms);
	putchar('\n');
}

static void print_endpoint(const Admin__Endpoint *endpoint)
{
	printf("    ");
	print_foreign_in(stdout, URL_WIDTH, endpoint->url);
	putchar(' ');
	print_foreign(stdout, endpoint->state);
	printf(", connections %u, calls %u", endpoint->connections, endpoint->calls);
	if (endpoint->has_latency_us)
		printf(", latency %" PRIu64 " us", endpoint->latency_us);
	if (endpoint->has_ejected_ms)
		print_styled(stdout, STYLE_BAD, ", ejected for %" PRIu64 " ms", endpoint->ejected_ms);
	putchar('\n');
}

static void print_channel(const Admin__Channel *channel)
{
	printf("  ");
	print_foreign_in(stdout, NAME_WIDTH, channel->service);
	printf(" parked %u, throttled %" PRIu64 "\n", channel->parked, channel->throttled);
	for (size_t i = 0; i < channel->n_endpoints; i++)
		print_endpoint(channel->endpoints[i]);
}

static void print_database(const Admin__Database *database)
{
	printf("  ");
	print_foreign_in(stdout, NAME_WIDTH, database->service);
	putchar(' ');
	print_foreign_in(stdout, sizeof "system", database->role);
	printf(" used %3u of %-4u idle %-4u waiting %u\n", database->used, database->limit, database->idle,
	       database->waiting);
}

static void print_bound(bool is_bound, uint32_t bound)
{
	if (is_bound)
		printf(" of %-8u", bound);
	else
		printf(" %-11s", "of any");
}

static void print_quota(const Admin__Quota *quota)
{
	printf("  ");
	print_foreign_in(stdout, NAME_WIDTH, brand_name(quota->brand));
	printf(" under way %4u", quota->in_flight);
	print_bound(quota->has_in_flight_max, quota->in_flight_max);
	if (quota->has_calls_per_s)
		printf(" %u calls/s", quota->calls_per_s);
	if (quota->calls_refused)
		printf(" refused %llu", (unsigned long long)quota->calls_refused);
	putchar('\n');
}

/* Lists print(each of them) under a heading; nothing where there is nothing. */
#define PRINT_LIST(heading, print, list, count, all)             \
	do {                                                     \
		if (count)                                       \
			print_heading(heading, count, all);      \
		for (size_t each_ = 0; each_ < (count); each_++) \
			print((list)[each_]);                    \
	} while (0)

static void print_status(const Admin__StatusReply *reply)
{
	print_process(reply->process);
	PRINT_LIST("services", print_service, reply->services, reply->n_services, (uint32_t)reply->n_services);
	PRINT_LIST("calls in flight", print_call, reply->calls, reply->n_calls, reply->calls_in_flight);
	PRINT_LIST("connections", print_connection, reply->connections, reply->n_connections, reply->connections_open);
	PRINT_LIST("channels", print_channel, reply->channels, reply->n_channels, (uint32_t)reply->n_channels);
	PRINT_LIST("databases", print_database, reply->databases, reply->n_databases, (uint32_t)reply->n_databases);
	PRINT_LIST("brands", print_quota, reply->quotas, reply->n_quotas, (uint32_t)reply->n_quotas);
}

static void show(const struct options *options, const Admin__StatusReply *reply)
{
	struct hm_buffer json = { 0 };

	if (!options->json) {
		print_status(reply);
		return;
	}
	hm_json_write(&json, &reply->base);
	printf("%s\n", json.data);
	hm_buffer_fini(&json);
}

/* Any of a process' services leads to it; without a name, the first that is reached from here. */
static const char *find_server(const struct options *options)
{
	if (options->n_arguments)
		return options->arguments[0];
	for (const struct hm_service *const *service = hm_services; *service; service++)
		if (remote_is_known(options, (*service)->table->short_name))
			return (*service)->table->short_name;
	(void)hm_raise(NOT_FOUND, "no service has its socket under %s/run: name a service, or a URL", options->var);
	return NULL;
}

static hm_status ask(const struct options *options)
{
	const Admin__StatusRequest request = { ADMIN_STATUS_REQUEST_BASE };
	const char *server = find_server(options);
	SCOPED(hm_channel) channel = NULL;
	SCOPED(hm_context) context = NULL;
	Admin__StatusReply *reply;

	if (!server)
		return hm_error_get()->code;
	TRY(client_open(options, &context));
	if (remote_is_url(server))
		TRY(hm_channel_open_url(server, &channel));
	else
		TRY(client_channel(options, server, &channel));
	TRY(admin_status(channel, context, &request, &reply));
	show(options, reply);
	return HM_OK;
}

static int run_status(const struct options *options)
{
	struct options mine = *options;

	if (options->n_arguments > 1)
		return usage_fail(&status_command);
	mine.as = "operator";
	return ask(&mine) == HM_OK ? 0 : fail(options);
}

const struct command status_command = {
	.name = "status",
	.usage = "[SERVICE|URL] [--connect SERVICE=URL]…",
	.summary = "show what a running process does: calls in flight, connections, pools",
	.takes = "cts",
	.notes = "Of the process that serves SERVICE, or is at URL; of the first there is under --var, if none is "
		 "named. It is "
		 "for operators:\nthe operator's key under --var signs. What is shown is that of all brands.\n",
	.run = run_status,
};
