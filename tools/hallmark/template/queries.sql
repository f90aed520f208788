-- rpc: CreateItem :one             @name binds the request's field of that name; @new_id is a new UUIDv7
INSERT INTO items (id, title) VALUES (@new_id, @title)
RETURNING id, title, created_at;

-- rpc: GetItem :one                columns fill the reply's fields of the same name; no row is NOT_FOUND
SELECT id, title, created_at
FROM   items
WHERE  id = @id;

-- rpc: ListAudit :many
SELECT id, occurred_at, actor_type, actor_id, actor_brand_id, event_type, entity_type, entity_id, brand_id, request_id,
       details, id AS next_page_token
FROM   audit_log
WHERE  (@entity_type::text IS NULL OR entity_type = @entity_type)
       AND (@entity_id::text IS NULL OR entity_id = @entity_id)
       AND (@actor_id::text IS NULL OR actor_id = @actor_id)
       AND (@event_type::text IS NULL OR event_type = @event_type)
       AND (@request_id::text IS NULL OR request_id = @request_id)
       AND (@from::timestamptz IS NULL OR occurred_at >= @from)
       AND (@until::timestamptz IS NULL OR occurred_at < @until)
       AND id < coalesce(@page_token, 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid
ORDER  BY id DESC LIMIT @page_size;
