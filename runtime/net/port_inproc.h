/* Port, inproc: which ports listen under a name within the process. (net's own header) */
#pragma once
#include "net/pipe.h"
#include "net/port.h"

/* hm_port_publish: 0, or NNG_EADDRINUSE. hm_port_unpublish takes back all names of a port. */
int hm_port_publish(struct hm_port *port, const char *url);
void hm_port_unpublish(const struct hm_port *port);

/* hm_port_connect makes a pipe to the port that listens at url; 0, or NNG_ECONNREFUSED. */
int hm_port_connect(const char *url, size_t packet_bytes_max, struct hm_pipe **ret_pipe);

/* hm_port_add gives a port a pipe (it takes the reference) and starts it; source is where it comes from, NULL: from within the process.
 * False: the port is stopped or admits no more. */
bool hm_port_add(struct hm_port *port, struct hm_pipe *pipe, const char *name, const uint64_t *source);
size_t hm_port_packet_bytes_max(const struct hm_port *port);
