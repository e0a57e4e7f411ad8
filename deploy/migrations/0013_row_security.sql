-- 0013: whose rows somebody sees (RS3). Row-level security on every table, also for its owner; a table that shows a role all of its rows
-- says why. The controller and the reactions have roles of their own, whose rows are fixed by who connects. The web acts for a reader:
-- the server says at each loan of a connection for whom it is (agent/store.ForReader), with scopes out of agent/policy, and a connection
-- for nobody shows no row of a citizen.

-- ------------------------------------------------------------------ who reads
-- The settings of the reader: hotline.person, hotline.unit, and for each of hotline.tickets, hotline.writes, hotline.calls,
-- hotline.callbacks and hotline.audit one of '', 'own', 'unit', 'all'.
CREATE FUNCTION reach(what text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(current_setting('hotline.' || what, true), '') $$;

CREATE FUNCTION reader() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('hotline.person', true), '')::uuid $$;

-- What follows runs as the owner, so that a policy may look into tables whose own policies look back. A set is made once a statement,
-- for lists; a question is asked of one row.

-- Whether the reader sat at a seat's desk meanwhile. Room and supervisor sit by the seat, not at its calls.
CREATE FUNCTION reader_sat(at text, began timestamptz, ended timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM sitting s WHERE s.person = reader() AND s.seat = at AND s.place NOT IN ('room', 'supervisor')
    AND s.began_at < coalesce(ended, 'infinity') AND coalesce(s.ended_at, 'infinity') > began) $$;

-- Whether the reader has to do with a call: call_party of one call and one person (RS4).
CREATE FUNCTION reader_has_call(id uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM call_holder h WHERE h.call = id AND (h.person = reader() OR reader_sat(h.seat, h.began_at, h.ended_at))) $$;

-- Whether the reader has to do with a call of that citizen, by the index of the number: what they brought before comes up with a call (pop).
CREATE FUNCTION reader_has_citizen(number bytea) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM call c WHERE c.num_idx = number AND reader_has_call(c.id)) $$;

-- All calls of reader_has_call. A segment belongs to whoever sat there; no call is served for a day.
CREATE FUNCTION reader_calls() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.call FROM sitting a CROSS JOIN LATERAL (
    SELECT v.call FROM served v WHERE v.seat = a.seat AND v.began_at > a.began_at - interval '1 day'
      AND v.began_at < coalesce(a.ended_at, 'infinity') AND coalesce(v.ended_at, 'infinity') > a.began_at OFFSET 0) g
  WHERE a.person = reader() AND a.place NOT IN ('room', 'supervisor')
  UNION ALL
  SELECT v.call FROM served v WHERE v.person = reader()
  UNION ALL
  SELECT h.call FROM (
    SELECT o.call FROM offer o WHERE o.state = 'open'
    UNION
    SELECT p.call FROM call c JOIN participant p ON p.call = c.id WHERE c.ended_at IS NULL AND p.seat IS NOT NULL AND p.state <> 'gone') h
  WHERE reader_has_call(h.call) $$;
CREATE INDEX segment_seat ON segment (seat, began_at);
CREATE INDEX segment_person ON segment (person);

-- All calls of their citizens.
CREATE FUNCTION reader_citizens_calls() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.id FROM call c WHERE c.num_idx IN (SELECT m.num_idx FROM call m WHERE m.id IN (SELECT reader_calls())) $$;

-- Tickets that the reader has written in.
CREATE FUNCTION reader_writings() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.ticket FROM ticket_event e WHERE e.actor = 'person:' || reader() $$;
CREATE INDEX ticket_event_writer ON ticket_event (actor, ticket) WHERE actor LIKE 'person:%';

-- Tickets of the reader's unit, and those that are about it, which it never reads (P-02).
CREATE FUNCTION reader_unit_tickets() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.ticket FROM ticket_unit u WHERE u.unit = current_setting('hotline.unit', true) AND u.role <> 'accused' $$;

CREATE FUNCTION reader_unit_accused() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.ticket FROM ticket_unit u WHERE u.unit = current_setting('hotline.unit', true) AND u.role = 'accused' $$;

-- ------------------------------------------------------------------ every table
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relowner = 'hotline_owner'::regrole LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t.relname);
    EXECUTE format('CREATE POLICY owner ON %I TO hotline_owner USING (true)', t.relname);
    EXECUTE format('COMMENT ON POLICY owner ON %I IS %L', t.relname, 'migrations and the functions above, nobody logs in as it');
  END LOOP;
  FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' AND relowner = 'hotline_owner'::regrole LOOP
    EXECUTE format('ALTER VIEW %I SET (security_invoker = true)', t.relname);
  END LOOP;
END $$;

-- Tables of which a role sees all rows, and why.
DO $$
DECLARE
  w record;
  t text;
BEGIN
  FOR w IN SELECT * FROM (VALUES
    ('hotline_app', 'schema_version', 'the server compares it with its own'),
    ('hotline_controller', 'schema_version', 'hotline vault compares it with its own'),
    ('hotline_reactions', 'schema_version', 'hotline verify compares it with its own'),
    ('hotline_app', 'unit session line line_number seat seat_work', 'how the hall is set up and what its seats do: no citizen, and everybody''s to know'),
    ('hotline_app', 'person person_role login sign_in_failure', 'asked before it is known who asks: a sign-in, a cookie'),
    ('hotline_app', 'assignment sitting seat_state', 'who may sit where, sits and sat there: asked to find out what the reader may'),
    ('hotline_app', 'command', 'answers kept under the key of a command, which nobody else knows'),
    ('hotline_app', 'participant segment offer', 'seats and persons of calls by their ids: nothing of the citizen, and asked to find out what the reader may'),
    ('hotline_app', 'controller', 'who holds the lease'),
    ('hotline_app', 'promise ticket_counter', 'days and places in a year: nothing of what was said'),
    ('hotline_controller', 'call participant segment offer callback call_line seat seat_state seat_work line line_number session controller fact vault_key vault_reseal',
     'the call path is nobody''s in particular: it routes everybody''s calls, and its rows are those of calls'),
    ('hotline_reactions', 'fact fact_cursor fact_parked call participant segment offer callback call_line ticket ticket_event ticket_unit promise controller '
       || 'unit session line line_number seat seat_state seat_work person person_role login assignment sitting audit audit_seal',
     'what follows from facts, the audit trail''s seals and hotline verify: it acts for nobody and over everything'),
    ('hotline_report', 'unit session line line_number seat call call_line segment offer callback ticket ticket_unit promise',
     'counts over everybody''s; the columns that are granted hold nothing personal')
  ) AS why (role, tables, reason)
  LOOP
    FOREACH t IN ARRAY string_to_array(w.tables, ' ') LOOP
      EXECUTE format('CREATE POLICY %I ON %I TO %I USING (true)', replace(w.role, 'hotline_', ''), t, w.role);
      EXECUTE format('COMMENT ON POLICY %I ON %I IS %L', replace(w.role, 'hotline_', ''), t, w.reason);
    END LOOP;
  END LOOP;
END $$;

-- ------------------------------------------------------------------ what the web's reader sees of citizens
CREATE POLICY reads ON ticket FOR SELECT TO hotline_app USING (
  (SELECT reach('tickets')) = 'all'
  OR (SELECT reach('tickets')) IN ('own', 'unit')
     AND (official = (SELECT reader()) OR id IN (SELECT reader_writings()) OR call IN (SELECT reader_calls()))
  OR (SELECT reach('tickets')) = 'unit' AND state <> 'draft' AND NOT confidential
     AND id IN (SELECT reader_unit_tickets()) AND id NOT IN (SELECT reader_unit_accused())
  OR (SELECT reach('calls')) = 'own' AND NOT confidential
     AND call IN (SELECT reader_citizens_calls()) AND id NOT IN (SELECT reader_unit_accused()));

CREATE POLICY opens ON ticket FOR INSERT TO hotline_app WITH CHECK (
  (SELECT reach('writes')) = 'all' OR (SELECT reach('writes')) = 'own' AND call IN (SELECT reader_calls()));

CREATE POLICY writes ON ticket FOR UPDATE TO hotline_app USING (
  (SELECT reach('writes')) = 'all'
  OR (SELECT reach('writes')) = 'own'
     AND (official = (SELECT reader()) OR id IN (SELECT reader_writings()) OR call IN (SELECT reader_calls())));

-- A ticket's history and units go with the ticket.
CREATE POLICY reads ON ticket_event FOR SELECT TO hotline_app USING (EXISTS (SELECT FROM ticket t WHERE t.id = ticket));
CREATE POLICY writes ON ticket_event FOR INSERT TO hotline_app WITH CHECK ((SELECT reach('writes')) <> '' AND EXISTS (SELECT FROM ticket t WHERE t.id = ticket));
CREATE POLICY reads ON ticket_unit FOR SELECT TO hotline_app USING (EXISTS (SELECT FROM ticket t WHERE t.id = ticket));
CREATE POLICY writes ON ticket_unit FOR INSERT TO hotline_app WITH CHECK ((SELECT reach('writes')) <> '' AND EXISTS (SELECT FROM ticket t WHERE t.id = ticket));

-- A call: the reader's own, those that the same citizens made, and whatever a ticket comes from that the reader sees.
CREATE POLICY reads ON call FOR SELECT TO hotline_app USING (
  (SELECT reach('calls')) = 'all'
  OR (SELECT reach('calls')) = 'own' AND (reader_has_call(id) OR num_idx IS NOT NULL AND reader_has_citizen(num_idx))
  OR EXISTS (SELECT FROM ticket t WHERE t.call = call.id));

CREATE POLICY reads ON callback FOR SELECT TO hotline_app USING ((SELECT reach('callbacks')) = 'all');

-- The log and the trail are written for everybody and read by few: of the log, what this very transaction has said.
CREATE POLICY appends ON fact FOR INSERT TO hotline_app WITH CHECK (true);
CREATE POLICY reads ON fact FOR SELECT TO hotline_app USING (xid = pg_current_xact_id_if_assigned());
CREATE POLICY appends ON audit FOR INSERT TO hotline_app WITH CHECK (true);
-- Who repeats an act is not written down again and again: that much of the trail everybody sees.
CREATE POLICY reads ON audit FOR SELECT TO hotline_app USING ((SELECT reach('audit')) = 'all' OR actor = 'person:' || (SELECT reader()));
CREATE POLICY keeps ON audit FOR INSERT TO hotline_controller WITH CHECK (true);   -- the acts on keys

-- ------------------------------------------------------------------ what each role may
GRANT USAGE ON SCHEMA public TO hotline_controller, hotline_reactions;
GRANT SELECT ON schema_version TO hotline_controller, hotline_reactions;
GRANT EXECUTE ON FUNCTION must(boolean, text) TO hotline_controller, hotline_reactions;
GRANT EXECUTE ON FUNCTION chair(text, text) TO hotline_reactions;
GRANT EXECUTE ON FUNCTION reach(text), reader(), reader_has_call(uuid), reader_has_citizen(bytea), reader_calls(), reader_citizens_calls(), reader_writings(),
  reader_unit_tickets(), reader_unit_accused() TO hotline_app;

-- The call path. What is only ever locked needs the right to one column.
GRANT SELECT, UPDATE ON controller TO hotline_controller;
GRANT USAGE ON SEQUENCE call_seq TO hotline_controller;
GRANT SELECT, INSERT, UPDATE ON call, participant, segment, offer, callback TO hotline_controller;
GRANT SELECT, INSERT ON call_line TO hotline_controller;
GRANT SELECT, UPDATE ON seat_work TO hotline_controller;
GRANT SELECT, UPDATE (seat) ON seat_state TO hotline_controller;
GRANT SELECT ON seat, line, line_number, session, seat_live, line_entry TO hotline_controller;
GRANT SELECT, INSERT (at, kind, subject, topics, actor, epoch, data) ON fact TO hotline_controller;
GRANT SELECT, INSERT, UPDATE ON vault_key TO hotline_controller;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault_reseal TO hotline_controller;
GRANT INSERT (at, actor, action, subject, outcome, address, reason, data) ON audit TO hotline_controller;

-- What follows.
GRANT SELECT, INSERT (at, kind, subject, topics, actor, epoch, data) ON fact TO hotline_reactions;
GRANT SELECT, INSERT, UPDATE ON fact_cursor TO hotline_reactions;
GRANT SELECT, INSERT ON fact_parked TO hotline_reactions;
GRANT SELECT ON call, participant, segment, offer, callback, call_line, controller, promise TO hotline_reactions;
GRANT SELECT, INSERT, UPDATE ON ticket TO hotline_reactions;
GRANT SELECT, INSERT ON ticket_event, ticket_unit TO hotline_reactions;
GRANT SELECT ON unit, session, line, line_number, seat, seat_state, seat_work, person_role, assignment, sitting TO hotline_reactions;
GRANT SELECT (id, login_name, name, unit, disabled_at, created_at) ON person TO hotline_reactions;
GRANT SELECT (id, person, expires), UPDATE (expires) ON login TO hotline_reactions;
GRANT SELECT ON seat_live, line_entry, assignment_now, assignment_kept, standing, served, call_holder, call_party TO hotline_reactions;
GRANT SELECT ON audit TO hotline_reactions;
GRANT SELECT, INSERT (n, id, xid, digest, hash) ON audit_seal TO hotline_reactions;

-- The web keeps what people do.
REVOKE ALL ON audit_seal, fact_cursor, fact_parked, vault_key, vault_reseal, call_line FROM hotline_app;
REVOKE ALL ON SEQUENCE call_seq FROM hotline_app;
REVOKE INSERT, UPDATE ON call, participant, segment, offer, callback FROM hotline_app;
REVOKE UPDATE ON controller, seat_work FROM hotline_app;
GRANT UPDATE (seat) ON seat_work TO hotline_app;

---- create above / drop below ----

DO $$
DECLARE
  p record;
BEGIN
  FOR p IN SELECT polname, polrelid::regclass AS t FROM pg_policy LOOP
    EXECUTE format('DROP POLICY %I ON %s', p.polname, p.t);
  END LOOP;
  FOR p IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relowner = 'hotline_owner'::regrole LOOP
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', p.relname);
  END LOOP;
  FOR p IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' AND relowner = 'hotline_owner'::regrole LOOP
    EXECUTE format('ALTER VIEW %I RESET (security_invoker)', p.relname);
  END LOOP;
END $$;
DROP INDEX ticket_event_writer;
DROP INDEX segment_seat, segment_person;
DROP FUNCTION reader_unit_accused(), reader_unit_tickets(), reader_writings(), reader_citizens_calls(), reader_calls(), reader_has_citizen(bytea),
  reader_has_call(uuid), reader_sat(text, timestamptz, timestamptz), reader(), reach(text);
REVOKE UPDATE (seat) ON seat_work FROM hotline_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM hotline_controller, hotline_reactions;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM hotline_controller, hotline_reactions;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM hotline_controller, hotline_reactions;
REVOKE ALL ON SCHEMA public FROM hotline_controller, hotline_reactions;
GRANT SELECT, INSERT (n, id, xid, digest, hash) ON audit_seal TO hotline_app;
GRANT SELECT, INSERT, UPDATE ON fact_cursor TO hotline_app;
GRANT SELECT, INSERT ON fact_parked TO hotline_app;
GRANT SELECT, INSERT, UPDATE ON vault_key TO hotline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault_reseal TO hotline_app;
GRANT SELECT, INSERT ON call_line TO hotline_app;
GRANT USAGE ON SEQUENCE call_seq TO hotline_app;
GRANT SELECT, INSERT, UPDATE ON call, participant, segment, offer, callback TO hotline_app;
GRANT UPDATE ON controller, seat_work TO hotline_app;
