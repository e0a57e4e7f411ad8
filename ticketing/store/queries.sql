-- Tickets as ticketing keeps them. Reads join the call for what is shown of it: never the number, only its mask.

-- The columns of a ticket with its call and promise, for the given tickets, newest first. Holders are whoever has
-- to do with the call, or has written in the ticket.
-- name: LoadTickets :many
SELECT t.*, c.num_tail, c.place, c.arrived_at, c.answered_at, c.ended_at,
       s.number AS session_number, coalesce(s.unit, st.unit, '')::text AS unit, o.name AS official_name,
       p.working_days, p.starts_on, p.due_at, p.due_original, p.calendar_version, p.rule_version, p.provisional,
       coalesce((SELECT jsonb_object_agg(w.id, w.name) FROM person w
         WHERE w.id IN (SELECT (f.value->>'by')::uuid FROM jsonb_each(t.written) f)), '{}')::jsonb AS names,
       ARRAY(SELECT f.person::text FROM call_party f WHERE f.call = t.call
             UNION SELECT w::text FROM unnest(t.writers) w
       )::text[] AS holders,
       ARRAY(SELECT DISTINCT u.unit FROM ticket_unit u WHERE u.ticket = t.id AND u.role <> 'accused' ORDER BY u.unit)::text[] AS units,
       ARRAY(SELECT DISTINCT u.unit FROM ticket_unit u WHERE u.ticket = t.id AND u.role = 'accused' ORDER BY u.unit)::text[] AS accused
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
       ARRAY(SELECT f.person::text FROM call_party f WHERE f.call = c.id)::text[] AS holders
FROM call c WHERE c.id = @call;

-- The tickets of a call.
-- name: TicketsOfCall :many
SELECT id FROM ticket WHERE call = @call;

-- What registration asks of a call's drafts, oldest first.
-- name: DraftsOfCall :many
SELECT id, title, class, outcome, answer FROM ticket WHERE call = @call AND state = 'draft' AND kind <> 'missed' ORDER BY id;

-- Holds a ticket until the transaction ends.
-- name: LockTicket :one
SELECT id FROM ticket WHERE id = @id FOR UPDATE;

-- Calls as they are now, each with its tickets, or once without: what their tickets are made from and brought up to. Seat and official
-- are those of the last segment. A call is resumed when the citizen has rung again and been admitted: the matter is that call's (I7).
-- name: CallsWithTickets :many
WITH RECURSIVE later AS (
  SELECT n.resumes AS call, n.id, n.queued_at FROM call n WHERE n.resumes = ANY (@calls::uuid[])
  UNION ALL SELECT l.call, n.id, n.queued_at FROM later l JOIN call n ON n.resumes = l.id)
SELECT c.id AS call, c.session, c.seat, (SELECT g.person FROM segment g WHERE g.call = c.id ORDER BY g.began_at DESC LIMIT 1) AS official,
       (CASE WHEN c.ended_at IS NOT NULL AND c.answered_at IS NULL THEN 'missed' ELSE 'call' END)::text AS kind, c.resumes,
       EXISTS (SELECT 1 FROM later l WHERE l.call = c.id AND l.queued_at IS NOT NULL) AS resumed,
       t.id AS ticket, t.version, t.kind AS ticket_kind, t.state, t.seat AS ticket_seat, t.official AS ticket_official
FROM call c LEFT JOIN ticket t ON t.call = c.id
WHERE c.id = ANY (@calls::uuid[])
ORDER BY c.id, t.id;

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

-- Opens the one ticket of each of the calls' first kinds, somebody else's that was first being a change since it was read (I7); brings
-- drafts up to their calls, on top of the versions that were read; and writes the history of both.
-- name: BringUp :exec
WITH opened AS (
  INSERT INTO ticket (id, query_code, kind, call, session, seat, official, state, opened_at)
  SELECT unnest(@opened::uuid[]), unnest(@query_codes::text[]), unnest(@opened_kinds::text[]), unnest(@calls::uuid[]),
         nullif(unnest(@sessions::text[]), '')::uuid, nullif(unnest(@opened_seats::text[]), ''), nullif(unnest(@opened_officials::text[]), '')::uuid,
         'draft', unnest(@opened_at::timestamptz[])
  ON CONFLICT (call) WHERE kind IN ('call', 'missed') DO NOTHING
  RETURNING 1),
followed AS (
  UPDATE ticket t SET seat = nullif(f.seat, ''), official = nullif(f.official, '')::uuid, kind = f.kind, version = t.version + 1
  FROM (SELECT unnest(@followed::uuid[]) AS id, unnest(@before::bigint[]) AS version, unnest(@seats::text[]) AS seat,
               unnest(@officials::text[]) AS official, unnest(@kinds::text[]) AS kind) f
  WHERE t.id = f.id AND t.version = f.version AND t.state = 'draft'
  RETURNING 1),
told AS (
  INSERT INTO ticket_event (ticket, version, at, actor, what, data)
  SELECT unnest(@tickets::uuid[]), unnest(@versions::bigint[]), unnest(@at::timestamptz[]), @actor::text, unnest(@what::text[]), unnest(@data::text[])::jsonb)
SELECT must((SELECT count(*) FROM opened) = cardinality(@opened::uuid[]) AND (SELECT count(*) FROM followed) = cardinality(@followed::uuid[]), 'HL002');

-- Opens a further appeal of a call. Confidentiality travels with the call, and so does the name that was given.
-- name: OpenAppeal :one
INSERT INTO ticket (id, query_code, kind, call, session, seat, official, state, opened_at, writers, confidential, contact_name)
SELECT @id::uuid, @query_code, 'appeal', c.id, c.session, c.seat,
       (SELECT g.person FROM segment g WHERE g.call = c.id ORDER BY g.began_at DESC LIMIT 1), 'draft', @opened_at, ARRAY[@writer::uuid],
       EXISTS (SELECT 1 FROM ticket t WHERE t.call = c.id AND t.confidential),
       coalesce((SELECT t.contact_name FROM ticket t WHERE t.call = c.id AND t.contact_name <> '' ORDER BY t.opened_at LIMIT 1), '')
FROM call c WHERE c.id = @call
RETURNING id;

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

-- Calls with more than one first ticket (I7).
-- name: CallsWithTwoTickets :many
SELECT c.id::text FROM call c JOIN ticket t ON t.call = c.id AND t.kind IN ('call', 'missed')
WHERE c.arrived_at >= @since GROUP BY c.id HAVING count(*) > 1 ORDER BY c.id;

-- Stores what people write, and the state, on top of the version that was read.
-- name: SaveTicket :exec
WITH saved AS (
  UPDATE ticket SET number = @number, state = @state, class = @class, outcome = @outcome, title = @title, content = @content,
  answer = @answer, contact_name = @contact_name, event_place = @event_place, confidential = @confidential, written = @written,
  registered_at = @registered_at, closed_at = @closed_at, due = @due, version = @version,
    writers = CASE WHEN @writer::uuid = ANY (writers) THEN writers ELSE writers || @writer END
  WHERE id = @id AND version = @before
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM saved;

-- Gives a ticket to a unit in its first round.
-- name: InsertTicketUnit :exec
INSERT INTO ticket_unit (ticket, unit, role) VALUES (@ticket, @unit, 'host') ON CONFLICT DO NOTHING;

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

-- One page of the tickets that match and that the reader's scope reaches, in the order of work, with the count of all of them up to
-- one too many. One's own are those of the connection's reader. The calls that go on are few: each list asks for them once.
-- name: ListTickets :many
WITH live AS MATERIALIZED (SELECT c.id FROM call c WHERE c.phase <> 'ended'),
hit AS NOT MATERIALIZED (
  SELECT t.id, t.work_order
  FROM ticket t
  WHERE (CASE @part::text
      WHEN '' THEN t.state <> 'draft' OR @pattern::text <> '' OR t.call NOT IN (SELECT l.id FROM live l)
      WHEN 'live' THEN t.state = 'draft' AND t.call IN (SELECT l.id FROM live l)
      WHEN 'draft' THEN t.state = 'draft' AND t.call NOT IN (SELECT l.id FROM live l)
      ELSE t.state = @part END)
    AND (@class::text = '' OR t.class = @class)
    AND t.work_order BETWEEN @first::bigint AND @last::bigint
    AND (@at_unit::text = ''
      OR EXISTS (SELECT FROM ticket_unit u WHERE u.ticket = t.id AND u.unit = @at_unit AND u.role <> 'accused')
      OR t.state = 'draft' AND @at_unit = coalesce((SELECT s.unit FROM session s WHERE s.id = t.session), (SELECT st.unit FROM seat st WHERE st.id = t.seat)))
    AND (@number::text = '' OR replace(t.number, '-', '') LIKE @number || '%')
    AND (@pattern = '' OR @number <> '' OR t.title ILIKE @pattern OR t.content ILIKE @pattern OR t.number ILIKE @pattern
      OR @sign::text <> '' AND (t.query_code = @sign OR replace(t.number, '-', '') LIKE '%' || @sign || '%'))
    AND (@scope::text = 'all'
      OR @scope IN ('own', 'unit') AND (
        t.official = sqlc.narg(person)::uuid
        OR sqlc.narg(person)::uuid = ANY (t.writers)
        OR t.call IN (SELECT reader_calls()))
      OR @scope = 'unit' AND t.state <> 'draft' AND NOT t.confidential
        AND EXISTS (SELECT 1 FROM ticket_unit u WHERE u.ticket = t.id AND u.unit = @unit::text AND u.role <> 'accused')
        AND NOT EXISTS (SELECT 1 FROM ticket_unit u WHERE u.ticket = t.id AND u.unit = @unit AND u.role = 'accused'))
),
page AS (
  SELECT hit.id FROM hit
  WHERE sqlc.narg(after_id)::uuid IS NULL OR (hit.work_order, hit.id) > (@after_place::bigint, sqlc.narg(after_id)::uuid)
  ORDER BY hit.work_order, hit.id
  LIMIT @max)
SELECT t.id, t.number, t.query_code, t.kind, t.call, t.seat, t.state, t.class, t.outcome, t.title, t.confidential, t.opened_at, t.registered_at,
       t.closed_at, t.version, t.work_order, c.num_tail, c.place, c.arrived_at, c.ended_at, s.number AS session_number, o.name AS official_name,
       coalesce((SELECT u.short_name FROM ticket_unit x JOIN unit u ON u.code = x.unit WHERE x.ticket = t.id AND x.role = 'host' ORDER BY x.round DESC LIMIT 1),
         (SELECT u.short_name FROM unit u WHERE u.code = coalesce(s.unit, st.unit)), '')::text AS unit_name,
       p.working_days, p.due_at, p.provisional,
       (SELECT count(*) FROM (SELECT FROM hit LIMIT @counted) h) AS total
FROM page
JOIN ticket t ON t.id = page.id
JOIN call c ON c.id = t.call
LEFT JOIN session s ON s.id = t.session
LEFT JOIN seat st ON st.id = t.seat
LEFT JOIN person o ON o.id = t.official
LEFT JOIN promise p ON p.ticket = t.id
ORDER BY t.work_order, t.id;

-- The units, to choose one of.
-- name: Units :many
SELECT code, short_name FROM unit ORDER BY short_name;

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
