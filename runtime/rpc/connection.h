/*
 * Connection: one connection of a channel: a link, an engine and the calls under way. All state is guarded by the channel's
 * lock; callbacks of callers run without it.
 *
 *     DIALLING → GREETING → READY → LEAVING → DEAD      GREETING: up, the peer's HELLO is awaited; calls are parked until then
 *                                                       LEAVING: after GOAWAY; its calls end, new ones go elsewhere
 * (rpc's own header)
 */
#pragma once
#include <pthread.h>

#include "net/link.h"
#include "net/timer.h"
#include "rpc/endpoint.h"
#include "rpc/pending.h"
#include "rpc/slots.h"
#include "wire/engine.h"

enum hm_connection_state {
	HM_CONNECTION_DIALLING,
	HM_CONNECTION_GREETING,
	HM_CONNECTION_READY,
	HM_CONNECTION_LEAVING,
	HM_CONNECTION_DEAD,
};

struct hm_connection {
	struct hm_channel *channel;
	struct hm_connection *next; /* of the channel */
	enum hm_connection_state state;
	struct hm_link *link;
	struct hm_engine *engine;
	struct hm_slots slots;
	struct hm_pending *parked, **parked_end;
	uint64_t taken; /* bytes of frames that have left the engine */
	bool has_streams; /* had one ever */
	int64_t tick_us; /* when the timer is set for */
	int64_t connect_by_us; /* not READY by then: it never will be */
	struct hm_timer timer; /* moves the engine's time */
	struct hm_timer closer; /* closes the link, where that is allowed */
	struct hm_arena arena; /* replies of started calls, on the receiving thread */
};

struct hm_channel {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a connection was closed or a waiting caller left */
	char url[HM_ENDPOINT_BYTES];
	struct hm_connection *current; /* where new calls go; NULL: dial */
	struct hm_connection *connections; /* all that are not closed yet */
	size_t waiting; /* callers who will come back for the lock */
	size_t n_streams; /* not closed yet: they keep its memory */
	bool is_closing, is_closed;
	uint32_t backoff_ms; /* after failures to connect */
	int64_t retry_us; /* until then calls fail at once, with: */
	struct hm_error refusal;
	struct hm_pending *free;
};

/* Ended calls, to be told when the lock is released. */
enum { HM_WAKES = 64 };
struct hm_ended {
	struct hm_pending *first, **end; /* started ones */
	size_t n_wakes;
	_Atomic uint32_t *wakes[HM_WAKES]; /* waiting callers */
	struct hm_stream *streams; /* whose ready function is to be called */
	struct hm_error unsent, sent; /* of a failed connection */
};

void hm_ended_init(struct hm_ended *ended);

/* hm_ended_add takes a call whose result is filled in. With the lock held; a waiting caller's is not to be touched after it. */
void hm_ended_add(struct hm_ended *ended, struct hm_channel *channel, struct hm_pending *pending);

/* hm_ended_wake takes the word of a waiting thread, which the caller has moved. With the lock held. */
void hm_ended_wake(struct hm_ended *ended, _Atomic uint32_t *word);

/* hm_ended_tell wakes waiting callers and calls the done functions, then takes the lock and keeps the memory of the started ones.
 * Without the lock. Replies are unpacked into the arena. */
void hm_ended_tell(struct hm_ended *ended, struct hm_channel *channel, struct hm_arena *arena);

/* hm_channel_begin makes a call ready to leave on the channel's connection, or on a new one; the pipe is for hm_connection_push, or
 * NULL. With the lock held. hm_channel_free frees a closed channel that no stream is left of. */
hm_status hm_channel_begin(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us,
			   struct hm_connection **ret_connection, struct hm_pipe **ret_pipe);
void hm_channel_free(struct hm_channel *channel);

/* What a stream is told, with the lock held: its call has left; a message has come; there is room for one; its call has ended.
 * hm_stream_tell calls the ready functions, without the lock. */
void hm_stream_begun(struct hm_stream *stream, struct hm_ended *ended);
void hm_stream_arrived(struct hm_stream *stream, const struct hm_event *event, struct hm_ended *ended);
void hm_stream_writable(struct hm_stream *stream, struct hm_ended *ended);
void hm_stream_over(struct hm_stream *stream, struct hm_ended *ended);
void hm_stream_tell(struct hm_stream *first);

/* hm_connection_open makes one and begins to dial it. With the lock held. */
hm_status hm_connection_open(struct hm_channel *channel, struct hm_connection **ret_connection);

/* hm_connection_begin makes a call ready to leave, or parks it. With the lock held. */
hm_status hm_connection_begin(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us);

/* hm_connection_flush gives the pipe what may leave and returns it, held, or NULL; with the lock held. hm_connection_push has it leave
 * and lets go of it; without the lock, as it makes a system call. */
struct hm_pipe *hm_connection_flush(struct hm_connection *connection);
void hm_connection_push(struct hm_pipe *pipe);

/* hm_connection_abandon ends a waiting caller's call here; a flush tells the server. With the lock held. */
void hm_connection_abandon(struct hm_connection *connection, struct hm_pending *pending);

/* hm_connection_ready sends what was parked. hm_connection_expire_parked ends parked calls whose time is up. */
void hm_connection_ready(struct hm_connection *connection, int64_t now_us, struct hm_ended *ended);
void hm_connection_expire_parked(struct hm_connection *connection, int64_t now_us, struct hm_ended *ended);

/* hm_connection_fail ends all its calls with an error and has it closed. With the lock held. */
void hm_connection_fail(struct hm_connection *connection, const struct hm_error *error, struct hm_ended *ended);

/* hm_connection_set_tick has the timer move the engine's time no later than it needs. With the lock held. */
void hm_connection_set_tick(struct hm_connection *connection);

/* hm_connection_is_receiving: this thread is in the middle of its packet, which flushes when it has told all callers. */
bool hm_connection_is_receiving(const struct hm_connection *connection);

/* hm_connection_now_us is the time for a call that begins now: a packet's, while this thread tells of what came in it. */
int64_t hm_connection_now_us(void);

/* The handlers of connection_in.c. */
extern const struct hm_link_handler hm_connection_handler;
void hm_connection_tick(void *user);
void hm_connection_close(void *user);
