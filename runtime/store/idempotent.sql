-- Idempotent replies: what a call with an idempotency key did, kept with what it wrote, for whoever asks again (guard/idempotency.h).
-- Run before secure.sql, as the schema's owner, whenever a service is migrated.
CREATE TABLE IF NOT EXISTS idempotent_reply (
	brand_id     text NOT NULL,
	key_hash     bytea NOT NULL,       -- of caller, method and key
	request_hash bytea NOT NULL,       -- of key and request
	audit_id     uuid NOT NULL,        -- the entry of the call that did it
	outcome      integer,              -- gRPC's number; NULL: so far some of its steps
	reply        bytea,                -- the reply, or what hallmark.Status says; NULL: a secret, not kept
	busy_until   timestamptz NOT NULL, -- without an outcome: when its call has ended, one way or another
	expires_at   timestamptz NOT NULL,
	PRIMARY KEY (brand_id, key_hash)
);
-- IF NOT EXISTS would lock the table before it looks, and so hold up every call with a key.
DO $index$
BEGIN
	IF to_regclass(format('%I.idempotent_reply_by_expiry', current_schema())) IS NULL THEN
		CREATE INDEX idempotent_reply_by_expiry ON idempotent_reply (expires_at);
	END IF;
END
$index$;

-- Takes the key's lock, until the transaction ends, and reads what is kept: in this order, and in two statements, as only the second
-- statement's snapshot is taken when the lock is held, and sees what the holder before has committed.
CREATE OR REPLACE FUNCTION hallmark_claim_key(lock bigint, key bytea)
RETURNS TABLE (is_ours bool, audit_id uuid, request_hash bytea, outcome integer, reply bytea, is_busy bool)
LANGUAGE plpgsql AS $function$
BEGIN
	IF NOT pg_try_advisory_xact_lock(lock) THEN
		is_ours := false;
		RETURN NEXT;
		RETURN;
	END IF;
	RETURN QUERY
		SELECT true, kept.audit_id, kept.request_hash, kept.outcome, kept.reply, kept.busy_until > clock_timestamp()
		FROM (SELECT) AS one
		LEFT JOIN idempotent_reply kept ON kept.key_hash = key AND kept.expires_at > clock_timestamp();
END
$function$;
