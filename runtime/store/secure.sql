-- Secure: the platform's rules put on every table of the current schema, as its owner, in the migration's own transaction;
-- a table is never there without them. What is already right is left alone, so that no lock is taken without need.
-- verify.sql has been asked before what this cannot put right, and is asked afterwards whether all of it holds.
--
--   tables            row-level security enabled and forced; policies brand (for <service>_app) and owner; brand_id's default.
--                     The owner sees all brands in a session of the migrator's alone: a SECURITY DEFINER function that the
--                     application calls runs as the owner, too, and stays within the brand.
--   append-only ones  audit_log, and any table whose comment begins with "append-only": SELECT and INSERT alone, and
--                     triggers that reject UPDATE, DELETE and TRUNCATE by anyone, whatever session_replication_role says.
--                     What has the trigger hallmark_append_only_at_all stays so, without its comment and as a partition that is
--                     detached, until a file drops that trigger
--   audit_log         its indexes; INSERT and SELECT for <service>_system, which writes grouped entries over brands
--   hallmark_…        the migrator's own: nobody else's
--   idempotent_reply  no DELETE for <service>_app; <service>_system sees and deletes what has expired
--   partitions        like any table: they inherit none of this
CREATE OR REPLACE FUNCTION hallmark_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
BEGIN
	RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
		USING ERRCODE = 'HM009', HINT = 'APPEND_ONLY';
END
$function$;

DO $secure$
DECLARE
	service text := current_schema();
	app     text := service || '_app';
	system  text := service || '_system';
	owner   text := service || '_owner';
	mine    text := '(brand_id = ( SELECT NULLIF(current_setting(''hallmark.brand_id''::text, true), ''''::text) AS "nullif"))';
	theirs  text := format('(( SELECT pg_has_role(SESSION_USER, %L::name, ''MEMBER''::text) AS pg_has_role) OR %s)', owner, mine);
	one     record;
	policy  record;
	trigger record;
BEGIN
	EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
	EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %I, %I', service, app, system);
	EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I', service, app, system);
	EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA %I FROM PUBLIC', service);
	EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA %I TO %I, %I', service, app, system);
	EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM PUBLIC, %I', service, app);
	EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', service, app);

	FOR one IN
		SELECT c.oid, c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
		       c.relname IN ('hallmark_migration', 'hallmark_progress') AS is_ours, c.relname = 'idempotent_reply' AS is_kept, root.relname = 'audit_log' AS is_audit,
		       root.relname = 'audit_log' OR coalesce(obj_description(root.oid, 'pg_class') LIKE 'append-only%', false)
		       OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'hallmark_append_only_at_all') AS is_append_only,
		       (SELECT pg_get_expr(adbin, adrelid) FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = c.oid AND attname = 'brand_id') AS brand_default
		FROM pg_class c JOIN pg_class root ON root.oid = coalesce(pg_partition_root(c.oid), c.oid)
		WHERE c.relnamespace = service::regnamespace AND c.relkind IN ('r', 'p')
		ORDER BY (SELECT count(*) FROM pg_partition_ancestors(c.oid)), c.relname -- parents give their partitions row triggers
	LOOP
		IF NOT one.is_ours AND one.brand_default IS DISTINCT FROM 'NULLIF(current_setting(''hallmark.brand_id''::text, true), ''''::text)' THEN
			EXECUTE format('ALTER TABLE %I ALTER brand_id SET DEFAULT nullif(current_setting(''hallmark.brand_id'', true), '''')', one.name);
		END IF;
		IF NOT one.is_forced THEN
			EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', one.name);
		END IF;

		FOR policy IN
			SELECT wanted.*, polname IS NOT NULL AS is_there FROM (VALUES
				('brand', app, mine, true),
				('owner', owner, theirs, true),
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
		FOR trigger IN -- one of another kind under that name does not guard; a partition's own is its parent's, and changes with it
			SELECT wanted.*, tgname IS NOT NULL AS is_there,
			       (tgfoid <> to_regproc('hallmark_append_only') OR tgtype <> type OR tgqual IS NOT NULL OR tgattr <> '')
			       AND tgparentid = 0 AS is_strange
			FROM (VALUES
				('hallmark_append_only', 'UPDATE OR DELETE', 'ROW', 27),
				('hallmark_append_only_at_all', 'UPDATE OR DELETE OR TRUNCATE', 'STATEMENT', 58)) AS wanted(name, events, level, type)
			LEFT JOIN pg_trigger ON tgrelid = one.oid AND tgname = wanted.name
			WHERE tgenabled IS DISTINCT FROM 'A' OR tgfoid <> to_regproc('hallmark_append_only') OR tgtype <> type
			   OR tgqual IS NOT NULL OR tgattr <> ''
		LOOP
			IF trigger.is_strange THEN
				EXECUTE format('DROP TRIGGER %I ON %I', trigger.name, one.name);
			END IF;
			IF trigger.is_strange OR NOT trigger.is_there THEN
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
