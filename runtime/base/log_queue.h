/*
 * Log queue: lines on their way to standard error, written by a thread of its own, so that a reader of the log who is slow stalls nobody.
 * What it holds is bounded, and so is how many lines begin in a second: what does not fit is dropped and counted, and the log says
 * how many, in a line of its own, before the next one that is kept.
 *
 *     hm_log_queue_open(STDERR_FILENO, 1000, &queue) → hm_log_queue_add(…) → hm_log_queue_close, which writes what is left
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scoped.h"
#include "base/status.h"

struct hm_log_queue;

/* hm_log_queue_open: lines go to fd, which stays the caller's; lines_per_s at most (as many at once after a pause; 0: any number). */
hm_status hm_log_queue_open(int fd, uint32_t lines_per_s, struct hm_log_queue **ret_queue);

/* hm_log_queue_add takes a whole line, its newline included; false: it was dropped, and counted. Thread-safe; never waits for
 * the descriptor. now_us: monotonic. */
bool hm_log_queue_add(struct hm_log_queue *queue, const char *line, size_t bytes, int64_t now_us);

struct hm_log_queue_stats {
	uint64_t written, dropped; /* lines */
};
void hm_log_queue_stats(struct hm_log_queue *queue, struct hm_log_queue_stats *ret_stats);

/* hm_log_queue_close writes what is left and ends. It waits a second at most for a descriptor that takes nothing. NULL is fine. */
void hm_log_queue_close(struct hm_log_queue *queue);
HM_SCOPED(hm_log_queue, hm_log_queue_close)
