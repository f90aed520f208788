-- rpc: AddNote :one
INSERT INTO notes (id, title, body, amount, tags) VALUES (@new_id, @title, @body, @amount, @tags)
RETURNING id, brand_id, title, body, amount, created_at, tags;

-- rpc: AddSlowNote :one
INSERT INTO notes (id, title) SELECT @new_id, @title FROM pg_sleep(coalesce(@seconds, 0::float8))
RETURNING id, brand_id, title, body, amount, created_at, tags;

-- rpc: GetNote :one
SELECT id, brand_id, title, body, amount, created_at, tags
FROM   notes
WHERE  id = @id;

-- rpc: ListNotes :many
SELECT id, brand_id, title, body, amount, created_at, tags, id AS next_page_token
FROM   notes
WHERE  id < coalesce(@page_token, 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid
ORDER  BY id DESC LIMIT @page_size;

-- rpc: GetTitle :one          what its reply requires may be NULL: the schema does not promise what the contract does
SELECT nullif(title, 'untitled') AS title
FROM   notes
WHERE  id = @id;

-- rpc: TakeTitle :one
INSERT INTO notes (id, title, body) VALUES (@new_id, @title, @body)
RETURNING nullif(title, 'untitled') AS title;

-- name: insert_note :one       for the handlers of what fails, refuses and keeps secrets after it
INSERT INTO notes (id, title, body, amount, tags) VALUES (@new_id, @title, @body, @amount, @tags)
RETURNING id, brand_id, title, body, amount, created_at, tags;

-- name: notes_after :many      a page of StreamNotes
SELECT id, brand_id, title, body, amount, created_at, tags, id AS next_page_token
FROM   notes
WHERE  id > coalesce(@page_token, '00000000-0000-0000-0000-000000000000')::uuid
ORDER  BY id LIMIT @page_size;

-- name: note :one
SELECT id, brand_id, title, body, amount, created_at, tags
FROM   notes
WHERE  id = @id;
