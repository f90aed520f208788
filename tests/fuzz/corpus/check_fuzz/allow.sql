-- hallmark:allow index-concurrently
CREATE TABLE notes (brand_id text NOT NULL, id uuid NOT NULL, PRIMARY KEY (brand_id, id));
-- hallmark:allow index-concurrently because the table has a dozen rows, of operators alone
CREATE INDEX notes_by_author ON notes (brand_id, author_id);
