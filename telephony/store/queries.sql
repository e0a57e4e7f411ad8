-- ------------------------------------------------------------------ the lease (R3)

-- Takes the lease when it was given back, when it is one of our own name and the caller has proved that no other process bears
-- it, or when it still is as the caller saw it: the caller has watched it for a whole TTL. No clock is asked, so no step of one
-- takes a lease from its holder (F26). It returns the epoch taken, or 0, and what the lease was before.
-- name: TakeLease :one
WITH taken AS (
  UPDATE controller AS c
  SET epoch = c.epoch + 1, holder = @holder, renewed_at = clock_timestamp()
  WHERE c.id = 1
    AND (c.holder = ''
      OR @alone::boolean AND c.holder = @holder
      OR @watched::boolean AND c.epoch = @seen_epoch AND c.renewed_at = @seen_renewed_at)
  RETURNING c.epoch)
SELECT coalesce((SELECT t.epoch FROM taken t), 0)::bigint AS taken, was.epoch, was.renewed_at, clock_timestamp()::timestamptz AS told
FROM controller was WHERE was.id = 1;

-- Renews the lease by compare-and-set; epoch stays, so no decision in flight is blocked. It tells the database's time.
-- name: RenewLease :one
UPDATE controller SET renewed_at = clock_timestamp() WHERE id = 1 AND epoch = @epoch
RETURNING renewed_at;

-- The database's time.
-- name: TellTime :one
SELECT clock_timestamp()::timestamptz;

-- Gives the lease back, so that a standby need not wait for its end.
-- name: ReleaseLease :execrows
UPDATE controller SET holder = '', renewed_at = 'epoch' WHERE id = 1 AND epoch = @epoch;

-- The run of the exchange whose seats were pushed last.
-- name: Exchange :one
SELECT exchange FROM controller WHERE id = 1;

-- Only the holder may say so: a late one would name a run that is over (R3).
-- name: RememberExchange :execrows
UPDATE controller SET exchange = @exchange WHERE id = 1 AND epoch = @epoch;

-- ------------------------------------------------------------------ the calls' writes: pipelined, guarded by must()

-- First statement of a write that saves no call: we are the master, and nobody becomes it before the commit (R3).
-- name: HoldEpoch :exec
WITH c AS (SELECT 1 FROM controller WHERE id = 1 AND epoch = @epoch FOR KEY SHARE)
SELECT must(false, 'HL001') WHERE NOT EXISTS (SELECT FROM c);

-- Inserts a call with the citizen's part and its first fact, under the epoch. Where it goes: the line of its number by window
-- and rank, and the unfinished call of the same citizen that it goes on with, whose line is kept while it is among the number's
-- and takes calls, and whose place it has. Of the session's line it belongs to the session that is live. One trip: what the
-- controller needs of the row comes back.
-- name: InsertCall :one
WITH master AS (SELECT c.epoch FROM controller c WHERE c.id = 1 AND c.epoch = @epoch FOR KEY SHARE),
unfinished AS (
  SELECT c.id, c.line, c.priority, c.seq, CASE WHEN c.answered_at IS NOT NULL THEN c.seat END AS seat FROM call c
  WHERE c.num_idx = sqlc.narg('num_idx')::bytea AND c.dialled = @dialled AND c.ended_at > @unfinished_since::timestamptz
    AND c.arrived_at > @unfinished_since::timestamptz - interval '1 day'
    AND NOT EXISTS (SELECT 1 FROM call again WHERE again.resumes = c.id)
    AND CASE WHEN c.answered_at IS NULL THEN c.outcome IN ('abandoned_in_queue', 'abandoned_short', 'abandoned_ringing', 'system_failure')
        ELSE c.cause IN ('lost', 'platform') AND c.outcome <> 'abandoned_on_hold' END
  ORDER BY c.arrived_at DESC LIMIT 1),
entry AS (
  SELECT n.line, n.during, n.open FROM line_entry n WHERE n.number = @dialled
  ORDER BY n.open AND n.line IS NOT DISTINCT FROM (SELECT u.line FROM unfinished u) DESC, n.open DESC, n.rank, n.line LIMIT 1),
made AS (
  INSERT INTO call (id, channel, entity, line, session, dialled, num_enc, num_idx, num_tail, place, phase, priority, seq, resumes, arrived_at, epoch)
  SELECT @id, @channel, @entity, e.line,
         CASE WHEN e.during = 'session' THEN (SELECT s.id FROM session s WHERE s.state IN ('open', 'closing', 'draining')) END,
         @dialled, sqlc.narg('num_enc'), sqlc.narg('num_idx'), @num_tail, @place, 'arrived', coalesce(u.priority, 0),
         coalesce(u.seq, nextval('call_seq')), u.id, @arrived_at, m.epoch
  FROM master m LEFT JOIN unfinished u ON true LEFT JOIN entry e ON true
  RETURNING id, line, session, priority, seq, resumes),
caller AS (
  INSERT INTO participant (id, call, role, leg, want, state, since)
  SELECT m.id, m.id, 'caller', @channel, '', 'up', @arrived_at FROM made m),
called AS (
  UPDATE callback b SET state = 'done', closed_at = @arrived_at FROM made m WHERE b.call = m.resumes AND b.state = 'open'),
told AS (
  INSERT INTO fact (at, kind, subject, topics, actor, epoch, data)
  SELECT @arrived_at, 'call.arrived', m.id::text,
         ARRAY['board', 'call:' || m.id] || CASE WHEN m.line IS NULL THEN ARRAY[]::text[] ELSE ARRAY['line:' || m.line] END, @actor, @epoch,
         jsonb_strip_nulls(jsonb_build_object('line', coalesce(m.line, ''), 'resumes', m.resumes)) FROM made m
  RETURNING xid, id)
SELECT coalesce(m.line, '')::text AS line, coalesce(m.session::text, '')::text AS session, m.priority, m.seq, coalesce(m.resumes::text, '')::text AS resumes,
       coalesce(u.seat, '')::text AS prefer, coalesce(e.open, false)::boolean AS open
FROM made m LEFT JOIN unfinished u ON true LEFT JOIN entry e ON true;

-- Stores a call's next state on top of the version the decision was made on, with those who take part as they are now (from
-- when on they did is kept), and the segments that begin and end, in the order given: a call is served by one seat at a time.
-- We are the master, and nobody becomes it before the commit (R3).
-- name: SaveCall :exec
WITH master AS (SELECT 1 FROM controller c WHERE c.id = 1 AND c.epoch = @epoch FOR KEY SHARE),
saved AS (
  UPDATE call SET phase = @phase, channel = sqlc.narg('channel'), line = sqlc.narg('line'), priority = @priority,
         queued_at = sqlc.narg('queued_at'), answered_at = sqlc.narg('answered_at'), ended_at = sqlc.narg('ended_at'),
         outcome = sqlc.narg('outcome'), cause = @cause, seat = sqlc.narg('seat'), entity = @entity, epoch = @epoch, version = @version
  FROM master WHERE call.id = @id AND call.version = @before AND call.epoch <= @epoch
  RETURNING call.id),
parts AS (
  INSERT INTO participant AS p (id, call, role, seat, person, leg, want, state, muted, since, deadline, joined_at, left_at, why)
  SELECT x.id, c.id, x.role, nullif(x.seat, ''), nullif(x.person, '')::uuid, x.leg, x.want, x.state, x.muted, x.since, x.deadline, x.joined_at, x.left_at, x.why
  FROM saved c, json_to_recordset(sqlc.narg('participants')::json) AS x(id uuid, role text, seat text, person text, leg text, want text, state text,
    muted boolean, since timestamptz, deadline timestamptz, joined_at timestamptz, left_at timestamptz, why text)
  ON CONFLICT (id) DO UPDATE SET
    role = excluded.role, leg = excluded.leg, want = excluded.want, state = excluded.state, muted = excluded.muted, since = excluded.since,
    deadline = excluded.deadline, joined_at = coalesce(p.joined_at, excluded.joined_at), left_at = excluded.left_at, why = excluded.why),
segments AS (
  INSERT INTO segment AS g (id, call, seat, person, began_at, ended_at, why, wrapup_until)
  SELECT x.id, c.id, x.seat, nullif(x.person, '')::uuid, x.began_at, x.ended_at, nullif(x.why, ''), x.wrapup_until
  FROM saved c, json_to_recordset(sqlc.narg('segments')::json) AS x(ord int, id uuid, seat text, person text, began_at timestamptz, ended_at timestamptz,
    why text, wrapup_until timestamptz)
  ORDER BY x.ord
  ON CONFLICT (id) DO UPDATE SET
    ended_at = coalesce(g.ended_at, excluded.ended_at), why = coalesce(g.why, excluded.why),
    wrapup_until = coalesce(g.wrapup_until, excluded.wrapup_until))
SELECT must(false, CASE WHEN EXISTS (SELECT FROM master) THEN 'HL002' ELSE 'HL001' END) WHERE NOT EXISTS (SELECT FROM saved);

-- The seat's work for its call goes on: it talks, which ends a row of misses. Only the call that holds the seat says so.
-- name: EngageSeat :exec
WITH saved AS (
  UPDATE seat_work SET work = 'engaged', offer = NULL, until = NULL, misses = 0, version = version + 1,
         since = CASE WHEN work = 'engaged' THEN since ELSE @at END
  WHERE seat = @seat AND call = @call AND work IN ('offered', 'engaged')
  RETURNING 1)
SELECT must(false, 'HL002') WHERE NOT EXISTS (SELECT FROM saved);

-- The seat's work for its call is over: wrap-up, or idle. Late news of a call that has let the seat go changes nothing.
-- name: LeaveSeat :exec
UPDATE seat_work SET work = @work, offer = NULL, call = CASE WHEN @work = 'wrap_up' THEN call END, until = sqlc.narg('until'),
       since = @at, version = version + 1,
       misses = misses + CASE WHEN @miss::boolean THEN 1 ELSE 0 END
WHERE seat = @seat AND call = @call;

-- Offers a call to a seat whose person is at that telephone still and takes calls, and that does nothing but this: it is idle,
-- or has just left that call, or comes from wrap-up. What the person wants is held as it is until the commit: a change of it
-- waits for the offer, or the offer for it.
-- name: TakeSeat :exec
WITH wish AS (
  SELECT s.seat FROM seat_state s
  WHERE s.seat = @seat AND s.person = sqlc.narg('person') AND s.endpoint = @endpoint AND s.intent = 'ready' AND s.pending = '' AND s.device = 'ok'
  FOR SHARE),
taken AS (
  UPDATE seat_work w SET work = 'offered', offer = @id, call = @call, until = NULL, since = @at, version = w.version + 1
  FROM wish WHERE w.seat = wish.seat AND (w.work = 'idle' OR w.work IN ('offered', 'engaged') AND w.call = sqlc.narg('leaves')::uuid
    OR w.work = 'wrap_up' AND w.call = sqlc.narg('wrapped')::uuid)
  RETURNING w.seat),
made AS (
  INSERT INTO offer (id, call, kind, grp, participant, seat, person, state, reason, offered_at, ringing_at, expires_at, closed_at, epoch)
  SELECT @id, @call, @kind, @grp, @participant, t.seat, sqlc.narg('person'), @state, @reason, @offered_at, sqlc.narg('ringing_at'), @expires_at,
         sqlc.narg('closed_at'), @epoch
  FROM taken t
  RETURNING 1)
SELECT must(false, 'HL003') WHERE NOT EXISTS (SELECT FROM made);

-- Asks the seat of this very conversation to come back, if its person is at that telephone.
-- name: OfferBack :exec
WITH made AS (
  INSERT INTO offer (id, call, kind, grp, participant, seat, person, state, reason, offered_at, ringing_at, expires_at, closed_at, epoch)
  SELECT @id, @call, @kind, @grp, @participant, l.seat, l.person, @state, @reason, @offered_at, sqlc.narg('ringing_at'), @expires_at,
         sqlc.narg('closed_at'), @epoch
  FROM seat_live l
  WHERE l.seat = @seat AND l.person = sqlc.narg('person') AND l.endpoint = @endpoint AND l.work = 'engaged' AND l.call = @call
  RETURNING 1)
SELECT must(false, 'HL003') WHERE NOT EXISTS (SELECT FROM made);

-- Moves an offer on; what is final stays. It is found by its id: the form of the other condition keeps the index on call away.
-- name: UpdateOffer :exec
WITH saved AS (
  UPDATE offer SET kind = @kind, state = @state, reason = @reason, ringing_at = sqlc.narg('ringing_at'), closed_at = sqlc.narg('closed_at')
  WHERE id = @id AND call IS NOT DISTINCT FROM @call AND state IN ('open', @state)
  RETURNING 1)
SELECT must(false, 'HL002') WHERE NOT EXISTS (SELECT FROM saved);

-- Opens the task to call back someone nobody reached; an anonymous caller cannot be called.
-- name: OpenCallback :exec
INSERT INTO callback (id, call, reason, created_at)
SELECT @id, c.id, coalesce(c.outcome, c.phase), @at FROM call c WHERE c.id = @call AND c.num_enc IS NOT NULL
ON CONFLICT (call) DO NOTHING;

-- Writes a change of line into a call's history.
-- name: InsertLineMove :exec
INSERT INTO call_line (call, at, from_line, to_line, why) VALUES (@call, @at, sqlc.narg('from_line'), @to_line, @why);

-- Says in its segment when a seat's wrap-up has ended.
-- name: WrapUpEnded :exec
UPDATE segment g SET wrapup_ended_at = @at
FROM seat_work w WHERE w.seat = @seat AND w.work = 'wrap_up' AND g.seat = w.seat AND g.call = w.call
  AND g.wrapup_until IS NOT NULL AND g.wrapup_ended_at IS NULL;

-- Ends a seat's wrap-up of a call.
-- name: EndWrapUp :exec
WITH ended AS (
  UPDATE seat_work SET work = 'idle', call = NULL, until = NULL, since = @at, version = version + 1
  WHERE seat = @seat AND work = 'wrap_up' AND call = @call
  RETURNING 1)
SELECT must(false, 'HL004') WHERE NOT EXISTS (SELECT FROM ended);

-- ------------------------------------------------------------------ the controller's reads

-- One call, or every call that has not ended in order of priority and arrival: whether its line is open, those who take part and
-- have not left, its open offers and those that seats declined or missed, and the segment that goes on. One statement: one instant.
-- name: Calls :many
SELECT sqlc.embed(c),
       EXISTS (SELECT 1 FROM line_entry e WHERE e.line = c.line AND e.open) AS open,
       (SELECT r.seat FROM call r WHERE r.id = c.resumes AND r.answered_at IS NOT NULL) AS prefer,
       (SELECT json_agg(x) FROM (
          SELECT p.id, p.role, p.seat, p.person, st.phone, st.endpoint, p.leg, p.want, p.state, p.muted, p.since, p.deadline, p.joined_at, p.why
          FROM participant p LEFT JOIN seat_state st ON st.seat = p.seat
          WHERE p.call = c.id AND p.state <> 'gone' ORDER BY p.role = 'caller' DESC, p.id) AS x) AS participants,
       (SELECT json_agg(x) FROM (
          SELECT o.id, o.kind, o.grp, o.participant, o.seat, s.kind AS seat_kind, o.person, st.phone, st.endpoint, w.misses, o.state, o.reason, o.offered_at, o.ringing_at,
                 o.expires_at, o.closed_at
          FROM offer o JOIN seat s ON s.id = o.seat LEFT JOIN seat_state st ON st.seat = o.seat LEFT JOIN seat_work w ON w.seat = o.seat
          WHERE o.call = c.id AND (o.state = 'open' OR o.kind = 'line' AND o.state IN ('declined', 'expired'))
          ORDER BY o.closed_at, o.id) AS x) AS offers,
       (SELECT row_to_json(x) FROM (
          SELECT g.id, g.seat, g.person, g.began_at FROM segment g WHERE g.call = c.id AND g.ended_at IS NULL) AS x) AS segment
FROM call c
WHERE c.id = sqlc.narg('id')::uuid OR sqlc.narg('id')::uuid IS NULL AND c.ended_at IS NULL
ORDER BY c.line, c.priority, c.seq;

-- The id of the call that a citizen's leg belongs to, in one run of the exchange or ('') in whichever.
-- name: CallOfChannel :one
SELECT id FROM call WHERE channel = @channel AND (entity = @entity OR @entity = '') ORDER BY seq DESC LIMIT 1;

-- The state of a call's row that tells whether a write has reached it, and how many of these offers it has.
-- name: CallVersion :one
SELECT c.phase, c.version, c.epoch, c.seat, c.outcome, (SELECT count(*) FROM offer o WHERE o.call = c.id AND o.id = ANY (@offers::uuid[])) AS offers
FROM call c WHERE c.id = @id;

-- A seat as an offer needs it: no secret of its telephone.
-- name: SeatByID :one
SELECT * FROM seat_live WHERE seat = @seat;

-- The seats of a line with somebody there.
-- name: LineSeats :many
SELECT seat, kind, person, phone, endpoint, open::boolean AS open, work, greatest(intent_since, work_since)::timestamptz AS since, misses
FROM seat_live WHERE line = @line AND person IS NOT NULL ORDER BY seat;

-- The seats in wrap-up.
-- name: WrapUps :many
SELECT seat, call, until, since FROM seat_work WHERE work = 'wrap_up' ORDER BY until, seat;

-- The idle seats whose person's wish still waits for the end of their work.
-- name: PendingSeats :many
SELECT seat FROM seat_live WHERE pending <> '' AND work = 'idle' ORDER BY seat;

-- The lines with their rules, and the numbers that lead to each.
-- name: Lines :many
SELECT l.line AS id, l.ring_seconds, l.wrapup_seconds, l.grace_seconds, l.notice,
       EXISTS (SELECT 1 FROM line_entry e WHERE e.line = l.line AND e.open) AS open,
       ARRAY(SELECT n.number FROM line_number n WHERE n.line = l.line ORDER BY n.number)::text[] AS numbers
FROM line_rule l ORDER BY l.line;

-- A citizen's number as it is kept, for the one who may dial or show it.
-- name: CallNumber :one
SELECT num_enc FROM call WHERE id = @id;

-- ------------------------------------------------------------------ what people look at

-- Names of the lines for the board.
-- name: BoardLines :many
SELECT id, name FROM line ORDER BY id;

-- Every seat with its four facts and the names of its people.
-- name: BoardSeats :many
SELECT l.seat, l.label, l.kind, l.line, coalesce(u.short_name, '')::text AS unit_name, l.person, coalesce(p.name, '')::text AS person_name,
       l.recorder, coalesce(r.name, '')::text AS recorder_name, l.phone, l.intent, l.rest_code, l.rest_until, l.pending, l.device, l.intent_since,
       l.version, l.work, l.work_since, l.wrapup_until, l.call, l.offer, l.misses
FROM seat_live l LEFT JOIN unit u ON u.code = l.unit LEFT JOIN person p ON p.id = l.person LEFT JOIN person r ON r.id = l.recorder
ORDER BY l.seat;

-- The session that takes or serves calls.
-- name: LiveSession :many
SELECT id FROM session WHERE state IN ('open', 'closing', 'draining');

-- What each line shows between two facts.
-- name: Gauges :many
SELECT l.id,
       (SELECT count(*) FROM call c WHERE c.line = l.id AND c.ended_at IS NULL AND c.phase IN ('admission', 'waiting')) AS waiting,
       coalesce((SELECT min(c.queued_at) FROM call c WHERE c.line = l.id AND c.ended_at IS NULL AND c.phase = 'waiting'), @now)::timestamptz AS oldest,
       (SELECT count(*) FROM seat_live s WHERE s.line = l.id AND s.routable) AS ready,
       (SELECT count(*) FROM seat_live s WHERE s.line = l.id AND s.work = 'engaged') AS talking,
       (SELECT count(*) FROM seat_live s WHERE s.line = l.id AND s.person IS NOT NULL) AS seated
FROM line l ORDER BY l.id;

-- K-01 to K-05, K-08 to K-12 of domain.md 4.2 over the legs that entered the line of a session, or since the day began in
-- Shanghai when no session is given. Who left while on hold had been answered. Averages of nothing are 0 here and a dash on the
-- board.
-- name: Counts :one
WITH w AS (
  SELECT c.answered_at, c.ended_at, c.outcome, coalesce(c.answered_at, c.ended_at, @now::timestamptz) - c.queued_at AS wait,
         c.answered_at IS NULL AND c.outcome LIKE 'abandoned%' AS abandoned
  FROM call c
  WHERE c.queued_at IS NOT NULL
    AND (CASE WHEN sqlc.narg('session')::uuid IS NULL THEN c.arrived_at >= date_trunc('day', @now::timestamptz, 'Asia/Shanghai') - interval '1 day'
           AND c.queued_at >= date_trunc('day', @now::timestamptz, 'Asia/Shanghai')
         ELSE c.session = sqlc.narg('session')::uuid END))
SELECT count(*) AS offered,
       count(answered_at) AS answered,
       count(*) FILTER (WHERE abandoned AND wait > @short::interval) AS abandoned,
       count(*) FILTER (WHERE abandoned AND wait <= @short::interval) AS short,
       count(*) FILTER (WHERE outcome IN ('closed_before_turn', 'out_of_scope', 'registered_callback') AND answered_at IS NULL) AS flow_out,
       count(*) FILTER (WHERE answered_at IS NOT NULL AND wait <= @target::interval) AS answered_in_target,
       count(*) FILTER (WHERE answered_at IS NOT NULL AND ended_at IS NOT NULL) AS talked,
       coalesce(extract(epoch FROM avg(ended_at - answered_at) FILTER (WHERE answered_at IS NOT NULL)), 0)::float8 AS talk_avg,
       coalesce(extract(epoch FROM avg(wait) FILTER (WHERE answered_at IS NOT NULL)), 0)::float8 AS wait_avg,
       coalesce(extract(epoch FROM max(wait)), 0)::float8 AS wait_max
FROM w;

-- Tasks to call people back, oldest first: all of them, or those of a unit's sessions. Nobody owns one.
-- name: Callbacks :many
SELECT b.id, b.call, c.num_tail, c.place, b.reason, b.created_at
FROM callback b JOIN call c ON c.id = b.call LEFT JOIN session s ON s.id = c.session
WHERE b.state = @state AND (@scope::text = 'all' OR @scope = 'unit' AND @unit::text <> '' AND s.unit = @unit)
ORDER BY b.created_at, b.id LIMIT @max;

-- Closes an open callback, and names its call.
-- name: CloseCallback :one
UPDATE callback SET state = @state, closed_at = @at WHERE id = @id AND state = 'open' RETURNING call;

-- How a callback stands.
-- name: CallbackState :one
SELECT state FROM callback WHERE id = @id;

-- Who sits at a seat, and the call that it rings for, talks with or wraps up.
-- name: SeatCall :one
SELECT person, recorder, deputy, call, wrapup_until FROM seat_live WHERE seat = @seat;

-- Who sits at a seat.
-- name: SeatPeople :one
SELECT person, recorder, deputy FROM seat_state WHERE seat = @seat;

-- The seat of an offer, and whether it is still open.
-- name: OfferSeat :one
SELECT seat FROM offer WHERE id = @id;

-- The seat that holds a call now: that serves it, or rings for it, or has served it last.
-- name: CallSeat :one
SELECT coalesce((SELECT g.seat FROM segment g WHERE g.call = c.id AND g.ended_at IS NULL),
                (SELECT w.seat FROM seat_work w WHERE w.call = c.id AND w.work IN ('offered', 'engaged') ORDER BY w.work DESC, w.seat LIMIT 1),
                c.seat, '')::text AS seat,
       c.version
FROM call c WHERE c.id = @id;

-- ------------------------------------------------------------------ hotline verify: the rows that break an invariant

-- I2: a call that has ended was said to have ended exactly once, one that goes on never.
-- name: BreachEnds :many
SELECT c.id::text FROM call c
WHERE c.arrived_at >= @since
  AND (SELECT count(*) FROM fact f WHERE f.subject = c.id::text AND f.kind = 'call.ended') <> (CASE WHEN c.ended_at IS NULL THEN 0 ELSE 1 END)
ORDER BY c.seq;

-- I9: along the log epochs never decrease.
-- name: BreachEpochs :many
SELECT f.told::text FROM (
  SELECT kind || ' of ' || subject || ' under ' || epoch AS told, epoch, xid, id,
         max(epoch) OVER (ORDER BY xid, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM fact WHERE epoch IS NOT NULL AND at >= @since) f
WHERE f.epoch < f.before ORDER BY f.xid, f.id;

-- I3: a call has at most one open offer of its line, and no open offer at all once it has ended.
-- name: BreachOpenOffers :many
SELECT c.id::text FROM call c JOIN offer o ON o.call = c.id AND o.state = 'open'
GROUP BY c.id, c.ended_at HAVING count(*) FILTER (WHERE o.kind = 'line' OR c.ended_at IS NOT NULL) > (CASE WHEN c.ended_at IS NULL THEN 1 ELSE 0 END)
ORDER BY c.id;

-- I3: no two seats serve a call at once.
-- name: BreachSegments :many
SELECT DISTINCT a.call::text FROM segment a JOIN segment b ON b.call = a.call AND b.id <> a.id AND b.began_at >= a.began_at
WHERE a.began_at >= @since AND (a.ended_at IS NULL OR a.ended_at > b.began_at);

-- I3: who has accepted a call serves it, by one offer. Coming back is not accepting, being consulted is not serving.
-- name: BreachAccepted :many
SELECT o.call::text FROM offer o LEFT JOIN segment g ON g.id = o.participant AND g.call = o.call
WHERE o.state = 'accepted' AND o.kind <> 'resume' AND o.offered_at >= @since
GROUP BY o.call, o.participant
HAVING count(*) > 1 OR bool_or(o.kind <> 'consult' AND g.id IS NULL)
ORDER BY 1;

-- I4: a seat has at most one live call.
-- name: BreachSeatCalls :many
SELECT x.seat FROM (
  SELECT o.seat, o.call FROM offer o WHERE o.state = 'open'
  UNION SELECT p.seat, p.call FROM participant p WHERE p.state <> 'gone' AND p.seat IS NOT NULL
  UNION SELECT g.seat, g.call FROM segment g WHERE g.ended_at IS NULL) AS x
GROUP BY x.seat HAVING count(*) > 1 ORDER BY x.seat;

-- I4: what a seat does is what its call says of it. Wrap-up is a segment's, whatever became of the call since.
-- name: BreachSeatWork :many
SELECT w.seat FROM seat_work w LEFT JOIN call c ON c.id = w.call
WHERE CASE w.work
  WHEN 'offered' THEN NOT EXISTS (SELECT 1 FROM offer o WHERE o.id = w.offer AND o.seat = w.seat AND o.call = w.call AND o.state = 'open')
  WHEN 'engaged' THEN c.ended_at IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM participant p WHERE p.seat = w.seat AND p.call = w.call AND p.state <> 'gone')
  WHEN 'wrap_up' THEN NOT EXISTS (SELECT 1 FROM segment g WHERE g.seat = w.seat AND g.call = w.call AND g.ended_at IS NOT NULL)
  ELSE false END
UNION
SELECT o.seat FROM offer o JOIN seat_work w ON w.seat = o.seat
WHERE o.state = 'open' AND NOT CASE o.kind WHEN 'resume' THEN w.work = 'engaged' AND w.call = o.call ELSE w.offer IS NOT DISTINCT FROM o.id END
UNION
SELECT g.seat FROM segment g JOIN seat_work w ON w.seat = g.seat
WHERE g.ended_at IS NULL AND NOT (w.work = 'engaged' AND w.call = g.call)
ORDER BY 1;

-- I4: nobody takes part in a call that has ended.
-- name: BreachParticipants :many
SELECT DISTINCT c.id::text FROM participant p JOIN call c ON c.id = p.call WHERE p.state <> 'gone' AND c.ended_at IS NOT NULL ORDER BY 1;

-- I5: no seat was offered a call while one with an earlier place waited for it: in the same line, not being offered nor served,
-- and neither missed nor declined by that seat a short time ago, nor recused by that person. Two things that happen side by side
-- are stored side by side, so who waited must have done so for the slack before and after. A pair that died with its controller
-- before it was stored is nobody's fault: the offer beside it, the last that this controller made, does not count.
-- name: BreachOrder :many
WITH last AS MATERIALIZED (SELECT f.epoch, max(f.at) AS at FROM fact f WHERE f.epoch < (SELECT epoch FROM controller) GROUP BY f.epoch),
waited AS (
  SELECT c.id, c.line, c.priority, c.seq, greatest(c.queued_at, (SELECT max(m.at) FROM call_line m WHERE m.call = c.id)) AS since,
         coalesce(c.ended_at, 'infinity') AS until, c.outcome
  FROM call c WHERE c.arrived_at >= @since AND c.queued_at IS NOT NULL AND c.line IS NOT NULL)
SELECT (b.id || ' before ' || a.id)::text
FROM waited b JOIN offer o ON o.call = b.id AND o.kind = 'line' AND o.offered_at >= b.since
JOIN waited a ON a.line = b.line AND (a.priority, a.seq) < (b.priority, b.seq)
  AND a.since < o.offered_at - @slack::interval AND a.until > o.offered_at + @slack::interval
WHERE a.outcome IS DISTINCT FROM 'registered_callback'
  AND NOT EXISTS (SELECT 1 FROM last l WHERE l.epoch = o.epoch AND l.at <= o.offered_at + @slack::interval)
  AND NOT EXISTS (SELECT 1 FROM offer x WHERE x.call = a.id
    AND x.offered_at <= o.offered_at + @slack::interval AND coalesce(x.closed_at, 'infinity') >= o.offered_at - @slack::interval)
  AND NOT EXISTS (SELECT 1 FROM segment g WHERE g.call = a.id
    AND g.began_at <= o.offered_at + @slack::interval AND coalesce(g.ended_at, 'infinity') >= o.offered_at - @slack::interval)
  AND NOT EXISTS (SELECT 1 FROM offer x WHERE x.call = a.id AND x.kind = 'line' AND x.state IN ('declined', 'expired')
    AND x.closed_at <= o.offered_at AND CASE WHEN x.reason = 'conflict' THEN x.person IS NOT DISTINCT FROM o.person
      ELSE x.seat = o.seat AND x.closed_at + @skip::interval >= o.offered_at - @slack::interval END)
GROUP BY a.id, b.id, b.seq ORDER BY b.seq, a.id;

-- I6: a place is one live call's, and only a call that resumes another has that one's.
-- name: BreachPlaces :many
SELECT seq FROM call WHERE arrived_at >= @since OR ended_at IS NULL GROUP BY seq
HAVING count(*) FILTER (WHERE ended_at IS NULL) > 1 OR count(*) FILTER (WHERE resumes IS NULL) > 1
ORDER BY seq;

-- Who waits in a line by the rows, and whether a seat rings for them: the queue keeps them, taken, until they talk.
-- name: WaitingCalls :many
SELECT c.id, c.priority, c.seq, EXISTS (SELECT 1 FROM offer o WHERE o.call = c.id AND o.state = 'open' AND o.kind = 'line') AS offered
FROM call c WHERE c.phase = 'waiting' AND c.ended_at IS NULL AND c.line = @line ORDER BY c.priority, c.seq;

-- I1: the channels among these that no call has.
-- name: ChannelsWithoutCall :many
SELECT ch::text FROM unnest(@channels::text[]) ch WHERE NOT EXISTS (SELECT 1 FROM call c WHERE c.channel = ch) ORDER BY 1;

-- I14: the calls that go on, with the legs that each may have: of those who take part, and of its open offers.
-- name: LiveLegs :many
SELECT c.id AS call, coalesce(c.channel, '')::text AS channel,
       (ARRAY(SELECT p.leg FROM participant p WHERE p.call = c.id AND p.state <> 'gone' AND p.leg <> '')
         || ARRAY(SELECT @leg_prefix::text || o.id FROM offer o WHERE o.call = c.id AND o.state = 'open'))::text[] AS legs
FROM call c WHERE c.ended_at IS NULL ORDER BY c.seq;
