/*
 * Drain: a server's calls come to their end before it does. First the connections from outside; then those of this process, by
 * which the calls of the former may have had to reach each other's services.
 *
 *     is_draining → GOAWAY outside → wait → turns_away_own → GOAWAY within → wait
 */
#include "base/clock.h"
#include "base/sleep.h"
#include "server/peer.h"
#include "server/server_own.h"

static void say_goaway(struct hm_server *server, bool to_own)
{
	size_t count;
	struct hm_peer **peers = hm_peers_hold(server, &count);

	for (size_t i = 0; i < count; i++) {
		struct hm_peer *peer = peers[i];

		if (peer->is_own != to_own)
			continue;
		pthread_mutex_lock(&peer->lock);
		hm_engine_goaway(peer->engine);
		hm_peer_wake_streams(peer);
		hm_peer_flush(peer);
		pthread_mutex_unlock(&peer->lock);
		hm_pipe_push(peer->pipe);
	}
	hm_peers_release(peers, count);
}

/* Clients hang up when they have their last reply, so who has greeted and is still there waits for one, or for its packet to arrive. A
 * SOLO client knows no GOAWAY: it is not waited for once it is answered. */
static bool is_waiting(struct hm_peer *peer)
{
	bool is_waiting;

	pthread_mutex_lock(&peer->lock);
	is_waiting = hm_engine_peer(peer->engine) || peer->solo_calls;
	pthread_mutex_unlock(&peer->lock);
	return is_waiting;
}

/* With the list's lock held. At the end no call may run, its client gone or not. */
static bool has_drained(struct hm_server *server, bool of_own)
{
	if (of_own && atomic_load(&server->calls_started) != atomic_load(&server->calls_ended))
		return false;
	for (struct hm_peer *peer = server->peers; peer; peer = peer->next)
		if (peer->is_own == of_own && is_waiting(peer))
			return false;
	return true;
}

static void drain(struct hm_server *server, bool own, int64_t until_us)
{
	say_goaway(server, own);
	pthread_mutex_lock(&server->peers_lock);
	while (!has_drained(server, own))
		if (!hm_sleep_on(&server->changed, &server->peers_lock, until_us))
			break;
	pthread_mutex_unlock(&server->peers_lock);
}

void hm_server_drain(struct hm_server *server, uint32_t timeout_ms)
{
	int64_t until_us = hm_clock_mono_us() + (int64_t)timeout_ms * HM_US_PER_MS;

	pthread_mutex_lock(&server->peers_lock); /* who is let in now is in the list by then */
	atomic_store(&server->is_draining, true);
	pthread_mutex_unlock(&server->peers_lock);
	drain(server, false, until_us);
	pthread_mutex_lock(&server->peers_lock);
	atomic_store(&server->turns_away_own, true);
	pthread_mutex_unlock(&server->peers_lock);
	drain(server, true, until_us);
}
