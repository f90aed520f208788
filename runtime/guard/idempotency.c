/* Idempotency keys: hashed, claimed, kept, replayed, expired. */
#include "guard/idempotency.h"

#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "guard/session.h"
#include "guard/work.h"
#include "hallmark/idempotency.pb-c.h"
#include "rpc/failure.h"
#include "wire/message.h"

enum {
	RETRY_AFTER_MS = 100,
	BUSY_US_MIN = 1 * HM_US_PER_S, /* a call ends some time after its deadline */
	BUSY_US = 60 * HM_US_PER_S, /* of one without */
	EXPIRE_TIMEOUT_US = 30 * HM_US_PER_S,
};

struct hm_keyed {
	uint8_t key[HM_HASH_BYTES], request[HM_HASH_BYTES];
	const char *lock; /* the number of the key's advisory lock */
	const char *audit_id; /* of the call, whatever step it is at */
	bool is_running; /* its handler is, so there is nothing to replay any more */
	const Hallmark__IdempotentReply *kept;
};

static const char *const claim_parameters[] = { "lock", "key_hash", NULL };

static const struct hm_query claim_key = {
	.name = "idempotency_claim",
	.sql = "SELECT is_ours, audit_id, request_hash, outcome, reply, is_busy FROM hallmark_claim_key($1, $2)",
	.rows = HM_ROWS_ONE,
	.parameters = claim_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

static const char *const keep_parameters[] = { "key_hash", "request_hash", "audit_id", "outcome",
					       "reply",    "busy_us",      "ttl_s",    NULL };

/* What is there already is of an earlier step, or expired. */
static const struct hm_query keep_reply = {
	.name = "idempotency_keep",
	.sql = "INSERT INTO idempotent_reply (key_hash, request_hash, audit_id, outcome, reply, busy_until, "
	       "expires_at) "
	       "VALUES ($1::bytea, $2::bytea, $3::uuid, $4::int4, $5::bytea,"
	       " clock_timestamp() + $6::int8 * interval '1 microsecond',"
	       " clock_timestamp() + $7::int8 * interval '1 second') "
	       "ON CONFLICT (brand_id, key_hash) DO UPDATE SET request_hash = excluded.request_hash,"
	       " audit_id = excluded.audit_id, outcome = excluded.outcome, reply = excluded.reply,"
	       " busy_until = excluded.busy_until, expires_at = excluded.expires_at",
	.rows = HM_ROWS_NONE,
	.parameters = keep_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

static const char *const no_parameters[] = { NULL };

/* Some at a time, so that no transaction is long. The role sees what has expired alone. */
static const struct hm_query expire_replies = {
	.name = "idempotency_expire",
	.sql = "DELETE FROM idempotent_reply WHERE ctid = ANY (ARRAY("
	       "SELECT ctid FROM idempotent_reply WHERE expires_at < now() LIMIT 1000))",
	.rows = HM_ROWS_NONE,
	.parameters = no_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

/* ---- What identifies a call ---------------------------------------------------------------------------------------- */

static void hash_texts(const char *const *texts, size_t n, uint8_t ret_hash[HM_HASH_BYTES])
{
	struct hm_buffer input = { 0 };

	for (size_t i = 0; i < n; i++) {
		const uint64_t size = strlen(texts[i]);

		hm_buffer_add(&input, &size, sizeof size); /* or "ab", "c" would be "a", "bc" */
		hm_buffer_add(&input, texts[i], size);
	}
	hm_hash(input.data, input.size, ret_hash);
	hm_buffer_fini(&input);
}

/* Advisory locks are the database's, so the service counts too. */
static void hash_key(const struct hm_call *call, uint8_t ret_hash[HM_HASH_BYTES])
{
	const char type[] = { (char)('0' + call->actor.type), '\0' };
	const char *const texts[] = { call->service->table->short_name,
				      call->context.brand,
				      type,
				      call->actor.id,
				      call->actor.delegate ? call->actor.delegate : "",
				      call->method->name,
				      call->idempotency_key };

	hash_texts(texts, sizeof texts / sizeof *texts, ret_hash);
}

/* Packed anew: the fields in the contract's order. The key goes in front, which the table does not have: from the hash of a request
 * alone, a password in it could be guessed, a million times a second. */
static void hash_request(struct hm_call *call, uint8_t ret_hash[HM_HASH_BYTES])
{
	const size_t key_bytes = strlen(call->idempotency_key) + 1;
	const size_t size = key_bytes + protobuf_c_message_get_packed_size(call->request);
	uint8_t *bytes = hm_arena_alloc(&call->context.arena, size);

	memcpy(bytes, call->idempotency_key, key_bytes);
	protobuf_c_message_pack(call->request, bytes + key_bytes);
	hm_hash(bytes, size, ret_hash);
}

hm_status hm_idempotency_begin(struct hm_call *call)
{
	struct hm_session *session = call->guard;
	struct hm_arena *arena = &call->context.arena;
	struct hm_keyed *key;
	char *id;
	int64_t lock;

	if (!call->idempotency_key || call->method->effect != HM_EFFECT_WRITE)
		return HM_OK;
	if (call->method->kind != HM_UNARY)
		return hm_raise(INVALID_ARGUMENT, "%s: a stream takes no idempotency key", call->method->name);
	if (call->actor.type == HM_ACTOR_ANONYMOUS)
		return hm_raise(INVALID_ARGUMENT, "%s: an idempotency key needs a token, as it is its caller's",
				call->method->name);
	key = hm_arena_zalloc(arena, sizeof *key);
	hash_key(call, key->key);
	hash_request(call, key->request);
	memcpy(&lock, key->key, sizeof lock);
	key->lock = hm_arena_printf(arena, "%lld", (long long)lock);
	id = hm_arena_alloc(arena, HM_ID_TEXT_BYTES);
	hm_id_format(&call->audit_id, id);
	key->audit_id = id;
	session->key = key;
	return HM_OK;
}

/* ---- Claim and replay ----------------------------------------------------------------------------------------------- */

static hm_status raise_busy(const struct hm_call *call)
{
	hm_status status = hm_raise(ABORTED, "%s: a call with this idempotency key is under way", call->method->name);

	hm_error_set_reason("IDEMPOTENCY_KEY_BUSY");
	hm_error_set_retry(RETRY_AFTER_MS);
	return status;
}

static hm_status refuse_key(hm_status status, const char *reason)
{
	hm_error_set_reason(reason);
	return status;
}

static ProtobufCBinaryData bytes_of(const uint8_t hash[HM_HASH_BYTES])
{
	return (ProtobufCBinaryData){ .len = HM_HASH_BYTES, .data = (uint8_t *)(uintptr_t)hash };
}

/* Something is kept under the key. */
static hm_status judge(struct hm_call *call, struct hm_keyed *key)
{
	const Hallmark__IdempotentReply *kept = key->kept;
	struct hm_session *session = call->guard;

	if (kept->request_hash.len != HM_HASH_BYTES ||
	    memcmp(kept->request_hash.data, key->request, HM_HASH_BYTES) != 0)
		return refuse_key(hm_raise(FAILED_PRECONDITION,
					   "%s: the idempotency key was used for another request: take a new one",
					   call->method->name),
				  "IDEMPOTENCY_KEY_REUSED");
	if (!kept->has_outcome && !strcmp(kept->audit_id, key->audit_id))
		return HM_OK; /* our own earlier step */
	if (kept->has_outcome ? key->is_running : kept->is_busy)
		return raise_busy(call);
	if (!kept->has_outcome)
		return refuse_key(hm_raise(FAILED_PRECONDITION,
					   "%s: the call with this idempotency key ended half-way (call %s): see what "
					   "it did, then take a new key",
					   call->method->name, kept->audit_id),
				  "IDEMPOTENCY_KEY_UNFINISHED");
	session->replayed = kept->audit_id;
	return HM_OK;
}

hm_status hm_idempotency_claim(struct hm_call *call, struct hm_tx *tx)
{
	const struct hm_session *session = call->guard;
	struct hm_keyed *key = session->key;
	const struct hm_builtin lock[] = { { "lock", key->lock }, { NULL, NULL } };
	Hallmark__IdempotentReply asked = HALLMARK__IDEMPOTENT_REPLY__INIT;
	ProtobufCMessage *kept = hm_message_new(&call->context.arena, &hallmark__idempotent_reply__descriptor);

	asked.has_key_hash = true;
	asked.key_hash = bytes_of(key->key);
	TRY(hm_tx_query(tx, &claim_key, &asked.base, lock, kept, NULL));
	key->kept = (const Hallmark__IdempotentReply *)kept;
	if (!key->kept->is_ours)
		return raise_busy(call);
	if (key->kept->audit_id)
		TRY(judge(call, key));
	key->is_running = !session->replayed;
	return HM_OK;
}

hm_status hm_idempotency_replay(struct hm_call *call)
{
	struct hm_session *session = call->guard;
	const Hallmark__IdempotentReply *kept = session->key->kept;

	session->keeps_writes = true; /* its entry */
	if (kept->outcome != HM_OK)
		return hm_failure_raise((uint16_t)kept->outcome, kept->reply.data, kept->reply.len);
	if (!kept->has_reply)
		return refuse_key(hm_raise(ALREADY_EXISTS,
					   "%s: it was done (entry %s), and its reply holds a secret that is not kept",
					   call->method->name, kept->audit_id),
				  "REPLY_NOT_KEPT");
	return hm_message_unpack(&call->context.arena, call->method->reply, kept->reply.data, kept->reply.len,
				 &call->reply);
}

/* ---- Keep ------------------------------------------------------------------------------------------------------------ */

static ProtobufCBinaryData pack(struct hm_arena *arena, const ProtobufCMessage *message)
{
	ProtobufCBinaryData packed = { .len = protobuf_c_message_get_packed_size(message) };

	packed.data = hm_arena_alloc(arena, packed.len + 1);
	protobuf_c_message_pack(message, packed.data);
	return packed;
}

static void fill_outcome(struct hm_call *call, const struct hm_audit_outcome *outcome, Hallmark__IdempotentReply *kept)
{
	struct hm_arena *arena = &call->context.arena;
	struct hm_failure failure;

	kept->has_outcome = true;
	kept->outcome = (int32_t)outcome->status;
	kept->has_reply = outcome->status != HM_OK || !call->method->secret_reply;
	if (outcome->status != HM_OK) {
		hm_failure_init(&failure, outcome->status, outcome->failure);
		kept->reply = pack(arena, &failure.status.base);
	} else if (kept->has_reply) {
		kept->reply = pack(arena, call->reply);
	}
}

static int64_t busy_us(const struct hm_call *call)
{
	int64_t deadline_us = call->context.deadline_us;

	return deadline_us ? deadline_us - hm_clock_mono_us() + BUSY_US_MIN : BUSY_US;
}

hm_status hm_idempotency_keep(struct hm_call *call, struct hm_tx *tx, const struct hm_audit_outcome *outcome)
{
	struct hm_session *session = call->guard;
	const struct hm_keyed *key = session->key;
	struct hm_arena *arena = &call->context.arena;
	Hallmark__IdempotentReply kept = HALLMARK__IDEMPOTENT_REPLY__INIT;
	const struct hm_builtin times[] = {
		{ "busy_us", hm_arena_printf(arena, "%lld", (long long)busy_us(call)) },
		{ "ttl_s", hm_arena_printf(arena, "%u", session->ward->reply_ttl_s) },
		{ NULL, NULL },
	};

	if (session->replayed)
		return HM_OK;
	kept.has_key_hash = kept.has_request_hash = true;
	kept.key_hash = bytes_of(key->key);
	kept.request_hash = bytes_of(key->request);
	kept.audit_id = key->audit_id;
	if (!session->is_stepping)
		fill_outcome(call, outcome, &kept);
	return hm_tx_append(tx, &keep_reply, &kept.base, times);
}

hm_status hm_idempotency_expire(struct hm_store *store)
{
	const struct hm_tx_options options = { .role = HM_ROLE_SYSTEM,
					       .deadline_us = hm_clock_mono_us() + EXPIRE_TIMEOUT_US };
	struct hm_arena arena = { 0 };
	hm_status status = HM_OK;
	uint64_t removed = 1;

	while (status == HM_OK && removed) {
		struct hm_tx *tx;

		status = hm_tx_open(store, &arena, &options, &tx);
		if (status == HM_OK)
			status = hm_tx_query(tx, &expire_replies, NULL, NULL, NULL, &removed);
		if (status == HM_OK)
			status = hm_tx_commit(tx);
		else
			hm_tx_rollback(tx);
		hm_arena_reset(&arena);
	}
	hm_arena_fini(&arena);
	return status;
}
