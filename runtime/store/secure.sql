-- Secure: the platform's rules put on every table of the current schema, as its owner, in the migration's own transaction;
-- a table is never there without them. What is already right is left alone, so that no lock is taken without need.
-- A broken rule is SQLSTATE HM009 (FAILED_PRECONDITION); message and hint name the rule.
--
--   tables            row-level security enabled and forced; policies brand (for <service>_app) and owner; brand_id's default
--   append-only ones  audit_log, and any table whose comment begins with "append-only": SELECT and INSERT alone, and
--                     triggers that reject UPDATE, DELETE and TRUNCATE by anyone, whatever session_replication_role says
--   audit_log         its indexes; INSERT and SELECT for <service>_system, which writes grouped entries over brands
--   idempotent_reply  no DELETE for <service>_app; <service>_system sees and deletes what has expired
--   partitions        like any table: they inherit none of this
CREATE OR REPLACE FUNCTION hallmark_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
BEGIN
	RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
		USING ERRCODE = 'HM009', HINT = 'APPEND_ONLY';
END
$function$;

DO $rules$
DECLARE
	schema   oid  := current_schema()::regnamespace;
	service  text := current_schema();
	app      oid  := to_regrole(service || '_app');
	system   oid  := to_regrole(service || '_system');
	expected text := 'id uuid NOT NULL, occurred_at timestamp with time zone NOT NULL, actor_type text NOT NULL, '
			 'actor_id text NOT NULL, actor_brand_id text, event_type text NOT NULL, entity_type text, '
			 'entity_id text, brand_id text NOT NULL, request_id text, details jsonb';
	columns  text;
	lacking  text;
	strange  text;
	broken   record;
BEGIN
	SELECT string_agg(format('%s %s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END),
			  ', ' ORDER BY attnum)
	INTO columns
	FROM pg_attribute
	WHERE attrelid = to_regclass(format('%I.audit_log', service)) AND attnum > 0 AND NOT attisdropped;

	SELECT string_agg(one, ', ') INTO lacking
	FROM (SELECT regexp_split_to_table(expected, ', ') EXCEPT SELECT regexp_split_to_table(columns, ', ')) AS missing(one);
	SELECT string_agg(one, ', ') INTO strange
	FROM (SELECT regexp_split_to_table(columns, ', ') EXCEPT SELECT regexp_split_to_table(expected, ', ')) AS extra(one);

	SELECT rule, string_agg(name, ', ' ORDER BY name) AS names, advice INTO broken FROM (
		SELECT 1 AS rank, 'audit-table-required' AS rule, 'audit_log' AS name,
		       CASE WHEN columns IS NULL THEN 'is missing; it has ' || expected
			    WHEN lacking IS NULL AND strange IS NULL THEN 'has its columns in another order than ' || expected
			    ELSE format('lacks [%s] and has beside them [%s]', lacking, strange) END AS advice
		WHERE columns IS DISTINCT FROM expected
	UNION ALL
		SELECT 2, 'audit-table-required', 'audit_log', 'has to have PRIMARY KEY (id)'
		WHERE columns = expected AND NOT EXISTS (
			SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
			WHERE indrelid = format('%I.audit_log', service)::regclass AND indisprimary AND indnkeyatts = 1 AND attname = 'id')
	UNION ALL
		SELECT 3, 'migration-brand-id-required', relname, 'has to have a column brand_id text NOT NULL'
		FROM pg_class WHERE relnamespace = schema AND relkind IN ('r', 'p') AND NOT EXISTS (
			SELECT FROM pg_attribute
			WHERE attrelid = pg_class.oid AND attname = 'brand_id' AND NOT attisdropped AND attnotnull AND atttypid = 'text'::regtype)
	UNION ALL
		SELECT 4, 'policy-names-its-role', relname || '.' || polname, 'is for PUBLIC: say TO ' || service || '_app or _system'
		FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
		WHERE relnamespace = schema AND 0::oid = ANY (polroles)
	UNION ALL -- policies are alternatives: one that does not look at the brand opens the table to every brand
		SELECT 4, 'policy-keeps-the-brand', relname || '.' || polname,
		       'opens rows to ' || service || '_app whatever the brand: compare with current_setting(''hallmark.brand_id'', true), '
		       'or say AS RESTRICTIVE'
		FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid, LATERAL (VALUES (polqual), (polwithcheck)) AS one(condition)
		WHERE relnamespace = schema AND polpermissive AND app = ANY (polroles) AND polname <> 'brand'
		  AND position('hallmark.brand_id' IN pg_get_expr(condition, polrelid)) = 0
	UNION ALL
		SELECT 5, 'rule-forbidden', relname || '.' || rulename, 'runs as the table''s owner, past the brand'
		FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class
		WHERE relnamespace = schema AND rulename <> '_RETURN'
	UNION ALL -- else a brand could tell another's keys by the errors, or refer to its rows
		SELECT 5, 'brand-id-in-keys-required', indrelid::regclass || '.' || relname, 'is unique over all brands: put brand_id into it'
		FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
		WHERE relnamespace = schema AND (indisunique OR indisexclusion)
		  AND coalesce(pg_partition_root(indrelid), indrelid) NOT IN (
			to_regclass(format('%I.audit_log', service)), to_regclass(format('%I.hallmark_migration', service)))
		  AND NOT EXISTS (SELECT FROM pg_attribute
				  WHERE attrelid = indrelid AND attnum = ANY (indkey) AND attname = 'brand_id')
	UNION ALL
		SELECT 5, 'brand-id-in-keys-required', conrelid::regclass || '.' || conname, 'refers over brands: put brand_id into it'
		FROM pg_constraint
		WHERE connamespace = schema AND contype = 'f' AND NOT EXISTS (
			SELECT FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey) AND attname = 'brand_id')
	UNION ALL
		SELECT 5, 'view-security-invoker-required', relname,
		       'reads as its owner, past the brand: CREATE VIEW … WITH (security_invoker = true), never MATERIALIZED'
		FROM pg_class WHERE relnamespace = schema AND (relkind = 'm' OR relkind = 'v' AND
			NOT coalesce(reloptions && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false))
	UNION ALL
		SELECT 6, 'security-definer-forbidden', proname || '()', 'runs as its owner, past the brand'
		FROM pg_proc WHERE pronamespace = schema AND prosecdef
	UNION ALL -- whoever made them by hand may have meant well
		SELECT 7, 'roles-are-plain', rolname, 'may pass row-level security: NOSUPERUSER NOBYPASSRLS, and no member of ' || service || '_owner'
		FROM pg_roles
		WHERE (rolname IN (service || '_owner', service || '_migrator') OR oid IN (app, system)) AND (rolsuper OR rolbypassrls)
		   OR oid IN (app, system) AND pg_has_role(oid, service || '_owner', 'MEMBER')
	UNION ALL
		SELECT 7, 'schema-is-private', relname || ' to ' || grantee::regrole, 'no other service may reach it by SQL'
		FROM pg_class, aclexplode(relacl)
		WHERE relnamespace = schema AND grantee NOT IN (0, relowner, app, system)
	UNION ALL
		SELECT 7, 'schema-is-private', nspname || ' to ' || grantee::regrole, 'no other service may reach it by SQL'
		FROM pg_namespace, aclexplode(nspacl)
		WHERE pg_namespace.oid = schema AND grantee NOT IN (0, nspowner, app, system)
	) AS offences GROUP BY rank, rule, advice ORDER BY rank LIMIT 1;

	IF FOUND THEN
		RAISE EXCEPTION '%: %.% %', broken.rule, service, broken.names, broken.advice
			USING ERRCODE = 'HM009', HINT = upper(replace(broken.rule, '-', '_'));
	END IF;
END
$rules$;

DO $secure$
DECLARE
	service text := current_schema();
	app     text := service || '_app';
	system  text := service || '_system';
	owner   text := service || '_owner';
	mine    text := '(brand_id = ( SELECT NULLIF(current_setting(''hallmark.brand_id''::text, true), ''''::text) AS "nullif"))';
	one     record;
	policy  record;
	trigger record;
BEGIN
	EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
	EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I', service, app, system);
	EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM PUBLIC', service);
	EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO %I, %I', service, app, system);
	EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', service, app);

	FOR one IN
		SELECT c.oid, c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
		       c.relname = 'hallmark_migration' AS is_ours, c.relname = 'idempotent_reply' AS is_kept, root.relname = 'audit_log' AS is_audit,
		       root.relname = 'audit_log' OR coalesce(obj_description(root.oid, 'pg_class') LIKE 'append-only%', false) AS is_append_only,
		       (SELECT atthasdef FROM pg_attribute WHERE attrelid = c.oid AND attname = 'brand_id') AS has_default
		FROM pg_class c JOIN pg_class root ON root.oid = coalesce(pg_partition_root(c.oid), c.oid)
		WHERE c.relnamespace = service::regnamespace AND c.relkind IN ('r', 'p')
		ORDER BY (SELECT count(*) FROM pg_partition_ancestors(c.oid)), c.relname -- parents give their partitions row triggers
	LOOP
		IF NOT one.has_default THEN
			EXECUTE format('ALTER TABLE %I ALTER brand_id SET DEFAULT nullif(current_setting(''hallmark.brand_id'', true), '''')', one.name);
		END IF;
		IF NOT one.is_forced THEN
			EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', one.name);
		END IF;

		FOR policy IN
			SELECT wanted.*, polname IS NOT NULL AS is_there FROM (VALUES
				('brand', app, mine, true),
				('owner', owner, 'true', true),
				('system', system, 'true', one.is_audit),
				('expiry', system, '(expires_at < now())', one.is_kept)) AS wanted(name, role, condition, is_wanted)
			LEFT JOIN pg_policy ON polrelid = one.oid AND polname = wanted.name
			WHERE is_wanted AND (polname IS NULL OR polroles <> ARRAY[to_regrole(role)::oid] OR polcmd <> '*'
				OR NOT polpermissive OR pg_get_expr(polqual, polrelid) IS DISTINCT FROM condition
				OR pg_get_expr(polwithcheck, polrelid) IS DISTINCT FROM condition)
		LOOP
			IF policy.is_there THEN
				EXECUTE format('DROP POLICY %I ON %I', policy.name, one.name);
			END IF;
			EXECUTE format('CREATE POLICY %I ON %I TO %I USING (%s) WITH CHECK (%s)', policy.name, one.name, policy.role,
				       policy.condition, policy.condition);
		END LOOP;

		EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, %I', one.name, app);
		IF one.is_append_only THEN
			EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER ON %I FROM %I', one.name, system);
			EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', one.name, app);
		ELSIF one.is_kept THEN
			EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO %I', one.name, app);
			EXECUTE format('GRANT SELECT, DELETE ON %I TO %I', one.name, system);
		ELSIF NOT one.is_ours THEN
			EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', one.name, app);
		END IF;
		CONTINUE WHEN NOT one.is_append_only;

		IF one.is_audit THEN
			EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', one.name, system);
		END IF;
		FOR trigger IN
			SELECT wanted.*, tgname IS NOT NULL AS is_there FROM (VALUES
				('hallmark_append_only', 'UPDATE OR DELETE', 'ROW'),
				('hallmark_append_only_at_all', 'UPDATE OR DELETE OR TRUNCATE', 'STATEMENT')) AS wanted(name, events, level)
			LEFT JOIN pg_trigger ON tgrelid = one.oid AND tgname = wanted.name
			WHERE tgenabled IS DISTINCT FROM 'A'
		LOOP
			IF NOT trigger.is_there THEN
				EXECUTE format('CREATE TRIGGER %I BEFORE %s ON %I FOR EACH %s EXECUTE FUNCTION hallmark_append_only()',
					       trigger.name, trigger.events, one.name, trigger.level);
			END IF;
			EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', one.name, trigger.name);
		END LOOP;
	END LOOP;

	FOR one IN SELECT relname AS name FROM pg_class WHERE relnamespace = service::regnamespace AND relkind = 'v' LOOP
		EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', one.name);
		EXECUTE format('GRANT SELECT ON %I TO %I', one.name, app);
	END LOOP;

	IF to_regclass(format('%I.audit_log_by_request', service)) IS NULL THEN
		CREATE INDEX audit_log_by_request ON audit_log (brand_id, request_id);
	END IF;
	IF to_regclass(format('%I.audit_log_by_entity', service)) IS NULL THEN
		CREATE INDEX audit_log_by_entity ON audit_log (brand_id, entity_type, entity_id, occurred_at);
	END IF;
	IF to_regclass(format('%I.audit_log_by_time', service)) IS NULL THEN
		CREATE INDEX audit_log_by_time ON audit_log (brand_id, occurred_at);
	END IF;
END
$secure$;
