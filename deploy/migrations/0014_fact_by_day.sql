-- 0014: the log of what happened is outbox only (reliability.md 2.2), and lies by the day of the database's clock: what is old can go
-- without a DELETE, and what is read all day stays small.

-- What is granted on the log, and the policies that stand on it, as statements that say the same of another table of its name.
CREATE FUNCTION fact_rights() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('GRANT %s ON fact TO %s', a.privilege_type, a.grantee::regrole)
  FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'fact'::regclass AND a.grantee <> c.relowner
  UNION ALL
  SELECT format('GRANT %s (%I) ON fact TO %s', a.privilege_type, t.attname, a.grantee::regrole)
  FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = 'fact'::regclass
  UNION ALL
  SELECT format('ALTER TABLE fact %s ROW LEVEL SECURITY', w.what)
  FROM pg_class c, LATERAL (VALUES ('ENABLE', c.relrowsecurity), ('FORCE', c.relforcerowsecurity)) AS w (what, so) WHERE c.oid = 'fact'::regclass AND w.so
  UNION ALL
  SELECT format('CREATE POLICY %I ON fact AS %s FOR %s TO %s', p.policyname, p.permissive, p.cmd, array_to_string(p.roles::text[], ', '))
         || coalesce(' USING (' || p.qual || ')', '') || coalesce(' WITH CHECK (' || p.with_check || ')', '')
  FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = 'fact'
  UNION ALL
  SELECT format('COMMENT ON POLICY %I ON fact IS %L', p.polname, d.description)
  FROM pg_policy p JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_policy'::regclass WHERE p.polrelid = 'fact'::regclass
$$;

-- ------------------------------------------------------------------ the table of before, as everything that came before today
DO $$
BEGIN
  CREATE TEMPORARY TABLE fact_kept ON COMMIT DROP AS SELECT fact_rights() AS statement;
  CREATE TEMPORARY TABLE fact_next ON COMMIT DROP AS SELECT last_value, is_called FROM fact_id_seq;
END $$;

ALTER TABLE fact DROP CONSTRAINT fact_pkey;
DROP INDEX fact_order;
DROP TRIGGER fact_append_only ON fact;              -- comes back from the new table; the one for TRUNCATE stays
ALTER TABLE fact ALTER COLUMN id DROP IDENTITY;
ALTER TABLE fact ADD COLUMN stored_at timestamptz NOT NULL DEFAULT 'epoch';   -- nobody wrote it down
ALTER TABLE fact ALTER COLUMN stored_at SET DEFAULT clock_timestamp();
ALTER TABLE fact ADD CONSTRAINT fact_before_pkey PRIMARY KEY (xid, id, stored_at);
ALTER INDEX fact_subject RENAME TO fact_before_subject;
ALTER TABLE fact RENAME TO fact_before;

DO $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT polname FROM pg_policy WHERE polrelid = 'fact_before'::regclass LOOP
    EXECUTE format('DROP POLICY %I ON fact_before', r.polname);
  END LOOP;
  ALTER TABLE fact_before NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
  FOR r IN SELECT oid::regrole AS name FROM pg_roles WHERE rolname ~ '^hotline_' AND rolname <> 'hotline_owner' LOOP
    EXECUTE format('REVOKE ALL ON fact_before FROM %s', r.name);
  END LOOP;
END $$;

-- ------------------------------------------------------------------ the log
-- Its order is that of (xid, id), as ever; stored_at only says in which table a row lies. No writer gives it, and at may be any time.
CREATE TABLE fact (
  id        bigint GENERATED ALWAYS AS IDENTITY,
  xid       xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at        timestamptz NOT NULL,
  kind      text NOT NULL CONSTRAINT fact_kind_check CHECK (kind ~ '^[a-z_]+\.[a-z_]+$'),
  subject   text NOT NULL,
  topics    text[] NOT NULL,
  actor     text NOT NULL,
  epoch     bigint,
  data      jsonb NOT NULL DEFAULT '{}',
  stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (xid, id, stored_at)
) PARTITION BY RANGE (stored_at);
CREATE INDEX fact_subject ON fact (subject, id);
CREATE TRIGGER fact_append_only BEFORE UPDATE OR DELETE ON fact FOR EACH ROW EXECUTE FUNCTION fact_is_append_only();
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON fact EXECUTE FUNCTION fact_is_append_only();

-- What has no table of its day stands here and is read like all the rest: a day that nobody has prepared refuses no call.
CREATE TABLE fact_default PARTITION OF fact DEFAULT;
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON fact_default EXECUTE FUNCTION fact_is_append_only();

-- Days are those of Shanghai, whatever the session's time zone is.
DO $$
DECLARE
  s text;
BEGIN
  PERFORM set_config('datestyle', 'ISO, YMD', true);   -- a date is written as it is read
  EXECUTE format('ALTER TABLE fact ATTACH PARTITION fact_before FOR VALUES FROM (MINVALUE) TO (%L)', date_trunc('day', now(), 'Asia/Shanghai'));
  FOR s IN SELECT statement FROM fact_kept LOOP
    EXECUTE s;
  END LOOP;
  PERFORM setval('fact_id_seq', last_value, is_called) FROM fact_next;
END $$;

-- ------------------------------------------------------------------ days to come
-- Makes the table of one day, unless there is one, and says whether it did. ATTACH lets everybody write meanwhile, but to fact_default;
-- the caller holds the log against a second one who does the same.
CREATE FUNCTION fact_make_day(day date) RETURNS boolean LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp SET timezone = 'Asia/Shanghai' SET datestyle = 'ISO, YMD' AS $$
DECLARE
  name text := 'fact_' || to_char(day, 'YYYY_MM_DD');
BEGIN
  IF to_regclass('public.' || name) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.fact INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  EXECUTE format('CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON public.%I EXECUTE FUNCTION public.fact_is_append_only()', name);
  EXECUTE format('ALTER TABLE public.fact ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name, day::timestamptz, (day + 1)::timestamptz);
  RETURN true;
END $$;

-- Makes the tables of today and so many days after it that are missing, and says how many it has made. A day of which rows stand in
-- fact_default is left out: fact_settle is its mend. Who asks second waits for the first, and in nobody's way.
CREATE FUNCTION fact_days(ahead int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET timezone = 'Asia/Shanghai' SET datestyle = 'ISO, YMD' SET lock_timeout = '5s' AS $$
DECLARE
  day  date;
  made int := 0;
BEGIN
  IF ahead IS NULL OR ahead NOT BETWEEN 0 AND 60 THEN
    RAISE EXCEPTION 'days ahead: 0 to 60' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  LOCK TABLE ONLY public.fact IN SHARE UPDATE EXCLUSIVE MODE;   -- which no server may take; it lets rows be written and read
  PERFORM set_config('lock_timeout', '500ms', true);            -- from here on others may wait behind this
  FOR day IN SELECT current_date + n FROM generate_series(0, ahead) AS n LOOP
    IF NOT EXISTS (SELECT FROM public.fact_default d WHERE d.stored_at >= day AND d.stored_at < day + 1) AND public.fact_make_day(day) THEN
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;

-- How many days are ready, from today on, and how many rows stand where no day was.
CREATE FUNCTION fact_days_state(OUT ready int, OUT strays bigint) LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET timezone = 'Asia/Shanghai' SET datestyle = 'ISO, YMD' AS $$
  SELECT (SELECT coalesce(min(n), 61) FROM generate_series(0, 60) AS n WHERE to_regclass('public.fact_' || to_char(current_date + n, 'YYYY_MM_DD')) IS NULL),
         (SELECT count(*) FROM public.fact_default)
$$;

-- Gives rows that had no day their day's table, as they are, and says how many there were. Only if there are any do writers wait. For
-- hotline migrate alone; nothing is deleted, so no guard is switched off.
CREATE FUNCTION fact_settle() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET timezone = 'Asia/Shanghai' SET datestyle = 'ISO, YMD' AS $$
DECLARE
  day     date;
  n       bigint;
  settled bigint := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM public.fact_default) THEN
    RETURN 0;
  END IF;
  ALTER TABLE public.fact DETACH PARTITION public.fact_default;
  ALTER TABLE public.fact_default RENAME TO fact_stray;
  CREATE TABLE public.fact_default PARTITION OF public.fact DEFAULT;
  CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON public.fact_default EXECUTE FUNCTION public.fact_is_append_only();
  FOR day IN SELECT DISTINCT stored_at::date FROM public.fact_stray LOOP
    PERFORM public.fact_make_day(day);
    EXECUTE format('INSERT INTO public.%I SELECT * FROM public.fact_stray WHERE stored_at::date = %L', 'fact_' || to_char(day, 'YYYY_MM_DD'), day);
    GET DIAGNOSTICS n = ROW_COUNT;
    settled := settled + n;
  END LOOP;
  DROP TABLE public.fact_stray;
  RETURN settled;
END $$;

GRANT EXECUTE ON FUNCTION fact_days(int), fact_days_state() TO hotline_app;
SELECT fact_days(30);

---- create above / drop below ----

DO $$
BEGIN
  CREATE TEMPORARY TABLE fact_kept ON COMMIT DROP AS SELECT fact_rights() AS statement;
  CREATE TEMPORARY TABLE fact_next ON COMMIT DROP AS SELECT last_value, is_called FROM fact_id_seq;
END $$;
ALTER TABLE fact NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;   -- the owner reads all of it
ALTER TABLE fact ALTER COLUMN id DROP IDENTITY;
ALTER TABLE fact RENAME TO fact_by_day;
ALTER INDEX fact_pkey RENAME TO fact_by_day_pkey;
ALTER INDEX fact_subject RENAME TO fact_by_day_subject;
CREATE TABLE fact (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid     xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at      timestamptz NOT NULL,
  kind    text NOT NULL CONSTRAINT fact_kind_check CHECK (kind ~ '^[a-z_]+\.[a-z_]+$'),
  subject text NOT NULL,
  topics  text[] NOT NULL,
  actor   text NOT NULL,
  epoch   bigint,
  data    jsonb NOT NULL DEFAULT '{}'
);
INSERT INTO fact (id, xid, at, kind, subject, topics, actor, epoch, data) OVERRIDING SYSTEM VALUE
SELECT id, xid, at, kind, subject, topics, actor, epoch, data FROM fact_by_day ORDER BY id;
DROP TABLE fact_by_day;
DROP FUNCTION fact_settle(), fact_days_state(), fact_days(int), fact_make_day(date), fact_rights();
CREATE INDEX fact_order ON fact (xid, id);
CREATE INDEX fact_subject ON fact (subject, id);
CREATE TRIGGER fact_append_only BEFORE UPDATE OR DELETE ON fact FOR EACH ROW EXECUTE FUNCTION fact_is_append_only();
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON fact EXECUTE FUNCTION fact_is_append_only();
DO $$
DECLARE
  s text;
BEGIN
  FOR s IN SELECT statement FROM fact_kept LOOP
    EXECUTE s;
  END LOOP;
  PERFORM setval('fact_id_seq', last_value, is_called) FROM fact_next;
END $$;
