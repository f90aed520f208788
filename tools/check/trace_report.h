/* Trace, its report: from what trace.c noted. */
#pragma once
#include <jansson.h>

#include "report.h"

/* trace_report writes the report's statements ({"file", "line", "statement", "locks": [{"relation", "mode", "effect"}], "rewrites", "ms",
 * "error"}) and the check's findings on stdout. */
void trace_report(struct check *check, const char *path, const json_t *report, const struct format *format);
