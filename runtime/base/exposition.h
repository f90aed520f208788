/*
 * Exposition: numbers of a running process in Prometheus' text format (version 0.0.4), which wants all samples of a metric together,
 * whoever they come from. So they are gathered by metric, and written at the end.
 *
 *     static const struct hm_metric waiting = { "hallmark_pool_calls_waiting", HM_GAUGE, "Calls that wait for a worker." };
 *
 *     hm_exposition_add(exposition, &waiting, 3, (struct hm_label[]){ { "service", "follows" }, { 0 } });
 *     hallmark_pool_calls_waiting{service="follows"} 3
 *
 * {0} is an empty one. Belongs to one thread. A module publishes by a function of type hm_collect_fn, which the host calls whenever it
 * is asked (host/metrics.h): it takes no lock for long, and leaves its counters as they are.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum hm_metric_type { HM_COUNTER, HM_GAUGE, HM_HISTOGRAM };

/* A metric. Known by its name: two that share one share type and help, too. */
struct hm_metric {
	const char *name; /* a counter's ends in _total, units are Prometheus' base units: _seconds, _bytes */
	enum hm_metric_type type;
	const char *help;
};

/* A label; a list of them ends with one without key. Values may hold any bytes: they are escaped, what is no UTF-8 is replaced. */
struct hm_label {
	const char *key, *value;
};

/* What was seen of a quantity: how often it was at most each bound and above the last, and all of it together. */
struct hm_distribution {
	const double *bounds; /* ascending */
	const uint64_t *counts; /* n_bounds + 1, each of its own bucket alone */
	size_t n_bounds;
	double sum;
};

struct hm_exposition {
	struct hm_family *families;
	size_t n_families;
};

typedef void hm_collect_fn(void *user, struct hm_exposition *exposition);

/* hm_exposition_add adds one sample. labels NULL: none. */
void hm_exposition_add(struct hm_exposition *exposition, const struct hm_metric *metric, double value,
		       const struct hm_label *labels);

/* hm_exposition_add_distribution adds the samples of a histogram. */
void hm_exposition_add_distribution(struct hm_exposition *exposition, const struct hm_metric *metric,
				    const struct hm_distribution *distribution, const struct hm_label *labels);

/* hm_exposition_write appends all that was added; hm_exposition_fini frees it. */
void hm_exposition_write(const struct hm_exposition *exposition, struct hm_buffer *buffer);
void hm_exposition_fini(struct hm_exposition *exposition);
