CREATE INDEX CONCURRENTLY orders_by_user ON orders (brand_id, user_id);
ALTER TABLE events DETACH PARTITION events_2024 CONCURRENTLY;
-- notransaction
CREATE INDEX CONCURRENTLY orders_by_user ON orders (brand_id, user_id);
