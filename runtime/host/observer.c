/* Observer: a list of sources, a log queue, a HTTP server. */
#include "host/observer.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/client_tally.h"
#include "host/metrics.h"

enum { SOURCES_MAX = 256, LINES_PER_S = 1000 };

struct hm_observer {
	struct hm_call_log_policy policy;
	struct hm_log_queue *log;
	struct hm_metrics *metrics;
	struct hm_server *server;
	pthread_mutex_t lock;
	struct {
		hm_collect_fn *collect;
		void *user;
	} sources[SOURCES_MAX];
	size_t n_sources;
};

static void collect_log(void *user, struct hm_exposition *exposition)
{
	static const struct hm_metric lines = { "hallmark_log_lines_total", HM_COUNTER, "Lines about calls written." };
	static const struct hm_metric dropped = { "hallmark_log_lines_dropped_total", HM_COUNTER,
						  "Lines about calls dropped: too many, or their reader too slow." };
	struct hm_log_queue_stats stats;

	hm_log_queue_stats(user, &stats);
	hm_exposition_add(exposition, &lines, (double)stats.written, NULL);
	hm_exposition_add(exposition, &dropped, (double)stats.dropped, NULL);
}

hm_status hm_observer_open(const char *log_calls, struct hm_observer **ret_observer)
{
	struct hm_observer *observer = calloc(1, sizeof *observer);
	hm_status status = HM_OK;

	if (!observer)
		abort();
	pthread_mutex_init(&observer->lock, NULL);
	if (log_calls)
		status = hm_call_log_parse(log_calls, &observer->policy);
	if (status == HM_OK && observer->policy.logs_failed)
		status = hm_log_queue_open(STDERR_FILENO, LINES_PER_S, &observer->log);
	if (status == HM_OK && observer->log)
		status = hm_observer_publish(observer, collect_log, observer->log);
	if (status == HM_OK)
		status = hm_observer_publish(observer, hm_client_collect, NULL);
	if (status == HM_OK)
		status = hm_observer_publish(observer, hm_process_collect, NULL);
	if (status == HM_OK)
		*ret_observer = observer;
	else
		hm_observer_close(observer);
	return status;
}

struct hm_log_queue *hm_observer_log(const struct hm_observer *observer)
{
	return observer->log;
}

const struct hm_call_log_policy *hm_observer_policy(const struct hm_observer *observer)
{
	return &observer->policy;
}

hm_status hm_observer_publish(struct hm_observer *observer, hm_collect_fn *collect, void *user)
{
	bool fits;

	pthread_mutex_lock(&observer->lock);
	fits = observer->n_sources < SOURCES_MAX;
	if (fits) {
		observer->sources[observer->n_sources].collect = collect;
		observer->sources[observer->n_sources++].user = user;
	}
	pthread_mutex_unlock(&observer->lock);
	return fits ? HM_OK : hm_raise(RESOURCE_EXHAUSTED, "more than %d sources of metrics", SOURCES_MAX);
}

static void collect(void *user, struct hm_exposition *exposition)
{
	struct hm_observer *observer = user;

	pthread_mutex_lock(&observer->lock);
	for (size_t i = 0; i < observer->n_sources; i++)
		observer->sources[i].collect(observer->sources[i].user, exposition);
	pthread_mutex_unlock(&observer->lock);
}

static bool serves(void *user)
{
	const struct hm_observer *observer = user;

	return hm_server_serves(observer->server);
}

hm_status hm_observer_serve(struct hm_observer *observer, const char *address, struct hm_server *server)
{
	observer->server = server;
	return hm_metrics_open(
		&(struct hm_metrics_config){
			.address = address, .collect = collect, .serves = serves, .user = observer },
		&observer->metrics);
}

unsigned hm_observer_port(const struct hm_observer *observer)
{
	return observer->metrics ? hm_metrics_port(observer->metrics) : 0;
}

void hm_observer_hush(struct hm_observer *observer)
{
	if (!observer)
		return;
	hm_metrics_close(observer->metrics);
	observer->metrics = NULL;
}

void hm_observer_close(struct hm_observer *observer)
{
	if (!observer)
		return;
	hm_observer_hush(observer);
	hm_log_queue_close(observer->log);
	pthread_mutex_destroy(&observer->lock);
	free(observer);
}
