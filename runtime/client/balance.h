/*
 * Balance: a channel as the set of its endpoints, and which of their connections the next call leaves by. All of it is guarded by
 * the channel's lock.
 *
 *     resolver ──list──> backends ──dial──> connections ──take calls?──> members ──not ejected──> picker ──> a connection
 *                                                                                   nobody yet: the call is parked ┘
 *     backend:  IDLE → CONNECTING ─┬→ READY ──GOAWAY──> GOING_AWAY → IDLE
 *                      ↑           └→ BACKING_OFF ─┐
 *                      └───────────────────────────┘
 *     An IDLE one is dialled when a call wants it; in a channel of several endpoints, once it is in use, by itself.
 *
 * A backend is one endpoint of the list. One that leaves the list takes no new calls and goes when those under way have ended.
 * It has one connection; more, up to four, only while all it has are full. (client's own header)
 */
#pragma once
#include "client/call_fault.h"
#include "client/connection.h"
#include "client/ejection.h"
#include "client/hedge.h"
#include "client/parked.h"
#include "client/picker.h"
#include "client/resolver.h"
#include "client/retry.h"
#include "client/retry_budget.h"
#include "client/throttle.h"
#include "rpc/identity.h"

enum hm_backend_state {
	HM_BACKEND_IDLE,
	HM_BACKEND_CONNECTING,
	HM_BACKEND_READY,
	HM_BACKEND_BACKING_OFF,
	HM_BACKEND_GOING_AWAY,
};

enum { HM_BACKEND_CONNECTIONS = 4 };

struct hm_backend {
	struct hm_channel *channel;
	char url[HM_URL_BYTES];
	uint8_t place;
	bool is_removed; /* from the list: it drains */
	struct hm_connection *connections[HM_BACKEND_CONNECTIONS]; /* those for new calls, or about to be */
	unsigned n_connections;
	unsigned n_open; /* all that are not closed yet */
	unsigned failures; /* to connect, in a row */
	int64_t retry_us; /* BACKING_OFF: until then */
	struct hm_throttle *throttle; /* what is kept back from it; NULL: it has refused nothing yet */
};

struct hm_channel {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a connection was closed or a waiting caller left */
	char *target;
	char service[HM_KEY_NAME_BYTES]; /* it is for; "": whatever is there */
	const struct hm_identity *identity; /* NULL: nothing is proven */
	struct hm_connection *connections; /* all that are not closed yet */
	struct hm_parked parked; /* calls that wait for a connection */
	struct hm_parked resting; /* calls that are to be made again, or delayed */
	struct hm_parked lost; /* calls whose answer was passed over */
	struct hm_faults *faults; /* what goes wrong on purpose (call_fault.h); NULL: nothing */
	struct hm_retry_budget budget;
	bool is_unthrottled; /* no call is to be kept back */
	uint64_t throttled; /* attempts kept back */
	uint8_t attempts; /* of each call; 0: as its contract says */
	int32_t hedge_ms; /* as hedge_rule.h has it */
	uint16_t hedge_permille; /* of the answers, for the delay of hedging */
	struct hm_latencies *latencies; /* those that it is measured by; NULL: none is */
	struct hm_hedges hedges; /* calls that may get a twin */
	struct hm_pending *free;
	size_t waiting; /* callers who will come back for the lock */
	size_t n_streams; /* not closed yet: they keep its memory */
	bool is_closing, is_closed;
	bool is_used; /* a call has been made */
	bool has_output; /* some connection has */
	bool is_unsettled; /* hm_balance_settle has something to do */
	/* Balancing. */
	struct hm_resolver *resolver; /* NULL: the list never changes */
	struct hm_backend *backends[HM_PLACES]; /* by place; NULL: free */
	uint8_t weights[HM_PLACES];
	unsigned n_backends; /* but for the removed ones; 0: nothing is resolved yet */
	bool has_list; /* or the first resolution failed, and refusal says why */
	enum hm_health_checks health_checks;
	bool checks_health;
	struct hm_picker picker;
	struct hm_ejector ejector;
	struct hm_error refusal; /* what calls are told that find nobody */
	struct hm_timer timer;
	int64_t tick_us; /* when the timer is set for */
};

/* hm_channel_begin makes a call ready to leave, or parks it; the pipe is for hm_connection_push, or NULL. With the lock held.
 * hm_channel_free frees a closed channel that no stream is left of. */
hm_status hm_channel_begin(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us,
			   struct hm_pipe **ret_pipe);
void hm_channel_free(struct hm_channel *channel);

/* hm_balance_pick is the one way to a connection for an attempt at a call, outside `avoid` (places; NULL: none) if that can be;
 * hm_connection_send notes the place it went to in the call. *ret_connection NULL: none yet, but one is on its way (or the call
 * waits for one whatever happens): park the call. UNAVAILABLE, mostly: no endpoint can be reached; the call was not processed.
 * RESOURCE_EXHAUSTED: every endpoint would refuse it (throttle.h). CANCELLED: the channel is being closed. */
hm_status hm_balance_pick(struct hm_channel *channel, const struct hm_pending *pending, const struct hm_places *avoid,
			  int64_t now_us, struct hm_connection **ret_connection);

/* hm_balance_settle looks anew at who takes calls, has connections dialled that are wanted, and sends or ends what is parked.
 * After whatever has set is_unsettled. */
void hm_balance_settle(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended);

/* How a call ended, as far as its endpoint is judged by it. LATE: not in time; NONE: that says nothing of it. */
enum hm_verdict { HM_VERDICT_NONE, HM_VERDICT_ANSWERED, HM_VERDICT_FAILED, HM_VERDICT_LATE };

/* hm_balance_began and hm_balance_ended frame a call at its endpoint, which may be ejected at its end. */
void hm_balance_began(struct hm_channel *channel, const struct hm_backend *backend);
void hm_balance_ended(struct hm_channel *channel, const struct hm_backend *backend, const struct hm_pending *pending,
		      enum hm_verdict verdict, int64_t now_us);

/* hm_balance_apply takes a resolved list: what is new is added, what is gone drains. hm_balance_settle is to follow. */
void hm_balance_apply(struct hm_channel *channel, const struct hm_endpoints *endpoints, int64_t now_us);

/* hm_balance_push has connections send what the events of others gave them. Without the lock. */
void hm_balance_push(struct hm_channel *channel);

/* hm_balance_tick_by has the channel's timer come no later than due_us; hm_balance_tick is what it runs. */
void hm_balance_tick_by(struct hm_channel *channel, int64_t due_us);
void hm_balance_tick(void *channel);

/* backend.c. hm_backend_open puts one at a free place; hm_backend_remove has it drain; hm_backend_close frees one whose
 * connections are all closed. */
struct hm_backend *hm_backend_open(struct hm_channel *channel, const struct hm_endpoint *endpoint, uint8_t place);
void hm_backend_remove(struct hm_backend *backend);
void hm_backend_close(struct hm_backend *backend);
enum hm_backend_state hm_backend_state(const struct hm_backend *backend, int64_t now_us);

/* hm_backend_dial opens a connection, unless the endpoint is backing off. hm_backend_lost: one is over, for good or before it
 * was up; its state still says which. hm_backend_leave: its server goes away. hm_backend_closed: one was closed; the backend may be
 * gone after it. */
void hm_backend_dial(struct hm_backend *backend, int64_t now_us);
void hm_backend_lost(struct hm_backend *backend, const struct hm_connection *connection, const struct hm_error *why);
void hm_backend_leave(struct hm_backend *backend, const struct hm_connection *connection);
void hm_backend_closed(struct hm_backend *backend);

/* hm_backend_connection gives the connection for a call: one that takes calls and is not full; NULL: there is none, and another is
 * dialled if that may be. hm_backend_takes_calls: whether one takes calls, full or not. */
struct hm_connection *hm_backend_connection(struct hm_backend *backend, int64_t now_us);
bool hm_backend_takes_calls(const struct hm_backend *backend);
