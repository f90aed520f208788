-- Bootstrap: the roles and the schema of one service, by a credential that may create roles (and schemas, extensions).
-- Run as one statement, again and again: nothing is touched once everything is there.
--
--   <service>_owner     owns the schema and all in it; nobody logs in as it
--   <service>_migrator  may become the owner (SET ROLE); no CREATEROLE, or it could make itself any service's owner
--   <service>_app       runs the service's queries, each for one brand
--   <service>_system    runs what crosses brands, each job under policies of its own
--
-- Roles belong to the whole cluster, the rest to this database; another database may be bootstrapped at the same time.
DO $bootstrap$
DECLARE
	service  text := current_setting('hallmark.service');
	owner    text := service || '_owner';
	migrator text := service || '_migrator';
	app      text := service || '_app';
	system   text := service || '_system';
	role     text;
	me       text := current_user;
	is_super bool := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
	is_ours  bool := (SELECT pg_has_role(datdba, 'MEMBER') FROM pg_database WHERE datname = current_database());
BEGIN
	IF EXISTS (SELECT FROM pg_namespace WHERE nspname = service AND nspowner = to_regrole(owner))
	   AND (SELECT count(*) = 4 FROM pg_roles WHERE rolname IN (owner, migrator, app, system))
	   AND pg_has_role(migrator, owner, 'MEMBER')
	   AND has_database_privilege(migrator, current_database(), 'CONNECT')
	   AND has_database_privilege(app, current_database(), 'CONNECT')
	   AND has_database_privilege(system, current_database(), 'CONNECT') THEN
		RETURN;
	END IF;

	-- One bootstrap at a time in this database. A database lock cannot hold off the other databases of the cluster:
	-- whoever makes a role second waits for the first and finds it made.
	PERFORM pg_advisory_xact_lock(hashtextextended('hallmark.bootstrap', 0));
	FOREACH role IN ARRAY ARRAY[owner, migrator, app, system] LOOP
		CONTINUE WHEN to_regrole(role) IS NOT NULL;
		BEGIN
			EXECUTE format('CREATE ROLE %I NOINHERIT %s', role,
				       CASE role WHEN owner THEN 'NOLOGIN' ELSE 'LOGIN' END);
			EXECUTE format('ALTER ROLE %I SET search_path = %I', role, service);
		EXCEPTION WHEN duplicate_object OR unique_violation THEN
			NULL;
		END;
	END LOOP;
	IF NOT pg_has_role(migrator, owner, 'MEMBER') THEN
		EXECUTE format('GRANT %I TO %I', owner, migrator);
	END IF;

	-- Only a member of a role can give it a schema; the membership is for that moment.
	IF NOT is_super THEN
		EXECUTE format('GRANT %I TO %I', owner, me);
	END IF;
	EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, owner);
	IF NOT is_super THEN
		EXECUTE format('REVOKE %I FROM %I', owner, me);
	END IF;

	-- Exclusion constraints over brand and time need it (no service could make it: it belongs to the database).
	CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;

	-- The database is for these roles. Where it belongs to somebody else, its owner decides who connects.
	IF is_super OR is_ours THEN
		EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
		EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I, %I', current_database(), migrator, app, system);
	END IF;
END
$bootstrap$;
