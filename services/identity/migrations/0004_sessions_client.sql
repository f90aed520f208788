-- notransaction
-- A client that goes is looked for here.
CREATE INDEX CONCURRENTLY sessions_client ON sessions (brand_id, client_id);
