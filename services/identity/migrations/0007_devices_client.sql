-- notransaction
-- A client that goes is looked for here.
CREATE INDEX CONCURRENTLY devices_client ON devices (brand_id, client_id);
