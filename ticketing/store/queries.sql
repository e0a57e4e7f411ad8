-- Tickets as ticketing keeps them. Reads join the call for what is shown of it: never the number, only its mask.

-- The columns of a ticket with its call and promise, for the given tickets, newest first. Holders are whoever has the seat
-- of the call (while it lasts and some hours on), took the call, or has written in the ticket.
-- name: LoadTickets :many
SELECT t.*, c.num_tail, c.place, c.arrived_at, c.answered_at, c.ended_at,
       s.number AS session_number, coalesce(s.unit, st.unit, '')::text AS unit, o.name AS official_name,
       p.working_days, p.starts_on, p.due_at, p.due_original, p.calendar_version, p.rule_version, p.provisional,
       ARRAY(SELECT f.person::text FROM call_holder f WHERE f.call = t.call AND f.person IS NOT NULL
             UNION SELECT at.person::text FROM seat_state at
               WHERE at.person IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND (at.seat = t.seat OR at.seat IN (SELECT f.seat FROM call_holder f WHERE f.call = t.call))
             UNION SELECT at.recorder::text FROM seat_state at
               WHERE at.recorder IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND (at.seat = t.seat OR at.seat IN (SELECT f.seat FROM call_holder f WHERE f.call = t.call))
             UNION SELECT substr(e.actor, 8) FROM ticket_event e WHERE e.ticket = t.id AND e.actor LIKE 'person:%'
       )::text[] AS holders
FROM ticket t
JOIN call c ON c.id = t.call
LEFT JOIN session s ON s.id = t.session
LEFT JOIN seat st ON st.id = t.seat
LEFT JOIN person o ON o.id = t.official
LEFT JOIN promise p ON p.ticket = t.id
WHERE t.id = ANY (@ids::uuid[])
ORDER BY t.opened_at DESC, t.id DESC;

-- What tickets show of a call, and who handles it.
-- name: LoadCall :one
SELECT c.num_tail, c.place, c.arrived_at, c.answered_at, c.ended_at,
       ARRAY(SELECT f.person::text FROM call_holder f WHERE f.call = c.id AND f.person IS NOT NULL
             UNION SELECT at.person::text FROM seat_state at
               WHERE at.person IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND at.seat IN (SELECT f.seat FROM call_holder f WHERE f.call = c.id)
             UNION SELECT at.recorder::text FROM seat_state at
               WHERE at.recorder IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND at.seat IN (SELECT f.seat FROM call_holder f WHERE f.call = c.id)
       )::text[] AS holders
FROM call c WHERE c.id = @call;

-- The tickets of a call.
-- name: TicketsOfCall :many
SELECT id FROM ticket WHERE call = @call;

-- Holds a ticket until the transaction ends.
-- name: LockTicket :one
SELECT id FROM ticket WHERE id = @id FOR UPDATE;

-- What the ticket of a call's first kinds is made from, as the call is now, and whether there is nothing to do: it is there
-- already, or the citizen has rung again and been admitted, and the matter is that call's (I7).
-- name: CallToOpen :one
WITH RECURSIVE later AS (
  SELECT n.id, n.queued_at FROM call n WHERE n.resumes = @call
  UNION ALL SELECT n.id, n.queued_at FROM later l JOIN call n ON n.resumes = l.id)
SELECT c.session, c.seat, (SELECT g.person FROM segment g WHERE g.call = c.id ORDER BY g.began_at DESC LIMIT 1) AS official,
       (CASE WHEN c.ended_at IS NOT NULL AND c.answered_at IS NULL THEN 'missed' ELSE 'call' END)::text AS kind, c.resumes,
       (EXISTS (SELECT 1 FROM ticket t WHERE t.call = c.id AND t.kind IN ('call', 'missed'))
         OR EXISTS (SELECT 1 FROM later l WHERE l.queued_at IS NOT NULL))::boolean AS done
FROM call c WHERE c.id = @call;

-- The draft of the unfinished call that this one resumes, from the nearest back; nothing when what was written there is registered
-- already.
-- name: DraftToTakeOver :many
WITH RECURSIVE back AS (
  SELECT c.resumes AS id, 1 AS steps FROM call c WHERE c.id = @call AND c.resumes IS NOT NULL
  UNION ALL SELECT c.resumes, b.steps + 1 FROM back b JOIN call c ON c.id = b.id WHERE c.resumes IS NOT NULL)
SELECT o.id, o.version, o.call, o.seat, o.official, o.session FROM back b JOIN ticket o ON o.call = b.id AND o.kind IN ('call', 'missed')
WHERE o.state = 'draft' ORDER BY b.steps LIMIT 1;

-- Lets a draft go on with the call that resumes its own, on top of the version that was read.
-- name: TakeOverDraft :exec
WITH taken AS (
  UPDATE ticket SET call = @call, kind = @kind, session = sqlc.narg('session'), seat = sqlc.narg('seat'), official = sqlc.narg('official'), version = version + 1
  WHERE id = @id AND version = @before AND state = 'draft'
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM taken;

-- Opens the one ticket of a call's first kinds; somebody else's that was first is a change since it was read (I7).
-- name: OpenTicket :exec
WITH opened AS (
  INSERT INTO ticket (id, query_code, kind, call, session, seat, official, state, opened_at)
  VALUES (@id, @query_code, @kind, @call, sqlc.narg('session'), sqlc.narg('seat'), sqlc.narg('official'), 'draft', @opened_at)
  ON CONFLICT (call) WHERE kind IN ('call', 'missed') DO NOTHING
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM opened;

-- Opens a further appeal of a call. Confidentiality travels with the call, and so does the name that was given.
-- name: OpenAppeal :one
INSERT INTO ticket (id, query_code, kind, call, session, seat, official, state, opened_at, confidential, contact_name)
SELECT @id::uuid, @query_code, 'appeal', c.id, c.session, c.seat,
       (SELECT g.person FROM segment g WHERE g.call = c.id ORDER BY g.began_at DESC LIMIT 1), 'draft', @opened_at,
       EXISTS (SELECT 1 FROM ticket t WHERE t.call = c.id AND t.confidential),
       coalesce((SELECT t.contact_name FROM ticket t WHERE t.call = c.id AND t.contact_name <> '' ORDER BY t.opened_at LIMIT 1), '')
FROM call c WHERE c.id = @call
RETURNING *;

-- A call's drafts that are behind the call as it is now, and what they should be: seat and official of its last segment; missed
-- when it ended unanswered. In one order, in which they are then written.
-- name: DraftsBehind :many
SELECT n.id, n.version, n.old_seat, n.old_kind, n.seat, n.official, n.kind
FROM (SELECT o.id, o.version, o.seat AS old_seat, o.official AS old_official, o.kind AS old_kind, coalesce(c.seat, o.seat) AS seat,
             coalesce((SELECT g.person FROM segment g WHERE g.call = c.id ORDER BY g.began_at DESC LIMIT 1), o.official) AS official,
             (CASE WHEN o.kind = 'call' AND c.ended_at IS NOT NULL AND c.answered_at IS NULL THEN 'missed' ELSE o.kind END)::text AS kind
      FROM ticket o JOIN call c ON c.id = o.call
      WHERE o.call = @call AND o.state = 'draft') n
WHERE n.old_seat IS DISTINCT FROM n.seat OR n.old_official IS DISTINCT FROM n.official OR n.old_kind <> n.kind
ORDER BY n.id;

-- Brings a draft up to its call, on top of the version that was read.
-- name: FollowCall :exec
WITH followed AS (
  UPDATE ticket SET seat = sqlc.narg('seat'), official = sqlc.narg('official'), kind = @kind, version = version + 1
  WHERE id = @id AND version = @before AND state = 'draft'
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM followed;

-- Calls that were admitted (or reached a person) and have no ticket: what the reactions would have opened (I7).
-- A call that was resumed by one that was admitted needs none.
-- name: CallsWithoutTicket :many
WITH RECURSIVE resumed AS (
  SELECT c.resumes AS id FROM call c WHERE c.resumes IS NOT NULL AND c.queued_at IS NOT NULL AND c.arrived_at >= @since
  UNION SELECT c.resumes FROM resumed r JOIN call c ON c.id = r.id WHERE c.resumes IS NOT NULL)
SELECT c.id FROM call c
WHERE c.arrived_at >= @since AND (c.queued_at IS NOT NULL OR c.answered_at IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.call = c.id AND t.kind IN ('call', 'missed'))
  AND c.id NOT IN (SELECT r.id FROM resumed r)
ORDER BY c.arrived_at
LIMIT @max;

-- Stores what people write, and the state. The row is locked; the version is the fence all the same.
-- name: SaveTicket :execrows
UPDATE ticket SET number = @number, state = @state, class = @class, outcome = @outcome, title = @title, content = @content,
  answer = @answer, contact_name = @contact_name, event_place = @event_place, confidential = @confidential,
  registered_at = @registered_at, closed_at = @closed_at, version = @version
WHERE id = @id AND version = @before;

-- Stores the promise given at registration.
-- name: InsertPromise :exec
INSERT INTO promise (ticket, working_days, starts_on, due_at, due_original, calendar_version, rule_version, provisional)
VALUES (@ticket, @working_days, @starts_on, @due_at, @due_original, @calendar_version, @rule_version, @provisional);

-- One row of history.
-- name: InsertEvent :exec
INSERT INTO ticket_event (ticket, version, at, actor, what, data) VALUES (@ticket, @version, @at, @actor, @what, @data);

-- The history of a ticket, oldest first, with the names of people.
-- name: History :many
SELECT e.at, e.actor, coalesce(p.name, '') AS actor_name, e.what, e.data
FROM ticket_event e LEFT JOIN person p ON e.actor = 'person:' || p.id
WHERE e.ticket = @ticket ORDER BY e.version;

-- The next place in a year's numbers. The row stays locked until the registration commits, so there are no gaps.
-- name: NextPlace :one
INSERT INTO ticket_counter (year, last) VALUES (@year, 1)
ON CONFLICT (year) DO UPDATE SET last = ticket_counter.last + 1
RETURNING last;

-- One page of the tickets that match and that the reader may see, with the count of all of them.
-- name: ListTickets :many
WITH hit AS MATERIALIZED (
  SELECT t.id, t.opened_at
  FROM ticket t
  JOIN call c ON c.id = t.call
  LEFT JOIN session s ON s.id = t.session
  LEFT JOIN seat st ON st.id = t.seat
  LEFT JOIN promise p ON p.ticket = t.id
  WHERE (@state::text = '' OR t.state = @state)
    AND (@class::text = '' OR t.class = @class)
    AND (sqlc.narg(due_after)::timestamptz IS NULL OR p.due_at > sqlc.narg(due_after))
    AND (sqlc.narg(due_until)::timestamptz IS NULL OR p.due_at <= sqlc.narg(due_until))
    AND (@pattern::text = '' OR t.title ILIKE @pattern OR t.content ILIKE @pattern OR t.number ILIKE @pattern)
    AND (@everything::boolean
      OR t.official = sqlc.narg(person)::uuid
      OR EXISTS (SELECT 1 FROM ticket_event e WHERE e.ticket = t.id AND e.actor = 'person:' || sqlc.narg(person)::text)
      OR (c.ended_at IS NULL OR c.ended_at > @since)
         AND t.seat IN (SELECT at.seat FROM seat_state at WHERE at.person = sqlc.narg(person)::uuid OR at.recorder = sqlc.narg(person)::uuid)
      OR t.state <> 'draft' AND NOT t.confidential AND @unit::text <> '' AND coalesce(s.unit, st.unit) = @unit)
)
SELECT hit.id, (SELECT count(*) FROM hit) AS total
FROM hit
WHERE sqlc.narg(after_at)::timestamptz IS NULL OR (hit.opened_at, hit.id) < (sqlc.narg(after_at)::timestamptz, sqlc.narg(after_id)::uuid)
ORDER BY hit.opened_at DESC, hit.id DESC
LIMIT @max;

-- The latest calls of the same citizen before this one, with the count of all; an anonymous caller has none.
-- name: EarlierCalls :many
SELECT c.id, c.arrived_at, c.outcome, count(*) OVER () AS total
FROM call me JOIN call c ON c.num_idx = me.num_idx AND c.arrived_at <= me.arrived_at AND c.id <> me.id
WHERE me.id = @call
ORDER BY c.arrived_at DESC, c.id DESC
LIMIT @max;

-- The latest tickets of the same citizen from before this call that somebody has written in.
-- name: EarlierTickets :many
SELECT t.id
FROM call me JOIN call c ON c.num_idx = me.num_idx AND c.arrived_at <= me.arrived_at AND c.id <> me.id
JOIN ticket t ON t.call = c.id
WHERE me.id = @call AND t.title <> '' AND (@confidential::boolean OR NOT t.confidential) AND (NOT @open::boolean OR t.state <> 'closed')
ORDER BY t.opened_at DESC, t.id DESC
LIMIT @max;
