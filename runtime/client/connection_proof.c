/* Connection: proofs: what this end proves to the server, and what it wants proven before it sends anything. */
#include <string.h>

#include "client/balance.h"

/* Whether the server is the one it should be, or that does not matter. */
static bool may_send(const struct hm_connection *connection)
{
	const struct hm_identity *identity = connection->channel->identity;

	return connection->is_proven || !identity || !identity->is_required;
}

static void make_ready(struct hm_connection *connection, int64_t now_us)
{
	const struct hm_identity *identity = connection->channel->identity;

	if (identity)
		hm_identity_prove(identity, connection->engine, HM_CLIENT, connection->channel->service);
	hm_connection_ready(connection, now_us);
}

void hm_connection_greeted(struct hm_connection *connection, int64_t now_us)
{
	connection->is_greeted = true;
	if (may_send(connection))
		make_ready(connection, now_us);
}

void hm_connection_take_proof(struct hm_connection *connection, const struct hm_event *event, int64_t now_us)
{
	const struct hm_identity *identity = connection->channel->identity;
	struct hm_proof proof;

	if (!identity || connection->is_proven ||
	    hm_identity_check(identity, connection->engine, HM_SERVER, event, &proof) != HM_OK ||
	    strcmp(proof.service, connection->channel->service))
		return;
	connection->is_proven = true;
	if (connection->state == HM_CONNECTION_GREETING)
		make_ready(connection, now_us);
}

bool hm_connection_is_impostor(const struct hm_connection *connection)
{
	return connection->is_greeted && connection->state == HM_CONNECTION_GREETING && !may_send(connection);
}
