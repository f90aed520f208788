/*
 * Metrics: what a running process says of itself over HTTP, to Prometheus and to whoever asks whether it lives.
 *
 *     GET /metrics    200, text/plain; version=0.0.4
 *     GET /healthz    200 "SERVING" or 503 "NOT_SERVING", as a health check of the server as a whole
 *
 * Nothing else is answered, nobody is asked who he is, and no data of a brand is shown; so it is for loopback, or a network of the
 * operators' own. One thread serves it, some connections at a time. libmicrohttpd here alone. (host's own header)
 */
#pragma once
#include <stdbool.h>

#include "base/exposition.h"
#include "base/scoped.h"
#include "base/status.h"

struct hm_metrics;

struct hm_metrics_config {
	const char *address; /* "127.0.0.1:9464", "[::1]:9464"; port 0: any that is free */
	hm_collect_fn *collect; /* on the thread that serves */
	bool (*serves)(void *user); /* whether /healthz is 200 */
	void *user;
};

/* hm_metrics_open: INVALID_ARGUMENT: no such address; UNAVAILABLE: it cannot be listened at. */
hm_status hm_metrics_open(const struct hm_metrics_config *config, struct hm_metrics **ret_metrics);

/* hm_metrics_port is where it listens. */
unsigned hm_metrics_port(const struct hm_metrics *metrics);

/* hm_metrics_close ends what is being answered. NULL is fine. */
void hm_metrics_close(struct hm_metrics *metrics);
HM_SCOPED(hm_metrics, hm_metrics_close)

/* hm_process_collect publishes this process's time, memory, threads and descriptors under Prometheus' usual names; a hm_collect_fn. */
void hm_process_collect(void *user, struct hm_exposition *exposition);
