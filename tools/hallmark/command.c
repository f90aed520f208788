/* Command: options, errors, styles, progress. */
#include "command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "host/services.h"
#include "rpc/channel.h"
#include "wire/json.h"

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },          { "brand", required_argument, NULL, 'b' },
	{ "as", required_argument, NULL, 'a' },      { "file", required_argument, NULL, 'f' },
	{ "dsn", required_argument, NULL, 'd' },     { "request", required_argument, NULL, 'r' },
	{ "var", required_argument, NULL, 'v' },     { "listen", required_argument, NULL, 'l' },
	{ "connect", required_argument, NULL, 'c' }, { "timeout", required_argument, NULL, 't' },
	{ "follow", no_argument, NULL, 'F' },        { NULL, 0, NULL, 0 },
};

/* --connect follows=tcp://127.0.0.1:7003 says where a service is reached. */
static hm_status read_endpoint(char *text)
{
	char *url = strchr(text, '=');

	if (!url)
		return hm_raise(INVALID_ARGUMENT, "--connect %s: write SERVICE=URL", text);
	*url++ = '\0';
	return hm_endpoint_set(text, url);
}

static hm_status read_timeout(const char *text, uint32_t *ret_ms)
{
	char *end;
	unsigned long ms = strtoul(text, &end, 10);

	if (*end || end == text || ms > INT32_MAX)
		return hm_raise(INVALID_ARGUMENT, "--timeout %s: write milliseconds", text);
	*ret_ms = (uint32_t)ms;
	return HM_OK;
}

static hm_status add(const char **list, size_t n, const char *text)
{
	if (n >= LIST_MAX - 1)
		return hm_raise(INVALID_ARGUMENT, "more than %d of a kind: %s", LIST_MAX - 1, text);
	list[n] = text;
	return HM_OK;
}

static hm_status read_option(int letter, char *value, size_t *n_listen, struct options *options)
{
	switch (letter) {
	case 'j':
		options->json = true;
		return HM_OK;
	case 'b':
		options->brand = value;
		return HM_OK;
	case 'a':
		options->as = value;
		return HM_OK;
	case 'f':
		options->file = value;
		return HM_OK;
	case 'd':
		options->dsn = value;
		return HM_OK;
	case 'r':
		options->request = value;
		return HM_OK;
	case 'v':
		options->var = value;
		return HM_OK;
	case 'l':
		return add(options->listen, (*n_listen)++, value);
	case 'c':
		return read_endpoint(value);
	case 't':
		return read_timeout(value, &options->timeout_ms);
	case 'F':
		options->follow = true;
		return HM_OK;
	default:
		return hm_raise(INVALID_ARGUMENT, "unknown option, or one without its value: see hallmark help");
	}
}

hm_status options_read(int argc, char **argv, struct options *ret_options)
{
	const char *var = getenv("HALLMARK_VAR");
	size_t n_listen = 0;
	int letter;

	*ret_options = (struct options){ .var = var ? var : "var" };
	opterr = 0;
	while ((letter = getopt_long(argc, argv, "b:f:", long_options, NULL)) != -1)
		TRY(read_option(letter, optarg, &n_listen, ret_options));
	for (; optind < argc; optind++)
		TRY(add(ret_options->arguments, ret_options->n_arguments++, argv[optind]));
	return HM_OK;
}

void var_path(const struct options *options, const char *name, char ret_path[PATH_BYTES])
{
	snprintf(ret_path, PATH_BYTES, "%s/%s", options->var, name);
}

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

void progress(const char *what, size_t done, size_t total)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K%s %zu/%zu%s", what, done, total, done == total ? "\n" : "");
}

static void write_error_json(const struct hm_error *error)
{
	struct hm_buffer json = { 0 };

	hm_buffer_printf(&json, "{\"code\":\"%s\",\"message\":", hm_status_name(error->code));
	hm_json_write_text(&json, error->message, strlen(error->message));
	if (*error->reason)
		hm_buffer_printf(&json, ",\"reason\":\"%s\"", error->reason);
	for (size_t i = 0; i < error->n_violations; i++) {
		hm_buffer_add_text(&json, i ? ",{\"field\":" : ",\"violations\":[{\"field\":");
		hm_json_write_text(&json, error->violations[i].field, strlen(error->violations[i].field));
		hm_buffer_add_text(&json, ",\"description\":");
		hm_json_write_text(&json, error->violations[i].description, strlen(error->violations[i].description));
		hm_buffer_add_text(&json, i + 1 == error->n_violations ? "}]" : "}");
	}
	hm_buffer_add_text(&json, "}\n");
	fwrite(json.data, 1, json.size, stdout);
	hm_buffer_fini(&json);
}

int fail(const struct options *options)
{
	const struct hm_error *error = hm_error_get();

	if (options->json) {
		write_error_json(error);
		return 1;
	}
	fprintf(stderr, "hallmark: ");
	print_styled(stderr, STYLE_BAD, "%s", hm_status_name(error->code));
	fprintf(stderr, ": %s\n", error->message);
	for (size_t i = 0; error->n_violations > 1 && i < error->n_violations; i++)
		fprintf(stderr, "  %s: %s\n", error->violations[i].field, error->violations[i].description);
	if (error->maybe_processed)
		fprintf(stderr, "  the call may have been carried out: look into the audit log before repeating it\n");
	return 1;
}

int usage_fail(const struct command *command)
{
	fprintf(stderr, "usage: hallmark %s %s\n", command->name, command->usage);
	return 2;
}

const struct hm_service *services_find(const char *short_name)
{
	char names[256] = "";

	for (const struct hm_service *const *service = hm_services; *service; service++) {
		if (!strcmp((*service)->table->short_name, short_name))
			return *service;
		snprintf(names + strlen(names), sizeof names - strlen(names), " %s", (*service)->table->short_name);
	}
	(void)hm_raise(NOT_FOUND, "there is no service %s; there are%s", short_name, names);
	return NULL;
}

/* The method whose name is fewest edits away, to suggest. */
static const char *nearest_method(const char *name)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (const struct hm_service *const *service = hm_services; *service; service++) {
		for (size_t i = 0; i < (*service)->table->n_methods; i++) {
			const char *candidate = (*service)->table->methods[i].name;
			size_t distance = hm_text_distance(name, candidate);

			if (distance < least) {
				least = distance;
				nearest = candidate;
			}
		}
	}
	return nearest;
}

const struct hm_method *methods_find(const char *name, const struct hm_service **ret_service)
{
	for (const struct hm_service *const *service = hm_services; *service; service++) {
		const struct hm_method *method = strchr(name, '/') ? hm_method_find((*service)->table, name) : NULL;

		if (!method)
			continue;
		*ret_service = *service;
		return method;
	}
	(void)hm_raise(UNIMPLEMENTED, "there is no method %s; did you mean %s? (hallmark ls)", name,
		       nearest_method(name));
	return NULL;
}
