-- Populate: rows for every table of the current schema that has none, three of each of two brands, as the superuser. The nth row has n in
-- every column. Foreign keys and triggers are not looked at; checks are, and a column with a list of values gets the first of it.
SET session_replication_role = replica;
DO $populate$
DECLARE
	one   record;
	n     int;
	found bool;
BEGIN
	FOR one IN
		SELECT c.oid::regclass AS name,
		       string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns,
		       string_agg(CASE
				WHEN attname = 'brand_id' THEN '$2'
				WHEN listed IS NOT NULL THEN quote_literal(listed)
				WHEN typname = 'text' THEN quote_literal('x') || ' || $1'
				WHEN typname = 'uuid' THEN 'lpad(to_hex($1), 32, ''0'')::uuid'
				WHEN typname IN ('int2', 'int4', 'int8', 'numeric', 'float4', 'float8') THEN '$1'
				WHEN typname IN ('timestamptz', 'timestamp', 'date') THEN 'now() + make_interval(secs => $1)'
				WHEN typname = 'interval' THEN 'make_interval(secs => $1)'
				WHEN typname = 'bool' THEN 'true'
				WHEN typname = 'bytea' THEN 'decode(md5($1::text), ''hex'')'
				WHEN typname IN ('json', 'jsonb') THEN 'jsonb_build_object(''n'', $1)'
				WHEN typname = '_text' THEN 'ARRAY[''x'' || $1]'
				WHEN typtype = 'e' THEN quote_literal(enum_first_of)
				ELSE 'NULL' END, ', ' ORDER BY attnum) AS one_values
		FROM pg_class c
		JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a'
		JOIN pg_type ON pg_type.oid = atttypid
		LEFT JOIN LATERAL (SELECT (regexp_match(pg_get_constraintdef(k.oid), '(?:= |ARRAY\[)''([^'']*)''::text'))[1]
				   FROM pg_constraint k WHERE conrelid = c.oid AND contype = 'c' AND conkey = ARRAY[attnum]
				   AND pg_get_constraintdef(k.oid) !~ '~' LIMIT 1) AS list(listed) ON true
		LEFT JOIN LATERAL (SELECT enumlabel::text FROM pg_enum WHERE enumtypid = atttypid ORDER BY enumsortorder LIMIT 1)
			AS label(enum_first_of) ON true
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
		  AND relname NOT LIKE 'hallmark\_%'
		GROUP BY c.oid
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one.name) INTO found;
		CONTINUE WHEN found;
		FOR n IN 1 .. 6 LOOP
			BEGIN
				EXECUTE format('INSERT INTO %s (%s) VALUES (%s)', one.name, one.columns, one.one_values)
					USING n, CASE WHEN n <= 3 THEN 'loop' ELSE 'nova' END;
			EXCEPTION WHEN OTHERS THEN
				RAISE EXCEPTION '%: %; give it rows in rows.sql', one.name, SQLERRM;
			END;
		END LOOP;
	END LOOP;
END
$populate$;
