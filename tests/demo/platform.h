/*
 * Platform: what the demo runs on: `hallmark up` as a child process with a folder of its own, the program's commands as a
 * user would type them, and the database for counting what is true.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "hallmark.h"

struct platform; /* one a process */

/* platform_start removes the last demo's folder, starts the platform and returns when it serves. */
hm_status platform_start(struct platform **ret_platform);

/* platform_stop ends it and waits until nothing of it runs. */
void platform_stop(struct platform *platform);
HM_SCOPED(platform, platform_stop)

/* platform_run runs `hallmark ARGUMENT …` (NULL-terminated), input (or NULL) on its standard input; its standard output is in
 * ret_output. Returns the exit status. What is typed and what comes back is shown if `shown`. */
int platform_run(struct platform *platform, bool shown, const char *input, struct hm_buffer *ret_output, ...)
	__attribute__((sentinel));

/* platform_context makes a context with the token of --brand and --as. Closed by platform_stop. */
hm_status platform_context(struct platform *platform, const char *brand, const char *as,
			   struct hm_context **ret_context);

/* platform_channel returns the channel to a service, over its socket. */
struct hm_channel *platform_channel(struct platform *platform, const char *service);

/* platform_sql runs SQL as the superuser and returns the first value of the last result; -1 and a message on failure. */
int64_t platform_sql(struct platform *platform, const char *sql);
