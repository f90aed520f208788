/* Log: a line is made whole and then written at once, so that lines of several threads do not mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { PAIRS_MAX = 32, LEVEL_UNREAD = -1 };

static const char *const names[] = {
	[HM_LOG_DEBUG] = "debug", [HM_LOG_INFO] = "info", [HM_LOG_WARNING] = "warning",
	[HM_LOG_ERROR] = "error", [HM_LOG_OFF] = "off",
};

static _Atomic int threshold = LEVEL_UNREAD;

/* An unknown word is as none at all: a wrong setting must not silence a server. */
static int read_threshold(void)
{
	const char *word = getenv("HALLMARK_LOG");

	for (int level = 0; word && level <= HM_LOG_OFF; level++)
		if (!strcmp(word, names[level]))
			return level;
	return HM_LOG_INFO;
}

bool hm_log_is_on(enum hm_log_level level)
{
	int from = atomic_load_explicit(&threshold, memory_order_relaxed);

	if (from == LEVEL_UNREAD) {
		from = read_threshold();
		atomic_store_explicit(&threshold, from, memory_order_relaxed);
	}
	return (int)level >= from;
}

void hm_log_set_level(enum hm_log_level level)
{
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

static void add_json(struct hm_buffer *buffer, const char *separator, const char *key, const char *value)
{
	hm_buffer_add_text(buffer, separator);
	hm_json_write_text(buffer, key, strlen(key));
	hm_buffer_add(buffer, ":", 1);
	hm_json_write_text(buffer, value, strlen(value));
}

/* A value with a space, quote or control character in it is quoted, so that a line stays a line. */
static void add_plain(struct hm_buffer *buffer, const char *separator, const char *key, const char *value)
{
	bool is_plain = *value != '\0';

	for (const char *at = value; *at; at++)
		is_plain = is_plain && (unsigned char)*at > ' ' && *at != '"' && *at != 0x7f;
	hm_buffer_printf(buffer, "%s%s=", separator, key);
	if (is_plain)
		hm_buffer_add_text(buffer, value);
	else
		hm_json_write_text(buffer, value, strlen(value));
}

void hm_log_format(struct hm_buffer *buffer, bool for_terminal, int64_t wall_us, enum hm_log_level level,
		   const char *what, const char *const *pairs)
{
	enum { DATE_BYTES = 11, TIME_BYTES = 8 }; /* "2026-11-22T" and "10:00:00" */
	char time[HM_TIME_BYTES];

	hm_time_format(wall_us, time);
	if (for_terminal) {
		hm_buffer_printf(buffer, "%.*s %-7s  %s", TIME_BYTES, time + DATE_BYTES, names[level], what);
		for (; *pairs; pairs += 2)
			if (pairs[1])
				add_plain(buffer, "  ", pairs[0], pairs[1]);
	} else {
		add_json(buffer, "{", "time", time);
		add_json(buffer, ",", "level", names[level]);
		add_json(buffer, ",", "what", what);
		for (; *pairs; pairs += 2)
			if (pairs[1])
				add_json(buffer, ",", pairs[0], pairs[1]);
		hm_buffer_add(buffer, "}", 1);
	}
	hm_buffer_add(buffer, "\n", 1);
}

/* There is nobody to tell when the log cannot be written. */
static void write_all(const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(STDERR_FILENO, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		bytes += n;
		size -= (size_t)n;
	}
}

void hm_log_write(enum hm_log_level level, const char *what, ...)
{
	const char *pairs[2 * PAIRS_MAX + 1] = { NULL };
	struct hm_buffer line = { 0 };
	va_list arguments;
	size_t n = 0;

	va_start(arguments, what);
	while (n < 2 * PAIRS_MAX && (pairs[n] = va_arg(arguments, const char *))) {
		pairs[n + 1] = va_arg(arguments, const char *);
		n += 2;
	}
	va_end(arguments);
	pairs[n] = NULL;
	hm_log_format(&line, isatty(STDERR_FILENO), hm_clock_wall_us(), level, what, pairs);
	write_all(line.data, line.size);
	hm_buffer_fini(&line);
}
