CREATE TABLE items (
	brand_id text NOT NULL,
	id       uuid NOT NULL,
	order_id uuid NOT NULL,
	PRIMARY KEY (brand_id, id),
	FOREIGN KEY (brand_id, order_id) REFERENCES orders
);
CREATE TABLE items (
	brand_id text NOT NULL,
	id       uuid NOT NULL,
	order_id uuid NOT NULL,
	PRIMARY KEY (brand_id, id),
	FOREIGN KEY (brand_id, order_id) REFERENCES orders
);
CREATE INDEX items_by_order ON items (brand_id, order_id);
