/*
 * Remote: a server asked what it serves, for services that this program was not built with (proto/hallmark/reflection.proto).
 * Its answers are somebody else's: names and numbers are checked, and comments kept from steering a terminal.
 */
#pragma once
#include "command.h"

struct remote;

/* remote_open asks the server at a URL ("tcp://…"), or the one where the service of a short name is reached. */
hm_status remote_open(const struct options *options, const char *server, struct remote **ret_remote);
void remote_close(struct remote *remote);
HM_SCOPED(remote, remote_close)

/* remote_tables are the services there, NULL-terminated; they live as long as the remote. Methods have no thunk and no rules. */
const struct hm_service_table *const *remote_tables(const struct remote *remote);

/* remote_service finds a service by short or full name, or NULL with an error. */
const struct hm_service_table *remote_service(const struct remote *remote, const char *name);

/* remote_is_url says whether an argument is where a server is. remote_short makes a short name of a service's or method's, as the
 * first part of it is ("follows.v1.Follows/Follow" → "follows"). remote_is_known: --connect, or a socket under --var, says where the
 * service of a short name is. */
bool remote_is_url(const char *argument);
void remote_short(const char *name, char ret_short[HM_FIELD_BYTES]);
bool remote_is_known(const struct options *options, const char *short_name);
