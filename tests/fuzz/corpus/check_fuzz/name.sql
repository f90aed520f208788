ALTER TABLE orders ADD COLUMN "customerName" text;
ALTER TABLE orders ADD COLUMN "user" text;
ALTER TABLE orders ADD COLUMN customer_name text;
ALTER TABLE orders ADD COLUMN orders_of_customers_who_have_not_been_seen_for_more_than_three_months boolean;
CREATE TABLE subscription_renewal_reminders (brand_id text NOT NULL, id uuid NOT NULL, subscription_reference_number text, PRIMARY KEY (brand_id, id),
	UNIQUE (brand_id, subscription_reference_number));
CREATE TABLE subscription_renewal_reminders (brand_id text NOT NULL, id uuid NOT NULL, subscription_reference_number text, PRIMARY KEY (brand_id, id),
	CONSTRAINT reminders_number UNIQUE (brand_id, subscription_reference_number));
