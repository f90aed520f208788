-- The ledger: accounts, transactions, their entries, and holds.
--
--     accounts ─┬─< entries >── transactions ──> holds (one it was made of, at most)
--               └─< holds
--
-- What makes it a ledger is held here and not in the service's code, so that no code can get around it:
--   1. a transaction is written whole, its entries summing to zero in every currency, or its commit fails
--   2. transactions and entries are append-only
--   3. an account's balance changes by entries and holds alone, in the statement that writes them
--   4. a closed account does not change; a limit is never passed
--   5. a hold ends once; a transaction is reversed once
--
-- Functions spell the schema out: whoever writes may have another search_path.

-- ---- Accounts --------------------------------------------------------------------------------------------------

CREATE TABLE accounts (
	brand_id        text        NOT NULL,
	id              uuid        NOT NULL,
	code            text        NOT NULL COLLATE "C",
	name            text        NOT NULL,
	type            text        NOT NULL CHECK (type IN ('ASSET', 'LIABILITY', 'EQUITY', 'REVENUE', 'EXPENSE')),
	currency        text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	exponent        integer     NOT NULL CHECK (exponent BETWEEN 0 AND 4),
	debits_must_not_exceed_credits boolean NOT NULL,
	credits_must_not_exceed_debits boolean NOT NULL,
	opened_at       timestamptz NOT NULL DEFAULT now(),
	closed_at       timestamptz,
	owner_id        text,
	debits_posted   bigint      NOT NULL DEFAULT 0 CHECK (debits_posted >= 0),
	credits_posted  bigint      NOT NULL DEFAULT 0 CHECK (credits_posted >= 0),
	debits_pending  bigint      NOT NULL DEFAULT 0 CHECK (debits_pending >= 0),
	credits_pending bigint      NOT NULL DEFAULT 0 CHECK (credits_pending >= 0),
	PRIMARY KEY (brand_id, id),
	UNIQUE (brand_id, code),
	UNIQUE (brand_id, id, currency),
	CHECK (NOT (debits_must_not_exceed_credits AND credits_must_not_exceed_debits))
) WITH (fillfactor = 70); -- room for balances to change in place

-- Rules 3 and 4. Depth 1 is a statement of the service's own; deeper is the work of the triggers below.
CREATE FUNCTION guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'account % can be closed, not deleted', OLD.code USING ERRCODE = 'HM009';
	END IF;
	IF OLD.closed_at IS NOT NULL THEN
		RAISE EXCEPTION 'account % is closed', OLD.code USING ERRCODE = 'HM009';
	END IF;
	IF (NEW.brand_id, NEW.id, NEW.code, NEW.type, NEW.currency, NEW.exponent, NEW.opened_at,
	    NEW.debits_must_not_exceed_credits, NEW.credits_must_not_exceed_debits)
	   IS DISTINCT FROM
	   (OLD.brand_id, OLD.id, OLD.code, OLD.type, OLD.currency, OLD.exponent, OLD.opened_at,
	    OLD.debits_must_not_exceed_credits, OLD.credits_must_not_exceed_debits) THEN
		RAISE EXCEPTION 'account %: what it is cannot change', OLD.code USING ERRCODE = 'HM009';
	END IF;
	IF pg_trigger_depth() = 1 AND
	   (NEW.debits_posted, NEW.credits_posted, NEW.debits_pending, NEW.credits_pending) <>
	   (OLD.debits_posted, OLD.credits_posted, OLD.debits_pending, OLD.credits_pending) THEN
		RAISE EXCEPTION 'account %: its balance changes by entries and holds alone', OLD.code USING ERRCODE = 'HM009';
	END IF;
	IF NEW.debits_must_not_exceed_credits AND NEW.debits_posted + NEW.debits_pending > NEW.credits_posted THEN
		RAISE EXCEPTION 'account %: its debits must not exceed its credits', OLD.code USING ERRCODE = 'HM009';
	END IF;
	IF NEW.credits_must_not_exceed_debits AND NEW.credits_posted + NEW.credits_pending > NEW.debits_posted THEN
		RAISE EXCEPTION 'account %: its credits must not exceed its debits', OLD.code USING ERRCODE = 'HM009';
	END IF;
	IF NEW.closed_at IS NOT NULL AND
	   (NEW.debits_posted <> NEW.credits_posted OR NEW.debits_pending <> 0 OR NEW.credits_pending <> 0) THEN
		RAISE EXCEPTION 'account % is not empty: bring its balance to zero and end its holds first', OLD.code
			USING ERRCODE = 'HM009';
	END IF;
	RETURN NEW;
END $$;

CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON accounts
	FOR EACH ROW EXECUTE FUNCTION guard_account();
ALTER TABLE accounts ENABLE ALWAYS TRIGGER guard;

-- An account begins empty: whatever is on it came by an entry.
CREATE FUNCTION begin_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'account % does not begin open and empty', NEW.code USING ERRCODE = 'HM009';
END $$;

CREATE TRIGGER begin BEFORE INSERT ON accounts FOR EACH ROW
	WHEN ((NEW.debits_posted, NEW.credits_posted, NEW.debits_pending, NEW.credits_pending) <> (0, 0, 0, 0) OR
	      NEW.closed_at IS NOT NULL)
	EXECUTE FUNCTION begin_account();
ALTER TABLE accounts ENABLE ALWAYS TRIGGER begin;

-- ---- Holds -----------------------------------------------------------------------------------------------------

CREATE TABLE holds (
	brand_id          text        NOT NULL,
	id                uuid        NOT NULL,
	debit_account_id  uuid        NOT NULL,
	credit_account_id uuid        NOT NULL CHECK (credit_account_id <> debit_account_id),
	amount            bigint      NOT NULL CHECK (amount > 0),
	currency          text        NOT NULL,
	description       text        NOT NULL,
	reference         text,
	placed_at         timestamptz NOT NULL DEFAULT now(),
	expires_at        timestamptz,
	state             text        NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'POSTED', 'VOIDED', 'EXPIRED')),
	ended_at          timestamptz CHECK ((ended_at IS NULL) = (state = 'PENDING')),
	posted_amount     bigint      CHECK (posted_amount BETWEEN 1 AND amount),
	PRIMARY KEY (brand_id, id),
	FOREIGN KEY (brand_id, debit_account_id, currency) REFERENCES accounts (brand_id, id, currency),
	FOREIGN KEY (brand_id, credit_account_id, currency) REFERENCES accounts (brand_id, id, currency),
	CHECK ((posted_amount IS NULL) = (state <> 'POSTED'))
) WITH (fillfactor = 70);

CREATE INDEX holds_pending_debits ON holds (brand_id, debit_account_id, expires_at) WHERE state = 'PENDING';
CREATE INDEX holds_pending_credits ON holds (brand_id, credit_account_id, expires_at) WHERE state = 'PENDING';

-- Rule 5. The table of allowed transitions has one row: from PENDING to anything else.
CREATE FUNCTION guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		IF NEW.state = 'PENDING' THEN
			RETURN NEW;
		END IF;
		RAISE EXCEPTION 'hold % does not begin as PENDING', NEW.id USING ERRCODE = 'HM009';
	END IF;
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'hold % can be voided, not deleted', OLD.id USING ERRCODE = 'HM009';
	END IF;
	IF OLD.state <> 'PENDING' OR NEW.state = 'PENDING' THEN
		RAISE EXCEPTION 'hold % cannot go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'HM009';
	END IF;
	IF (NEW.brand_id, NEW.id, NEW.debit_account_id, NEW.credit_account_id, NEW.amount, NEW.currency, NEW.placed_at,
	    NEW.expires_at) IS DISTINCT FROM
	   (OLD.brand_id, OLD.id, OLD.debit_account_id, OLD.credit_account_id, OLD.amount, OLD.currency, OLD.placed_at,
	    OLD.expires_at) THEN
		RAISE EXCEPTION 'hold %: its terms cannot change', OLD.id USING ERRCODE = 'HM009';
	END IF;
	RETURN NEW;
END $$;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON holds
	FOR EACH ROW EXECUTE FUNCTION guard_hold();
ALTER TABLE holds ENABLE ALWAYS TRIGGER guard;

-- Rule 3 for holds: a new one counts as pending on both its accounts, until it ends.
CREATE FUNCTION count_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	change bigint := CASE TG_OP WHEN 'INSERT' THEN NEW.amount ELSE -NEW.amount END;
	counted bigint;
BEGIN
	UPDATE accounting.accounts a
	SET    debits_pending = a.debits_pending + CASE a.id WHEN NEW.debit_account_id THEN change ELSE 0 END,
	       credits_pending = a.credits_pending + CASE a.id WHEN NEW.credit_account_id THEN change ELSE 0 END
	WHERE  a.brand_id = NEW.brand_id AND a.id IN (NEW.debit_account_id, NEW.credit_account_id)
	AND    greatest(a.debits_posted::numeric + a.debits_pending, a.credits_posted::numeric + a.credits_pending) + change
	       <= 9223372036854775807;
	GET DIAGNOSTICS counted = ROW_COUNT;
	IF counted <> 2 THEN
		RAISE EXCEPTION 'an account''s total would pass 2^63 - 1' USING ERRCODE = 'HM011';
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER count AFTER INSERT OR UPDATE ON holds
	FOR EACH ROW EXECUTE FUNCTION count_hold();
ALTER TABLE holds ENABLE ALWAYS TRIGGER count;

-- ---- Transactions and entries ----------------------------------------------------------------------------------

CREATE TABLE transactions (
	brand_id     text        NOT NULL,
	id           uuid        NOT NULL,
	description  text        NOT NULL,
	reference    text,
	effective_at timestamptz,
	posted_at    timestamptz NOT NULL DEFAULT now(),
	reverses_id  uuid,
	hold_id      uuid,
	entry_count  integer     NOT NULL CHECK (entry_count >= 2),
	PRIMARY KEY (brand_id, id),
	FOREIGN KEY (brand_id, reverses_id) REFERENCES transactions (brand_id, id),
	FOREIGN KEY (brand_id, hold_id) REFERENCES holds (brand_id, id)
);
COMMENT ON TABLE transactions IS 'append-only: a mistake is undone by its reversal';

CREATE INDEX transactions_by_time ON transactions (brand_id, posted_at, id);
CREATE INDEX transactions_by_reference ON transactions (brand_id, reference, posted_at, id)
	WHERE reference IS NOT NULL;
CREATE UNIQUE INDEX transactions_reverse_once ON transactions (brand_id, reverses_id)
	WHERE reverses_id IS NOT NULL;
CREATE UNIQUE INDEX transactions_post_hold_once ON transactions (brand_id, hold_id)
	WHERE hold_id IS NOT NULL;

CREATE TABLE entries (
	brand_id       text    NOT NULL,
	account_id     uuid    NOT NULL,
	id             uuid    NOT NULL,
	transaction_id uuid    NOT NULL,
	position       integer NOT NULL CHECK (position >= 1),
	amount         bigint  NOT NULL CHECK (amount <> 0 AND amount > -9223372036854775808),
	currency       text    NOT NULL,
	PRIMARY KEY (brand_id, account_id, id),
	UNIQUE (brand_id, transaction_id, position),
	FOREIGN KEY (brand_id, transaction_id) REFERENCES transactions (brand_id, id),
	FOREIGN KEY (brand_id, account_id, currency) REFERENCES accounts (brand_id, id, currency)
);
COMMENT ON TABLE entries IS 'append-only: a mistake is undone by its reversal';

-- Rule 1, first half. Entries come with one statement, numbered 1 to the transaction's entry_count; those numbers being
-- unique, none can be added later. Rule 3: the same statement moves the balances. It locks accounts in the order it finds
-- them, so whoever posts locks them by id beforehand (lock_accounts in queries.sql).
CREATE FUNCTION count_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	counted bigint;
BEGIN
	IF EXISTS (SELECT FROM added e
	           JOIN accounting.transactions t ON t.brand_id = e.brand_id AND t.id = e.transaction_id
	           GROUP BY t.id, t.entry_count
	           HAVING count(*) <> t.entry_count OR max(e.position) <> t.entry_count) THEN
		RAISE EXCEPTION 'the entries of a transaction are written together' USING ERRCODE = 'HM003';
	END IF;
	UPDATE accounting.accounts a
	SET    debits_posted = a.debits_posted + e.debits, credits_posted = a.credits_posted + e.credits
	FROM  (SELECT brand_id, account_id, sum(greatest(amount, 0)) AS debits, -sum(least(amount, 0)) AS credits
	       FROM   added GROUP BY brand_id, account_id) e
	WHERE  a.brand_id = e.brand_id AND a.id = e.account_id
	AND    greatest(a.debits_posted + a.debits_pending::numeric + e.debits,
	                a.credits_posted + a.credits_pending::numeric + e.credits) <= 9223372036854775807;
	GET DIAGNOSTICS counted = ROW_COUNT;
	IF counted <> (SELECT count(DISTINCT account_id) FROM added) THEN
		RAISE EXCEPTION 'an account''s total would pass 2^63 - 1' USING ERRCODE = 'HM011';
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER count AFTER INSERT ON entries REFERENCING NEW TABLE AS added
	FOR EACH STATEMENT EXECUTE FUNCTION count_entries();
ALTER TABLE entries ENABLE ALWAYS TRIGGER count;

-- Rule 1, second half: at commit a transaction has all its entries, and they balance. Under a brand other than its own
-- they cannot be seen, so switching brands before the commit fails too.
CREATE FUNCTION check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	entry_count bigint;
	unbalanced  text;
BEGIN
	SELECT coalesce(sum(n), 0), string_agg(format('%s by %s', currency, total), ', ') FILTER (WHERE total <> 0)
	INTO   entry_count, unbalanced
	FROM  (SELECT currency, count(*) AS n, sum(amount) AS total FROM accounting.entries
	       WHERE brand_id = NEW.brand_id AND transaction_id = NEW.id GROUP BY currency) sums;
	IF entry_count <> NEW.entry_count THEN
		RAISE EXCEPTION 'transaction % has % of its % entries', NEW.id, entry_count, NEW.entry_count
			USING ERRCODE = 'HM003';
	END IF;
	IF unbalanced IS NOT NULL THEN
		RAISE EXCEPTION 'transaction % does not balance: %', NEW.id, unbalanced USING ERRCODE = 'HM003';
	END IF;
	RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER balance AFTER INSERT ON transactions DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION check_transaction();
ALTER TABLE transactions ENABLE ALWAYS TRIGGER balance;

-- ---- Audit -----------------------------------------------------------------------------------------------------

CREATE TABLE audit_log (
	id             UUID PRIMARY KEY,
	occurred_at    TIMESTAMPTZ NOT NULL,
	actor_type     TEXT NOT NULL,
	actor_id       TEXT NOT NULL,
	actor_brand_id TEXT,
	event_type     TEXT NOT NULL,
	entity_type    TEXT,
	entity_id      TEXT,
	brand_id       TEXT NOT NULL,
	request_id     TEXT,
	details        JSONB
);

CREATE INDEX audit_log_by_id ON audit_log (brand_id, id);
