/* Serving, wrongly: rules are looked up when a worker takes the call up. */
#include "server/serving_fault.h"

#include <string.h>

#include "base/clock.h"
#include "rpc/fault.h"
#include "rpc/wait.h"

/* Sleeping, until cancelled. */
struct nap {
	struct hm_cancel_watch watch; /* first */
	_Atomic uint32_t word;
};

static void on_cancelled(struct hm_cancel_watch *watch)
{
	struct nap *nap = (struct nap *)watch;

	if (hm_wait_move(&nap->word, HM_WAIT_CANCELLED))
		hm_wait_wake(&nap->word);
}

static void delay(struct hm_call *call, uint32_t ms)
{
	struct nap nap = { .watch = { .wake = on_cancelled }, .word = HM_WAIT_WAITING };

	hm_cancel_begin_watch(&call->context.cancel, &nap.watch);
	(void)hm_wait_until(&nap.word, hm_clock_mono_us() + (int64_t)ms * HM_US_PER_MS);
	hm_cancel_end_watch(&call->context.cancel);
	call->now_us = hm_clock_mono_us();
}

/* The call's own rules, which its context goes on carrying to the calls that it makes. */
static hm_status add_own(struct hm_call *call, struct hm_fault *fault)
{
	struct hm_arena *arena = &call->context.arena;
	struct hm_fault_rules *rules;

	if (!call->context.fault)
		return HM_OK;
	rules = hm_arena_alloc(arena, sizeof *rules);
	TRY(hm_fault_parse_own(hm_arena_strdup(arena, call->context.fault), rules));
	for (size_t i = 0; i < rules->n; i++)
		if (hm_fault_matches(&rules->rules[i], call->method->name))
			hm_fault_add(&rules->rules[i], fault);
	return HM_OK;
}

hm_status hm_serving_fault(struct hm_serving *serving)
{
	struct hm_call *call = &serving->call;
	struct hm_fault fault;

	if (call->service->is_built_in)
		return HM_OK;
	fault = hm_faults_meet(serving->peer->server->config.faults, HM_FAULT_AT_SERVER, call->method->name);
	TRY(add_own(call, &fault));
	if (!serving->is_solo)
		serving->faults = fault.packet;
	if (fault.delay_ms)
		delay(call, fault.delay_ms);
	if (hm_call_cancelled(call))
		return hm_raise(CANCELLED, "%s: the caller no longer waits", call->method->name);
	if (fault.abort == HM_OK)
		return HM_OK;
	(void)hm_raise_at(__FILE__, __LINE__, fault.abort, "%s: aborted, as the fault rules say", call->method->name);
	hm_error_set_reason("FAULT");
	return fault.abort;
}

void hm_serving_fault_answer(struct hm_serving *serving)
{
	if (serving->faults >> HM_FAULT_DISCONNECT & 1)
		hm_pipe_close(serving->peer->pipe);
}

static void send(struct hm_peer *peer, const void *packet, size_t bytes)
{
	memcpy(hm_pipe_reserve(peer->pipe, NULL, bytes), packet, bytes);
	hm_pipe_commit(peer->pipe);
}

/* What was held leaves behind this packet, unless this one is lost. */
void hm_serving_fault_packet(struct hm_peer *peer, size_t bytes)
{
	struct hm_buffer packet = { 0 };
	const uint8_t faults = peer->faults;

	hm_engine_take_packet(peer->engine, (uint8_t *)hm_buffer_reserve(&packet, bytes));
	hm_buffer_advance(&packet, bytes);
	peer->faults = 0;
	if (faults >> HM_FAULT_REORDER & 1 && !peer->held.size) {
		peer->held = packet;
		return;
	}
	for (int copies = (faults >> HM_FAULT_DROP & 1 ? 0 : 1) + (faults >> HM_FAULT_DUPLICATE & 1); copies; copies--)
		send(peer, packet.data, bytes);
	if (peer->held.size)
		send(peer, peer->held.data, peer->held.size);
	hm_buffer_fini(&peer->held);
	hm_buffer_fini(&packet);
}
