COPY countries FROM '/srv/countries.csv';
INSERT INTO countries (code, name) VALUES ('AT', 'Austria'), ('CH', 'Switzerland');
UPDATE orders SET state = 'OPEN' WHERE state IS NULL;
DELETE FROM orders;
INSERT INTO archive (id, total) SELECT id, total FROM orders;
-- backfill: table=orders batch=1000 pause=50ms
-- remaining: state IS NULL
UPDATE orders SET state = 'OPEN' WHERE state IS NULL;
UPDATE settings SET value = '30' WHERE key = 'days';
ALTER TABLE orders ADD COLUMN state text;
UPDATE orders SET state = 'OPEN' WHERE id = '0190163d-8694-739b-aea5-966c26f8ad90';
ALTER TABLE orders ADD COLUMN state text;
-- backfill: table=orders batch=1000 pause=50ms
-- remaining: state IS NULL
UPDATE orders SET state = 'OPEN' WHERE state IS NULL;
