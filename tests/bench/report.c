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
	const double measured = row->has_peer ? row->ratio.median : row->ours.max;

	if (row->is_ceiling)
		return measured <= row->target ? "reached" : "MISSED";
	if (!row->has_peer)
		return row->ours.median > 0 ? "LOST" : "ok";
	if (row->target <= 0)
		return "";
	return measured >= row->target ? "reached" : "MISSED";
}

/* What stands in a row behind ours, as text. */
struct cells {
	char theirs[16], ratio[16], rounds[32], target[16];
};

static struct cells cells_of(const struct row *row)
{
	struct cells cells = { 0 };

	if (row->has_peer) {
		snprintf(cells.theirs, sizeof cells.theirs, "%.0f", row->theirs.median);
		snprintf(cells.ratio, sizeof cells.ratio, "%.3f", row->ratio.median);
		snprintf(cells.rounds, sizeof cells.rounds, "%.3f - %.3f", row->ratio.min, row->ratio.max);
	} else if (row->is_ceiling && row->ours.max > row->ours.min) {
		snprintf(cells.rounds, sizeof cells.rounds, "%.0f - %.0f", row->ours.min, row->ours.max);
	}
	if (row->has_peer && row->target > 0)
		snprintf(cells.target, sizeof cells.target, "%.2f", row->target);
	else if (row->is_ceiling)
		snprintf(cells.target, sizeof cells.target, "%.0f", row->target);
	return cells;
}

#define COLUMNS "%-24s %12s %12s %7s %15s %7s  %-8s %s\n"

void report_print(const struct report *report, FILE *stream)
{
	fprintf(stream, COLUMNS, "row", "ours", "theirs", "ratio", "rounds' ratios", "target", "", "against");
	for (const struct row *row = report->rows; row < report->rows + report->n_rows; row++) {
		const struct cells cells = cells_of(row);
		char ours[16];

		snprintf(ours, sizeof ours, "%.0f", row->ours.median);
		fprintf(stream, COLUMNS, row->name, ours, cells.theirs, cells.ratio, cells.rounds, cells.target,
			verdict(row), row->against);
	}
	fprintf(stream,
		"Calls a second; medians of %u rounds of %u ms, ours and theirs in turns. Lost and failed: calls. p99: "
		"us, "
		"the ratio at most its target. Without theirs: the worst round at most its target.\n",
		report->rounds, report->round_ms);
}

static json_t *row_json(const struct row *row)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:n, s:n}", "name", row->name, "against", row->against, "unit",
				 row->unit, "ours", row->ours.median, "theirs", "ratio");

	if (!json)
		return NULL;
	json_object_set_new(json, "ours_min_max", json_pack("[f, f]", row->ours.min, row->ours.max));
	if (row->target > 0 || row->is_ceiling)
		json_object_set_new(json, row->is_ceiling ? "target_at_most" : "target", json_real(row->target));
	if (!row->has_peer)
		return json;
	json_object_set_new(json, "theirs", json_real(row->theirs.median));
	json_object_set_new(json, "ratio", json_real(row->ratio.median));
	json_object_set_new(json, "theirs_min_max", json_pack("[f, f]", row->theirs.min, row->theirs.max));
	json_object_set_new(json, "ratio_min_max", json_pack("[f, f]", row->ratio.min, row->ratio.max));
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
