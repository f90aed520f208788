/* Listener: one endpoint of a port, where nng accepts streams. (net's own header) */
#pragma once
#include "net/port.h"

struct hm_listener;

/* hm_listener_open begins to listen; accepted streams become connections of the port. takes_over: an ipc socket takes the
 * place of another that is listened at. 0, or nng's number. */
int hm_listener_open(struct hm_port *port, const char *url, const struct hm_port_limits *limits, bool takes_over,
		     struct hm_listener **ret_listener);
void hm_listener_start(struct hm_listener *listener);

/* hm_listener_url writes the bound URL: the port that tcp really got takes the place of 0. */
void hm_listener_url(const struct hm_listener *listener, char ret_url[HM_URL_BYTES]);

/* hm_listener_close: when it returns nothing is accepted any more. hm_port_is_stopped must be true by then. NULL is fine. */
void hm_listener_close(struct hm_listener *listener);

/* Of the port: */
bool hm_port_is_stopped(struct hm_port *port);
