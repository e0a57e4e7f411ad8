-- 0016: one command, one effect (RC1, RC2). Under a person's key stands what was asked, as a hash, and the id of what it made: nothing of
-- what was asked or answered, because who repeats a command is answered with what is there now and is theirs to see.

DROP TABLE command;
CREATE TABLE command (
  person  uuid NOT NULL,                          -- no foreign key: it would lock the person before the command does
  key     text NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
  hash    bytea NOT NULL CHECK (octet_length(hash) = 32),   -- SHA-256 of method, path and body
  made    text NOT NULL,                          -- id of what it made; '': nothing that has one
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (person, key)
);
CREATE INDEX command_at ON command (at);
ALTER TABLE command ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON command TO hotline_owner USING (true);
COMMENT ON POLICY owner ON command IS 'migrations and the functions below, nobody logs in as it';

-- The web may not read the table: it asks by these functions, as the owner, for one key of one person. A policy for the reader would not
-- do: seats are changed on connections that serve nobody in particular.

-- Keeps a command in the transaction of its effect, as its first write: the same command elsewhere waits here until this one is over.
-- HL020: it has had its effect, the detail says what it made. HL021: the key was another command's.
CREATE FUNCTION command_begin(who uuid, named text, asked bytea, makes text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
  was command;
BEGIN
  INSERT INTO command (person, key, hash, made) VALUES (who, named, asked, makes) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RETURN;
  END IF;
  SELECT * INTO was FROM command WHERE person = who AND key = named;
  IF was.hash IS DISTINCT FROM asked THEN
    RAISE EXCEPTION 'another command has had that key' USING ERRCODE = 'HL021';
  END IF;
  RAISE EXCEPTION 'the command has had its effect' USING ERRCODE = 'HL020', DETAIL = was.made;
END $$;

-- The same without an effect of its own: fails as command_begin does, and is silent about a command that it does not know.
CREATE FUNCTION command_known(who uuid, named text, asked bytea) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  was command;
BEGIN
  SELECT * INTO was FROM command WHERE person = who AND key = named;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF was.hash <> asked THEN
    RAISE EXCEPTION 'another command has had that key' USING ERRCODE = 'HL021';
  END IF;
  RAISE EXCEPTION 'the command has had its effect' USING ERRCODE = 'HL020', DETAIL = was.made;
END $$;

-- Forgets the commands that nobody repeats any more, and says how many.
CREATE FUNCTION command_forget() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (DELETE FROM command WHERE at < clock_timestamp() - interval '24 hours' RETURNING 1) SELECT count(*) FROM gone $$;

GRANT EXECUTE ON FUNCTION command_begin(uuid, text, bytea, text), command_known(uuid, text, bytea), command_forget() TO hotline_app;

-- Who changed which field of a ticket last, and which version that made (RC6): by field, {"version": 7, "by": person, "at": instant}.
ALTER TABLE ticket ADD COLUMN written jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(written) = 'object');
UPDATE ticket t SET written = w.fields FROM (
  SELECT l.ticket, jsonb_object_agg(l.field, jsonb_build_object('version', l.version, 'by', substr(l.actor, 8), 'at', l.at)) AS fields
  FROM (SELECT DISTINCT ON (e.ticket, f.field) e.ticket, f.field, e.version, e.actor, e.at
        FROM ticket_event e CROSS JOIN LATERAL jsonb_array_elements_text(e.data->'fields') AS f (field)
        WHERE e.what = 'drafted' AND e.actor LIKE 'person:%' ORDER BY e.ticket, f.field, e.version DESC) l
  GROUP BY l.ticket) w
WHERE t.id = w.ticket AND t.state = 'draft';

-- A page saves as its person types: of a ticket there are hundreds of events, and each statement of tickets asked them who has ever written
-- there. The ticket says so itself; and the history of one ticket asks about that ticket, where the planner would read all tickets first
-- (OFFSET 0 keeps it from that).
ALTER TABLE ticket ADD COLUMN writers uuid[] NOT NULL DEFAULT '{}';   -- persons of its events
UPDATE ticket t SET writers = w.persons FROM (
  SELECT e.ticket, array_agg(DISTINCT substr(e.actor, 8)::uuid) AS persons FROM ticket_event e WHERE e.actor ~ '^person:[0-9a-f-]{36}$' GROUP BY e.ticket) w
WHERE t.id = w.ticket;
ALTER POLICY reads ON ticket USING (
  (SELECT reach('tickets')) = 'all'
  OR (SELECT reach('tickets')) IN ('own', 'unit')
     AND (official = (SELECT reader()) OR (SELECT reader()) = ANY (writers) OR call IN (SELECT reader_calls()))
  OR (SELECT reach('tickets')) = 'unit' AND state <> 'draft' AND NOT confidential
     AND id IN (SELECT reader_unit_tickets()) AND id NOT IN (SELECT reader_unit_accused())
  OR (SELECT reach('calls')) = 'own' AND NOT confidential
     AND call IN (SELECT reader_citizens_calls()) AND id NOT IN (SELECT reader_unit_accused()));
ALTER POLICY writes ON ticket USING (
  (SELECT reach('writes')) = 'all'
  OR (SELECT reach('writes')) = 'own'
     AND (official = (SELECT reader()) OR (SELECT reader()) = ANY (writers) OR call IN (SELECT reader_calls())));
DROP FUNCTION reader_writings();
DROP INDEX ticket_event_writer;
ALTER POLICY reads ON ticket_event USING (EXISTS (SELECT FROM ticket t WHERE t.id = ticket_event.ticket OFFSET 0));
ALTER POLICY reads ON ticket_unit USING (EXISTS (SELECT FROM ticket t WHERE t.id = ticket_unit.ticket OFFSET 0));

-- A function in SQL is planned anew in each statement, which cost more than what it reads; in PL/pgSQL it is planned once in a session. They
-- say what they said, and go on so on the way back.
DO $do$
DECLARE
  f record;
BEGIN
  FOR f IN SELECT p.proname, p.proretset, p.prosrc, pg_get_function_arguments(p.oid) AS takes, pg_get_function_result(p.oid) AS gives
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace = 'public'::regnamespace AND p.proname ~ '^reader_' AND p.prosecdef AND l.lanname = 'sql' LOOP
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(%s) RETURNS %s LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS %L',
      f.proname, f.takes, f.gives, E'#variable_conflict use_column\nBEGIN\n  ' || CASE WHEN f.proretset THEN 'RETURN QUERY ' || f.prosrc ELSE 'RETURN (' || f.prosrc || ')' END
        || E';\nEND ');
  END LOOP;
END $do$;

-- A fact that was set aside is taken out when it has taken effect after all (RC3). It is kept there whole: its day may go from the log
-- before somebody has mended what kept it from its effect.
ALTER TABLE fact_parked
  ADD COLUMN told_at timestamptz,                   -- the fact's own columns
  ADD COLUMN kind    text,
  ADD COLUMN subject text,
  ADD COLUMN topics  text[],
  ADD COLUMN actor   text,
  ADD COLUMN epoch   bigint,
  ADD COLUMN data    jsonb;
UPDATE fact_parked p SET told_at = f.at, kind = f.kind, subject = f.subject, topics = f.topics, actor = f.actor, epoch = f.epoch, data = f.data
FROM fact f WHERE f.xid = p.xid AND f.id = p.id;
DELETE FROM fact_parked WHERE kind IS NULL;         -- whose day has gone already: there is nothing left to mend it from
ALTER TABLE fact_parked
  ALTER COLUMN told_at SET NOT NULL, ALTER COLUMN kind SET NOT NULL, ALTER COLUMN subject SET NOT NULL, ALTER COLUMN topics SET NOT NULL,
  ALTER COLUMN actor SET NOT NULL, ALTER COLUMN data SET NOT NULL;
GRANT DELETE, UPDATE (at, attempts, error) ON fact_parked TO hotline_reactions;

---- create above / drop below ----

ALTER POLICY reads ON ticket_unit USING (EXISTS (SELECT FROM ticket t WHERE t.id = ticket_unit.ticket));
ALTER POLICY reads ON ticket_event USING (EXISTS (SELECT FROM ticket t WHERE t.id = ticket_event.ticket));
CREATE INDEX ticket_event_writer ON ticket_event (actor, ticket) WHERE actor LIKE 'person:%';
CREATE FUNCTION reader_writings() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.ticket FROM ticket_event e WHERE e.actor = 'person:' || reader() $$;
GRANT EXECUTE ON FUNCTION reader_writings() TO hotline_app;
ALTER POLICY reads ON ticket USING (
  (SELECT reach('tickets')) = 'all'
  OR (SELECT reach('tickets')) IN ('own', 'unit')
     AND (official = (SELECT reader()) OR id IN (SELECT reader_writings()) OR call IN (SELECT reader_calls()))
  OR (SELECT reach('tickets')) = 'unit' AND state <> 'draft' AND NOT confidential
     AND id IN (SELECT reader_unit_tickets()) AND id NOT IN (SELECT reader_unit_accused())
  OR (SELECT reach('calls')) = 'own' AND NOT confidential
     AND call IN (SELECT reader_citizens_calls()) AND id NOT IN (SELECT reader_unit_accused()));
ALTER POLICY writes ON ticket USING (
  (SELECT reach('writes')) = 'all'
  OR (SELECT reach('writes')) = 'own'
     AND (official = (SELECT reader()) OR id IN (SELECT reader_writings()) OR call IN (SELECT reader_calls())));
ALTER TABLE ticket DROP COLUMN writers;
ALTER TABLE ticket DROP COLUMN written;
ALTER TABLE fact_parked DROP COLUMN data, DROP COLUMN epoch, DROP COLUMN actor, DROP COLUMN topics, DROP COLUMN subject, DROP COLUMN kind, DROP COLUMN told_at;
REVOKE DELETE, UPDATE (at, attempts, error) ON fact_parked FROM hotline_reactions;

DROP FUNCTION command_begin(uuid, text, bytea, text), command_known(uuid, text, bytea), command_forget();
DROP TABLE command;
CREATE TABLE command (
  key     text PRIMARY KEY,
  person  uuid NOT NULL,
  path    text NOT NULL,
  status  int NOT NULL,
  body    bytea NOT NULL,
  at      timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON command TO hotline_app;
ALTER TABLE command ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON command TO hotline_owner USING (true);
COMMENT ON POLICY owner ON command IS 'migrations and the functions above, nobody logs in as it';
CREATE POLICY app ON command TO hotline_app USING (true);
COMMENT ON POLICY app ON command IS 'answers kept under the key of a command, which nobody else knows';
