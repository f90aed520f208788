/* Log queue: readers that are slow, or gone, and lines that are too many. */
#include "base/log_queue.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

static void read_all(int fd, struct hm_buffer *text)
{
	ssize_t got;

	while ((got = read(fd, hm_buffer_reserve(text, 65536), 65536)) > 0)
		hm_buffer_advance(text, (size_t)got);
}

static unsigned count_of(const char *text, const char *words)
{
	unsigned count = 0;

	for (; (text = strstr(text, words)); text++)
		count++;
	return count;
}

Test(log_queue, writes_every_line_in_order)
{
	struct hm_log_queue *queue;
	struct hm_buffer text = { 0 };
	char line[32];
	int pipe_ends[2];

	cr_assert_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	cr_assert_eq(hm_log_queue_open(pipe_ends[1], 0, &queue), HM_OK);
	for (int i = 0; i < 1000; i++)
		cr_assert(hm_log_queue_add(queue, line, (size_t)snprintf(line, sizeof line, "line %d\n", i), 1));
	hm_log_queue_close(queue);
	close(pipe_ends[1]);
	read_all(pipe_ends[0], &text);
	for (int i = 0, at = 0; i < 1000; i++) {
		int n = snprintf(line, sizeof line, "line %d\n", i);

		cr_assert_eq(memcmp(text.data + at, line, (size_t)n), 0);
		at += n;
	}
	hm_buffer_fini(&text);
	close(pipe_ends[0]);
}

/* Nobody reads: a megabyte is held, the rest is dropped, nobody waits, and the log says how many lines are missing. */
Test(log_queue, drops_and_counts_what_a_reader_does_not_take, .timeout = 30)
{
	enum { LINES = 40000 };
	struct hm_log_queue_stats stats;
	struct hm_log_queue *queue;
	struct hm_buffer text = { 0 };
	char line[100];
	unsigned kept = 0;
	int pipe_ends[2];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	cr_assert_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	cr_assert_eq(hm_log_queue_open(pipe_ends[1], 0, &queue), HM_OK);
	for (int i = 0; i < LINES; i++)
		kept += hm_log_queue_add(queue, line, sizeof line, 1);
	hm_log_queue_stats(queue, &stats);
	cr_assert_gt(stats.dropped, 0);
	cr_expect_eq(stats.dropped, LINES - kept);
	cr_expect_eq(stats.written, kept);
	hm_log_queue_close(queue); /* it gives up on the reader by itself */
	close(pipe_ends[1]);
	read_all(pipe_ends[0], &text);
	cr_expect_leq(count_of(text.data, "xxx\n"), kept);
	hm_buffer_fini(&text);
	close(pipe_ends[0]);
}

Test(log_queue, keeps_to_its_rate_and_says_what_it_dropped)
{
	struct hm_log_queue *queue;
	struct hm_buffer text = { 0 };
	int64_t now_us = 100 * HM_US_PER_S;
	int pipe_ends[2];

	cr_assert_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	cr_assert_eq(hm_log_queue_open(pipe_ends[1], 10, &queue), HM_OK);
	for (int i = 0; i < 25; i++)
		cr_expect_eq(hm_log_queue_add(queue, "kept\n", 5, now_us), i < 10, "%d", i);
	cr_expect(hm_log_queue_add(queue, "kept\n", 5, now_us + HM_US_PER_S / 10));
	hm_log_queue_close(queue);
	close(pipe_ends[1]);
	read_all(pipe_ends[0], &text);
	cr_expect_eq(count_of(text.data, "kept\n"), 11);
	cr_expect(strstr(text.data, "\"what\":\"log lines were dropped\",\"lines\":\"15\"}\nkept\n"), "%s", text.data);
	hm_buffer_fini(&text);
	close(pipe_ends[0]);
}

Test(log_queue, outlives_a_reader_that_is_gone, .timeout = 30)
{
	struct hm_log_queue *queue;
	int pipe_ends[2];

	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	close(pipe_ends[0]);
	cr_assert_eq(hm_log_queue_open(pipe_ends[1], 0, &queue), HM_OK);
	for (int i = 0; i < 100; i++)
		cr_assert(hm_log_queue_add(queue, "line\n", 5, 1));
	hm_log_queue_close(queue);
	close(pipe_ends[1]);
}
