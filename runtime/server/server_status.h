/*
 * Server status: what a server does at the moment, as the message that its operators are shown (proto/hallmark/admin.proto).
 */
#pragma once
#include "hallmark/admin.pb-c.h"
#include "server/server.h"

/* hm_server_status fills in services, calls, connections, channels and quotas, in the arena: at most limit calls (the oldest),
 * connections and brands each, and how many there are. It copies under the server's locks, one at a time, and puts together without;
 * so a call that ends meanwhile may be in one number and not in the other. Thread-safe. */
void hm_server_status(struct hm_server *server, size_t limit, struct hm_arena *arena, Admin__StatusReply *reply);
