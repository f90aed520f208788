ALTER TABLE bookings ADD CONSTRAINT bookings_apart EXCLUDE USING gist (brand_id WITH =, room_id WITH =, during WITH &&);
CREATE TABLE bookings (
	brand_id text NOT NULL,
	id       uuid NOT NULL,
	room_id  uuid NOT NULL,
	during   tstzrange NOT NULL,
	PRIMARY KEY (brand_id, id),
	EXCLUDE USING gist (brand_id WITH =, room_id WITH =, during WITH &&)
);
ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0);
ALTER TABLE orders ADD CONSTRAINT orders_user FOREIGN KEY (brand_id, user_id) REFERENCES users;
ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_total;
ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE (brand_id, number);
ALTER TABLE orders ADD PRIMARY KEY (brand_id, id);
-- notransaction
CREATE UNIQUE INDEX CONCURRENTLY orders_number ON orders (brand_id, number);
ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE USING INDEX orders_number;
ALTER TABLE orders
	ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID,
	VALIDATE CONSTRAINT orders_total;
ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total >= 0) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_total;
