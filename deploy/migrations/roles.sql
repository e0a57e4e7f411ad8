-- The roles of an installation (RS3, reliability.md 8), made once by a superuser, in the database of the hotline:
--
--   hotline migrate --bootstrap --database-url-file=…      or      psql -d hotline -f roles.sql
--
-- hotline_owner       owns every table and function; nobody logs in as it
-- hotline_migrate     becomes the owner, for 'hotline migrate'
-- hotline_app         what the server does for people, each time as far as the reader's rights reach
-- hotline_controller  the call path: every call, and nothing else
-- hotline_reactions   what follows from the log of facts, the seals of the audit trail, and 'hotline verify'
-- hotline_report      reads what holds no personal data
--
-- All but the first log in, and the server as three of them. Passwords are the installation's own affair (\password hotline_app). It may be run again: it changes only what is not so.

DO $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT * FROM (VALUES ('hotline_owner', false), ('hotline_migrate', true), ('hotline_app', true), ('hotline_controller', true),
    ('hotline_reactions', true), ('hotline_report', true)) AS wanted (name, login)
  LOOP
    IF to_regrole(r.name) IS NULL THEN
      EXECUTE format('CREATE ROLE %I', r.name);
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = r.name
                 AND (rolcanlogin <> r.login OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)) THEN
      EXECUTE format('ALTER ROLE %I %s NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS', r.name,
                     CASE WHEN r.login THEN 'LOGIN' ELSE 'NOLOGIN' END);
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'hotline_owner'::regrole AND member = 'hotline_migrate'::regrole) THEN
    GRANT hotline_owner TO hotline_migrate;
  END IF;
  FOR r IN SELECT roleid::regrole AS held, member::regrole AS holder FROM pg_auth_members
           WHERE member IN ('hotline_owner'::regrole, 'hotline_app'::regrole, 'hotline_controller'::regrole, 'hotline_reactions'::regrole, 'hotline_report'::regrole)
  LOOP
    EXECUTE format('REVOKE %s FROM %s', r.held, r.holder);
  END LOOP;
END $$;

-- The database, and what an earlier version has made in it, go to the owner. What belongs to an extension stays the extension's.
DO $$
DECLARE
  o record;
BEGIN
  IF (SELECT datdba FROM pg_database WHERE datname = current_database()) <> 'hotline_owner'::regrole THEN
    EXECUTE format('ALTER DATABASE %I OWNER TO hotline_owner', current_database());
  END IF;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO hotline_migrate, hotline_app, hotline_controller, hotline_reactions, hotline_report', current_database());
  FOR o IN
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relowner <> 'hotline_owner'::regrole
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i', 'e'))
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text
    FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 'hotline_owner'::regrole
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO hotline_owner', o.kind, o.name);
  END LOOP;
END $$;
