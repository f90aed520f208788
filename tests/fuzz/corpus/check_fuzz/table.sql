CLUSTER orders USING orders_by_user;
ALTER TABLE orders SET UNLOGGED;
ALTER TABLE orders SET TABLESPACE fast;
CREATE TABLE orders_fast (brand_id text NOT NULL, id uuid NOT NULL, PRIMARY KEY (brand_id, id)) TABLESPACE fast;
TRUNCATE orders;
-- backfill: table=orders batch=1000 pause=50ms
-- remaining: state = 'STALE'
DELETE FROM orders WHERE state = 'STALE';
