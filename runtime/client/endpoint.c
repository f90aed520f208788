/*
 * Endpoint: where each service is reached from this process. A short list under a lock; entries are never freed or changed in
 * place, as answers of hm_endpoint_get stay in use: a new URL for a service goes in front of the old one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/endpoint.h"

struct entry {
	struct entry *next;
	const char *url;
	char service[]; /* and behind its NUL the URL */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;

static const char *find(const char *service)
{
	for (const struct entry *entry = entries; entry; entry = entry->next)
		if (!strcmp(entry->service, service))
			return entry->url;
	return NULL;
}

hm_status hm_endpoint_set(const char *service, const char *url)
{
	size_t service_bytes = strlen(service) + 1, url_bytes = strlen(url) + 1;
	struct entry *entry;
	const char *known;

	if (url_bytes > HM_TARGET_BYTES)
		return hm_raise(INVALID_ARGUMENT, "endpoint of %s: target of %zu bytes, at most %d are possible",
				service, url_bytes - 1, HM_TARGET_BYTES - 1);
	pthread_mutex_lock(&lock);
	known = find(service);
	if (!known || strcmp(known, url)) {
		entry = malloc(sizeof *entry + service_bytes + url_bytes);
		if (!entry)
			abort();
		memcpy(entry->service, service, service_bytes);
		entry->url = memcpy(entry->service + service_bytes, url, url_bytes);
		entry->next = entries;
		entries = entry;
	}
	pthread_mutex_unlock(&lock);
	return HM_OK;
}

const char *hm_endpoint_get(const char *service)
{
	const char *url;

	pthread_mutex_lock(&lock);
	url = find(service);
	pthread_mutex_unlock(&lock);
	return url;
}

hm_status hm_endpoint_resolve(const char *service, char ret_target[HM_TARGET_BYTES])
{
	const char *url = hm_endpoint_get(service), *folder = getenv("HALLMARK_RUN");
	int length;

	if (url)
		length = snprintf(ret_target, HM_TARGET_BYTES, "%s", url);
	else
		length = snprintf(ret_target, HM_TARGET_BYTES, "ipc://%s/%s.sock",
				  folder && *folder ? folder : "var/run", service);
	if (length < 0 || length >= HM_TARGET_BYTES)
		return hm_raise(INVALID_ARGUMENT, "endpoint of %s: the path in HALLMARK_RUN is too long", service);
	return HM_OK;
}
