-- notransaction
CREATE INDEX CONCURRENTLY orders_by_user ON orders (brand_id, user_id);
CREATE INDEX CONCURRENTLY orders_by_state ON orders (brand_id, state);
-- notransaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_by_user ON orders (brand_id, user_id);
-- notransaction
CREATE INDEX CONCURRENTLY orders_by_user ON orders (brand_id, user_id);
