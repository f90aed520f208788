/* Peer: what it proves to be. Its proofs come before its first binding, so nobody else reads the name or the list while they grow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/identity.h"
#include "server/peer.h"
#include "server/server_own.h"

void hm_peer_prove(struct hm_peer *peer)
{
	const struct hm_identity *identity = peer->server->config.identity;

	if (identity)
		hm_identity_prove(identity, peer->engine, HM_SERVER, "");
}

static bool is_served(const struct hm_server *server, const char *service)
{
	for (size_t i = 0; i < server->config.n_services; i++)
		if (!strcmp(server->config.services[i]->table->short_name, service))
			return true;
	return false;
}

/* Names stand whole in the audit log, or not at all: what was cut off would look like another service. */
static void add_to_name(struct hm_peer *peer, const char *service)
{
	static const char more[] = ",…";
	const char *before = peer->n_proven == 1 ? " service=" : ",";
	size_t used = strlen(peer->name), wanted = used + strlen(before) + strlen(service);

	if (used >= sizeof more && !strcmp(peer->name + used + 1 - sizeof more, more))
		return;
	if (wanted + sizeof more <= sizeof peer->name)
		snprintf(peer->name + used, sizeof peer->name - used, "%s%s", before, service);
	else if (used + sizeof more <= sizeof peer->name)
		memcpy(peer->name + used, more, sizeof more);
}

static void add(struct hm_peer *peer, const char *service)
{
	peer->proven = reallocarray(peer->proven, peer->n_proven + 2, sizeof *peer->proven);
	if (!peer->proven || !(peer->proven[peer->n_proven] = strdup(service)))
		abort();
	peer->proven[++peer->n_proven] = NULL;
	add_to_name(peer, service);
}

void hm_peer_take_proof(struct hm_peer *peer, const struct hm_event *event)
{
	const struct hm_identity *identity = peer->server->config.identity;
	struct hm_proof proof;
	hm_status status;

	if (!identity)
		return;
	status = hm_identity_check(identity, peer->engine, HM_CLIENT, event, &proof);
	if (status == HM_OK && is_served(peer->server, proof.to)) {
		pthread_mutex_lock(&peer->lock); /* whoever looks at the server's connections reads them */
		add(peer, proof.service);
		pthread_mutex_unlock(&peer->lock);
	} else if (status == HM_UNAUTHENTICATED) {
		atomic_fetch_add(&peer->server->packets_bad, 1);
		hm_pipe_close(peer->pipe);
	}
}

void hm_peer_forget_proofs(struct hm_peer *peer)
{
	for (size_t i = 0; i < peer->n_proven; i++)
		free(peer->proven[i]);
	free(peer->proven);
}
