/* Metrics: HTTP, by libmicrohttpd: one thread that polls. */
#include "host/metrics.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_MAX = 16, CONNECTION_BYTES = 16 << 10, IDLE_S = 10, ADDRESS_BYTES = 128 };

struct hm_metrics {
	struct hm_metrics_config config;
	struct MHD_Daemon *daemon;
};

struct answer {
	unsigned status;
	const char *type;
	struct hm_buffer body;
};

static void write_metrics(const struct hm_metrics *metrics, struct answer *answer)
{
	struct hm_exposition exposition = { 0 };

	metrics->config.collect(metrics->config.user, &exposition);
	hm_exposition_write(&exposition, &answer->body);
	hm_exposition_fini(&exposition);
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
}

static void write_health(const struct hm_metrics *metrics, struct answer *answer)
{
	const bool serves = metrics->config.serves(metrics->config.user);

	answer->status = serves ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
	hm_buffer_add_text(&answer->body, serves ? "SERVING\n" : "NOT_SERVING\n");
}

static const struct {
	const char *path;
	void (*write)(const struct hm_metrics *metrics, struct answer *answer);
} pages[] = { { "/metrics", write_metrics }, { "/healthz", write_health } };

static void write_page(const struct hm_metrics *metrics, const char *path, struct answer *answer)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (!strcmp(path, pages[i].path)) {
			pages[i].write(metrics, answer);
			return;
		}
	answer->status = MHD_HTTP_NOT_FOUND;
	hm_buffer_add_text(&answer->body, "there are /metrics and /healthz\n");
}

/* The body becomes libmicrohttpd's, which frees it. HEAD is answered as GET, less its body, which is its work too. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *answer)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(answer->body.size, answer->body.data, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		hm_buffer_fini(&answer->body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Called first with a request's head and then with its end; a body is not taken. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_bytes, void **state)
{
	struct answer answer = { .status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8" };
	static int has_begun;

	(void)version;
	(void)upload;
	if (!*state) {
		*state = &has_begun;
		return MHD_YES;
	}
	if (*upload_bytes) {
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		answer.status = MHD_HTTP_METHOD_NOT_ALLOWED;
		hm_buffer_add_text(&answer.body, "GET\n");
	} else {
		write_page(user, path, &answer);
	}
	return send_answer(connection, &answer);
}

/* "127.0.0.1:9464" or "[::1]:9464", in figures: no name is looked up. */
static hm_status resolve(const char *text, struct addrinfo **ret_info)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
					.ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(text, ':');
	char host[ADDRESS_BYTES];
	size_t bytes = colon ? (size_t)(colon - text) : 0;

	if (!bytes || bytes >= sizeof host || !colon[1])
		return hm_raise(INVALID_ARGUMENT, "metrics at %s: write ADDRESS:PORT, as 127.0.0.1:9464", text);
	memcpy(host, text, bytes);
	host[bytes] = '\0';
	if (*host == '[' && host[bytes - 1] == ']') {
		host[bytes - 1] = '\0';
		memmove(host, host + 1, bytes - 1);
	}
	if (getaddrinfo(host, colon + 1, &hints, ret_info))
		return hm_raise(INVALID_ARGUMENT, "metrics at %s: no address and port; as 127.0.0.1:9464", text);
	return HM_OK;
}

static struct MHD_Daemon *listen_at(struct hm_metrics *metrics, const struct addrinfo *info)
{
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | (info->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, metrics, MHD_OPTION_SOCK_ADDR, info->ai_addr,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				MHD_OPTION_END);
}

hm_status hm_metrics_open(const struct hm_metrics_config *config, struct hm_metrics **ret_metrics)
{
	SCOPED(hm_metrics) metrics = calloc(1, sizeof *metrics);
	struct addrinfo *info;

	if (!metrics)
		abort();
	metrics->config = *config;
	TRY(resolve(config->address, &info));
	metrics->daemon = listen_at(metrics, info);
	freeaddrinfo(info);
	if (!metrics->daemon)
		return hm_raise_errno(UNAVAILABLE, "metrics cannot be served at %s", config->address);
	*ret_metrics = take(&metrics);
	return HM_OK;
}

unsigned hm_metrics_port(const struct hm_metrics *metrics)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

void hm_metrics_close(struct hm_metrics *metrics)
{
	if (!metrics)
		return;
	if (metrics->daemon)
		MHD_stop_daemon(metrics->daemon);
	free(metrics);
}
