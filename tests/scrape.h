/*
 * Scrape: what Prometheus does: HTTP over a socket of its own, and the text format read strictly.
 */
#pragma once
#include "base/buffer.h"

/* scrape_get sends one request to 127.0.0.1 and returns the status code; the answer's body is in ret_body (freed by the caller).
 * request: "GET /metrics". */
int scrape_get(unsigned port, const char *request, struct hm_buffer *ret_body);

/* scrape gets /metrics and fails the test unless every line is what the format allows: HELP and TYPE once a metric and before its
 * samples, these together, no series twice, histograms that grow to their count. Freed by the caller. */
void scrape(unsigned port, struct hm_buffer *ret_text);

/* scrape_value returns the value of a series, written exactly as it is there ("name{a=\"b\"}"); -1: there is none. */
double scrape_value(const struct hm_buffer *text, const char *series);
