-- rpc: CreateItem :one             @name binds the request's field of that name; @new_id is a new UUIDv7
INSERT INTO items (id, title) VALUES (@new_id, @title)
RETURNING id, title, created_at;

-- rpc: GetItem :one                columns fill the reply's fields of the same name; no row is NOT_FOUND
SELECT id, title, created_at
FROM   items
WHERE  id = @id;
