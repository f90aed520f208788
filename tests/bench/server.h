/* Server: the roles that are called. Each greets on standard output with the address to call it at. */
#pragma once
#include "base/status.h"
#include "host/host.h"

struct server {
	const char *role;
	/* run serves at "tcp" or "ipc" (notes: ipc, and address is the database's DSN) until standard input ends. */
	hm_status (*run)(const char *folder, const char *address);
};

extern const struct server hallmark_server, notes_server, epoll_server, epoll_bytes_server;
extern const struct server platform_server, fed_notes_server; /* fed.c */

/* The brand and the keys everything is done under. */
#define BENCH_BRAND "loop"
#define BENCH_QUIET_BRAND "nova" /* where there is a second one */
#define BENCH_KEYS "keys"

/* server_open opens a host for one service with ipc sockets in the folder and a lease filled by hand, as a program without
 * platform and identity does. dsn: of the service's database, NULL for none. */
hm_status server_open(const struct hm_service *service, const char *folder, const char *dsn, struct hm_host **ret_host);
