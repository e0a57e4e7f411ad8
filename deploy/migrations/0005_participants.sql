-- 0005: a call is a set of participants; segments say who served it; number and window choose the line.

-- ------------------------------------------------------------------ who takes part (architecture.md 8.1)
-- The citizen's id is the call's, everyone else's that of their first offer; who never came into the talk room has no row.
CREATE TABLE participant (
  id        uuid PRIMARY KEY,
  call      uuid NOT NULL REFERENCES call,
  role      text NOT NULL CHECK (role IN ('caller', 'official', 'recorder', 'consulted', 'interpreter', 'operator', 'supervisor')),
  seat      text REFERENCES seat,
  person    uuid REFERENCES person,
  leg       text NOT NULL DEFAULT '',             -- channel in the exchange; '' = none now
  want      text NOT NULL DEFAULT '' CHECK (want IN ('', 'talk', 'hold')),
  state     text NOT NULL CHECK (state IN ('asked', 'up', 'lost', 'gone')),
  muted     boolean NOT NULL DEFAULT false,
  since     timestamptz NOT NULL,                 -- of the state
  deadline  timestamptz,                          -- to be in the room, or back, by then
  joined_at timestamptz,                          -- in the talk room for the first time
  left_at   timestamptz,
  why       text NOT NULL DEFAULT '',
  CHECK ((state = 'gone') = (left_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX participant_call ON participant (call);

-- Who served a call from when to when. It owns the wrap-up, and the ticket is that of the last one.
CREATE TABLE segment (
  id              uuid PRIMARY KEY,               -- of the participant who serves
  call            uuid NOT NULL REFERENCES call,
  seat            text NOT NULL REFERENCES seat,
  person          uuid REFERENCES person,
  began_at        timestamptz NOT NULL,
  ended_at        timestamptz,
  why             text CHECK (why IN ('finished', 'handed_over', 'returned', 'lost', 'taken_over')),
  wrapup_until    timestamptz,
  wrapup_ended_at timestamptz,
  CHECK ((ended_at IS NULL) = (why IS NULL))
);
CREATE INDEX segment_call ON segment (call, began_at);
-- A call is served by one seat at a time.
CREATE UNIQUE INDEX segment_serves ON segment (call) WHERE ended_at IS NULL;

-- History of line changes.
CREATE TABLE call_line (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  call      uuid NOT NULL REFERENCES call,
  at        timestamptz NOT NULL,
  from_line text REFERENCES line,
  to_line   text NOT NULL REFERENCES line,
  why       text NOT NULL
);
CREATE INDEX call_line_call ON call_line (call, at);

-- ------------------------------------------------------------------ what the version before has left
INSERT INTO participant (id, call, role, leg, want, state, since, joined_at, left_at, why)
SELECT c.id, c.id, 'caller', c.channel,
       CASE WHEN c.state IN ('talking', 'reconnecting') THEN 'talk' WHEN c.state IN ('arrived', 'ended') OR c.line IS NULL THEN '' ELSE 'hold' END,
       CASE c.state WHEN 'ended' THEN 'gone' ELSE 'up' END,
       coalesce(c.ended_at, c.arrived_at), l.joined_at, CASE c.state WHEN 'ended' THEN coalesce(l.left_at, c.ended_at) END,
       CASE c.state WHEN 'ended' THEN c.cause ELSE '' END
FROM call c LEFT JOIN leg l ON l.channel = c.channel AND l.role = 'caller';

-- An official is an accepted offer, with all the legs that its seat was rung again by. A conversation that goes on keeps its
-- leg as it is named; one whose leg is lost gets the whole grace.
WITH held AS (
  SELECT o.id, o.call, o.seat, o.person, o.leg, o.closed_at, c.ended_at, c.cause,
         CASE WHEN c.offer = o.id AND c.state IN ('talking', 'reconnecting') THEN c.state ELSE 'over' END AS goes_on,
         lead(o.offered_at) OVER (PARTITION BY o.call ORDER BY o.offered_at, o.id) AS next_at,
         make_interval(secs => coalesce(l.grace_seconds, 20)) AS grace
  FROM offer o JOIN call c ON c.id = o.call LEFT JOIN line l ON l.id = c.line
  WHERE o.state = 'accepted'),
legs AS (
  SELECT l.channel, l.joined_at, l.left_at, l.cause,
         (SELECT o.id FROM offer o
          WHERE o.call = l.call AND o.seat = l.seat AND o.state = 'accepted' AND o.offered_at <= coalesce(l.joined_at, l.left_at, 'infinity')
          ORDER BY o.offered_at DESC, o.id DESC LIMIT 1) AS offer
  FROM leg l WHERE l.role = 'official'),
rung AS (
  SELECT offer, min(joined_at) AS joined_at, max(joined_at) AS last_joined_at, max(left_at) AS left_at,
         (array_agg(channel ORDER BY joined_at DESC NULLS LAST))[1] AS channel,
         (array_agg(cause ORDER BY left_at DESC NULLS LAST))[1] AS cause
  FROM legs WHERE offer IS NOT NULL GROUP BY offer)
INSERT INTO participant (id, call, role, seat, person, leg, want, state, since, deadline, joined_at, left_at, why)
SELECT h.id, h.call, 'official', h.seat, h.person,
       CASE h.goes_on WHEN 'reconnecting' THEN h.leg ELSE coalesce(nullif(h.leg, ''), r.channel, h.id::text) END,
       'talk', CASE h.goes_on WHEN 'talking' THEN 'up' WHEN 'reconnecting' THEN 'lost' ELSE 'gone' END,
       CASE h.goes_on WHEN 'talking' THEN coalesce(r.last_joined_at, h.closed_at) WHEN 'reconnecting' THEN coalesce(r.left_at, h.closed_at)
         ELSE coalesce(r.left_at, least(h.ended_at, h.next_at), now()) END,
       CASE h.goes_on WHEN 'reconnecting' THEN now() + h.grace END,
       coalesce(r.joined_at, h.closed_at),
       CASE h.goes_on WHEN 'over' THEN coalesce(r.left_at, least(h.ended_at, h.next_at), now()) END,
       CASE h.goes_on WHEN 'over' THEN coalesce(r.cause, h.cause) ELSE '' END
FROM held h LEFT JOIN rung r ON r.offer = h.id;

-- Legs of seats that no accepted offer explains.
INSERT INTO participant (id, call, role, seat, leg, state, since, joined_at, left_at, why)
SELECT gen_random_uuid(), l.call, 'official', l.seat, l.channel, 'gone', coalesce(l.left_at, l.joined_at, c.arrived_at), l.joined_at,
       coalesce(l.left_at, c.ended_at, now()), l.cause
FROM leg l JOIN call c ON c.id = l.call
WHERE l.role = 'official' AND NOT EXISTS (
  SELECT 1 FROM offer o
  WHERE o.call = l.call AND o.seat = l.seat AND o.state = 'accepted' AND o.offered_at <= coalesce(l.joined_at, l.left_at, 'infinity'));

INSERT INTO segment (id, call, seat, person, began_at, ended_at, why, wrapup_until)
SELECT p.id, p.call, p.seat, p.person, p.joined_at, p.left_at,
       CASE WHEN p.left_at IS NULL THEN NULL
            WHEN c.ended_at IS NULL OR p.left_at < c.ended_at OR c.cause IN ('lost', 'platform') THEN 'lost' ELSE 'finished' END,
       w.until
FROM participant p JOIN offer o ON o.id = p.id JOIN call c ON c.id = p.call
  LEFT JOIN seat_work w ON w.seat = p.seat AND w.call = p.call AND w.work = 'wrap_up'
    AND NOT EXISTS (SELECT 1 FROM offer later WHERE later.call = o.call AND later.seat = o.seat AND later.state = 'accepted' AND later.offered_at > o.offered_at)
WHERE o.state = 'accepted';

DROP TABLE leg;

-- ------------------------------------------------------------------ call
DROP TRIGGER call_keeps_its_place ON call;
DROP INDEX call_open;
ALTER TABLE call DROP CONSTRAINT call_state_check, DROP CONSTRAINT call_outcome_check;
ALTER TABLE call RENAME COLUMN state TO phase;
UPDATE call SET phase = CASE phase WHEN 'screening' THEN 'admission' WHEN 'talking' THEN 'serving' WHEN 'reconnecting' THEN 'serving' ELSE 'waiting' END
WHERE phase IN ('screening', 'queued', 'offered', 'connecting', 'talking', 'reconnecting');
ALTER TABLE call
  ADD CONSTRAINT call_phase_check CHECK (phase IN ('arrived', 'admission', 'waiting', 'serving', 'ended')),
  ADD CONSTRAINT call_outcome_check CHECK (outcome IN ('answered_official', 'answered_operator', 'registered_callback', 'abandoned_on_hold',
    'abandoned_in_queue', 'abandoned_short', 'abandoned_ringing', 'closed_before_turn', 'out_of_scope', 'blocked', 'system_failure')),
  ADD COLUMN resumes uuid REFERENCES call,        -- the unfinished call of the same number that this one goes on with
  ALTER COLUMN channel DROP NOT NULL,             -- a call back is born without the citizen's leg
  DROP COLUMN offer,
  SET (fillfactor = 80);
-- Its columns change at arrival and end only, so that every update between is a HOT one (RH6).
CREATE INDEX call_open ON call (line, priority, seq) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX call_resumes ON call (resumes) WHERE resumes IS NOT NULL;

-- I6: a call's place in order of arrival, and what it is, never change. Its line may; its leg may come later.
CREATE OR REPLACE FUNCTION call_keeps_its_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'call %: channel, place in order and time of arrival never change', OLD.id;
END $$;
CREATE TRIGGER call_keeps_its_place BEFORE UPDATE ON call FOR EACH ROW
  WHEN (OLD.seq <> NEW.seq OR OLD.channel IS NOT NULL AND OLD.channel IS DISTINCT FROM NEW.channel OR OLD.arrived_at <> NEW.arrived_at)
  EXECUTE FUNCTION call_keeps_its_place();

-- ------------------------------------------------------------------ offer, seat_work
ALTER TABLE offer
  ADD COLUMN kind text NOT NULL DEFAULT 'line' CHECK (kind IN ('line', 'consult', 'transfer', 'resume', 'deputy', 'callback')),
  ADD COLUMN grp uuid,                            -- the first of those made together: the first accept rescinds the rest
  ADD COLUMN participant uuid;                    -- who is asked; the row comes when they take part
UPDATE offer SET grp = id, participant = id;
ALTER TABLE offer ALTER COLUMN grp SET NOT NULL, ALTER COLUMN participant SET NOT NULL, DROP COLUMN leg;
DROP INDEX offer_open_call;
CREATE UNIQUE INDEX offer_open_call ON offer (call) WHERE state = 'open' AND kind = 'line';

-- A colleague who is consulted is a second seat of a call; a seat still has one call at most, its only row.
DROP INDEX seat_work_call;
CREATE INDEX seat_work_call ON seat_work (call) WHERE call IS NOT NULL;

-- ------------------------------------------------------------------ number and window choose the line
CREATE TABLE line_number (
  number text NOT NULL,                           -- that citizens dial
  line   text NOT NULL REFERENCES line,
  rank   int NOT NULL DEFAULT 0,                  -- the lowest whose window is now takes the call
  during text NOT NULL CHECK (during IN ('session', 'always')),
  PRIMARY KEY (number, line)
);
CREATE INDEX line_number_line ON line_number (line);
INSERT INTO line_number (number, line, rank, during)
SELECT number, id, CASE id WHEN 'session' THEN 0 ELSE 1 END, CASE id WHEN 'session' THEN 'session' ELSE 'always' END FROM line;
ALTER TABLE line DROP COLUMN number;

-- The lines behind each number, and whether they take calls now.
CREATE VIEW line_entry AS
SELECT n.number, n.line, n.rank, n.during,
       (n.during = 'always' OR EXISTS (SELECT 1 FROM session s WHERE s.state = 'open' AND s.closes_at > now())) AS open
FROM line_number n;

-- Who has to do with a call: asked, taking part, or having served it.
CREATE VIEW call_holder AS
SELECT o.call, o.seat, o.person FROM offer o WHERE o.state = 'open'
UNION
SELECT p.call, p.seat, p.person FROM participant p WHERE p.seat IS NOT NULL AND p.state <> 'gone'
UNION
SELECT g.call, g.seat, g.person FROM segment g;

---- create above / drop below ----

DROP VIEW call_holder, line_entry;
ALTER TABLE line ADD COLUMN number text;
UPDATE line l SET number = coalesce((SELECT min(n.number) FROM line_number n WHERE n.line = l.id
  AND NOT EXISTS (SELECT 1 FROM line_number o WHERE o.number = n.number AND (o.rank, o.line) < (n.rank, n.line))), l.id);
ALTER TABLE line ALTER COLUMN number SET NOT NULL, ADD UNIQUE (number);
DROP TABLE line_number;

DROP INDEX seat_work_call;
CREATE UNIQUE INDEX seat_work_call ON seat_work (call) WHERE work IN ('offered', 'engaged');
DROP INDEX offer_open_call;
CREATE UNIQUE INDEX offer_open_call ON offer (call) WHERE state = 'open';
ALTER TABLE offer ADD COLUMN leg text NOT NULL DEFAULT '', DROP COLUMN participant, DROP COLUMN grp, DROP COLUMN kind;
UPDATE offer o SET leg = coalesce((SELECT p.leg FROM participant p WHERE p.id = o.id), 'hl-' || o.id);

DROP TRIGGER call_keeps_its_place ON call;
DROP INDEX call_open;
DROP INDEX call_resumes;
ALTER TABLE call DROP CONSTRAINT call_phase_check, DROP CONSTRAINT call_outcome_check, ADD COLUMN offer uuid;
UPDATE call c SET
  phase = CASE c.phase WHEN 'admission' THEN 'screening' WHEN 'serving' THEN 'talking'
    WHEN 'waiting' THEN CASE WHEN EXISTS (SELECT 1 FROM offer o WHERE o.call = c.id AND o.state = 'open') THEN 'offered' ELSE 'queued' END
    ELSE c.phase END,
  outcome = CASE c.outcome WHEN 'registered_callback' THEN 'abandoned_in_queue' WHEN 'abandoned_on_hold' THEN 'answered_official' ELSE c.outcome END,
  channel = coalesce(c.channel, c.id::text),
  offer = coalesce((SELECT o.id FROM offer o WHERE o.call = c.id AND o.state = 'open' LIMIT 1),
                   (SELECT g.id FROM segment g WHERE g.call = c.id AND g.ended_at IS NULL));
ALTER TABLE call RENAME COLUMN phase TO state;
ALTER TABLE call
  ADD CONSTRAINT call_state_check CHECK (state IN ('arrived', 'screening', 'queued', 'offered', 'connecting', 'talking', 'reconnecting', 'ended')),
  ADD CONSTRAINT call_outcome_check CHECK (outcome IN ('answered_official', 'answered_operator', 'abandoned_in_queue', 'abandoned_short',
    'abandoned_ringing', 'closed_before_turn', 'out_of_scope', 'blocked', 'system_failure')),
  ALTER COLUMN channel SET NOT NULL, DROP COLUMN resumes, RESET (fillfactor);
CREATE INDEX call_open ON call (line, priority, seq) WHERE state <> 'ended';
CREATE OR REPLACE FUNCTION call_keeps_its_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'call %: channel, line, place in order and time of arrival never change', OLD.id;
END $$;
CREATE TRIGGER call_keeps_its_place BEFORE UPDATE ON call FOR EACH ROW
  WHEN (OLD.seq <> NEW.seq OR OLD.channel <> NEW.channel OR OLD.arrived_at <> NEW.arrived_at OR OLD.line IS DISTINCT FROM NEW.line)
  EXECUTE FUNCTION call_keeps_its_place();

CREATE TABLE leg (
  channel   text PRIMARY KEY,
  call      uuid NOT NULL REFERENCES call,
  role      text NOT NULL CHECK (role IN ('caller', 'official')),
  seat      text REFERENCES seat,
  joined_at timestamptz,
  left_at   timestamptz,
  cause     text NOT NULL DEFAULT ''
);
CREATE INDEX leg_call ON leg (call);
INSERT INTO leg (channel, call, role, seat, joined_at, left_at, cause)
SELECT leg, call, CASE role WHEN 'caller' THEN 'caller' ELSE 'official' END, seat, joined_at, left_at, why FROM participant WHERE leg <> ''
ON CONFLICT (channel) DO NOTHING;
DROP TABLE call_line, segment, participant;
