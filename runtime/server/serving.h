/* Serving: a call being served, from its frame to its answer. (server's own header) */
#pragma once
#include "server/binding.h"
#include "server/fair.h"
#include "server/limiter.h"
#include "server/peer.h"
#include "server/server_own.h"

/* A call being served. Recycled with its arena. */
struct hm_serving {
	struct hm_call call; /* first: what the layers above see */
	struct hm_peer *peer;
	struct hm_binding *binding; /* NULL: the slot was never bound */
	struct hm_method_row *row;
	struct hm_fair_node node; /* while it waits for a worker; tenant: whose share it takes */
	struct hm_tenant *tenant; /* that counts it as under way; NULL: none does */
	uint32_t id;
	bool is_solo;
	bool is_listed; /* among its peer's running calls */
	uint8_t faults; /* what happens to its answer's packet: 1 << enum hm_fault_kind */
	bool has_waited; /* no worker was free for it when it came */
	struct hm_address address; /* solo */
	const uint8_t *body; /* in the arena, or in the packet of an inline call */
	size_t body_bytes;
	struct hm_serving *next_running;
	struct hm_error *refusal; /* ended before it ran */
	struct hm_serving_stream *stream; /* NULL: its request and reply are one message each */
};

/* An answer of an inline call, followed by its bytes. */
struct hm_answer {
	struct hm_method_row *row;
	size_t request_bytes;
	uint32_t call;
	uint16_t status;
	bool is_audited;
	struct hm_id audit_id;
	size_t bytes;
};

/* hm_serving_open takes one from the free list and close puts it back; begin fills it in. decode unpacks the request and makes the reply;
 * run has the interceptor do the call. answer sends what came of it (an inline call's with its neighbours'); end answers and lets go
 * of peer, binding and memory. work does it all, on a worker. */
struct hm_serving *hm_serving_open(struct hm_server *server);
void hm_serving_close(struct hm_serving *serving);
void hm_serving_begin(struct hm_serving *serving, struct hm_peer *peer, struct hm_method_row *row,
		      const struct hm_event *event, struct hm_binding *binding, int64_t now_us, int64_t now_wall_us);
int64_t hm_serving_deadline(const struct hm_method *method, uint32_t timeout_ms, int64_t now_us);
hm_status hm_serving_decode(struct hm_serving *serving);
hm_status hm_serving_run(struct hm_serving *serving);
void hm_serving_answer(struct hm_serving *serving, hm_status status, bool is_inline);
void hm_serving_end(struct hm_serving *serving, hm_status status);
enum hm_outcome hm_serving_work(struct hm_serving *serving);

/* hm_serving_count has the interceptor take a refused call into account together with others of its kind, so that it can be
 * answered now; false: it is to be audited by itself, on a worker. The refusal is the thread's error, which afterwards is
 * what the caller gets. is_last: there is no worker for it. */
bool hm_serving_count(struct hm_serving *serving, bool is_last);
