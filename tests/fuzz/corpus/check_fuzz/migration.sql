CREATE TABLE notes (id uuid PRIMARY KEY, text text NOT NULL);
CREATE TABLE notes (brand_id text NOT NULL, id uuid NOT NULL, text text NOT NULL, PRIMARY KEY (brand_id, id));
