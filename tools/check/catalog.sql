-- Catalog: what else must not be in a live catalog, beside what the migrator looks after (runtime/store/verify.sql): other schemas, other
-- ways to audit_log, things half done. $1: the service. Rows of rule, object, advice. Reads pg_catalog alone and asks for no privilege.
WITH me AS (
	SELECT oid AS schema, nspname AS service, to_regrole(nspname || '_owner')::oid AS owner,
	       to_regrole(nspname || '_migrator')::oid AS migrator, to_regrole(nspname || '_app')::oid AS app,
	       to_regrole(nspname || '_system')::oid AS system
	FROM pg_namespace WHERE nspname = $1
),
relations AS (SELECT c.* FROM me JOIN pg_class c ON relnamespace = schema),
objects AS ( -- what is in the schema, and what hangs on it: class, id, name
	SELECT 'pg_class'::regclass AS class, oid, relname::text AS name FROM relations
UNION ALL
	SELECT 'pg_proc'::regclass, p.oid, proname || '()' FROM me JOIN pg_proc p ON pronamespace = schema
UNION ALL
	SELECT 'pg_type'::regclass, t.oid, typname FROM me JOIN pg_type t ON typnamespace = schema WHERE typrelid = 0
UNION ALL
	SELECT 'pg_constraint'::regclass, k.oid, coalesce(relname || '.', '') || conname
	FROM me JOIN pg_constraint k ON connamespace = schema LEFT JOIN relations ON relations.oid = conrelid
UNION ALL
	SELECT 'pg_attrdef'::regclass, d.oid, relname || '.' || attname
	FROM relations JOIN pg_attrdef d ON adrelid = relations.oid JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
UNION ALL
	SELECT 'pg_rewrite'::regclass, w.oid, relname FROM relations JOIN pg_rewrite w ON ev_class = relations.oid
UNION ALL
	SELECT 'pg_trigger'::regclass, g.oid, relname || '.' || tgname FROM relations JOIN pg_trigger g ON tgrelid = relations.oid
UNION ALL
	SELECT 'pg_policy'::regclass, p.oid, relname || '.' || polname FROM relations JOIN pg_policy p ON polrelid = relations.oid
UNION ALL
	SELECT 'pg_operator'::regclass, o.oid, oprname FROM me JOIN pg_operator o ON oprnamespace = schema
),
crossings AS ( -- an extension's objects (btree_gist in public) are everybody's
	SELECT DISTINCT name, pg_describe_object(refclassid, refobjid, 0) AS other, nspname AS other_schema
	FROM objects JOIN pg_depend d ON classid = class AND objid = objects.oid AND deptype IN ('n', 'a', 'i', 'I', 'P', 'S'), me,
	     LATERAL (SELECT CASE refclassid
			WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = refobjid)
			WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = refobjid)
			WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = refobjid)
			WHEN 'pg_operator'::regclass THEN (SELECT oprnamespace FROM pg_operator WHERE oid = refobjid)
			WHEN 'pg_opclass'::regclass THEN (SELECT opcnamespace FROM pg_opclass WHERE oid = refobjid)
			WHEN 'pg_collation'::regclass THEN (SELECT collnamespace FROM pg_collation WHERE oid = refobjid)
			END) AS theirs(namespace)
	     JOIN pg_namespace ON pg_namespace.oid = namespace
	WHERE namespace <> schema AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
	  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')
),
grants AS ( -- what is not of a table, which verify.sql has
	SELECT proname || '()' AS name, grantee, privilege_type AS privilege
	FROM me JOIN pg_proc ON pronamespace = schema, aclexplode(proacl) WHERE grantee <> proowner
UNION ALL
	SELECT typname, grantee, privilege_type FROM me JOIN pg_type ON typnamespace = schema, aclexplode(typacl) WHERE grantee <> typowner
),
strangers AS ( -- who may become the owner, and is neither the migrator nor a superuser
	SELECT rolname FROM me, pg_roles
	WHERE NOT rolsuper AND oid NOT IN (owner, migrator) AND oid IS DISTINCT FROM app AND oid IS DISTINCT FROM system
	  AND pg_has_role(oid, owner, 'MEMBER') AND NOT pg_has_role(oid, migrator, 'MEMBER')
)
	SELECT 'catalog-other-schemas' AS rule, name AS object, 'depends on ' || other || ' of ' || other_schema
	       || ': what is another service''s is asked of that service' AS advice
	FROM crossings
UNION ALL
	SELECT 'catalog-owner', 'schema ' || nspname, 'belongs to ' || nspowner::regrole || ': ALTER SCHEMA … OWNER TO ' || $1 || '_owner'
	FROM pg_namespace JOIN me ON pg_namespace.oid = schema WHERE pg_namespace.nspowner IS DISTINCT FROM owner
UNION ALL
	SELECT 'catalog-owner', typname, 'belongs to ' || typowner::regrole || ': ALTER TYPE … OWNER TO ' || service || '_owner'
	FROM me JOIN pg_type ON typnamespace = schema WHERE typrelid = 0 AND typelem = 0 AND typowner <> owner
UNION ALL
	SELECT 'catalog-roles', rolname, 'may become ' || service || '_owner, who may take every rule away: REVOKE ' || service || '_owner FROM it'
	FROM strangers, me
UNION ALL
	SELECT 'catalog-roles', r.rolname, 'is a member of ' || g.rolname || ', which is in every schema'
	FROM me, pg_roles r, pg_roles g
	WHERE r.oid IN (app, system, migrator, owner) AND g.rolname IN ('pg_write_all_data', 'pg_read_all_data', 'pg_execute_server_program')
	  AND pg_has_role(r.oid, g.oid, 'MEMBER')
UNION ALL
	SELECT 'catalog-roles', rolname, 'may write to every table by pg_write_all_data, audit_log among them: REVOKE pg_write_all_data FROM it'
	FROM me, pg_roles
	WHERE NOT rolsuper AND rolname !~ '^pg_' AND pg_has_role(oid, 'pg_write_all_data', 'MEMBER')
	  AND coalesce(oid NOT IN (app, system, migrator, owner), true)
UNION ALL
	SELECT 'catalog-roles', rolname, 'passes row-level security: ALTER ROLE … NOBYPASSRLS'
	FROM me, pg_roles WHERE rolbypassrls AND NOT rolsuper AND coalesce(oid NOT IN (app, system, migrator, owner), true)
UNION ALL
	SELECT 'catalog-roles', rolname, 'is a superuser beside the cluster''s first: nothing here binds it' FROM me, pg_roles
	WHERE rolsuper AND rolcanlogin AND oid <> 10 AND coalesce(oid NOT IN (app, system, migrator, owner), true)
UNION ALL
	SELECT 'catalog-roles', coalesce(setrole::regrole::text, 'every role'), 'has ' || split_part(setting, '=', 1) || ' set beforehand: ALTER … RESET it'
	FROM me, pg_db_role_setting, unnest(setconfig) AS setting
	WHERE setting ~ '^(hallmark\.|row_security=|session_replication_role=)' AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
	  AND (setrole = 0 OR setrole IN (app, system, migrator, owner))
UNION ALL
	SELECT 'catalog-grants', coalesce('schema ' || nspname, 'every schema'), 'gives ' || privilege_type || ' on '
	       || CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' ELSE 'schemas' END
	       || ' yet to be made to ' || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END || ': ALTER DEFAULT PRIVILEGES … REVOKE'
	FROM me, pg_default_acl LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace, aclexplode(defaclacl)
	WHERE grantee <> defaclrole AND (defaclnamespace = schema OR defaclnamespace = 0 AND defaclrole = owner)
	  AND NOT (grantee = 0 AND defaclobjtype IN ('f', 'T') AND defaclnamespace = 0) -- PostgreSQL's own
UNION ALL
	SELECT 'catalog-grants', name || ' to ' || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, 'no other service may reach it by SQL'
	FROM me, grants WHERE grantee NOT IN (0, app, system)
UNION ALL
	SELECT 'catalog-audit-log', relname, 'is UNLOGGED: a crash empties it' FROM relations
	WHERE relname = 'audit_log' AND relpersistence <> 'p'
UNION ALL
	SELECT 'catalog-audit-log', t.relname, 'inherits from ' || p.relname || ', so that its entries can be reached by that name'
	FROM relations t JOIN pg_inherits ON inhrelid = t.oid JOIN pg_class p ON p.oid = inhparent
	WHERE t.relname = 'audit_log'
UNION ALL
	SELECT 'catalog-audit-log', relname || '.' || tgname, 'is a trigger on audit_log that the migrator did not make' FROM relations
	JOIN pg_trigger ON tgrelid = relations.oid
	WHERE relname = 'audit_log' AND NOT tgisinternal AND tgname NOT IN ('hallmark_append_only', 'hallmark_append_only_at_all')
UNION ALL
	SELECT 'catalog-half-done', t.relname || '.' || i.relname, 'is an invalid index: DROP INDEX CONCURRENTLY, and build it again'
	FROM relations t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid
	WHERE NOT indisvalid AND i.relname NOT LIKE 'audit\_log\_by\_%'
UNION ALL
	SELECT 'catalog-half-done', relname || '.' || conname, 'is NOT VALID: rows from before are not known to keep it; VALIDATE CONSTRAINT'
	FROM me JOIN pg_constraint ON connamespace = schema JOIN relations ON relations.oid = conrelid WHERE NOT convalidated
UNION ALL
	SELECT 'catalog-brand', relname || '.brand_id', 'has another default than the transaction''s brand'
	FROM relations JOIN pg_attribute ON attrelid = relations.oid JOIN pg_attrdef ON adrelid = relations.oid AND adnum = attnum
	WHERE relkind IN ('r', 'p') AND attname = 'brand_id' AND relname NOT LIKE 'hallmark\_%' AND position('hallmark.brand_id' IN pg_get_expr(adbin, adrelid)) = 0
UNION ALL
	SELECT 'catalog-other-schemas', evtname, 'is an event trigger: it runs in every service''s migrations' FROM me, pg_event_trigger t
	WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND objid = t.oid AND deptype = 'e')
ORDER BY 1, 2, 3
