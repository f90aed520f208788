/*
 * Report: {"rows":[{"name":…,"against":…,"unit":…,"ours":…,"theirs":…,"ratio":…, their extremes, "target":…}, …], and what it was
 * measured on}. Values are medians; theirs and ratio are null where there is no peer.
 */
#include "tests/bench/report.h"

#include <assert.h>
#include <jansson.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"

enum { PATH_BYTES = 128 };

struct row *report_add(struct report *report)
{
	assert(report->n_rows < ROWS_MAX);
	report->rows[report->n_rows] = (struct row){ 0 };
	return &report->rows[report->n_rows++];
}

static const char *verdict(const struct row *row)
{
	if (!row->has_peer)
		return row->ours.median > 0 ? "LOST" : "ok";
	if (row->target <= 0)
		return "";
	return (row->is_ceiling ? row->ratio.median <= row->target : row->ratio.median >= row->target) ? "reached"
												       : "MISSED";
}

static void print_row(const struct row *row, FILE *stream)
{
	if (!row->has_peer) {
		fprintf(stream, "%-24s %12.0f %12s %7s %15s %6s  %-8s %s\n", row->name, row->ours.median, "", "", "",
			"", verdict(row), row->against);
		return;
	}
	fprintf(stream, "%-24s %12.0f %12.0f %7.3f   %5.3f - %5.3f ", row->name, row->ours.median, row->theirs.median,
		row->ratio.median, row->ratio.min, row->ratio.max);
	if (row->target > 0)
		fprintf(stream, "%6.2f", row->target);
	else
		fprintf(stream, "%6s", "");
	fprintf(stream, "  %-8s %s\n", verdict(row), row->against);
}

void report_print(const struct report *report, FILE *stream)
{
	fprintf(stream, "%-24s %12s %12s %7s %15s %6s  %-8s %s\n", "row", "ours", "theirs", "ratio", "rounds' ratios",
		"target", "", "against");
	for (size_t i = 0; i < report->n_rows; i++)
		print_row(&report->rows[i], stream);
	fprintf(stream,
		"Calls a second; medians of %u rounds of %u ms, ours and theirs in turns. Lost and failed: calls. p99: "
		"us, "
		"the ratio at most its target.\n",
		report->rounds, report->round_ms);
}

static json_t *row_json(const struct row *row)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:n, s:n}", "name", row->name, "against", row->against, "unit",
				 row->unit, "ours", row->ours.median, "theirs", "ratio");

	if (!row->has_peer || !json)
		return json;
	json_object_set_new(json, "theirs", json_real(row->theirs.median));
	json_object_set_new(json, "ratio", json_real(row->ratio.median));
	json_object_set_new(json, "ours_min_max", json_pack("[f, f]", row->ours.min, row->ours.max));
	json_object_set_new(json, "theirs_min_max", json_pack("[f, f]", row->theirs.min, row->theirs.max));
	json_object_set_new(json, "ratio_min_max", json_pack("[f, f]", row->ratio.min, row->ratio.max));
	if (row->target > 0)
		json_object_set_new(json, row->is_ceiling ? "target_at_most" : "target", json_real(row->target));
	return json;
}

static json_t *report_document(const struct report *report)
{
	json_t *rows = json_array();
	char time[HM_TIME_BYTES];
	struct utsname host;

	for (size_t i = 0; i < report->n_rows; i++)
		json_array_append_new(rows, row_json(&report->rows[i]));
	hm_time_format(hm_clock_wall_us(), time);
	uname(&host);
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:b, s:b, s:o}", "time", time, "kernel", host.release, "cpus",
			 (int)sysconf(_SC_NPROCESSORS_ONLN), "rounds", (int)report->rounds, "round_ms",
			 (int)report->round_ms, "quick", report->is_quick, "unpinned", report->is_unpinned, "rows",
			 rows);
}

hm_status report_json(const struct report *report, FILE *stream)
{
	json_t *document = report_document(report);
	bool is_written = document && !json_dumpf(document, stream, JSON_INDENT(1) | JSON_REAL_PRECISION(6));

	json_decref(document);
	if (!is_written || fputc('\n', stream) < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot write the report");
	return HM_OK;
}

hm_status report_save(const struct report *report, const char *path)
{
	char new_path[PATH_BYTES];
	hm_status status;
	FILE *file;

	snprintf(new_path, sizeof new_path, "%s.new", path);
	file = fopen(new_path, "we");
	if (!file)
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", new_path);
	status = report_json(report, file);
	if (fclose(file) && status == HM_OK)
		status = hm_raise_errno(UNAVAILABLE, "cannot write %s", new_path);
	if (status == HM_OK && rename(new_path, path))
		status = hm_raise_errno(UNAVAILABLE, "cannot write %s", path);
	return status;
}
