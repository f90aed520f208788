CREATE INDEX orders_by_user ON orders (brand_id, user_id);
-- notransaction
CREATE INDEX CONCURRENTLY orders_by_user ON orders (brand_id, user_id);
DROP INDEX orders_by_user;
-- notransaction
DROP INDEX CONCURRENTLY orders_by_user;
-- notransaction
CREATE INDEX CONCURRENTLY orders_by_all ON orders (brand_id, user_id, state, placed_at, total);
-- notransaction
CREATE INDEX CONCURRENTLY orders_by_user ON orders (brand_id, user_id, state);
REINDEX INDEX orders_by_user;
-- notransaction
REINDEX INDEX CONCURRENTLY orders_by_user;
