/* Trace: a migration run in a scratch cluster, and what it really locked and rewrote. */
#pragma once
#include "report.h"

/* trace_run takes the last file that was read: it migrates what comes before it, runs its statements one by one and reports each on
 * stdout: the locks it took, what these hold off, the tables it wrote anew; then the findings. JSON is one object, {"statements": […],
 * "findings": […]}. A statement that fails, and a rewritten table that was there
 * before, are findings (trace-fails, trace-rewrite). Errors: what the cluster or the files before say. */
hm_status trace_run(struct check *check, const struct format *format);
