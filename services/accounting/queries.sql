-- The ledger's statements. Whoever changes balances runs lock_accounts first: accounts are locked in the order of their
-- ids, always before anything else, so that two postings never wait for each other in a circle.
--
-- coalesce() stands in sub-selects: under row-level security PostgreSQL takes it for leaky, and would compare row by row
-- what it can look up in an index once a sub-select has made it a plain value.

-- ---- Accounts --------------------------------------------------------------------------------------------------

-- name: insert_account :optional
INSERT INTO accounts (id, code, name, type, currency, exponent, debits_must_not_exceed_credits,
                      credits_must_not_exceed_debits, owner_id)
VALUES (@new_id, @code, @name, @type, @currency, @exponent, @debits_must_not_exceed_credits,
        @credits_must_not_exceed_debits, @owner_id)
ON CONFLICT (brand_id, code) DO NOTHING
RETURNING id, code, name, type, currency, exponent, debits_must_not_exceed_credits, credits_must_not_exceed_debits,
          opened_at, closed_at, owner_id;

-- name: find_account :optional
SELECT id, code, name, type, currency, exponent, debits_must_not_exceed_credits, credits_must_not_exceed_debits,
       opened_at, closed_at, owner_id
FROM   accounts
WHERE  id = @id::uuid OR code = @code;

-- rpc: ListAccounts             every character a code may have comes before '~'
SELECT id, code, name, type, currency, exponent, debits_must_not_exceed_credits, credits_must_not_exceed_debits,
       opened_at, closed_at, owner_id, code AS next_page_token
FROM   accounts
WHERE  code > (SELECT coalesce(@page_token, '')) AND code >= (SELECT coalesce(@code_prefix, ''))
AND    code < (SELECT coalesce(@code_prefix, '') || '~')
AND    (@type::text IS NULL OR type = @type) AND (@currency::text IS NULL OR currency = @currency)
ORDER  BY code LIMIT @page_size;

-- name: close_account :one
UPDATE accounts SET closed_at = now() WHERE id = @id::uuid
RETURNING id, code, name, type, currency, exponent, debits_must_not_exceed_credits, credits_must_not_exceed_debits,
          opened_at, closed_at, owner_id;

-- name: find_balance :optional
SELECT id AS account_id, code AS account_code, currency, exponent, debits_posted, credits_posted,
       debits_pending - debits_expired AS debits_pending, credits_pending - credits_expired AS credits_pending,
       debits_posted - credits_posted AS balance,
       CASE WHEN debits_must_not_exceed_credits THEN credits_posted - debits_posted - debits_pending + debits_expired
            WHEN credits_must_not_exceed_debits THEN debits_posted - credits_posted - credits_pending + credits_expired
       END AS available
FROM   accounts,
       LATERAL (SELECT coalesce(sum(amount), 0)::bigint AS debits_expired FROM holds
                WHERE debit_account_id = accounts.id AND state = 'PENDING' AND expires_at <= now()) d,
       LATERAL (SELECT coalesce(sum(amount), 0)::bigint AS credits_expired FROM holds
                WHERE credit_account_id = accounts.id AND state = 'PENDING' AND expires_at <= now()) c
WHERE  id = @id::uuid OR code = @code;

-- name: lock_accounts :many     the accounts named, and those that share an expired hold with one of them
WITH named AS (
	SELECT id FROM accounts WHERE id = ANY(@account_ids::uuid[]) OR code = ANY(@account_codes::text[])
), expired AS (
	SELECT h.debit_account_id, h.credit_account_id FROM named JOIN holds h ON h.debit_account_id = named.id
	WHERE  h.state = 'PENDING' AND h.expires_at <= now()
	UNION ALL
	SELECT h.debit_account_id, h.credit_account_id FROM named JOIN holds h ON h.credit_account_id = named.id
	WHERE  h.state = 'PENDING' AND h.expires_at <= now()
)
SELECT id, code, currency, closed_at IS NOT NULL AS is_closed,
       EXISTS (SELECT FROM transactions WHERE transactions.id = @transaction_id::uuid) AS is_posted,
       EXISTS (SELECT FROM expired) AS has_expired_holds
FROM   accounts
WHERE  id IN (SELECT id FROM named UNION SELECT debit_account_id FROM expired UNION SELECT credit_account_id FROM expired)
ORDER  BY id FOR NO KEY UPDATE OF accounts;

-- ---- Transactions ----------------------------------------------------------------------------------------------

-- name: is_posted :one
SELECT EXISTS (SELECT FROM transactions WHERE id = @transaction_id::uuid) AS is_set;

-- name: insert_transaction :optional    with all its entries; no row: the id is taken
WITH header AS (
	INSERT INTO transactions (id, description, reference, effective_at, reverses_id, hold_id, entry_count)
	VALUES (@id::uuid, @description, @reference, @effective_at, @reverses_id::uuid, @hold_id::uuid,
	        cardinality(@entry_ids::uuid[]))
	ON CONFLICT (brand_id, id) DO NOTHING
	RETURNING id, description, reference, effective_at, posted_at, reverses_id, hold_id
), lines AS (
	INSERT INTO entries (transaction_id, position, id, account_id, amount, currency)
	SELECT header.id, line.position, line.id, line.account_id, line.amount, line.currency
	FROM   header, unnest(@entry_ids::uuid[], @account_ids::uuid[], @amounts::bigint[], @currencies::text[])
	               WITH ORDINALITY AS line (id, account_id, amount, currency, position)
)
SELECT id, description, reference, effective_at, posted_at, reverses_id, hold_id FROM header;

-- name: find_transaction :optional
SELECT t.id, t.description, t.reference, t.effective_at, t.posted_at, t.reverses_id, r.id AS reversed_by_id, t.hold_id
FROM   transactions t LEFT JOIN transactions r ON r.reverses_id = t.id
WHERE  t.id = @id::uuid;

-- name: list_transactions :many
SELECT t.id, t.description, t.reference, t.effective_at, t.posted_at, t.reverses_id, r.id AS reversed_by_id, t.hold_id,
       t.id AS next_page_token
FROM   transactions t LEFT JOIN transactions r ON r.reverses_id = t.id
WHERE  t.posted_at >= (SELECT coalesce(@from::timestamptz, '-infinity'))
AND    t.posted_at < (SELECT coalesce(@until::timestamptz, 'infinity'))
AND    (t.posted_at, t.id) <
       ((SELECT coalesce((SELECT posted_at FROM transactions WHERE id = @page_token::uuid), 'infinity')),
        (SELECT coalesce(@page_token::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
ORDER  BY t.posted_at DESC, t.id DESC LIMIT @page_size;

-- name: list_transactions_by_reference :many
SELECT t.id, t.description, t.reference, t.effective_at, t.posted_at, t.reverses_id, r.id AS reversed_by_id, t.hold_id,
       t.id AS next_page_token
FROM   transactions t LEFT JOIN transactions r ON r.reverses_id = t.id
WHERE  t.reference = @reference
AND    t.posted_at >= (SELECT coalesce(@from::timestamptz, '-infinity'))
AND    t.posted_at < (SELECT coalesce(@until::timestamptz, 'infinity'))
AND    (t.posted_at, t.id) <
       ((SELECT coalesce((SELECT posted_at FROM transactions WHERE id = @page_token::uuid), 'infinity')),
        (SELECT coalesce(@page_token::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
ORDER  BY t.posted_at DESC, t.id DESC LIMIT @page_size;

-- name: next_transactions :many  a page of StreamTransactions
SELECT t.id, t.description, t.reference, t.effective_at, t.posted_at, t.reverses_id, r.id AS reversed_by_id, t.hold_id,
       t.id AS next_page_token
FROM   transactions t LEFT JOIN transactions r ON r.reverses_id = t.id
WHERE  t.posted_at >= (SELECT coalesce(@from::timestamptz, '-infinity'))
AND    t.posted_at < (SELECT coalesce(@until::timestamptz, 'infinity'))
AND    (t.posted_at, t.id) >
       ((SELECT coalesce((SELECT posted_at FROM transactions WHERE id = @page_token::uuid), '-infinity')),
        (SELECT coalesce(@page_token::uuid, '00000000-0000-0000-0000-000000000000')))
ORDER  BY t.posted_at, t.id LIMIT @page_size;

-- name: next_transactions_by_reference :many
SELECT t.id, t.description, t.reference, t.effective_at, t.posted_at, t.reverses_id, r.id AS reversed_by_id, t.hold_id,
       t.id AS next_page_token
FROM   transactions t LEFT JOIN transactions r ON r.reverses_id = t.id
WHERE  t.reference = @reference
AND    t.posted_at >= (SELECT coalesce(@from::timestamptz, '-infinity'))
AND    t.posted_at < (SELECT coalesce(@until::timestamptz, 'infinity'))
AND    (t.posted_at, t.id) >
       ((SELECT coalesce((SELECT posted_at FROM transactions WHERE id = @page_token::uuid), '-infinity')),
        (SELECT coalesce(@page_token::uuid, '00000000-0000-0000-0000-000000000000')))
ORDER  BY t.posted_at, t.id LIMIT @page_size;

-- name: entries_of :many        in the order they were posted
SELECT e.id, e.transaction_id, e.account_id, a.code AS account_code, e.amount, e.currency
FROM   entries e JOIN accounts a ON a.id = e.account_id
WHERE  e.transaction_id = ANY(@ids::uuid[])
ORDER  BY e.transaction_id, e.position;

-- name: list_entries :many
SELECT e.id, e.transaction_id, e.account_id, a.code AS account_code, e.amount, e.currency, t.description, t.posted_at,
       e.id AS next_page_token
FROM   entries e JOIN transactions t ON t.id = e.transaction_id JOIN accounts a ON a.id = e.account_id
WHERE  e.account_id = @account_id::uuid
AND    e.id < (SELECT coalesce(@page_token::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER  BY e.id DESC LIMIT @page_size;

-- rpc: TrialBalance :many       what the entries and pending holds add up to, beside what the accounts say
SELECT a.currency, a.exponent, count(*) AS accounts,
       least(coalesce(sum(e.debits), 0), 9223372036854775807)::bigint AS debits,
       least(coalesce(sum(e.credits), 0), 9223372036854775807)::bigint AS credits,
       coalesce(sum(e.debits) - sum(e.credits), 0)::bigint AS difference,
       count(*) FILTER (WHERE (a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending) IS DISTINCT FROM
                              (coalesce(e.debits, 0), coalesce(e.credits, 0), coalesce(d.held, 0), coalesce(c.held, 0))
                       ) AS drifted_accounts
FROM   accounts a
LEFT   JOIN (SELECT account_id, sum(greatest(amount, 0)) AS debits, -sum(least(amount, 0)) AS credits
             FROM   entries GROUP BY account_id) e ON e.account_id = a.id
LEFT   JOIN (SELECT debit_account_id, sum(amount) AS held FROM holds WHERE state = 'PENDING'
             GROUP  BY debit_account_id) d ON d.debit_account_id = a.id
LEFT   JOIN (SELECT credit_account_id, sum(amount) AS held FROM holds WHERE state = 'PENDING'
             GROUP  BY credit_account_id) c ON c.credit_account_id = a.id
GROUP  BY a.currency, a.exponent
ORDER  BY a.currency;

-- ---- Holds -----------------------------------------------------------------------------------------------------

-- name: insert_hold :optional   no row: the id is taken
INSERT INTO holds (id, debit_account_id, credit_account_id, amount, currency, description, reference, expires_at)
VALUES (@id::uuid, @debit_account_id::uuid, @credit_account_id::uuid, @amount, @currency, @description, @reference,
        @expires_at)
ON CONFLICT (brand_id, id) DO NOTHING
RETURNING id, debit_account_id, credit_account_id, amount, currency, description, reference, placed_at, expires_at, state;

-- name: find_hold :optional     one past its time has expired, though nobody may have written that down yet
SELECT h.id, h.debit_account_id, d.code AS debit_account_code, h.credit_account_id, c.code AS credit_account_code,
       h.amount, h.currency, h.description, h.reference, h.placed_at, h.expires_at,
       CASE WHEN h.state = 'PENDING' AND h.expires_at <= now() THEN 'EXPIRED' ELSE h.state END AS state,
       CASE WHEN h.state = 'PENDING' AND h.expires_at <= now() THEN h.expires_at ELSE h.ended_at END AS ended_at,
       t.id AS transaction_id, h.posted_amount
FROM   holds h JOIN accounts d ON d.id = h.debit_account_id JOIN accounts c ON c.id = h.credit_account_id
LEFT   JOIN transactions t ON t.hold_id = h.id
WHERE  h.id = @id::uuid;

-- name: end_hold :none
UPDATE holds SET state = @state, ended_at = now(), posted_amount = @posted_amount WHERE id = @id::uuid;

-- name: expire_holds :none      those whose accounts are both locked
UPDATE holds SET state = 'EXPIRED', ended_at = expires_at
WHERE  debit_account_id = ANY(@account_ids::uuid[]) AND credit_account_id = ANY(@account_ids::uuid[])
AND    state = 'PENDING' AND expires_at <= now();
