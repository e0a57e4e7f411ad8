-- Tickets as ticketing keeps them. Reads join the call for what is shown of it: never the number, only its mask.

-- The columns of a ticket with its call and promise, for the given tickets, newest first. Holders are whoever has the seat
-- of the call (while it lasts and some hours on), took the call, or has written in the ticket.
-- name: LoadTickets :many
SELECT t.*, c.num_tail, c.place, c.arrived_at, c.answered_at, c.ended_at,
       s.number AS session_number, coalesce(s.unit, st.unit, '')::text AS unit, o.name AS official_name,
       p.working_days, p.starts_on, p.due_at, p.due_original, p.calendar_version, p.rule_version, p.provisional,
       ARRAY(SELECT f.person::text FROM offer f WHERE f.call = t.call AND f.state IN ('open', 'accepted') AND f.person IS NOT NULL
             UNION SELECT at.person::text FROM seat_state at
               WHERE at.person IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND (at.seat = t.seat OR at.seat IN (SELECT f.seat FROM offer f WHERE f.call = t.call AND f.state IN ('open', 'accepted')))
             UNION SELECT at.recorder::text FROM seat_state at
               WHERE at.recorder IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND (at.seat = t.seat OR at.seat IN (SELECT f.seat FROM offer f WHERE f.call = t.call AND f.state IN ('open', 'accepted')))
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
       ARRAY(SELECT f.person::text FROM offer f WHERE f.call = c.id AND f.state IN ('open', 'accepted') AND f.person IS NOT NULL
             UNION SELECT at.person::text FROM seat_state at
               WHERE at.person IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND at.seat IN (SELECT f.seat FROM offer f WHERE f.call = c.id AND f.state IN ('open', 'accepted'))
             UNION SELECT at.recorder::text FROM seat_state at
               WHERE at.recorder IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at > @since)
                 AND at.seat IN (SELECT f.seat FROM offer f WHERE f.call = c.id AND f.state IN ('open', 'accepted'))
       )::text[] AS holders
FROM call c WHERE c.id = @call;

-- The tickets of a call.
-- name: TicketsOfCall :many
SELECT id FROM ticket WHERE call = @call;

-- Holds a ticket until the transaction ends.
-- name: LockTicket :one
SELECT id FROM ticket WHERE id = @id FOR UPDATE;

-- Opens the one ticket of a call's first kinds, from the call as it is now; nothing when it is there already (I7).
-- name: OpenTicket :one
INSERT INTO ticket (id, query_code, kind, call, session, seat, official, state, opened_at)
SELECT @id::uuid, @query_code, CASE WHEN c.state = 'ended' AND c.answered_at IS NULL AND c.outcome NOT LIKE 'answered%' THEN 'missed' ELSE 'call' END,
       c.id, c.session, c.seat,
       (SELECT o.person FROM offer o WHERE o.call = c.id AND o.state = 'accepted' ORDER BY o.offered_at DESC LIMIT 1), 'draft', @opened_at
FROM call c WHERE c.id = @call
ON CONFLICT (call) WHERE kind IN ('call', 'missed') DO NOTHING
RETURNING *;

-- Opens a further appeal of a call. Confidentiality travels with the call, and so does the name that was given.
-- name: OpenAppeal :one
INSERT INTO ticket (id, query_code, kind, call, session, seat, official, state, opened_at, confidential, contact_name)
SELECT @id::uuid, @query_code, 'appeal', c.id, c.session, c.seat,
       (SELECT o.person FROM offer o WHERE o.call = c.id AND o.state = 'accepted' ORDER BY o.offered_at DESC LIMIT 1), 'draft', @opened_at,
       EXISTS (SELECT 1 FROM ticket t WHERE t.call = c.id AND t.confidential),
       coalesce((SELECT t.contact_name FROM ticket t WHERE t.call = c.id AND t.contact_name <> '' ORDER BY t.opened_at LIMIT 1), '')
FROM call c WHERE c.id = @call
RETURNING *;

-- Holds a call's drafts until the transaction ends, in one order.
-- name: LockDrafts :many
SELECT id FROM ticket WHERE call = @call AND state = 'draft' ORDER BY id FOR UPDATE;

-- Brings a call's drafts up to the call as it is now: seat and official who took it; missed when it ended unanswered.
-- Drafts that are so already are left alone, so a repetition does nothing.
-- name: FollowCall :many
UPDATE ticket t SET
  seat = n.seat, official = n.official, kind = n.kind, version = t.version + 1
FROM (SELECT o.id, o.seat AS old_seat, o.kind AS old_kind, coalesce(c.seat, o.seat) AS seat,
             coalesce((SELECT f.person FROM offer f WHERE f.call = c.id AND f.state = 'accepted' ORDER BY f.offered_at DESC LIMIT 1), o.official) AS official,
             CASE WHEN o.kind = 'call' AND c.state = 'ended' AND c.answered_at IS NULL AND c.outcome NOT LIKE 'answered%' THEN 'missed' ELSE o.kind END AS kind
      FROM ticket o JOIN call c ON c.id = o.call
      WHERE o.call = @call AND o.state = 'draft') n
WHERE t.id = n.id AND (t.seat IS DISTINCT FROM n.seat OR t.official IS DISTINCT FROM n.official OR t.kind <> n.kind)
RETURNING t.id, t.call, t.kind, t.seat, t.version, n.old_seat, n.old_kind;

-- Calls that were admitted (or reached a person) and have no ticket: what the reactions would have opened (I7).
-- name: CallsWithoutTicket :many
SELECT c.id FROM call c
WHERE c.arrived_at >= @since AND (c.queued_at IS NOT NULL OR c.answered_at IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.call = c.id AND t.kind IN ('call', 'missed'))
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
