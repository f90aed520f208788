-- ListAudit of every service (audit.c names the parameters). Sub-selects: constants to the planner, so that an index's range fits.
SELECT id, occurred_at, actor_type, actor_id, actor_brand_id, event_type, entity_type, entity_id, brand_id, request_id,
       details, id AS next_page_token
FROM   audit_log
WHERE  ($1::text IS NULL OR entity_type = $1)
AND    ($2::text IS NULL OR entity_id = $2)
AND    ($3::text IS NULL OR actor_id = $3)
AND    ($4::text IS NULL OR event_type = $4)
AND    ($5::text IS NULL OR request_id = $5)
AND    occurred_at >= (SELECT coalesce($6::timestamptz, '-infinity'))
AND    occurred_at < (SELECT coalesce($7::timestamptz, 'infinity'))
AND    id < (SELECT coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER  BY id DESC LIMIT $9;
