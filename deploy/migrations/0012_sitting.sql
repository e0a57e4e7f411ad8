-- 0012: a seat is assigned, not grabbed (RS4); who sat where, from when to when.

-- Who may sit where (排位): in a session, or as a standing shift until it is taken back.
CREATE TABLE assignment (
  id       uuid PRIMARY KEY,
  session  uuid REFERENCES session,                -- NULL: a standing shift
  seat     text NOT NULL REFERENCES seat,
  place    text NOT NULL CHECK (place IN ('official', 'recorder', 'deputy', 'operator', 'room', 'supervisor')),
  person   uuid NOT NULL REFERENCES person,
  made_at  timestamptz NOT NULL,
  UNIQUE NULLS NOT DISTINCT (person, seat, place, session)
);
CREATE INDEX assignment_seat ON assignment (seat);

-- The place as assignments and sittings name it: who answers at an operator's seat is its operator.
CREATE FUNCTION chair(kind text, place text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN kind = 'operator' AND place = 'official' THEN 'operator' ELSE place END $$;

-- The assignments that hold now. A session's begin with its check-in and end with it.
CREATE VIEW assignment_now AS
SELECT a.id, a.seat, a.place, a.person
FROM assignment a LEFT JOIN session s ON s.id = a.session
WHERE a.session IS NULL OR s.state IN ('check_in', 'open', 'closing', 'draining');

-- Who sits now goes on: that was nobody's to forbid before.
INSERT INTO assignment (id, seat, place, person, made_at)
SELECT gen_random_uuid(), st.seat, chair(s.kind, 'official'), st.person, now()
FROM seat_state st JOIN seat s ON s.id = st.seat WHERE st.person IS NOT NULL
UNION ALL
SELECT gen_random_uuid(), st.seat, 'recorder', st.recorder, now() FROM seat_state st WHERE st.recorder IS NOT NULL;

-- ------------------------------------------------------------------ who sat where
-- A person at a place of a seat, from when to when (就座), beside seat_state, which says how the seat is now.
CREATE TABLE sitting (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  seat     text NOT NULL REFERENCES seat,
  place    text NOT NULL CHECK (place IN ('official', 'recorder', 'deputy', 'operator', 'room', 'supervisor')),
  person   uuid NOT NULL REFERENCES person,
  client   text NOT NULL DEFAULT '',               -- page that had the telephone last
  endpoint text NOT NULL DEFAULT '',               -- of that telephone
  device   text NOT NULL DEFAULT '' CHECK (device IN ('', 'browser', 'sip')),
  began_at timestamptz NOT NULL,
  ended_at timestamptz CHECK (ended_at >= began_at),
  xid      xid8 NOT NULL DEFAULT pg_current_xact_id()   -- that it began in: nobody hears what was told before (RS5)
);
-- One person sits at one place, and at a place of a seat sits one person.
CREATE UNIQUE INDEX sitting_of_person ON sitting (person) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX sitting_at_place ON sitting (seat, place) WHERE ended_at IS NULL;
CREATE INDEX sitting_person ON sitting (person, began_at);
CREATE INDEX sitting_seat ON sitting (seat, began_at);

INSERT INTO sitting (seat, place, person, client, endpoint, device, began_at)
SELECT st.seat, chair(s.kind, 'official'), st.person, st.client, st.endpoint, CASE WHEN st.endpoint = '' THEN '' ELSE st.phone END, now()
FROM seat_state st JOIN seat s ON s.id = st.seat WHERE st.person IS NOT NULL
UNION ALL
SELECT st.seat, 'recorder', st.recorder, '', '', '', now() FROM seat_state st WHERE st.recorder IS NOT NULL;

-- The assignments by which somebody goes on sitting: those that hold now, and one to a session that has ended since they sat down, whose
-- end throws nobody out. One of an earlier or a later session is none (a login lasts twelve hours at most).
CREATE VIEW assignment_kept AS
SELECT a.seat, a.place, a.person
FROM assignment a LEFT JOIN session s ON s.id = a.session
WHERE a.session IS NULL OR s.state IN ('check_in', 'open', 'closing', 'draining')
   OR s.state = 'closed' AND EXISTS (
     SELECT 1 FROM sitting i
     WHERE i.person = a.person AND i.ended_at IS NULL AND i.began_at BETWEEN s.opens_at - interval '12 hours' AND s.closes_at + interval '12 hours');

-- What people are now who may sign in, whatever was true at their sign-in: roles, unit, and the place where they sit by an assignment,
-- with its line and the transaction in which they sat down. Whoever has a call there, or the work after it, ends that first.
CREATE VIEW standing AS
SELECT p.id AS person, coalesce(p.unit, '') AS unit,
       ARRAY(SELECT r.role FROM person_role r WHERE r.person = p.id ORDER BY r.role) AS roles,
       coalesce(s.id, '') AS seat, coalesce(s.line, '') AS line,
       CASE WHEN s.id IS NULL THEN '' WHEN st.recorder = p.id THEN 'recorder' ELSE 'official' END AS place,
       coalesce((SELECT i.xid::text::bigint FROM sitting i WHERE i.person = p.id AND i.ended_at IS NULL), 0) AS tx
FROM person p
LEFT JOIN seat_state st ON st.person = p.id OR st.recorder = p.id
LEFT JOIN seat s ON s.id = st.seat AND (
  st.person = p.id AND EXISTS (SELECT 1 FROM seat_work w WHERE w.seat = s.id AND w.work <> 'idle')
  OR EXISTS (
    SELECT 1 FROM assignment_kept a
    WHERE a.person = p.id AND a.seat = s.id AND a.place = chair(s.kind, CASE WHEN st.recorder = p.id THEN 'recorder' ELSE 'official' END)))
WHERE p.disabled_at IS NULL;

-- Who served a call, from when to the end of the work after it. NULL: still.
CREATE VIEW served AS
SELECT g.call, g.seat, g.person, g.began_at,
       CASE WHEN g.ended_at IS NOT NULL THEN greatest(g.ended_at, coalesce(g.wrapup_ended_at, g.wrapup_until)) END AS ended_at
FROM segment g;

-- Which seats have to do with a call, from when to when: asked, taking part, or having served it. NULL: still.
CREATE OR REPLACE VIEW call_holder AS
SELECT o.call, o.seat, o.person, o.offered_at AS began_at, NULL::timestamptz AS ended_at FROM offer o WHERE o.state = 'open'
UNION
SELECT p.call, p.seat, p.person, p.since, NULL FROM participant p WHERE p.seat IS NOT NULL AND p.state <> 'gone'
UNION
SELECT v.call, v.seat, v.person, v.began_at, v.ended_at FROM served v;

-- Who has to do with a call: whom its seats' offers and segments name, and who sat at such a seat meanwhile (RS4).
CREATE VIEW call_party AS
SELECT h.call, h.person FROM call_holder h WHERE h.person IS NOT NULL
UNION
SELECT h.call, s.person
FROM call_holder h JOIN sitting s ON s.seat = h.seat
  AND s.began_at < coalesce(h.ended_at, 'infinity') AND coalesce(s.ended_at, 'infinity') > h.began_at;

-- ------------------------------------------------------------------ the units of a ticket (RG1)
-- Whose a ticket is, by the round of its handling: who handles it, who helps, and whom it is about. The last never reads it (P-02).
CREATE TABLE ticket_unit (
  ticket uuid NOT NULL REFERENCES ticket,
  unit   text NOT NULL REFERENCES unit,
  role   text NOT NULL CHECK (role IN ('host', 'co', 'accused')),
  round  int NOT NULL DEFAULT 1 CHECK (round > 0),
  PRIMARY KEY (ticket, unit, role, round)
);
CREATE INDEX ticket_unit_unit ON ticket_unit (unit, ticket);

INSERT INTO ticket_unit (ticket, unit, role)
SELECT t.id, coalesce(s.unit, st.unit), 'host'
FROM ticket t LEFT JOIN session s ON s.id = t.session LEFT JOIN seat st ON st.id = t.seat
WHERE t.state <> 'draft' AND coalesce(s.unit, st.unit) IS NOT NULL;

-- ------------------------------------------------------------------ what the server may (RS3)
GRANT SELECT, INSERT, DELETE, UPDATE (made_at) ON assignment TO hotline_app;   -- who takes a seat holds the assignment's row meanwhile
GRANT SELECT, INSERT, UPDATE ON sitting TO hotline_app;
GRANT SELECT, INSERT ON ticket_unit TO hotline_app;
GRANT SELECT ON assignment_now, assignment_kept, standing, served, call_holder, call_party TO hotline_app;
GRANT EXECUTE ON FUNCTION chair(text, text) TO hotline_app;
GRANT SELECT ON ticket_unit TO hotline_report;

---- create above / drop below ----

DROP TABLE ticket_unit;
DROP VIEW call_party, call_holder, served, standing;
CREATE VIEW call_holder AS
SELECT o.call, o.seat, o.person FROM offer o WHERE o.state = 'open'
UNION
SELECT p.call, p.seat, p.person FROM participant p WHERE p.seat IS NOT NULL AND p.state <> 'gone'
UNION
SELECT g.call, g.seat, g.person FROM segment g;
GRANT SELECT ON call_holder TO hotline_app;
DROP VIEW assignment_kept, assignment_now;
DROP TABLE sitting;
DROP FUNCTION chair;
DROP TABLE assignment;
