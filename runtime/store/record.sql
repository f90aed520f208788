-- Record: what the migrator knows of a schema, in tables of its own there. Run as the owner, again and again.
--
--   hallmark_migration  each file that was applied. Version 0 is the rules, its checksum the fingerprint of everything: it is there
--                       once the schema has been up to date.
--   hallmark_progress   each file that is not one transaction, once it was begun: that it was, and how far a backfill is
CREATE TABLE IF NOT EXISTS hallmark_migration (
	brand_id   text NOT NULL DEFAULT 'system',
	version    int NOT NULL,
	name       text NOT NULL,
	checksum   text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (brand_id, version)
);
CREATE TABLE IF NOT EXISTS hallmark_progress (
	brand_id       text NOT NULL DEFAULT 'system',
	version        int NOT NULL,
	checksum       text NOT NULL,                -- of the file that was begun
	begun_at       timestamptz NOT NULL DEFAULT now(),
	updated_at     timestamptz NOT NULL DEFAULT now(),
	pass           int NOT NULL DEFAULT 1,       -- over the table: another follows while there is less left each time
	last_key       text[],                       -- of the primary key, behind which this pass goes on; NULL: it begins
	rows_passed    bigint NOT NULL DEFAULT 0,    -- in this pass
	rows_estimated bigint NOT NULL DEFAULT 0,    -- in the table, when this pass began
	rows_changed   bigint NOT NULL DEFAULT 0,    -- in all passes
	rows_remaining bigint,                       -- when the last pass ended
	PRIMARY KEY (brand_id, version)
);
