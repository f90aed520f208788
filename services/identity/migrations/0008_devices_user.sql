-- notransaction
-- A user who goes is looked for here.
CREATE INDEX CONCURRENTLY devices_user ON devices (brand_id, user_id);
