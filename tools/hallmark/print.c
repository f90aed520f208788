/*
 * Print: how the program speaks: to people in styles and with progress, to machines in JSON. What was not written here, a
 * server's messages and the log's entries, is never printed but by print_foreign and as JSON.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "command.h"
#include "wire/json.h"

bool is_terminal(FILE *stream)
{
	return isatty(fileno(stream)) && !getenv("NO_COLOR");
}

void print_styled(FILE *to, enum style style, const char *format, ...)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "",        [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m",
	};
	bool styled = style != STYLE_PLAIN && is_terminal(to);
	va_list arguments;

	if (styled)
		fputs(codes[style], to);
	va_start(arguments, format);
	vfprintf(to, format, arguments);
	va_end(arguments);
	if (styled)
		fputs("\033[0m", to);
}

/* Characters that are not seen, and turn the direction or end the line of those that are: what is read is not what is there. */
static bool misleads(const char *text, size_t length)
{
	static const char *const marks[] = { "\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b",
					     "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069" };

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (strlen(marks[i]) == length && !memcmp(text, marks[i], length))
			return true;
	return false;
}

static bool steers(const char *text, size_t length)
{
	return (unsigned char)*text < ' ' || *text == 0x7f || (length == 2 && hm_utf8_is_c1(text)) ||
	       (length > 1 && misleads(text, length));
}

void print_foreign(FILE *to, const char *text)
{
	size_t left = text ? strlen(text) : 0;

	while (left) {
		size_t length = hm_utf8_next(text, left);

		if (!length || steers(text, length))
			fputc('?', to);
		else
			fwrite(text, 1, length, to);
		length += !length;
		text += length;
		left -= length;
	}
}

void print_foreign_in(FILE *to, size_t width, const char *text)
{
	size_t size = text ? strlen(text) : 0;

	print_foreign(to, text);
	for (; size < width; size++)
		fputc(' ', to);
}

void step(const struct options *options, const char *what, const char *format, ...)
{
	char text[PATH_BYTES];
	va_list arguments;

	if (options->json)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	flockfile(stderr);
	print_styled(stderr, STYLE_DIM, "  %-9s", what);
	fprintf(stderr, " %s\n", text);
	funlockfile(stderr);
}

void progress(const char *what, size_t done, size_t total)
{
	if (!isatty(STDERR_FILENO) || isatty(STDOUT_FILENO))
		return;
	fprintf(stderr, "\r\033[K%s %zu/%zu%s", what, done, total, done == total ? "\n" : "");
}

static void write_ids_json(struct hm_buffer *json, const struct call_ids *ids)
{
	char text[HM_ID_TEXT_BYTES];

	if (hm_id_is_zero(&ids->request))
		return;
	if (ids->attempts)
		hm_buffer_printf(json, ",\"attempts\":%u", ids->attempts);
	hm_id_format(&ids->request, text);
	hm_buffer_printf(json, ",\"requestId\":\"%s\"", text);
	if (hm_id_is_zero(&ids->audit))
		return;
	hm_id_format(&ids->audit, text);
	hm_buffer_printf(json, ",\"auditId\":\"%s\"", text);
}

static void write_error_json(const struct hm_error *error, const struct call_ids *ids)
{
	struct hm_buffer json = { 0 };

	hm_buffer_printf(&json, "{\"code\":\"%s\",\"message\":", hm_status_name(error->code));
	hm_json_write_text(&json, error->message, strlen(error->message));
	if (*error->reason) {
		hm_buffer_add_text(&json, ",\"reason\":");
		hm_json_write_text(&json, error->reason, strlen(error->reason));
	}
	if (error->retry_after_ms)
		hm_buffer_printf(&json, ",\"retryAfterMs\":%u", error->retry_after_ms);
	if (error->maybe_processed)
		hm_buffer_add_text(&json, ",\"maybeProcessed\":true");
	for (size_t i = 0; i < error->n_violations; i++) {
		hm_buffer_add_text(&json, i ? ",{\"field\":" : ",\"violations\":[{\"field\":");
		hm_json_write_text(&json, error->violations[i].field, strlen(error->violations[i].field));
		hm_buffer_add_text(&json, ",\"description\":");
		hm_json_write_text(&json, error->violations[i].description, strlen(error->violations[i].description));
		hm_buffer_add_text(&json, i + 1 == error->n_violations ? "}]" : "}");
	}
	write_ids_json(&json, ids);
	hm_buffer_add_text(&json, "}\n");
	fwrite(json.data, 1, json.size, stdout);
	hm_buffer_fini(&json);
}

/* The error's own words came from a server, and may repeat what a caller wrote. */
static void print_error(const struct hm_error *error)
{
	fprintf(stderr, "hallmark: ");
	print_styled(stderr, STYLE_BAD, "%s", hm_status_name(error->code));
	fprintf(stderr, ": ");
	print_foreign(stderr, error->message);
	fputc('\n', stderr);
	for (size_t i = 0; error->n_violations > 1 && i < error->n_violations; i++) {
		fprintf(stderr, "  ");
		print_foreign(stderr, error->violations[i].field);
		fprintf(stderr, ": ");
		print_foreign(stderr, error->violations[i].description);
		fputc('\n', stderr);
	}
}

void print_ids(const struct call_ids *ids, const char *no_entry)
{
	char request[HM_ID_TEXT_BYTES], audit[HM_ID_TEXT_BYTES];

	hm_id_format(&ids->request, request);
	hm_id_format(&ids->audit, audit);
	if (ids->attempts > 1)
		print_styled(stderr, STYLE_DIM, "%u attempts   ", ids->attempts);
	print_styled(stderr, STYLE_DIM, "request %s   audit %s\n", request,
		     hm_id_is_zero(&ids->audit) ? no_entry : audit);
}

/* In the largest unit of which there are two, rounded up, so that nobody comes too early. */
static void print_wait(uint32_t ms)
{
	static const struct {
		uint32_t ms;
		const char *name;
	} units[] = { { 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" } };
	size_t i = 0;

	while (units[i].ms > 1 && ms / 2 < units[i].ms)
		i++;
	fprintf(stderr, ", try again in %u %s", ms / units[i].ms + (ms % units[i].ms != 0), units[i].name);
}

/* What programs go by, and how the README's list of troubles names it. */
static void print_reason(const struct hm_error *error)
{
	if (!*error->reason)
		return;
	fprintf(stderr, "  reason ");
	print_foreign(stderr, error->reason);
	if (error->retry_after_ms)
		print_wait(error->retry_after_ms);
	fputc('\n', stderr);
}

int fail_call(const struct options *options, const struct call_ids *ids)
{
	const struct hm_error *error = hm_error_get();

	if (options->json) {
		write_error_json(error, ids);
		return 1;
	}
	print_error(error);
	print_reason(error);
	if (error->code == HM_UNAVAILABLE && !error->maybe_processed && !*error->reason && hm_id_is_zero(&ids->audit) &&
	    !options->dsn) /* else a server has answered, or it is the database */
		fprintf(stderr, "  is it being served, and there? (hallmark up; --connect SERVICE=URL; --var DIR)\n");
	if (error->maybe_processed)
		fprintf(stderr, "  the call may have been carried out: %s\n",
			options->key ? "repeat it with the same --idempotency-key"
				     : "look into the audit log before repeating it");
	if (!hm_id_is_zero(&ids->request)) {
		fprintf(stderr, "  ");
		print_ids(ids, error->maybe_processed ? "not known (hallmark audit show REQUEST)" : "none");
	}
	return 1;
}

int fail(const struct options *options)
{
	return fail_call(options, &(struct call_ids){ 0 });
}
