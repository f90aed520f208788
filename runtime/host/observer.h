/*
 * Observer: what a process shows of itself while it runs: a log line a call, metrics over HTTP. It gathers the sources of metrics and
 * owns the log's queue.
 *
 *     hm_observer_open → hm_observer_log for the server's config → hm_observer_publish … → hm_observer_serve
 *                      → hm_observer_hush before the sources go → hm_observer_close when nobody logs any more     (host's own header)
 */
#pragma once
#include "base/exposition.h"
#include "base/log_queue.h"
#include "server/call_log.h"
#include "server/server.h"

struct hm_observer;

/* hm_observer_open: log_calls as hm_call_log_parse has it; NULL: no call is logged. */
hm_status hm_observer_open(const char *log_calls, struct hm_observer **ret_observer);

/* hm_observer_log returns where calls are logged (NULL: nowhere) and which. */
struct hm_log_queue *hm_observer_log(const struct hm_observer *observer);
const struct hm_call_log_policy *hm_observer_policy(const struct hm_observer *observer);

/* hm_observer_publish adds a source of metrics, until hush. Thread-safe. RESOURCE_EXHAUSTED: there are 256. */
hm_status hm_observer_publish(struct hm_observer *observer, hm_collect_fn *collect, void *user);

/* hm_observer_serve answers at the address (host/metrics.h), server's health among it; hm_observer_hush no more. */
hm_status hm_observer_serve(struct hm_observer *observer, const char *address, struct hm_server *server);
unsigned hm_observer_port(const struct hm_observer *observer); /* 0: none */
void hm_observer_hush(struct hm_observer *observer);

void hm_observer_close(struct hm_observer *observer);
