CREATE TABLE notes (brand_id text NOT NULL, id uuid NOT NULL,, PRIMARY KEY (brand_id, id));
CREATE TABLE notes (brand_id text NOT NULL, id uuid NOT NULL, PRIMARY KEY (brand_id, id));
