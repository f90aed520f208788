/* Port, inproc: a list under a lock, which a port being connected to is kept alive by. */
#include "net/port_inproc.h"

#include <stdlib.h>
#include <string.h>

#include "net/pipe_own.h"

struct entry {
	struct entry *next;
	struct hm_port *port;
	char url[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;

static struct hm_port *find(const char *url)
{
	for (const struct entry *entry = entries; entry; entry = entry->next)
		if (!strcmp(entry->url, url))
			return entry->port;
	return NULL;
}

int hm_port_publish(struct hm_port *port, const char *url)
{
	struct entry *entry = malloc(sizeof *entry + strlen(url) + 1);
	bool is_free;

	if (!entry)
		abort();
	entry->port = port;
	memcpy(entry->url, url, strlen(url) + 1);
	pthread_mutex_lock(&lock);
	is_free = !find(url);
	if (is_free) {
		entry->next = entries;
		entries = entry;
	}
	pthread_mutex_unlock(&lock);
	if (is_free)
		return 0;
	free(entry);
	return NNG_EADDRINUSE;
}

void hm_port_unpublish(const struct hm_port *port)
{
	pthread_mutex_lock(&lock);
	for (struct entry **link = &entries, *entry; (entry = *link);) {
		if (entry->port != port) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		free(entry);
	}
	pthread_mutex_unlock(&lock);
}

int hm_port_connect(const char *url, size_t packet_bytes_max, struct hm_pipe **ret_pipe)
{
	struct hm_pipe *client, *server;
	struct hm_port *port;

	pthread_mutex_lock(&lock);
	port = find(url);
	if (!port) {
		pthread_mutex_unlock(&lock);
		return NNG_ECONNREFUSED;
	}
	client = hm_pipe_open(NULL, false, HM_CARRIER_INPROC, packet_bytes_max);
	server = hm_pipe_open(NULL, true, HM_CARRIER_INPROC, hm_port_packet_bytes_max(port));
	hm_pipe_pair(client, server);
	if (!hm_port_add(port, server, "inproc", NULL))
		hm_inproc_close(client); /* the client's end will find it has ended */
	pthread_mutex_unlock(&lock);
	*ret_pipe = client;
	return 0;
}
