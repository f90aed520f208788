-- Queries of a service that shows what sqlgen reads. This preamble is nobody's.

-- rpc: ListFollowers            one statement, so no C: @name binds request fields, columns fill reply fields
SELECT id, follower_id, followed_at, id AS next_page_token
FROM   follows
WHERE  followee_id = @user_id AND id < coalesce(@page_token, 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid
ORDER  BY id DESC LIMIT @page_size;

-- name: relation :one
-- Whether a block stands between two users,
-- whoever of them made it. A comment may hold */ and /* without harm.
SELECT exists(SELECT FROM blocks WHERE (blocker_id, blocked_id) IN ((@follower_id, @followee_id), (@followee_id, @follower_id))) AS blocked;

-- rpc: GetURLOf :optional keywords can be parameters, strings and comments are left alone
SELECT 'mail@host "quoted" \ ' || E'\'@a' AS url, $tag$ @b $tag$ AS tagged, /* @c */ a @> @limit::jsonb AS holds -- @d
FROM   links	-- a tab
WHERE  id = ANY (@ids) AND NOT (a <@ @limit) AND kind <> 'ß' LIMIT(@select);

-- name: expire :none [system] crosses brands
DELETE FROM holds WHERE ends_at < @call_time;

-- name: next_jobs :many system
/* A block comment is not taken along. */
UPDATE jobs SET claimed_by = @worker WHERE id IN (SELECT id FROM jobs ORDER BY id FOR UPDATE SKIP LOCKED LIMIT @n)
RETURNING id, claimed_by;
-- A comment behind the last statement.
