ALTER TABLE orders ADD COLUMN note text;
ALTER TABLE orders ADD COLUMN tags text[];
ALTER TABLE orders ADD COLUMN note text, ADD COLUMN tags text[];
