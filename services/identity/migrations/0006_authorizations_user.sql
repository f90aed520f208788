-- notransaction
-- A user who goes is looked for here.
CREATE INDEX CONCURRENTLY authorizations_user ON authorizations (brand_id, user_id);
