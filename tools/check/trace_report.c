/* Trace, its report: each statement with the locks it took and the tables it wrote anew, then the findings. */
#include "trace_report.h"

#include <stdio.h>
#include <string.h>

static void print_entry(const json_t *entry)
{
	const json_t *one, *ms = json_object_get(entry, "ms");
	size_t i;

	printf("%6lld | %s", json_integer_value(json_object_get(entry, "line")),
	       json_string_value(json_object_get(entry, "statement")));
	if (ms)
		printf("  (%.1f ms)", json_real_value(ms));
	putchar('\n');
	json_array_foreach(json_object_get(entry, "locks"), i, one) printf(
		"         %-25s %-24s %s\n", json_string_value(json_object_get(one, "mode")),
		json_string_value(json_object_get(one, "relation")), json_string_value(json_object_get(one, "effect")));
	json_array_foreach(json_object_get(entry, "rewrites"), i, one)
		printf("         %-25s %s\n", "written anew", json_string_value(one));
}

static void print_report(const char *path, const json_t *report)
{
	const json_t *entry;
	size_t i;

	printf("%s: each lock is held from its statement to the end of the file\n", path);
	json_array_foreach(report, i, entry) print_entry(entry);
	putchar('\n');
}

void trace_report(struct check *check, const char *path, const json_t *report, const struct format *format)
{
	bool is_json = !strcmp(format->name, "json");

	findings_sort(check);
	if (!is_json) {
		print_report(path, report);
		format->write(check);
		return;
	}
	printf("{\"statements\":\n");
	json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	printf(",\n\"findings\":\n");
	format->write(check);
	printf("}\n");
}
