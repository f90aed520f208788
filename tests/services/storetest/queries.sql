-- What the store's tests run, on tables of their own in the schema of notes (tests/storetest.c).

-- name: put :one
INSERT INTO rows (id, flag, small, whole, big, single, number, words, short_words, raw, at, day, doc, plain, kind, kind_number,
                  names, numbers, ids, times, large, left_side, right_side)
VALUES (@id, @flag, @small, @whole, @big, @single, @number, @words, @short_words, @raw, @at, @day, @doc, @plain, @kind,
        @kind_number, @names, @numbers, @ids, @times, @large, @left, @right)
RETURNING id, flag, small, whole, big, single, number, words, short_words, raw, at, day, doc, plain, kind, kind_number, names,
          numbers, ids, times, large, left_side AS left, right_side AS right;

-- name: put_words :none
INSERT INTO rows (id, words) VALUES (@new_id, @words);

-- name: get :one
SELECT id, words, whole FROM rows WHERE id = @id;

-- name: find :optional
SELECT words FROM rows WHERE words = @words;

-- name: get_strict :one
SELECT nullif(words, '') AS words FROM rows WHERE id = @id;

-- name: list :many
SELECT id, words, id AS next_page_token FROM rows WHERE id > coalesce(@page_token, '00000000-0000-0000-0000-000000000000')::uuid
ORDER BY id LIMIT @page_size;

-- name: list_all :many
SELECT words, words AS next_page_token FROM rows ORDER BY words;

-- name: rename :none
UPDATE rows SET words = @words WHERE id = @id;

-- name: count :one
SELECT count(*) AS big FROM rows;

-- name: count_all :one [system]
SELECT count(*) AS big FROM rows;

-- name: sleep :none
SELECT pg_sleep(60);

-- name: nap :none
SELECT pg_sleep(0.001);

-- name: lock :none
SELECT pg_advisory_xact_lock(42);

-- name: sleep_at_commit :none
INSERT INTO dozing (words) VALUES (@words);

-- name: sum :one
SELECT sum(big) AS big FROM rows;

-- name: stranger :one
SELECT words AS nobody FROM rows;

-- name: narrow :one
SELECT 4000000000 AS whole;

-- name: far_future :one
SELECT '10000-01-01T00:00:00Z'::timestamptz AS at FROM rows;

-- name: infinity :one
SELECT 'infinity'::timestamptz AS at FROM rows;

-- name: last_moment :one
SELECT '9999-12-31T23:59:59.999999Z'::timestamptz AS at FROM rows;

-- name: every :one
SELECT words FROM rows;

-- name: missing_argument :one
SELECT words FROM rows WHERE words = @nobody;

-- name: text_into_number :one
SELECT id FROM rows WHERE big = @words;

-- name: put_child :none
INSERT INTO children (id, parent_id) VALUES (@new_id, @id);

-- name: refuse :none
INSERT INTO refusing (code, words) VALUES (@short_words, @words);

-- name: defer :none
INSERT INTO deferring (words) VALUES (@words);

-- name: die_at_commit :none
INSERT INTO dying (words) VALUES (@words);
