-- ---- Users

-- name: register_user :one
WITH added AS (
  INSERT INTO users (id, username, email, display_name)
  VALUES (@new_id, lower(@username::text COLLATE "C"), nullif(@email, ''), nullif(@display_name, ''))
  RETURNING id, username, email, display_name, status, created_at, updated_at
), credential AS (
  INSERT INTO credentials (user_id, password_hash) SELECT id, @password_hash FROM added
)
SELECT id, username, email, display_name, status, created_at, updated_at FROM added;

-- rpc: GetUser :one
SELECT id, username, email, display_name, status, created_at, updated_at
FROM   users
WHERE  id = @id;

-- rpc: ListUsers :many
SELECT id, username, email, display_name, status, created_at, updated_at, id AS next_page_token
FROM   users
WHERE  username = coalesce(lower(@username::text COLLATE "C"), username)
       AND id > coalesce(@page_token::uuid, '00000000-0000-0000-0000-000000000000')
ORDER  BY id LIMIT @page_size;

-- rpc: UpdateUser :one
UPDATE users SET email = nullif(coalesce(@email, email), ''),
                 display_name = nullif(coalesce(@display_name, display_name), ''), updated_at = now()
WHERE  id = @id
RETURNING id, username, email, display_name, status, created_at, updated_at;

-- rpc: EnableUser :one
UPDATE users SET status = 'active', updated_at = now()
WHERE  id = @id
RETURNING id, username, email, display_name, status, created_at, updated_at;

-- name: disable_user :one
UPDATE users SET status = 'disabled', updated_at = now()
WHERE  id = @id
RETURNING id, username, email, display_name, status, created_at, updated_at;

-- name: lock_user :optional      before anything that changes which tokens a user has
SELECT id AS user_id, status FROM users WHERE id = @user_id FOR NO KEY UPDATE;

-- name: permissions_of_user :optional
SELECT coalesce(array_agg(DISTINCT p ORDER BY p) FILTER (WHERE p IS NOT NULL), '{}') AS permissions,
       clock_timestamp() AS issued_at
FROM   users u LEFT JOIN role_assignments a ON a.user_id = u.id LEFT JOIN roles r ON r.name = a.role
       LEFT JOIN LATERAL unnest(r.permissions) AS p ON true
WHERE  u.id = @user_id AND u.status = 'active'
GROUP  BY u.id;

-- ---- Passwords, and what is guessed

-- name: find_credential :optional      by name, of those who may log in
SELECT u.id AS user_id, c.password_hash
FROM   users u JOIN credentials c ON c.user_id = u.id
WHERE  u.username = lower(@username::text COLLATE "C") AND u.status = 'active';

-- name: credential_of_user :optional
SELECT user_id, password_hash FROM credentials WHERE user_id = @user_id;

-- name: use_credential :none           only if it still is the one that was checked
UPDATE credentials SET used_at = now(), password_hash = coalesce(@new_hash, password_hash)
WHERE  user_id = @user_id AND password_hash = @password_hash;

-- name: change_credential :none        likewise
UPDATE credentials SET password_hash = @new_hash, changed_at = now()
WHERE  user_id = @user_id AND password_hash = @password_hash;

-- name: lock_out :optional
SELECT ceil(extract(epoch FROM until - now()))::bigint AS retry_seconds
FROM   failures
WHERE  subject = lower(@subject::text COLLATE "C") AND failed >= 5 AND until > now();

-- name: count_failure :one
WITH forgotten AS (
  DELETE FROM failures WHERE subject IN (SELECT subject FROM failures
                                         WHERE until < now() AND subject <> lower(@subject::text COLLATE "C")
                                         LIMIT 100 FOR UPDATE SKIP LOCKED)
)
INSERT INTO failures AS f (subject, failed, until)
VALUES (lower(@subject COLLATE "C"), 1, now() + interval '15 minutes')
ON CONFLICT (brand_id, subject) DO UPDATE
       SET failed = CASE WHEN f.until > now() THEN f.failed + 1 ELSE 1 END, until = excluded.until
RETURNING failed, ceil(extract(epoch FROM until - now()))::bigint AS retry_seconds;

-- name: forget_failures :none
DELETE FROM failures WHERE subject = lower(@subject::text COLLATE "C");

-- ---- Sessions and tokens

-- name: open_session :one
WITH forgotten AS (
  DELETE FROM sessions WHERE user_id = @user_id AND expires_at < now() - interval '30 days'
)
INSERT INTO sessions (id, user_id, client_id, scopes) VALUES (@new_id, @user_id, @client_id, @scopes)
RETURNING id AS session_id, user_id, client_id, scopes;

-- name: insert_tokens :none
WITH forgotten AS (
  DELETE FROM tokens WHERE session_id = @session_id AND kind = 'access' AND expires_at < now()
)
INSERT INTO tokens (id, session_id, kind, hash, permissions, issued_at, expires_at)
SELECT @access_id::uuid, id, 'access', @access_hash::bytea, @permissions::text[], @issued_at::timestamptz,
       @access_expires_at::timestamptz
FROM   sessions WHERE id = @session_id
UNION ALL
SELECT @new_id::uuid, id, 'refresh', @refresh_hash::bytea, '{}', @issued_at, expires_at
FROM   sessions WHERE id = @session_id;

-- name: lock_owner_of_token :optional
SELECT u.id AS user_id
FROM   tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
WHERE  t.hash = @hash FOR NO KEY UPDATE OF u;

-- name: find_token :optional
SELECT t.id, t.kind, t.session_id, s.user_id, s.client_id, s.scopes, t.used_at IS NOT NULL AS is_used,
       t.expires_at <= now() OR s.expires_at <= now() OR t.revoked_at IS NOT NULL OR s.revoked_at IS NOT NULL
       OR u.status <> 'active' AS is_over
FROM   tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
WHERE  t.hash = @hash;

-- name: use_token :none
WITH used AS (
  UPDATE tokens SET used_at = now() WHERE id = @id
)
UPDATE sessions SET used_at = now() WHERE id = @session_id;

-- name: introspect :optional
SELECT true AS active, array_to_string(CASE t.kind WHEN 'access' THEN t.permissions ELSE s.scopes END, ' ') AS scope,
       s.client_id, u.username, t.kind || '_token' AS token_type, extract(epoch FROM t.expires_at)::bigint AS exp,
       extract(epoch FROM t.issued_at)::bigint AS iat, u.id AS sub, t.id AS jti, s.id AS sid
FROM   tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
WHERE  t.hash = @hash AND t.expires_at > now() AND s.expires_at > now() AND u.status = 'active'
       AND t.used_at IS NULL AND t.revoked_at IS NULL AND s.revoked_at IS NULL
       AND (t.kind = 'refresh' OR NOT EXISTS (SELECT FROM revocations r
                                              WHERE r.subject IN (t.id, s.id, u.id) AND t.issued_at < r.tokens_before));

-- name: list_sessions :many
SELECT id, user_id, client_id, scopes, created_at, used_at, expires_at, id AS next_page_token
FROM   sessions
WHERE  user_id = @user_id AND revoked_at IS NULL AND expires_at > now()
       AND id > coalesce(@page_token::uuid, '00000000-0000-0000-0000-000000000000')
ORDER  BY id LIMIT @page_size;

-- name: owner_of_session :optional
SELECT user_id FROM sessions WHERE id = @id;

-- name: end_session :none
UPDATE sessions SET revoked_at = now() WHERE id = @session_id AND revoked_at IS NULL;

-- name: end_sessions_of_user :none
UPDATE sessions SET revoked_at = now() WHERE user_id = @user_id AND revoked_at IS NULL;

-- name: end_token :none
UPDATE tokens SET revoked_at = now() WHERE id = @id AND revoked_at IS NULL;

-- ---- Revocations

-- name: void_tokens :none      after the users concerned were locked: no token of theirs is on its way; delegated ones live longest
WITH forgotten AS (
  DELETE FROM revocations WHERE subject IN (SELECT subject FROM revocations
                                            WHERE kept_until < now() AND subject <> ALL (@subjects::uuid[])
                                            LIMIT 100 FOR UPDATE SKIP LOCKED)
)
INSERT INTO revocations (subject, tokens_before, kept_until)
SELECT s, clock_timestamp(), greatest(clock_timestamp() + interval '16 minutes',
         (SELECT max(expires_at) FROM delegations WHERE user_id = s) + interval '1 minute',
         (SELECT max(expires_at) FROM delegations WHERE id = s) + interval '1 minute')
FROM   unnest(@subjects) AS s
ON CONFLICT (brand_id, subject) DO UPDATE
       SET tokens_before = excluded.tokens_before, kept_until = excluded.kept_until;

-- rpc: PollRevocations :many system
SELECT brand_id, subject, tokens_before, kept_until
FROM   revocations
WHERE  kept_until > now()
AND    (brand_id, subject) >
       ((SELECT coalesce(@after_brand, '')), (SELECT coalesce(@after_subject, '00000000-0000-0000-0000-000000000000')::uuid))
ORDER  BY brand_id, subject LIMIT @most;

-- ---- Delegations

-- name: insert_delegation :none
WITH forgotten AS (
  DELETE FROM delegations WHERE id IN (SELECT id FROM delegations WHERE expires_at < now() - interval '30 days'
                                       LIMIT 100 FOR UPDATE SKIP LOCKED)
)
INSERT INTO delegations (id, user_id, session_id, service, permissions, issued_at, expires_at)
VALUES (@delegation_id, @user_id, @session_id, @service, @permissions, @issued_at, @expires_at);

-- name: list_delegations :many
SELECT id, user_id, service, permissions, issued_at, expires_at, id AS next_page_token
FROM   delegations d
WHERE  user_id = @user_id AND revoked_at IS NULL AND expires_at > now()
       AND NOT EXISTS (SELECT FROM revocations r WHERE r.subject = d.user_id AND d.issued_at < r.tokens_before)
       AND id > coalesce(@page_token::uuid, '00000000-0000-0000-0000-000000000000')
ORDER  BY id LIMIT @page_size;

-- name: owner_of_delegation :optional
SELECT id AS delegation_id, user_id FROM delegations WHERE id = @id;

-- name: end_delegation :none
UPDATE delegations SET revoked_at = now() WHERE id = @delegation_id AND revoked_at IS NULL;

-- name: end_delegations_of_session :one
WITH ended AS (
  UPDATE delegations SET revoked_at = now()
  WHERE  session_id = @session_id AND revoked_at IS NULL AND expires_at > now()
  RETURNING id
)
SELECT coalesce(array_agg(id), '{}') AS subjects FROM ended;

-- ---- Clients

-- name: create_client :one
INSERT INTO clients (id, name, secret_hash, redirect_uris, scopes, verification_uri)
VALUES (@new_id, @name, @secret_hash, @redirect_uris, @scopes, @verification_uri)
RETURNING id, name, secret_hash IS NOT NULL AS confidential, redirect_uris, scopes, verification_uri, created_at;

-- name: find_client :optional
SELECT id AS client_id, name, secret_hash, redirect_uris, scopes, verification_uri FROM clients WHERE id = @client_id;

-- name: rotate_secret :one
UPDATE clients SET secret_hash = @secret_hash
WHERE  id = @client_id
RETURNING id, name, true AS confidential, redirect_uris, scopes, verification_uri, created_at;

-- rpc: ListClients :many
SELECT id, name, secret_hash IS NOT NULL AS confidential, redirect_uris, scopes, verification_uri, created_at,
       id AS next_page_token
FROM   clients
WHERE  id > coalesce(@page_token::uuid, '00000000-0000-0000-0000-000000000000')
ORDER  BY id LIMIT @page_size;

-- ---- Codes

-- name: insert_code :none
WITH forgotten AS (
  DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE expires_at < now() - interval '1 day'
                                          LIMIT 100 FOR UPDATE SKIP LOCKED)
)
INSERT INTO authorizations (id, hash, client_id, user_id, redirect_uri, scopes, code_challenge)
VALUES (@new_id, @hash, @client_id, @user_id, @redirect_uri, @scopes, @code_challenge);

-- name: lock_owner_of_code :optional
SELECT u.id AS user_id
FROM   authorizations a JOIN users u ON u.id = a.user_id
WHERE  a.hash = @hash FOR NO KEY UPDATE OF u;

-- name: find_code :optional
SELECT a.id, a.user_id, a.client_id, a.scopes, a.redirect_uri, a.code_challenge, a.session_id,
       a.session_id IS NOT NULL AS is_used, a.expires_at <= now() OR u.status <> 'active' AS is_over
FROM   authorizations a JOIN users u ON u.id = a.user_id
WHERE  a.hash = @hash;

-- name: use_code :none
UPDATE authorizations SET session_id = @session_id WHERE id = @id;

-- ---- Devices

-- name: insert_device :none
WITH forgotten AS (
  DELETE FROM devices WHERE id IN (SELECT id FROM devices WHERE expires_at < now() - interval '1 day'
                                   LIMIT 100 FOR UPDATE SKIP LOCKED)
)
INSERT INTO devices (id, hash, user_code_hash, client_id, scopes)
VALUES (@new_id, @hash, @user_code_hash, @client_id, @scopes);

-- name: lock_waiting_device :optional      by what its user types in
SELECT d.id, d.client_id, c.name AS client_name, d.scopes, d.status, d.expires_at
FROM   devices d JOIN clients c ON c.id = d.client_id
WHERE  d.user_code_hash = @user_code_hash AND d.status = 'pending' AND d.expires_at > now()
FOR    NO KEY UPDATE OF d;

-- name: decide_device :none
UPDATE devices SET status = @status, user_id = @user_id WHERE id = @id;

-- name: lock_device :optional              by what it shows itself
SELECT id, client_id, user_id, scopes, status, session_id, session_id IS NOT NULL AS is_used, expires_at <= now() AS is_over,
       coalesce(polled_at > now() - interval_seconds * interval '1 second', false) AS is_hasty, interval_seconds
FROM   devices
WHERE  hash = @hash FOR NO KEY UPDATE;

-- name: note_poll :none
UPDATE devices SET polled_at = now(), interval_seconds = @interval_seconds WHERE id = @id;

-- name: use_device :none
UPDATE devices SET session_id = @session_id WHERE id = @id;

-- ---- Roles

-- name: lock_role :optional
SELECT name, permissions FROM roles WHERE name = @role FOR NO KEY UPDATE;

-- name: put_role :one
INSERT INTO roles (name, description, permissions) VALUES (@name, @description, @permissions)
ON CONFLICT (brand_id, name) DO UPDATE
       SET description = excluded.description, permissions = excluded.permissions, updated_at = now()
RETURNING name, description, permissions, created_at, updated_at;

-- rpc: ListRoles :many
SELECT name, description, permissions, created_at, updated_at, name AS next_page_token
FROM   roles
WHERE  name > coalesce(@page_token, '')
ORDER  BY name LIMIT @page_size;

-- name: lock_holders :one      all who have a role, in one order, so that two of these cannot wait for each other
SELECT coalesce(array_agg(id), '{}') AS subjects
FROM   (SELECT id FROM users WHERE id IN (SELECT user_id FROM role_assignments WHERE role = @role)
        ORDER BY id FOR NO KEY UPDATE) AS holders;

-- name: assign_role :optional
INSERT INTO role_assignments (id, user_id, role, assigned_by)
SELECT @new_id, id, @role, @caller_id FROM users WHERE id = @user_id
ON CONFLICT (brand_id, user_id, role) DO UPDATE SET role = excluded.role
RETURNING user_id, role, assigned_by, assigned_at;

-- name: unassign_role :none
DELETE FROM role_assignments WHERE user_id = @user_id AND role = @role;

-- rpc: ListAssignments :many
SELECT user_id, role, assigned_by, assigned_at, id AS next_page_token
FROM   role_assignments
WHERE  user_id = coalesce(@user_id, user_id) AND role = coalesce(@role, role)
       AND id > coalesce(@page_token::uuid, '00000000-0000-0000-0000-000000000000')
ORDER  BY id LIMIT @page_size;
