/* Resolver: what targets become: parsed, from files that change, from names that are looked up. */
#include "client/resolver.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock_manual.h"
#include "client/hedge_rule.h"
#include "client/resolver_dns.h"
#include "client/target.h"
#include "tests/certificates.h"
#include "tests/farm.h"
#include "tests/rpc_world.h"

/* ---- Targets -------------------------------------------------------------------------------------------------------- */

Test(resolver, splits_urls_at_commas_and_takes_each_once)
{
	static struct hm_endpoints endpoints;

	cr_assert_eq(hm_static_resolve("tcp://127.0.0.1:1,ipc:///x,tcp://127.0.0.1:1", &endpoints), HM_OK);
	cr_assert_eq(endpoints.count, 2);
	cr_expect_str_eq(endpoints.list[0].url, "tcp://127.0.0.1:1");
	cr_expect_str_eq(endpoints.list[1].url, "ipc:///x");
	cr_expect_eq(endpoints.list[1].weight, 1);
	cr_expect_eq(hm_static_resolve("tcp://127.0.0.1:1,,ipc:///x", &endpoints), HM_INVALID_ARGUMENT);
}

Test(resolver, reads_options_behind_a_target)
{
	struct hm_target target;

	cr_assert_eq(hm_target_parse("dns+tcp://x:1;balancing=round_robin;health=off", &target), HM_OK);
	cr_expect_str_eq(target.name, "dns+tcp://x:1");
	cr_expect_eq(target.balancing, HM_ROUND_ROBIN);
	cr_expect_eq(target.health_checks, HM_HEALTH_CHECKS_OFF);
	cr_assert_eq(hm_target_parse("ipc:///x", &target), HM_OK);
	cr_expect_eq(target.balancing, HM_LEAST_LOADED);
	cr_expect_eq(target.health_checks, HM_HEALTH_CHECKS_MANY);
}

Test(resolver, reads_when_calls_are_hedged)
{
	static const struct {
		const char *text;
		int32_t ms;
		uint16_t permille;
	} rows[] = {
		{ "ipc:///x", HM_HEDGE_UNSAID, 0 },
		{ "ipc:///x;hedge=0", 0, 0 },
		{ "ipc:///x;hedge=60000", 60000, 0 },
		{ "ipc:///x;hedge=p50", HM_HEDGE_UNSAID, 500 },
		{ "ipc:///x;hedge=p99.9", HM_HEDGE_UNSAID, 999 },
		{ "ipc:///x;hedge=20;hedge=p95", HM_HEDGE_UNSAID, 950 },
		{ "ipc:///x;hedge=p95;hedge=20", 20, 0 },
	};
	struct hm_target target;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect_eq(hm_target_parse(rows[i].text, &target), HM_OK, "%s", rows[i].text);
		cr_expect(target.hedge_ms == rows[i].ms && target.hedge_permille == rows[i].permille, "%s",
			  rows[i].text);
	}
}

Test(resolver, refuses_targets_that_nobody_can_resolve)
{
	static const char *const wrong[] = {
		"",
		";health=on",
		"ipc:///x;",
		"ipc:///x;balancing",
		"ipc:///x;balancing=random",
		"ipc:///x;health=on;;",
		"ipc:///x;hedge=60001",
		"ipc:///x;hedge=p",
		"ipc:///x;hedge=p49.9",
		"ipc:///x;hedge=p100",
		"ipc:///x;hedge=p99.",
		"ipc:///x;hedge=p99.x",
		"ipc:///x;hedge=p99.99",
		"ipc:///x;hedge=p.999",
		"file://relative/path",
		"dns+tcp://name",
		"dns+tcp://:1",
		"dns+tcp://name:",
		"dns+tcp://name:0",
		"dns+tcp://name:65536",
		"dns+tcp://name:1x",
		"dns+tcp://a:b:1",
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct hm_channel *channel = NULL;

		cr_expect_eq(hm_channel_open_url(wrong[i], &channel), HM_INVALID_ARGUMENT, "%s", wrong[i]);
		hm_channel_close(channel);
	}
}

/* ---- Files ---------------------------------------------------------------------------------------------------------- */

static hm_status parse(const char *text, struct hm_endpoints *ret_endpoints)
{
	char copy[1024];

	snprintf(copy, sizeof copy, "%s", text);
	ret_endpoints->count = 0;
	return hm_file_parse("list", copy, ret_endpoints);
}

Test(resolver, reads_a_list_with_weights_and_comments)
{
	static struct hm_endpoints endpoints;

	cr_assert_eq(
		parse("# ours\n\ntcp://127.0.0.1:1\t 7 # the big one\r\n  ipc:///x\ntls+tcp://10.0.0.1:2#a.name #none",
		      &endpoints),
		HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(endpoints.count, 3);
	cr_expect_str_eq(endpoints.list[0].url, "tcp://127.0.0.1:1");
	cr_expect_eq(endpoints.list[0].weight, 7);
	cr_expect_str_eq(endpoints.list[1].url, "ipc:///x");
	cr_expect_eq(endpoints.list[1].weight, 1);
	cr_expect_str_eq(endpoints.list[2].url, "tls+tcp://10.0.0.1:2#a.name");
}

Test(resolver, says_in_which_line_a_list_is_wrong)
{
	static const char *const wrong[] = {
		"ipc:///x\nipc:///y 0\n",    "ipc:///x\nipc:///y 101\n",        "ipc:///x\nipc:///y -1\n",
		"ipc:///x\nipc:///y 1x\n",   "ipc:///x\nipc:///y 1 1\n",        "ipc:///x\nhttp://y\n",
		"ipc:///x\ntcp://8.8.8.8:1", "ipc:///x\nipc:///y,ipc:///z 1 2",
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		static struct hm_endpoints endpoints;

		cr_expect_eq(parse(wrong[i], &endpoints), HM_INVALID_ARGUMENT, "%s", wrong[i]);
		cr_expect(strstr(hm_error_get()->message, "list:2: "), "%s", hm_error_get()->message);
	}
}

/* Written beside and moved into its place, as whoever changes such a list should. */
static void write_list(const struct farm *farm, const char *text)
{
	char path[128], beside[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/list", farm->folder);
	snprintf(beside, sizeof beside, "%s/list.new", farm->folder);
	file = fopen(beside, "we");
	cr_assert(file);
	fputs(text, file);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(rename(beside, path), 0);
}

static void open_list(struct farm *farm)
{
	char target[256];

	snprintf(target, sizeof target, "file://%s/list", farm->folder);
	cr_assert_eq(hm_channel_open_url(target, &farm->channel), HM_OK, "%s", hm_error_get()->message);
}

static void close_list(struct farm *farm)
{
	char path[128];

	snprintf(path, sizeof path, "%s/list", farm->folder);
	unlink(path);
	farm_close(farm);
}

Test(resolver, uses_what_a_list_gains_and_drains_what_it_loses, .timeout = 60)
{
	struct farm farm;

	farm_make(&farm, 2);
	farm_serve(&farm, 0);
	farm_serve(&farm, 1);
	write_list(&farm, farm.servers[0].url);
	open_list(&farm);
	farm_shut(&farm);
	farm_start(&farm);
	rpc_wait_for(farm_calls(&farm) == 1);

	write_list(&farm, farm.servers[1].url);
	rpc_wait_for(farm_call(&farm) == HM_OK && farm.servers[1].calls);
	farm_zero(&farm);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(farm_call(&farm), HM_OK);
	cr_expect_eq(farm.servers[0].calls, 0);
	cr_expect_eq(farm_ended, 0, "the call at the one that is gone goes on");
	farm_let_go(&farm);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	rpc_wait_for(!farm_connections(&farm, 0)); /* and then its connection ends */
	close_list(&farm);
}

Test(resolver, keeps_the_last_good_list_while_a_file_is_wrong, .timeout = 60)
{
	struct farm farm;

	farm_make(&farm, 2);
	farm_serve(&farm, 0);
	farm_serve(&farm, 1);
	write_list(&farm, farm.servers[0].url);
	open_list(&farm);
	cr_assert_eq(farm_call(&farm), HM_OK);
	write_list(&farm, "http://nowhere");
	rpc_wait_for(hm_resolver_failures(farm.channel->resolver));
	cr_expect_eq(farm_call(&farm), HM_OK);
	cr_expect_eq(farm.servers[0].calls, 2);
	write_list(&farm, farm.servers[1].url);
	rpc_wait_for(farm_call(&farm) == HM_OK && farm.servers[1].calls);
	close_list(&farm);
}

Test(resolver, says_why_there_is_no_list_yet_and_finds_it_when_it_comes, .timeout = 60)
{
	struct farm farm;

	farm_make(&farm, 1);
	farm_serve(&farm, 0);
	open_list(&farm);
	cr_assert_eq(farm_call(&farm), HM_UNAVAILABLE);
	cr_expect(strstr(hm_error_get()->message, "cannot read"), "%s", hm_error_get()->message);
	write_list(&farm, farm.servers[0].url);
	hm_context_set_wait_for_ready(farm.context, true);
	cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	close_list(&farm);
}

/* ---- Names ---------------------------------------------------------------------------------------------------------- */

/* The test's own hosts: what each name's addresses are at present. */
static _Atomic(const char *) farm_test_address;

static int look_up(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **ret_addresses)
{
	const char *address = atomic_load(&farm_test_address);

	if ((strcmp(name, "farm.test") != 0 && strcmp(name, "localhost") != 0) || !address)
		return EAI_NONAME;
	return getaddrinfo(address, port, hints, ret_addresses);
}

Test(resolver, looks_names_up)
{
	static struct hm_endpoints endpoints;

	atomic_store(&hm_dns_lookup, look_up);
	atomic_store(&farm_test_address, "127.0.0.7");
	cr_assert_eq(hm_dns_resolve_tcp("farm.test:7003", &endpoints), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(endpoints.count, 1);
	cr_expect_str_eq(endpoints.list[0].url, "tcp://127.0.0.7:7003");
	atomic_store(&farm_test_address, "::1");
	endpoints.count = 0;
	cr_assert_eq(hm_dns_resolve_tls("farm.test:7003", &endpoints), HM_OK);
	cr_expect_str_eq(endpoints.list[0].url, "tls+tcp://[::1]:7003#farm.test");
	cr_expect_eq(hm_dns_resolve_tcp("elsewhere.test:7003", &endpoints), HM_UNAVAILABLE);
	cr_expect(strstr(hm_error_get()->message, "elsewhere.test"), "%s", hm_error_get()->message);
}

Test(resolver, resolves_localhost_as_the_host_does)
{
	static struct hm_endpoints endpoints;
	bool has_v4 = false;

	cr_assert_eq(hm_dns_resolve_tcp("localhost:7003", &endpoints), HM_OK, "%s", hm_error_get()->message);
	for (size_t i = 0; i < endpoints.count; i++)
		has_v4 = has_v4 || !strcmp(endpoints.list[i].url, "tcp://127.0.0.1:7003");
	cr_expect(has_v4);
}

/* The address is none of the certificate's names; the name that was looked up is. */
Test(resolver, wants_the_name_in_a_servers_certificate_not_the_address, .timeout = 60)
{
	static const struct {
		const char *name;
		hm_status status;
	} tries[] = { { "localhost", HM_OK }, { "farm.test", HM_UNAVAILABLE } };

	test_tls("one");
	atomic_store(&hm_dns_lookup, look_up);
	atomic_store(&farm_test_address, "127.0.0.2");
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		char bound[HM_URL_BYTES], target[64];
		struct farm farm;

		farm_make(&farm, 1);
		snprintf(farm.servers[0].url, HM_URL_BYTES, "tls+tcp://127.0.0.2:0");
		farm_serve_at(&farm, 0, bound);
		snprintf(target, sizeof target, "dns+tls+tcp://%s%s", tries[i].name, strrchr(bound, ':'));
		cr_assert_eq(hm_channel_open_url(target, &farm.channel), HM_OK);
		cr_expect_eq(farm_call(&farm), tries[i].status, "%s: %s", target, hm_error_get()->message);
		farm_close(&farm);
	}
}

static void serve_tcp(struct farm *farm, size_t place, const char *host, unsigned *port)
{
	char bound[HM_URL_BYTES];

	snprintf(farm->servers[place].url, HM_URL_BYTES, "tcp://%s:%u", host, *port);
	farm_serve_at(farm, place, bound);
	cr_assert_eq(sscanf(strrchr(bound, ':'), ":%u", port), 1);
}

/* A name moves to another address of this host: 127.0.0.2 answers, then 127.0.0.3. A lost connection has it looked up anew. */
Test(resolver, follows_a_name_to_another_address, .timeout = 60, .init = hm_clock_take)
{
	struct farm farm;
	char target[64];
	unsigned port = 0;

	atomic_store(&hm_dns_lookup, look_up);
	atomic_store(&farm_test_address, "127.0.0.2");
	farm_make(&farm, 2);
	serve_tcp(&farm, 0, "127.0.0.2", &port);
	serve_tcp(&farm, 1, "127.0.0.3", &port);
	snprintf(target, sizeof target, "dns+tcp://farm.test:%u", port);
	cr_assert_eq(hm_channel_open_url(target, &farm.channel), HM_OK);
	cr_assert_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(farm.servers[0].calls, 1);
	atomic_store(&farm_test_address, "127.0.0.3");
	hm_server_close(take(&farm.servers[0].server));
	hm_clock_advance_ms(5000); /* sooner it is not looked up again */
	rpc_wait_for(farm_call(&farm) == HM_OK);
	cr_expect_eq(farm.servers[1].calls, 1);
	farm_close(&farm);
}
