SELECT 'no header above';

-- name: star :one
SELECT * FROM follows;

-- name: inner_star :many
SELECT id FROM (SELECT f.* FROM follows f) AS inside WHERE id = @id;

-- name: returning_star :one
INSERT INTO follows (id) VALUES (@id)
RETURNING *;

-- name: counted :one
SELECT count(*) AS n FROM follows;

-- name: schema :one
SELECT id FROM identity.users WHERE id = @id;

-- name: settings :none
SELECT set_config('hallmark.brand_id', @brand, true);

-- name: settings_too :none
UPDATE pg_settings SET setting = @brand WHERE name = 'hallmark.brand_id';

-- name: sql_in_a_text :one
SELECT pg_catalog.query_to_xml(@sql, true, false, '') AS rows;

-- name: lock_of_a_session :none
SELECT pg_advisory_lock(1);

-- name: lock_of_the_transaction :none
SELECT pg_advisory_xact_lock(1);

-- name: entry_of_no_call :none
INSERT INTO audit_log (id) VALUES (@id);

-- name: session :none
SET hallmark.brand_id = 'other';

-- name: two :none
DELETE FROM a; DELETE FROM b;

-- name: begins :none
BEGIN;

-- name: commits :none
COMMIT;

-- name: ddl :none
CREATE TABLE t (id bigint);

-- name: truncates :none
TRUNCATE follows;

-- name: into :none
SELECT id INTO copied FROM follows;

-- name: nothing :none
-- A comment is no statement.

-- name: open :none
DELETE FROM follows
