-- rpc: CreateBrand :one
INSERT INTO brands (id, name) VALUES (@id, @name)
RETURNING id, name, status, created_at, updated_at;

-- rpc: GetBrand :one
SELECT id, name, status, suspended_reason, created_at, updated_at
FROM   brands
WHERE  id = @id;

-- rpc: ListBrands :many
SELECT id, name, status, suspended_reason, created_at, updated_at, id AS next_page_token
FROM   brands
WHERE  id > coalesce(@page_token, '')
ORDER  BY id LIMIT @page_size;

-- rpc: UpdateBrand :one
UPDATE brands SET name = coalesce(@name, name), updated_at = now()
WHERE  id = @id
RETURNING id, name, status, suspended_reason, created_at, updated_at;

-- name: lock_brand :one
SELECT id, name, status, suspended_reason, created_at, updated_at
FROM   brands
WHERE  id = @id FOR UPDATE;

-- name: suspend_brand :one
UPDATE brands SET status = 'suspended', suspended_reason = @reason, updated_at = now()
WHERE  id = @id
RETURNING id, name, status, suspended_reason, created_at, updated_at;

-- name: reactivate_brand :one
UPDATE brands SET status = 'active', suspended_reason = NULL, updated_at = now()
WHERE  id = @id
RETURNING id, name, status, suspended_reason, created_at, updated_at;

-- rpc: PollBrands :many system
-- In order, as WatchBrands compares it with what it was.
SELECT id, status = 'active' AS active FROM brands ORDER BY id;

-- name: put_setting :optional       expected_version absent: whatever is there; 0: nothing may be there
INSERT INTO settings AS s (key, value)
SELECT @key, @value::jsonb
WHERE  coalesce(@expected_version, 0) = 0
       OR EXISTS (SELECT FROM settings WHERE key = @key AND version = @expected_version)
ON CONFLICT (brand_id, key) DO UPDATE
       SET value = excluded.value, version = s.version + 1, updated_at = now()
       WHERE s.version = coalesce(@expected_version, s.version)
RETURNING key, value, version, updated_at;

-- rpc: GetSetting :one
SELECT key, value, version, updated_at
FROM   settings
WHERE  key = @key;

-- rpc: ListSettings :many
SELECT key, value, version, updated_at, key AS next_page_token
FROM   settings
WHERE  key > coalesce(@page_token, '')
ORDER  BY key LIMIT @page_size;

-- rpc: RegisterService :one
INSERT INTO services (id, name, endpoint, version) VALUES (@id, @name, @endpoint, @version)
ON CONFLICT (brand_id, id) DO UPDATE
       SET name = excluded.name, endpoint = excluded.endpoint, version = excluded.version, heard_at = now()
RETURNING id, name, endpoint, version, registered_at, heard_at;

-- rpc: Heartbeat :one
UPDATE services SET heard_at = now()
WHERE  id = @id
RETURNING id, name, endpoint, version, registered_at, heard_at;

-- rpc: ListServices :many
SELECT id, name, endpoint, version, registered_at, heard_at, id AS next_page_token
FROM   services
WHERE  name = coalesce(@name, name)
       AND heard_at > now() - coalesce(@max_age_seconds, 60) * interval '1 second'
       AND id > coalesce(@page_token, '00000000-0000-0000-0000-000000000000')::uuid
ORDER  BY id LIMIT @page_size;
