/*
 * Identity: which services the ends of a connection are, proven by their keys, whatever the connection travels over. A service token
 * that was stolen is worth nothing on a connection that cannot prove the service.
 *
 *     client: HELLO ─────────────►
 *             ◄───────────── HELLO, AUTH (a service of the server's), …
 *     AUTH (client's service, to the service it calls), …, BIND, CALL ─────────────►
 *
 *     AUTH body  u8 length, to   u8 length, name   11 characters: key id   64 bytes: signature       to: empty in a server's
 *     signed     "hallmark auth 1"  "client" or "server"  to  name  key id   each behind its u32 length, then the transcript
 *
 * The transcript is both HELLOs, and in them a random number of each end: a proof is good for one connection, and its role and
 * `to` keep a service that is called from showing it to a third. It is not bound to a TLS session, as nng 1.5.2 does not tell its keys:
 * who can change bytes on the way (none, behind TLS) can wait for the proofs and then speak for both ends. So it takes tls+tcp or ipc
 * for the path, and this for the name.
 */
#pragma once
#include "base/status.h"
#include "crypto/key.h"
#include "wire/engine.h"

struct hm_identity {
	const struct hm_secret_key *const *keys; /* "service-<name>" of what this end is */
	size_t n_keys;
	const struct hm_keyring *ring; /* whose proofs are believed */
	bool is_required; /* a client: the server must prove the service it is asked for, or nothing is sent to it */
};

/* What a peer has proven. */
struct hm_proof {
	char to[HM_KEY_NAME_BYTES]; /* the service it takes this end for; "": the peer is the server */
	char service[HM_KEY_NAME_BYTES]; /* "accounting" */
};

/* hm_identity_prove sends a proof for each key; to: the service a client's channel is for, "" for a server. After HM_EVENT_HELLO. */
void hm_identity_prove(const struct hm_identity *identity, struct hm_engine *engine, enum hm_side side, const char *to);

/* hm_identity_check reads a proof that came, of the end `side`. NOT_FOUND: of a key that is not in the ring (a newer one?), or not to be
 * believed for a service; it proves nothing. UNAUTHENTICATED: it is false, and its connection should end. */
hm_status hm_identity_check(const struct hm_identity *identity, const struct hm_engine *engine, enum hm_side side,
			    const struct hm_event *event, struct hm_proof *ret_proof);
