SET lock_timeout = 0;
SET LOCAL lock_timeout = '5min';
SELECT set_config('statement_timeout', '0', true);
ALTER ROLE example_app SET lock_timeout = '0';
SET LOCAL lock_timeout = '2s';
-- statement_timeout: 30min
ALTER TABLE orders VALIDATE CONSTRAINT orders_total;
ALTER TABLE orders ADD COLUMN state text;
SET LOCAL lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN state text;
