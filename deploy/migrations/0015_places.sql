-- 0015: the places of a seat beside the one who answers: recorder, deputy, room (在场负责人) and supervisor.

ALTER TABLE seat_state
  ADD COLUMN deputy     uuid REFERENCES person,     -- who stands in for the official
  ADD COLUMN room       uuid REFERENCES person,     -- who is at hand in the hall, for what the official hands over
  ADD COLUMN supervisor uuid REFERENCES person,
  ADD COLUMN away       text[] NOT NULL DEFAULT '{}'   -- places whose person has no page any more (RU13)
    CHECK (away <@ ARRAY['recorder', 'deputy', 'room', 'supervisor']);
CREATE UNIQUE INDEX seat_state_deputy ON seat_state (deputy) WHERE deputy IS NOT NULL;
CREATE UNIQUE INDEX seat_state_room ON seat_state (room) WHERE room IS NOT NULL;
CREATE UNIQUE INDEX seat_state_supervisor ON seat_state (supervisor) WHERE supervisor IS NOT NULL;

-- Who sits where now. The answering place is 'official' at every seat; see chair.
CREATE VIEW seated AS
SELECT seat, 'official'::text AS place, person FROM seat_state WHERE person IS NOT NULL
UNION ALL SELECT seat, 'recorder', recorder FROM seat_state WHERE recorder IS NOT NULL
UNION ALL SELECT seat, 'deputy', deputy FROM seat_state WHERE deputy IS NOT NULL
UNION ALL SELECT seat, 'room', room FROM seat_state WHERE room IS NOT NULL
UNION ALL SELECT seat, 'supervisor', supervisor FROM seat_state WHERE supervisor IS NOT NULL;

-- When a page of who sits there was seen last (RU13), and the digest of the telephone of a place beside, as long as the exchange may know
-- it: that of the answering place is the seat's.
ALTER TABLE sitting
  ADD COLUMN seen_at timestamptz,                   -- NULL: no page yet
  ADD COLUMN ha1     text NOT NULL DEFAULT '';
CREATE INDEX sitting_phone ON sitting (id) WHERE ha1 <> '';

CREATE OR REPLACE VIEW standing AS
SELECT p.id AS person, coalesce(p.unit, '') AS unit,
       ARRAY(SELECT r.role FROM person_role r WHERE r.person = p.id ORDER BY r.role) AS roles,
       coalesce(s.id, '') AS seat, coalesce(s.line, '') AS line,
       CASE WHEN s.id IS NULL THEN '' ELSE d.place END AS place,
       coalesce((SELECT i.xid::text::bigint FROM sitting i WHERE i.person = p.id AND i.ended_at IS NULL), 0) AS tx
FROM person p
LEFT JOIN seated d ON d.person = p.id
LEFT JOIN seat s ON s.id = d.seat AND (
  d.place = 'official' AND EXISTS (SELECT 1 FROM seat_work w WHERE w.seat = s.id AND w.work <> 'idle')
  OR EXISTS (SELECT 1 FROM assignment_kept a WHERE a.person = p.id AND a.seat = s.id AND a.place = chair(s.kind, d.place)))
WHERE p.disabled_at IS NULL;

-- Who has to do with a call: whom its seats' offers and segments name, and who sat at such a seat's desk meanwhile (RS4). Room and supervisor
-- sit by the seat, not at its calls.
CREATE OR REPLACE VIEW call_party AS
SELECT h.call, h.person FROM call_holder h WHERE h.person IS NOT NULL
UNION
SELECT h.call, s.person
FROM call_holder h JOIN sitting s ON s.seat = h.seat AND s.place NOT IN ('room', 'supervisor')
  AND s.began_at < coalesce(h.ended_at, 'infinity') AND coalesce(s.ended_at, 'infinity') > h.began_at;

CREATE OR REPLACE VIEW seat_live AS
SELECT s.id AS seat, s.line, s.kind, s.unit, s.label,
       st.person, st.recorder, st.client, st.phone, st.endpoint, st.intent, st.rest_code, st.rest_until, st.pending,
       st.device, st.since AS intent_since, st.version,
       w.work, w.offer, w.call, w.until AS wrapup_until, w.since AS work_since, w.misses,
       (st.person IS NOT NULL AND st.intent = 'ready' AND st.pending = '' AND st.device = 'ok') AS open,
       (st.person IS NOT NULL AND st.intent = 'ready' AND st.pending = '' AND st.device = 'ok' AND w.work = 'idle') AS routable,
       st.deputy
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id;

ALTER VIEW seated SET (security_invoker = true);   -- a view that is replaced loses this
ALTER VIEW standing SET (security_invoker = true);
ALTER VIEW call_party SET (security_invoker = true);
ALTER VIEW seat_live SET (security_invoker = true);
GRANT SELECT ON seated TO hotline_app, hotline_reactions;

---- create above / drop below ----

DROP VIEW seat_live;
CREATE VIEW seat_live AS
SELECT s.id AS seat, s.line, s.kind, s.unit, s.label,
       st.person, st.recorder, st.client, st.phone, st.endpoint, st.intent, st.rest_code, st.rest_until, st.pending,
       st.device, st.since AS intent_since, st.version,
       w.work, w.offer, w.call, w.until AS wrapup_until, w.since AS work_since, w.misses,
       (st.person IS NOT NULL AND st.intent = 'ready' AND st.pending = '' AND st.device = 'ok') AS open,
       (st.person IS NOT NULL AND st.intent = 'ready' AND st.pending = '' AND st.device = 'ok' AND w.work = 'idle') AS routable
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id;
ALTER VIEW seat_live SET (security_invoker = true);
GRANT SELECT ON seat_live TO hotline_app, hotline_controller, hotline_reactions;
CREATE OR REPLACE VIEW call_party AS
SELECT h.call, h.person FROM call_holder h WHERE h.person IS NOT NULL
UNION
SELECT h.call, s.person
FROM call_holder h JOIN sitting s ON s.seat = h.seat
  AND s.began_at < coalesce(h.ended_at, 'infinity') AND coalesce(s.ended_at, 'infinity') > h.began_at;
CREATE OR REPLACE VIEW standing AS
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
ALTER VIEW standing SET (security_invoker = true);
ALTER VIEW call_party SET (security_invoker = true);
ALTER TABLE sitting DROP COLUMN ha1, DROP COLUMN seen_at;
DROP VIEW seated;
UPDATE sitting SET ended_at = greatest(now(), began_at) WHERE ended_at IS NULL AND place IN ('deputy', 'room', 'supervisor');
ALTER TABLE seat_state DROP COLUMN away, DROP COLUMN supervisor, DROP COLUMN room, DROP COLUMN deputy;
