-- notransaction
-- A client that goes is looked for here.
CREATE INDEX CONCURRENTLY authorizations_client ON authorizations (brand_id, client_id);
