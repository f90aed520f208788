/* Scrape: a socket and a strict reader. */
#include "tests/scrape.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 65536, SERIES_MAX = 8192 };

int scrape_get(unsigned port, const char *request, struct hm_buffer *ret_body)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct hm_buffer text = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
	ssize_t got;
	char *body;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	hm_buffer_printf(&text, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", request);
	cr_assert_eq(write(fd, text.data, text.size), (ssize_t)text.size);
	hm_buffer_reset(&text);
	while ((got = read(fd, hm_buffer_reserve(&text, READ_BYTES), READ_BYTES)) > 0)
		hm_buffer_advance(&text, (size_t)got);
	close(fd);
	cr_assert_eq(sscanf(text.data, "HTTP/1.1 %d ", &status), 1, "%s", text.data);
	body = strstr(text.data, "\r\n\r\n");
	cr_assert(body);
	hm_buffer_add_text(ret_body, body + 4);
	hm_buffer_fini(&text);
	return status;
}

static size_t name_span(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
}

/* The end of a series' labels, or NULL if they are none. */
static const char *pass_labels(const char *at)
{
	if (*at != '{')
		return at;
	do {
		size_t span = name_span(++at);

		at += span;
		if (!span || strncmp(at, "=\"", 2) != 0)
			return NULL;
		for (at += 2; *at && *at != '"'; at++)
			if (*at == '\\' && !strchr("\\n\"", *++at))
				return NULL;
		if (*at++ != '"')
			return NULL;
	} while (*at == ',');
	return *at == '}' ? at + 1 : NULL;
}

struct reading {
	char family[128], type[16];
	const char *families[512], *series[SERIES_MAX];
	size_t n_families, n_series;
	double last_bucket; /* of a histogram's series under way */
};

static void read_header(struct reading *reading, const char *line)
{
	char name[128], type[16];

	if (sscanf(line, "# HELP %127s", name) == 1) {
		for (size_t i = 0; i < reading->n_families; i++)
			cr_assert(strcmp(reading->families[i], name) != 0, "%s comes twice", name);
		reading->families[reading->n_families++] = strdup(name);
		memcpy(reading->family, name, sizeof name);
		return;
	}
	cr_assert_eq(sscanf(line, "# TYPE %127s %15s", name, type), 2, "%s", line);
	cr_assert_str_eq(name, reading->family);
	cr_assert(!strcmp(type, "counter") || !strcmp(type, "gauge") || !strcmp(type, "histogram"), "%s", line);
	memcpy(reading->type, type, sizeof type);
}

/* Buckets grow up to +Inf, whose count is the count. */
static void read_histogram(struct reading *reading, const char *suffix, const char *labels, double value)
{
	if (!strncmp(suffix, "_bucket", 7)) {
		cr_assert(value >= reading->last_bucket, "a bucket below the one before: %s", labels);
		reading->last_bucket = value;
		return;
	}
	if (!strncmp(suffix, "_count", 6)) {
		cr_assert_eq(value, reading->last_bucket, "the count is not the last bucket's: %s", labels);
		reading->last_bucket = 0;
		return;
	}
	cr_assert(!strncmp(suffix, "_sum", 4), "no suffix of a histogram: %s", suffix);
}

static void read_sample(struct reading *reading, const char *line)
{
	const size_t name = name_span(line), family = strlen(reading->family);
	const char *end = pass_labels(line + name);
	char *value_end;
	double value;

	cr_assert(name >= family && !strncmp(line, reading->family, family), "%s is not of %s", line, reading->family);
	cr_assert(end && *end == ' ', "labels: %s", line);
	value = strtod(end + 1, &value_end);
	cr_assert(value_end != end + 1 && *value_end == '\0', "value: %s", line);
	if (!strcmp(reading->type, "histogram"))
		read_histogram(reading, line + family, line + name, value);
	else
		cr_assert_eq(name, family, "%s", line);
	cr_assert(reading->n_series < SERIES_MAX);
	reading->series[reading->n_series] = strndup(line, (size_t)(end - line));
	for (size_t i = 0; i < reading->n_series; i++)
		cr_assert(strcmp(reading->series[i], reading->series[reading->n_series]) != 0, "twice: %s", line);
	reading->n_series++;
}

static void check_format(const char *text)
{
	struct reading *reading = calloc(1, sizeof *reading);
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) && rest)
		if (*line == '#')
			read_header(reading, line);
		else
			read_sample(reading, line);
	cr_assert_eq(*line, '\0', "the last line does not end");
	for (size_t i = 0; i < reading->n_families; i++)
		free((void *)(uintptr_t)reading->families[i]);
	for (size_t i = 0; i < reading->n_series; i++)
		free((void *)(uintptr_t)reading->series[i]);
	free(reading);
	free(copy);
}

void scrape(unsigned port, struct hm_buffer *ret_text)
{
	cr_assert_eq(scrape_get(port, "GET /metrics", ret_text), 200);
	check_format(ret_text->data);
}

double scrape_value(const struct hm_buffer *text, const char *series)
{
	const size_t length = strlen(series);

	for (const char *line = text->data; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, series, length) && line[length] == ' ')
			return strtod(line + length, NULL);
	return -1;
}
