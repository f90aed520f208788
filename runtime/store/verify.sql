-- Verify: what does not hold in the live catalog of the current schema, a row each: rule, object, advice, and whether the migrator
-- puts it right itself (secure.sql) or somebody has to. No row: everything holds. Reads the catalog alone and shares no code with
-- secure.sql, so that neither can be wrong for the other; any role may run it, with the service's schema as search_path.
--
--   ranks 1 to 7   what a migration has to do itself, or what was changed by hand and nobody but a person can judge
--   ranks 8 and up what secure.sql puts on
WITH me AS (
	SELECT current_schema()::text AS service, current_schema()::regnamespace::oid AS schema,
	       to_regrole(current_schema() || '_owner')::oid AS owner, to_regrole(current_schema() || '_migrator')::oid AS migrator,
	       to_regrole(current_schema() || '_app')::oid AS app, to_regrole(current_schema() || '_system')::oid AS system,
	       to_regclass(format('%I.audit_log', current_schema()))::oid AS audit_log
),
audit AS (
	SELECT string_agg(format('%s %s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END),
			  ', ' ORDER BY attnum) AS columns,
	       'id uuid NOT NULL, occurred_at timestamp with time zone NOT NULL, actor_type text NOT NULL, actor_id text NOT NULL, '
	       'actor_brand_id text, event_type text NOT NULL, entity_type text, entity_id text, brand_id text NOT NULL, '
	       'request_id text, details jsonb' AS expected
	FROM pg_attribute, me
	WHERE attrelid = audit_log AND attnum > 0 AND NOT attisdropped
),
tables AS (
	SELECT c.oid AS relid, c.relname AS name, c.relowner, c.relacl, c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
	       c.relname IN ('hallmark_migration', 'hallmark_progress') AS is_ours, c.relname = 'idempotent_reply' AS is_kept,
	       root.relname = 'audit_log' AS is_audit,
	       root.relname = 'audit_log' OR coalesce(obj_description(root.oid, 'pg_class') LIKE 'append-only%', false)
	       OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'hallmark_append_only_at_all') AS is_append_only
	FROM me JOIN pg_class c ON c.relnamespace = schema JOIN pg_class root ON root.oid = coalesce(pg_partition_root(c.oid), c.oid)
	WHERE c.relkind IN ('r', 'p')
),
relation_grants AS (
	SELECT c.oid AS relid, relname AS name, relkind, grantee, privilege_type AS privilege, is_grantable, false AS is_column
	FROM me JOIN pg_class c ON relnamespace = schema, aclexplode(relacl) WHERE grantee <> relowner
UNION ALL
	SELECT c.oid, relname, relkind, grantee, privilege_type, is_grantable, true
	FROM me JOIN pg_class c ON relnamespace = schema JOIN pg_attribute ON attrelid = c.oid, aclexplode(attacl)
	WHERE grantee <> relowner AND NOT attisdropped
),
wanted_policies AS (
	SELECT relid, name AS on_table, wanted.*
	FROM tables, me, LATERAL (VALUES
		('brand', app, '(brand_id = ( SELECT NULLIF(current_setting(''hallmark.brand_id''::text, true), ''''::text) AS "nullif"))', true),
		('owner', owner, format('(( SELECT pg_has_role(SESSION_USER, %L::name, ''MEMBER''::text) AS pg_has_role) OR (brand_id = '
			'( SELECT NULLIF(current_setting(''hallmark.brand_id''::text, true), ''''::text) AS "nullif")))', owner::regrole), true),
		('system', system, 'true', is_audit),
		('expiry', system, '(expires_at < now())', is_kept)) AS wanted(policy, role, condition, is_wanted)
	WHERE is_wanted
),
wanted_triggers AS (
	SELECT relid, name AS on_table, wanted.* FROM tables, (VALUES
		('hallmark_append_only', 27), -- BEFORE UPDATE OR DELETE, each row
		('hallmark_append_only_at_all', 58)) AS wanted(trigger, type) -- BEFORE UPDATE OR DELETE OR TRUNCATE, once
	WHERE is_append_only
),
offences(rank, rule, object, advice) AS (
	SELECT 1, 'audit-table-required', 'audit_log',
	       CASE WHEN columns IS NULL THEN 'is missing; it has ' || expected
		    WHEN lacking = '' AND strange = '' THEN 'has its columns in another order than ' || expected
		    ELSE format('lacks [%s] and has beside them [%s]', lacking, strange) END
	FROM audit,
	     LATERAL (SELECT coalesce(string_agg(one, ', '), '') FROM (SELECT regexp_split_to_table(expected, ', ')
		EXCEPT SELECT regexp_split_to_table(columns, ', ')) AS missing(one)) AS a(lacking),
	     LATERAL (SELECT coalesce(string_agg(one, ', '), '') FROM (SELECT regexp_split_to_table(columns, ', ')
		EXCEPT SELECT regexp_split_to_table(expected, ', ')) AS extra(one)) AS b(strange)
	WHERE columns IS DISTINCT FROM expected
UNION ALL
	SELECT 2, 'audit-table-required', 'audit_log', 'has to have PRIMARY KEY (id)'
	FROM me WHERE audit_log IS NOT NULL AND NOT EXISTS (
		SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
		WHERE indrelid = audit_log AND indisprimary AND indnkeyatts = 1 AND attname = 'id')
UNION ALL
	SELECT 3, 'migration-brand-id-required', name, 'has to have a column brand_id text NOT NULL'
	FROM tables WHERE NOT EXISTS (
		SELECT FROM pg_attribute
		WHERE attrelid = relid AND attname = 'brand_id' AND NOT attisdropped AND attnotnull AND atttypid = 'text'::regtype)
UNION ALL -- the policies compare by the column's own collation: under one that is not, two brands can be equal
	SELECT 3, 'migration-brand-id-required', name, 'has a brand_id whose collation is not deterministic: it takes brands for each other'
	FROM tables JOIN pg_attribute ON attrelid = relid JOIN pg_collation ON pg_collation.oid = attcollation
	WHERE attname = 'brand_id' AND NOT collisdeterministic
UNION ALL
	SELECT 4, 'policy-names-its-role', relname || '.' || polname, 'is for PUBLIC: say TO ' || service || '_app or _system'
	FROM me JOIN pg_class ON relnamespace = schema JOIN pg_policy ON polrelid = pg_class.oid
	WHERE 0::oid = ANY (polroles)
UNION ALL -- an owner from whom rows are hidden fills nothing, and finds nothing left to fill
	SELECT 4, 'policy-names-its-role', relname || '.' || polname, 'is for the owner, who sees every row: say TO ' || service || '_app or _system'
	FROM me JOIN pg_class ON relnamespace = schema JOIN pg_policy ON polrelid = pg_class.oid
	WHERE owner = ANY (polroles) AND polname <> 'owner'
UNION ALL -- policies are alternatives: one that does not look at the brand opens the table to every brand
	SELECT 4, 'policy-keeps-the-brand', relname || '.' || polname,
	       'opens rows to ' || service || '_app whatever the brand: compare with current_setting(''hallmark.brand_id'', true), '
	       'or say AS RESTRICTIVE'
	FROM me JOIN pg_class ON relnamespace = schema JOIN pg_policy ON polrelid = pg_class.oid,
	     LATERAL (VALUES (polqual), (polwithcheck)) AS one(condition)
	WHERE polpermissive AND app = ANY (polroles) AND polname <> 'brand'
	  AND position('hallmark.brand_id' IN pg_get_expr(condition, polrelid)) = 0
UNION ALL
	SELECT 5, 'rule-forbidden', relname || '.' || rulename, 'runs as the table''s owner, past the brand'
	FROM me JOIN pg_class ON relnamespace = schema JOIN pg_rewrite ON ev_class = pg_class.oid
	WHERE rulename <> '_RETURN'
UNION ALL -- else a brand could tell another's keys by the errors, or refer to its rows
	SELECT 5, 'brand-id-in-keys-required', indrelid::regclass || '.' || relname, 'is unique over all brands: put brand_id into it'
	FROM me JOIN pg_class ON relnamespace = schema JOIN pg_index ON indexrelid = pg_class.oid
	WHERE (indisunique OR indisexclusion) AND coalesce(pg_partition_root(indrelid), indrelid) IS DISTINCT FROM audit_log
	  AND NOT EXISTS (SELECT FROM pg_attribute
			  WHERE attrelid = indrelid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1]) AND attname = 'brand_id')
UNION ALL
	SELECT 5, 'brand-id-in-keys-required', conrelid::regclass || '.' || conname, 'refers over brands: put brand_id into it'
	FROM me JOIN pg_constraint ON connamespace = schema
	WHERE contype = 'f' AND NOT EXISTS (
		SELECT FROM unnest(conkey, confkey) AS pair(one, other)
		JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = one JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = other
		WHERE a.attname = 'brand_id' AND b.attname = 'brand_id')
UNION ALL
	SELECT 5, 'foreign-table-forbidden', relname, 'cannot have row-level security'
	FROM me JOIN pg_class ON relnamespace = schema WHERE relkind = 'f'
UNION ALL
	SELECT 5, 'view-security-invoker-required', relname,
	       'reads as its owner, past the brand: CREATE VIEW … WITH (security_invoker = true), never MATERIALIZED'
	FROM me JOIN pg_class ON relnamespace = schema
	WHERE relkind = 'm' OR relkind = 'v' AND
		NOT coalesce(reloptions && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false)
UNION ALL -- with a temporary table before its own, or a function of public's, it does what others wish
	SELECT 6, 'security-definer-search-path', proname || '()',
	       'runs as its owner with the caller''s search_path: SET search_path = pg_catalog, ' || service || ', pg_temp'
	FROM me JOIN pg_proc ON pronamespace = schema WHERE prosecdef AND NOT EXISTS (
		SELECT FROM unnest(proconfig) AS setting WHERE setting ~ format('^search_path=((pg_catalog|"?%s"?), )*pg_temp$', service))
UNION ALL
	SELECT 6, 'function-keeps-the-brand', proname || '()', 'sets a brand of its own: its callers have one'
	FROM me JOIN pg_proc ON pronamespace = schema WHERE EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'hallmark.%')
UNION ALL -- in another schema it is nobody's here; what an extension brought, its author answers for
	SELECT 6, 'security-definer-forbidden', nspname || '.' || proname || '()', 'runs as its owner, past the brand'
	FROM me, pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
	WHERE prosecdef AND pronamespace <> schema AND nspname NOT IN ('pg_catalog', 'information_schema')
	  AND has_schema_privilege(app, pronamespace, 'USAGE') AND has_function_privilege(app, pg_proc.oid, 'EXECUTE')
	  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
UNION ALL
	SELECT 6, 'owner-owns-all', relname, 'belongs to ' || relowner::regrole || ': ALTER TABLE … OWNER TO ' || service || '_owner'
	FROM me JOIN pg_class ON relnamespace = schema WHERE relkind IN ('r', 'p', 'v', 'S', 'f') AND relowner <> owner
UNION ALL -- who owns one may give it another body
	SELECT 6, 'owner-owns-all', proname || '()', 'belongs to ' || proowner::regrole || ': ALTER ROUTINE … OWNER TO ' || service || '_owner'
	FROM me JOIN pg_proc ON pronamespace = schema WHERE proowner <> owner
UNION ALL -- a key that is not looked at, a balance that is not moved
	SELECT 6, 'triggers-are-enabled', relname || '.' || tgname, 'is switched off: ALTER TABLE … ENABLE TRIGGER'
	FROM me JOIN pg_class ON relnamespace = schema JOIN pg_trigger ON tgrelid = pg_class.oid
	WHERE tgenabled IN ('D', 'R') AND tgname NOT LIKE 'hallmark_append_only%'
UNION ALL -- whoever made them by hand may have meant well
	SELECT 7, 'roles-are-plain', rolname, 'may pass row-level security or other rules: NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION, and as an owner NOLOGIN'
	FROM pg_roles, me
	WHERE oid IN (owner, migrator, app, system) AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication OR oid = owner AND rolcanlogin)
UNION ALL
	SELECT 7, 'roles-are-plain', member.rolname, 'may become ' || other.rolname || ', and pass row-level security or other rules: REVOKE it'
	FROM me, pg_roles member JOIN pg_roles other ON other.oid <> member.oid
	WHERE member.oid IN (app, system) AND NOT member.rolsuper AND pg_has_role(member.oid, other.oid, 'MEMBER')
	  AND (other.oid IN (owner, migrator, app, system) OR other.rolsuper OR other.rolbypassrls OR other.rolcreaterole OR other.rolreplication
	       OR other.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
UNION ALL -- who may make roles could give itself these
	SELECT 7, 'schema-is-private', roleid::regrole || ' to ' || rolname, 'no other role may become it: REVOKE it'
	FROM me, pg_auth_members JOIN pg_roles ON pg_roles.oid = member
	WHERE roleid IN (owner, migrator, app, system) AND member NOT IN (owner, migrator, app, system) AND NOT rolsuper AND NOT rolcreaterole
UNION ALL
	SELECT 7, 'roles-are-plain', coalesce(rolname, 'the database') || '.' || split_part(setting, '=', 1),
	       'is set for every session, which the runtime alone does: ALTER … RESET'
	FROM me, pg_db_role_setting LEFT JOIN pg_roles ON pg_roles.oid = setrole, unnest(pg_db_role_setting.setconfig) AS setting
	WHERE setrole IN (0, owner, migrator, app, system) AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
	  AND (setting LIKE 'hallmark.%' OR split_part(setting, '=', 1) IN ('role', 'row_security', 'session_replication_role'))
UNION ALL -- a service's files find there what is not in its schema
	SELECT 7, 'public-schema-closed', 'public', 'is where anybody may put functions that migrations run: REVOKE CREATE ON SCHEMA public FROM PUBLIC'
	FROM me JOIN pg_namespace ON nspname = 'public' WHERE has_schema_privilege('public', pg_namespace.oid, 'CREATE')
UNION ALL
	SELECT DISTINCT 7, 'schema-is-private', name || ' to ' || grantee::regrole, 'no other service may reach it by SQL'
	FROM relation_grants, me WHERE grantee NOT IN (0, app, system)
UNION ALL
	SELECT DISTINCT 7, 'schema-is-private', nspname || ' to ' || grantee::regrole, 'no other service may reach it by SQL'
	FROM me JOIN pg_namespace ON pg_namespace.oid = schema, aclexplode(nspacl)
	WHERE grantee NOT IN (0, nspowner, app, system)
UNION ALL
	SELECT 8, 'row-security-forced', name, 'has row-level security not enabled and forced' FROM tables WHERE NOT is_forced
UNION ALL
	SELECT 8, 'policies-as-put-on', on_table || '.' || policy,
	       CASE WHEN polname IS NULL THEN 'is missing' ELSE 'is another policy than the migrator''s' END
	FROM wanted_policies LEFT JOIN pg_policy ON polrelid = relid AND polname = policy
	WHERE polname IS NULL OR polroles <> ARRAY[role] OR polcmd <> '*' OR NOT polpermissive
	   OR pg_get_expr(polqual, polrelid) IS DISTINCT FROM condition OR pg_get_expr(polwithcheck, polrelid) IS DISTINCT FROM condition
UNION ALL
	SELECT 8, 'brand-id-by-itself', name, 'has no default for brand_id, or another than the transaction''s brand'
	FROM tables JOIN pg_attribute ON attrelid = relid AND attname = 'brand_id' LEFT JOIN pg_attrdef ON adrelid = relid AND adnum = attnum
	WHERE pg_get_expr(adbin, adrelid) IS DISTINCT FROM CASE WHEN is_ours THEN '''system''::text'
		ELSE 'NULLIF(current_setting(''hallmark.brand_id''::text, true), ''''::text)' END
UNION ALL
	SELECT 9, 'append-only-triggers', on_table || '.' || trigger,
	       CASE WHEN tgname IS NULL THEN 'is missing' ELSE 'does not refuse everybody' END
	FROM wanted_triggers LEFT JOIN pg_trigger ON tgrelid = relid AND tgname = trigger
	WHERE tgname IS NULL OR tgenabled <> 'A' OR tgtype <> type OR tgqual IS NOT NULL OR tgattr <> ''
	   OR tgfoid IS DISTINCT FROM to_regproc('hallmark_append_only')
UNION ALL -- the hash is of its body as secure.sql has it
	SELECT 9, 'append-only-triggers', 'hallmark_append_only()', 'is not the function that refuses'
	FROM me WHERE NOT EXISTS (
		SELECT FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
		WHERE pronamespace = schema AND proname = 'hallmark_append_only' AND lanname = 'plpgsql'
		  AND md5(prosrc) = '5136399f1651e0d98fe7f4426a6f8902' AND proconfig = ARRAY['search_path=pg_catalog'])
UNION ALL
	SELECT 9, 'idempotent-replies', 'hallmark_claim_key()', 'is not the function that keeps two calls with one key apart'
	FROM me WHERE NOT EXISTS (
		SELECT FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
		WHERE pronamespace = schema AND proname = 'hallmark_claim_key' AND lanname = 'plpgsql'
		  AND md5(prosrc) = 'f72adfaa2cb71e25a3c57d1f7c919329' AND proconfig IS NULL)
UNION ALL
	SELECT 10, 'grants-as-put-on', name, format('%s_app may [%s] and should [%s]', service, is_so, should_be)
	FROM me, tables, LATERAL (SELECT
		coalesce((SELECT string_agg(privilege || CASE WHEN is_grantable THEN '*' ELSE '' END
					    || CASE WHEN is_column THEN ' of a column' ELSE '' END, ' ' ORDER BY privilege)
			  FROM relation_grants WHERE relation_grants.relid = tables.relid AND grantee = app), '') AS is_so,
		CASE WHEN is_ours THEN '' WHEN is_append_only THEN 'INSERT SELECT' WHEN is_kept THEN 'INSERT SELECT UPDATE'
		     ELSE 'DELETE INSERT SELECT UPDATE' END AS should_be) AS grants
	WHERE is_so <> should_be
UNION ALL
	SELECT 10, 'grants-as-put-on', name, service || '_system may change what is append-only'
	FROM me, tables WHERE is_append_only AND EXISTS (
		SELECT FROM relation_grants WHERE relation_grants.relid = tables.relid AND grantee = system
		AND privilege IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER'))
UNION ALL
	SELECT 10, 'grants-as-put-on', name, service || '_system has to have ' || privilege
	FROM me, tables, LATERAL (VALUES (is_audit, 'SELECT'), (is_audit, 'INSERT'), (is_kept, 'SELECT'), (is_kept, 'DELETE'))
		AS needed(is_needed, privilege)
	WHERE is_needed AND NOT EXISTS (SELECT FROM relation_grants
		WHERE relation_grants.relid = tables.relid AND grantee = system AND relation_grants.privilege = needed.privilege AND NOT is_column)
UNION ALL
	SELECT DISTINCT 10, 'grants-as-put-on', name, 'is open to PUBLIC' FROM relation_grants WHERE grantee = 0
UNION ALL
	SELECT 10, 'grants-as-put-on', relname, service || '_app has to have ' || privilege
	FROM me JOIN pg_class ON relnamespace = schema
	JOIN (VALUES ('v', 'SELECT'), ('S', 'USAGE')) AS needed(kind, privilege) ON relkind = kind::"char"
	WHERE NOT EXISTS (SELECT FROM relation_grants
		WHERE relation_grants.relid = pg_class.oid AND grantee = app AND relation_grants.privilege = needed.privilege)
UNION ALL -- one who may set it keeps all others from their next number
	SELECT 10, 'grants-as-put-on', name, service || '_app may ' || privilege || CASE WHEN is_grantable THEN '*' ELSE '' END || ' and should [USAGE]'
	FROM relation_grants, me WHERE relkind = 'S' AND grantee = app AND (privilege <> 'USAGE' OR is_grantable)
UNION ALL
	SELECT 10, 'grants-as-put-on', proname || '()', 'is to be run by ' || service || '_app and _system, and not by PUBLIC'
	FROM me JOIN pg_proc ON pronamespace = schema
	WHERE proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)
	   OR NOT has_function_privilege(app, pg_proc.oid, 'EXECUTE') OR NOT has_function_privilege(system, pg_proc.oid, 'EXECUTE')
UNION ALL
	SELECT 10, 'grants-as-put-on', 'schema ' || nspname, 'is for ' || service || '_app and _system to use, and for nobody else'
	FROM me JOIN pg_namespace ON pg_namespace.oid = schema
	WHERE NOT has_schema_privilege(app, schema, 'USAGE') OR NOT has_schema_privilege(system, schema, 'USAGE')
	   OR EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee = 0 OR grantee IN (app, system) AND privilege_type = 'CREATE')
UNION ALL
	SELECT 11, 'audit-log-indexes', name, 'is missing, or invalid'
	FROM me, (VALUES ('audit_log_by_request'), ('audit_log_by_entity'), ('audit_log_by_time')) AS wanted(name)
	WHERE audit_log IS NOT NULL AND NOT EXISTS (SELECT FROM pg_index
		WHERE indrelid = audit_log AND indexrelid = to_regclass(format('%I.%I', service, name)) AND indisvalid)
)
SELECT rule, object, advice, rank >= 8 AS is_put_right FROM offences ORDER BY rank, rule, advice, object;
