DO $$
DECLARE
	one record;
BEGIN
	FOR one IN SELECT relname FROM pg_class LOOP
		EXECUTE format('ALTER TABLE %I ADD COLUMN note text', one.relname);
	END LOOP;
END
$$;
DO $$
BEGIN
	EXECUTE format('ALTER TABLE %I ADD COLUMN note text', 'orders');
END
$$;
