/*
 * Connection: one connection of a channel: a link, an engine and the calls under way. All state is guarded by the channel's
 * lock; callbacks of callers run without it.
 *
 *     DIALLING → GREETING → READY → LEAVING → DEAD      GREETING: up, the peer's HELLO is awaited
 *                                                       LEAVING: after GOAWAY; its calls end, new ones go elsewhere
 *
 * Calls come to it when it is READY; until some connection is they are parked (parked.h). (client's own header)
 */
#pragma once
#include <pthread.h>

#include "client/health_check.h"
#include "client/pending.h"
#include "client/slots.h"
#include "net/link.h"
#include "net/timer.h"
#include "wire/engine.h"

struct hm_backend;

enum hm_connection_state {
	HM_CONNECTION_DIALLING,
	HM_CONNECTION_GREETING,
	HM_CONNECTION_READY,
	HM_CONNECTION_LEAVING,
	HM_CONNECTION_DEAD,
};

struct hm_connection {
	struct hm_channel *channel;
	struct hm_backend *backend;
	struct hm_connection *next; /* of the channel */
	enum hm_connection_state state;
	bool is_greeted, is_proven; /* the server's HELLO came; it is the service the channel is for */
	struct hm_link *link;
	struct hm_engine *engine;
	struct hm_slots slots;
	bool has_output; /* hm_balance_push is to flush it */
	uint64_t taken; /* bytes of frames that have left the engine */
	bool has_streams; /* had one ever */
	bool is_to_break; /* as a fault */
	int64_t tick_us; /* when the timer is set for */
	int64_t connect_by_us; /* not READY by then: it never will be */
	int64_t since_us; /* READY since */
	struct hm_check check;
	struct hm_timer timer; /* moves the engine's time */
	struct hm_timer closer; /* closes the link, where that is allowed */
	struct hm_arena arena; /* replies of started calls, on the receiving thread */
};

/* Ended calls, to be told when the lock is released. */
enum { HM_WAKES = 64 };
struct hm_ended {
	struct hm_pending *first, **end; /* started ones */
	size_t n_wakes;
	_Atomic uint32_t *wakes[HM_WAKES]; /* waiting callers */
	struct hm_stream *streams; /* whose ready function is to be called */
	struct hm_arena errors; /* that started ones ended with */
};

void hm_ended_init(struct hm_ended *ended);

/* hm_ended_add takes a call whose result is filled in. With the lock held; a waiting caller's is not to be touched after it. */
void hm_ended_add(struct hm_ended *ended, struct hm_channel *channel, struct hm_pending *pending);

/* hm_ended_keep copies an error for calls to end with. */
const struct hm_error *hm_ended_keep(struct hm_ended *ended, const struct hm_error *error);
/* hm_ended_wake takes the word of a waiting thread, which the caller has moved. With the lock held. */
void hm_ended_wake(struct hm_ended *ended, _Atomic uint32_t *word);

/* hm_ended_tell wakes waiting callers and calls the done functions, then takes the lock and keeps the memory of the started ones.
 * Without the lock. Replies are unpacked into the arena. */
void hm_ended_tell(struct hm_ended *ended, struct hm_channel *channel, struct hm_arena *arena);

/* What a stream is told, with the lock held: its call has left; a message has come; there is room for one; its call has ended.
 * hm_stream_tell calls the ready functions, without the lock. */
void hm_stream_begun(struct hm_stream *stream, struct hm_ended *ended);
void hm_stream_arrived(struct hm_stream *stream, const struct hm_event *event, struct hm_ended *ended);
void hm_stream_writable(struct hm_stream *stream, struct hm_ended *ended);
void hm_stream_over(struct hm_stream *stream, struct hm_ended *ended);
void hm_stream_tell(struct hm_stream *first);

/* hm_connection_open makes one to the backend's URL and begins to dial it. With the lock held. */
hm_status hm_connection_open(struct hm_backend *backend, int64_t now_us, struct hm_connection **ret_connection);

/* hm_connection_takes_calls: it is READY, and its server says that it serves if the channel asks for that. hm_connection_is_coming:
 * it may yet come to that by itself. */
bool hm_connection_takes_calls(const struct hm_connection *connection);
bool hm_connection_is_coming(const struct hm_connection *connection);

/* hm_connection_send makes a call ready to leave by a connection that takes calls. hm_connection_carry is the same without the
 * balancer being told. With the lock held. */
hm_status hm_connection_send(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us);
hm_status hm_connection_carry(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us);

/* hm_connection_flush gives the pipe what may leave and returns it, held, or NULL; with the lock held. hm_connection_push has it leave
 * and lets go of it; without the lock, as it makes a system call. */
struct hm_pipe *hm_connection_flush(struct hm_connection *connection);
void hm_connection_push(struct hm_pipe *pipe);

/* hm_connection_abandon ends a waiting caller's call here; a flush tells the server. With the lock held. */
void hm_connection_abandon(struct hm_connection *connection, struct hm_pending *pending);

/* hm_connection_ready: the server's HELLO has come, and calls may leave. */
void hm_connection_ready(struct hm_connection *connection, int64_t now_us);

/* connection_proof.c: the server's HELLO came; an AUTH of it came. The connection is ready, once nothing is left to be proven.
 * hm_connection_is_impostor: after all of a packet's events something is. With the lock held. */
void hm_connection_greeted(struct hm_connection *connection, int64_t now_us);
void hm_connection_take_proof(struct hm_connection *connection, const struct hm_event *event, int64_t now_us);
bool hm_connection_is_impostor(const struct hm_connection *connection);

/* hm_connection_retire has it end when its calls have. hm_connection_fail ends all its calls with an error and has it closed. With
 * the lock held. */
void hm_connection_retire(struct hm_connection *connection);
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
