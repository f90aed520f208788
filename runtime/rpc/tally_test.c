/* Tally: each number in the bucket its bound says, runs and single calls alike. */
#include "rpc/tally.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many of the calls counted are in buckets up to a bound. */
static double up_to(struct hm_tallies *tallies, const char *metric, const char *bound)
{
	struct hm_exposition exposition = { 0 };
	struct hm_buffer text = { 0 };
	char series[200];
	const char *found;
	double value = -1;

	snprintf(series, sizeof series,
		 "%s_bucket{rpc_system_name=\"hallmark\",rpc_method=\"m\",rpc_response_status_code=\"OK\",le=\"%s\"} ",
		 metric, bound);
	hm_tallies_collect(tallies, "m", true, &exposition);
	hm_exposition_write(&exposition, &text);
	found = strstr(text.data, series);
	if (found)
		value = strtod(found + strlen(series), NULL);
	hm_buffer_fini(&text);
	hm_exposition_fini(&exposition);
	return value;
}

Test(tally, puts_each_time_into_the_bucket_of_its_bound)
{
	static const struct {
		int64_t us;
		const char *bound;
	} bounds[] = { { 50, "5e-05" },    { 100, "0.0001" },  { 250, "0.00025" }, { 500, "0.0005" },
		       { 1000, "0.001" },  { 2500, "0.0025" }, { 5000, "0.005" },  { 10000, "0.01" },
		       { 25000, "0.025" }, { 50000, "0.05" },  { 100000, "0.1" },  { 250000, "0.25" },
		       { 500000, "0.5" },  { 1000000, "1" },   { 2500000, "2.5" }, { 5000000, "5" },
		       { 10000000, "10" } };

	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		struct hm_tallies tallies = { 0 };

		hm_tallies_add(&tallies, HM_OK, bounds[i].us, 0, 0);
		hm_tallies_add(&tallies, HM_OK, bounds[i].us + 1, 0, 0);
		cr_expect_eq(up_to(&tallies, "rpc_server_call_duration_seconds", bounds[i].bound), 1, "%s",
			     bounds[i].bound);
		if (i)
			cr_expect_eq(up_to(&tallies, "rpc_server_call_duration_seconds", bounds[i - 1].bound), 0, "%s",
				     bounds[i].bound);
		cr_expect_eq(up_to(&tallies, "rpc_server_call_duration_seconds", "+Inf"), 2);
		hm_tallies_fini(&tallies);
	}
}

Test(tally, counts_runs_that_change_as_it_counts_single_calls)
{
	struct hm_tallies one = { 0 }, other = { 0 };
	struct hm_tally_run run;

	hm_tally_run_begin(&run);
	for (int i = 0; i < 300; i++)
		hm_tally_run_add(&run, i % 3 ? &one : &other, i % 5 ? HM_OK : HM_INTERNAL, i * 7, (unsigned)i, 70);
	hm_tally_run_end(&run);
	cr_expect_eq(up_to(&one, "rpc_server_call_duration_seconds", "+Inf"), 160);
	cr_expect_eq(up_to(&other, "rpc_server_call_duration_seconds", "+Inf"), 80);
	cr_expect_eq(up_to(&one, "rpc_server_request_size_bytes", "64"), 35); /* of 1 to 64: neither threes nor fives */
	cr_expect_eq(up_to(&one, "rpc_server_response_size_bytes", "64"), 0);
	cr_expect_eq(up_to(&one, "rpc_server_response_size_bytes", "256"), 160);
	hm_tallies_fini(&one);
	hm_tallies_fini(&other);
}

Test(tally, takes_numbers_out_of_this_world)
{
	struct hm_tallies tallies = { 0 };

	hm_tallies_add(&tallies, HM_OK, -5, UINT64_MAX, 1 << 22);
	hm_tallies_add(&tallies, HM_OK, INT64_MAX, 0, (1 << 22) + 1);
	cr_expect_eq(up_to(&tallies, "rpc_server_call_duration_seconds", "5e-05"), 1);
	cr_expect_eq(up_to(&tallies, "rpc_server_response_size_bytes", "4194304"), 1);
	cr_expect_eq(up_to(&tallies, "rpc_server_request_size_bytes", "4194304"), 1);
	hm_tallies_fini(&tallies);
}
