/* Exposition: the text format. */
#include "base/exposition.h"

#include <criterion/criterion.h>

static const struct hm_metric calls = { "calls_total", HM_COUNTER, "Calls." };
static const struct hm_metric open_now = { "open", HM_GAUGE, "Open now." };
static const struct hm_metric took = { "took_seconds", HM_HISTOGRAM, "How long." };

static void is_written(struct hm_exposition *exposition, const char *text)
{
	struct hm_buffer buffer = { 0 };

	hm_exposition_write(exposition, &buffer);
	cr_expect_str_eq(buffer.data, text);
	hm_buffer_fini(&buffer);
	hm_exposition_fini(exposition);
}

Test(exposition, keeps_the_samples_of_a_metric_together)
{
	struct hm_exposition exposition = { 0 };

	hm_exposition_add(&exposition, &calls, 3, (struct hm_label[]){ { "service", "a" }, { 0 } });
	hm_exposition_add(&exposition, &open_now, 2.5, NULL);
	hm_exposition_add(&exposition, &calls, 123456789012345, (struct hm_label[]){ { "service", "b" }, { 0 } });
	is_written(&exposition, "# HELP calls_total Calls.\n# TYPE calls_total counter\n"
				"calls_total{service=\"a\"} 3\ncalls_total{service=\"b\"} 123456789012345\n"
				"# HELP open Open now.\n# TYPE open gauge\nopen 2.5\n");
}

Test(exposition, escapes_what_a_label_must_not_hold)
{
	struct hm_exposition exposition = { 0 };

	hm_exposition_add(&exposition, &open_now, 1,
			  (struct hm_label[]){ { "a", "x\"} 1\nopen 2\\\xff\xc3\xa9" }, { "b", NULL }, { 0 } });
	is_written(&exposition, "# HELP open Open now.\n# TYPE open gauge\n"
				"open{a=\"x\\\"} 1\\nopen 2\\\\\xef\xbf\xbd\xc3\xa9\",b=\"\"} 1\n");
}

Test(exposition, adds_buckets_up)
{
	struct hm_exposition exposition = { 0 };
	const struct hm_distribution seen = {
		.bounds = (const double[]){ 0.1, 1 }, .counts = (const uint64_t[]){ 2, 0, 1 }, .n_bounds = 2, .sum = 7
	};

	hm_exposition_add_distribution(&exposition, &took, &seen, (struct hm_label[]){ { "m", "x" }, { 0 } });
	is_written(&exposition, "# HELP took_seconds How long.\n# TYPE took_seconds histogram\n"
				"took_seconds_bucket{m=\"x\",le=\"0.1\"} 2\ntook_seconds_bucket{m=\"x\",le=\"1\"} 2\n"
				"took_seconds_bucket{m=\"x\",le=\"+Inf\"} 3\ntook_seconds_sum{m=\"x\"} "
				"7\ntook_seconds_count{m=\"x\"} 3\n");
}
