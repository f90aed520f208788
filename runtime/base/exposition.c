/* Exposition: a buffer of samples a metric. */
#include "base/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct hm_family {
	const struct hm_metric *metric;
	struct hm_buffer samples;
};

/* There are some dozens. */
static struct hm_buffer *samples_of(struct hm_exposition *exposition, const struct hm_metric *metric)
{
	struct hm_family *families = exposition->families;

	for (size_t i = 0; i < exposition->n_families; i++)
		if (!strcmp(families[i].metric->name, metric->name))
			return &families[i].samples;
	families = reallocarray(families, exposition->n_families + 1, sizeof *families);
	if (!families)
		abort();
	families[exposition->n_families] = (struct hm_family){ .metric = metric };
	exposition->families = families;
	return &families[exposition->n_families++].samples;
}

/* The format knows three escapes; what is malformed becomes U+FFFD. */
static void add_value(struct hm_buffer *samples, const char *value)
{
	size_t left = strlen(value), length;

	for (; left; value += length, left -= length) {
		length = hm_utf8_next(value, left);
		if (!length) {
			hm_buffer_add_text(samples, "\xef\xbf\xbd");
			length = 1;
		} else if (*value == '\n') {
			hm_buffer_add_text(samples, "\\n");
		} else {
			if (*value == '"' || *value == '\\')
				hm_buffer_add(samples, "\\", 1);
			hm_buffer_add(samples, value, length);
		}
	}
}

static void add_labels(struct hm_buffer *samples, const struct hm_label *labels, const char *bound)
{
	const char *separator = "{";

	for (; labels && labels->key; labels++) {
		hm_buffer_printf(samples, "%s%s=\"", separator, labels->key);
		add_value(samples, labels->value ? labels->value : "");
		hm_buffer_add(samples, "\"", 1);
		separator = ",";
	}
	if (bound)
		hm_buffer_printf(samples, "%sle=\"%s\"", separator, bound);
	if (bound || *separator == ',')
		hm_buffer_add(samples, "}", 1);
}

/* 15 digits: counts are whole to far beyond what is ever counted, and bounds look as they were written. */
static void add_sample(struct hm_buffer *samples, const char *name, const char *suffix, const struct hm_label *labels,
		       const char *bound, double value)
{
	hm_buffer_printf(samples, "%s%s", name, suffix);
	add_labels(samples, labels, bound);
	hm_buffer_printf(samples, " %.15g\n", value);
}

void hm_exposition_add(struct hm_exposition *exposition, const struct hm_metric *metric, double value,
		       const struct hm_label *labels)
{
	add_sample(samples_of(exposition, metric), metric->name, "", labels, NULL, value);
}

void hm_exposition_add_distribution(struct hm_exposition *exposition, const struct hm_metric *metric,
				    const struct hm_distribution *distribution, const struct hm_label *labels)
{
	struct hm_buffer *samples = samples_of(exposition, metric);
	struct hm_buffer bound = { 0 };
	uint64_t count = 0;

	for (size_t i = 0; i <= distribution->n_bounds; i++) {
		hm_buffer_reset(&bound);
		if (i < distribution->n_bounds)
			hm_buffer_printf(&bound, "%.15g", distribution->bounds[i]);
		else
			hm_buffer_add_text(&bound, "+Inf");
		count += distribution->counts[i];
		add_sample(samples, metric->name, "_bucket", labels, bound.data, (double)count);
	}
	add_sample(samples, metric->name, "_sum", labels, NULL, distribution->sum);
	add_sample(samples, metric->name, "_count", labels, NULL, (double)count);
	hm_buffer_fini(&bound);
}

void hm_exposition_write(const struct hm_exposition *exposition, struct hm_buffer *buffer)
{
	static const char *const types[] = {
		[HM_COUNTER] = "counter", [HM_GAUGE] = "gauge", [HM_HISTOGRAM] = "histogram"
	};

	for (size_t i = 0; i < exposition->n_families; i++) {
		const struct hm_family *family = &exposition->families[i];
		const struct hm_metric *metric = family->metric;

		hm_buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
				 types[metric->type]);
		hm_buffer_add(buffer, family->samples.data, family->samples.size);
	}
}

void hm_exposition_fini(struct hm_exposition *exposition)
{
	for (size_t i = 0; i < exposition->n_families; i++)
		hm_buffer_fini(&exposition->families[i].samples);
	free(exposition->families);
	*exposition = (struct hm_exposition){ 0 };
}
