-- ------------------------------------------------------------------ the lease (R3)

-- Takes the lease when it has run out by the database's clock. After a restart of the database a full TTL is left to the old
-- holder to renew first (R4); a lease that was given back is free at once, and so is one of our own name when the caller has
-- proved that no other process bears it.
-- name: TakeLease :one
UPDATE controller
SET epoch = epoch + 1, holder = @holder, renewed_at = clock_timestamp()
WHERE id = 1
  AND (holder = ''
    OR @alone::boolean AND holder = @holder
    OR renewed_at < clock_timestamp() - @ttl::interval AND pg_postmaster_start_time() < clock_timestamp() - @ttl::interval)
RETURNING epoch;

-- Renews the lease by compare-and-set; epoch stays, so no decision in flight is blocked.
-- name: RenewLease :execrows
UPDATE controller SET renewed_at = clock_timestamp() WHERE id = 1 AND epoch = @epoch;

-- Gives the lease back, so that a standby need not wait for its end.
-- name: ReleaseLease :execrows
UPDATE controller SET holder = '', renewed_at = 'epoch' WHERE id = 1 AND epoch = @epoch;

-- ------------------------------------------------------------------ the calls' writes: pipelined, guarded by must()

-- First statement of every write: we are the master, and nobody becomes it before the commit (R3).
-- name: HoldEpoch :exec
WITH c AS (SELECT 1 FROM controller WHERE id = 1 AND epoch = @epoch FOR KEY SHARE)
SELECT must(count(*) = 1, 'HL001') FROM c;

-- Inserts a call with its place in order of arrival; a call of the session's line belongs to the session that is live.
-- name: InsertCall :exec
INSERT INTO call (id, channel, entity, line, session, dialled, num_enc, num_idx, num_tail, place, state, seq, arrived_at, epoch)
VALUES (@id, @channel, @entity, sqlc.narg('line'),
        (SELECT s.id FROM session s WHERE sqlc.narg('line') = @session_line::text AND s.state IN ('open', 'closing', 'draining')),
        @dialled, sqlc.narg('num_enc'), sqlc.narg('num_idx'), @num_tail, @place, 'arrived', nextval('call_seq'), @arrived_at, @epoch);

-- Stores a call's next state on top of the version the decision was made on.
-- name: UpdateCall :exec
WITH saved AS (
  UPDATE call SET state = @state, priority = @priority, queued_at = sqlc.narg('queued_at'), answered_at = sqlc.narg('answered_at'),
         ended_at = sqlc.narg('ended_at'), outcome = sqlc.narg('outcome'), cause = @cause, seat = sqlc.narg('seat'), offer = sqlc.narg('offer'),
         entity = @entity, epoch = @epoch, version = @version
  WHERE id = @id AND version = @before AND epoch <= @epoch
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM saved;

-- Holds what the person at a seat wants as it is until the commit: a change of intent waits for the offer, or the offer for it.
-- name: LockSeat :exec
SELECT 1 FROM seat_state WHERE seat = @seat FOR SHARE;

-- Takes an idle seat for an offer.
-- name: OccupySeat :exec
WITH taken AS (
  UPDATE seat_work SET work = 'offered', offer = @offer, call = @call, until = NULL, since = @at, version = version + 1
  WHERE seat = @seat AND work = 'idle'
  RETURNING 1)
SELECT must(count(*) = 1, 'HL003') FROM taken;

-- Inserts an open offer if the person at the seat takes calls now, and the seat does nothing but this.
-- name: InsertOffer :exec
WITH made AS (
  INSERT INTO offer (id, call, seat, person, state, reason, offered_at, ringing_at, expires_at, epoch, leg)
  SELECT @id, @call, l.seat, l.person, 'open', @reason, @offered_at, sqlc.narg('ringing_at'), @expires_at, @epoch, @leg
  FROM seat_live l WHERE l.seat = @seat AND (l.routable OR l.open AND l.offer = @id)
  RETURNING 1)
SELECT must(count(*) = 1, 'HL003') FROM made;

-- Moves an offer on; what is final stays.
-- name: UpdateOffer :exec
WITH saved AS (
  UPDATE offer SET state = @state, reason = @reason, ringing_at = sqlc.narg('ringing_at'), closed_at = sqlc.narg('closed_at'), leg = @leg
  WHERE id = @id AND call = @call AND state IN (@before, @state)
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM saved;

-- The seat's work for its call goes on: it talks. Only the call that holds the seat says so.
-- name: EngageSeat :exec
WITH saved AS (
  UPDATE seat_work SET work = 'engaged', offer = NULL, until = NULL, version = version + 1,
         since = CASE WHEN work = 'engaged' THEN since ELSE @at END
  WHERE seat = @seat AND call = @call AND work IN ('offered', 'engaged')
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM saved;

-- The seat's work for its call is over: wrap-up, or idle. Late news of a call that has let the seat go changes nothing. A
-- conversation ends a row of misses.
-- name: LeaveSeat :exec
UPDATE seat_work SET work = @work, offer = NULL, call = CASE WHEN @work = 'wrap_up' THEN call END, until = sqlc.narg('until'),
       since = @at, version = version + 1,
       misses = CASE WHEN @miss::boolean THEN misses + 1 WHEN work = 'engaged' THEN 0 ELSE misses END
WHERE seat = @seat AND call = @call;

-- Records a participant; what is known already is kept.
-- name: PutLeg :exec
INSERT INTO leg (channel, call, role, seat, joined_at, left_at, cause)
VALUES (@channel, @call, @role, sqlc.narg('seat'), sqlc.narg('joined_at'), sqlc.narg('left_at'), @cause)
ON CONFLICT (channel) DO UPDATE SET
  joined_at = coalesce(leg.joined_at, excluded.joined_at),
  left_at = coalesce(excluded.left_at, leg.left_at),
  cause = CASE WHEN excluded.cause = '' THEN leg.cause ELSE excluded.cause END;

-- Opens the task to call back someone nobody reached; an anonymous caller cannot be called.
-- name: OpenCallback :exec
INSERT INTO callback (id, call, reason, created_at)
SELECT @id, c.id, coalesce(c.outcome, c.state), @at FROM call c WHERE c.id = @call AND c.num_enc IS NOT NULL
ON CONFLICT (call) DO NOTHING;

-- Ends a seat's wrap-up.
-- name: EndWrapUp :exec
WITH ended AS (
  UPDATE seat_work SET work = 'idle', call = NULL, until = NULL, since = @at, version = version + 1
  WHERE seat = @seat AND work = 'wrap_up'
  RETURNING 1)
SELECT must(count(*) = 1, 'HL004') FROM ended;

-- ------------------------------------------------------------------ the controller's reads

-- One call with its line's rules and its offer.
-- name: CallByID :one
SELECT sqlc.embed(c), l.ring_seconds, l.wrapup_seconds, l.grace_seconds, l.notice,
       coalesce(l.id <> @session_line::text OR EXISTS (SELECT 1 FROM session s WHERE s.state = 'open') AND l.id IS NOT NULL, false)::boolean AS open,
       o.id AS offer_id, o.leg AS offer_leg, o.seat AS offer_seat, o.person AS offer_person, o.state AS offer_state, o.reason AS offer_reason,
       o.offered_at, o.ringing_at, o.expires_at, o.closed_at, st.phone, st.endpoint
FROM call c LEFT JOIN line l ON l.id = c.line LEFT JOIN offer o ON o.id = c.offer LEFT JOIN seat_state st ON st.seat = o.seat
WHERE c.id = @id;

-- The id of the call that a citizen's leg belongs to.
-- name: CallOfChannel :one
SELECT id FROM call WHERE channel = @channel;

-- The state of a call's row that tells whether a write has reached it.
-- name: CallVersion :one
SELECT state, version, epoch, offer, seat, outcome FROM call WHERE id = @id;

-- Every call that has not ended, in order of priority and arrival.
-- name: OpenCalls :many
SELECT sqlc.embed(c), l.ring_seconds, l.wrapup_seconds, l.grace_seconds, l.notice,
       coalesce(l.id <> @session_line::text OR EXISTS (SELECT 1 FROM session s WHERE s.state = 'open') AND l.id IS NOT NULL, false)::boolean AS open,
       o.id AS offer_id, o.leg AS offer_leg, o.seat AS offer_seat, o.person AS offer_person, o.state AS offer_state, o.reason AS offer_reason,
       o.offered_at, o.ringing_at, o.expires_at, o.closed_at, st.phone, st.endpoint
FROM call c LEFT JOIN line l ON l.id = c.line LEFT JOIN offer o ON o.id = c.offer LEFT JOIN seat_state st ON st.seat = o.seat
WHERE c.state <> 'ended'
ORDER BY c.line, c.priority, c.seq;

-- A seat as an offer needs it.
-- name: SeatByID :one
SELECT sqlc.embed(st), s.line, s.kind, w.work, w.until, w.since AS work_since
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id
WHERE s.id = @seat;

-- The seats in wrap-up.
-- name: WrapUps :many
SELECT seat, call, until FROM seat_work WHERE work = 'wrap_up' ORDER BY until;

-- The lines.
-- name: Lines :many
SELECT id FROM line ORDER BY id;

-- The seats of a line whose people take calls, with the time since which each is idle by intent and work.
-- name: ReadySeats :many
SELECT seat, work, greatest(intent_since, work_since)::timestamptz AS since FROM seat_live WHERE line = @line AND open ORDER BY seat;

-- A citizen's number as it is kept, for the one who may dial or show it.
-- name: CallNumber :one
SELECT num_enc FROM call WHERE id = @id;

-- ------------------------------------------------------------------ what people look at

-- Names of the lines for the board.
-- name: BoardLines :many
SELECT id, name FROM line ORDER BY id;

-- Who waits for a seat, in the order in which they will be served.
-- name: BoardWaiting :many
SELECT id, line, num_tail, place, queued_at, state FROM call
WHERE state IN ('queued', 'offered') ORDER BY line, priority, seq;

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

-- K-01 to K-05, K-08 to K-12 of domain.md 4.2 over the legs that entered the line of a session, or since the day began in
-- Shanghai when no session is given. Averages of nothing are 0 here and a dash on the board.
-- name: Counts :one
WITH w AS (
  SELECT c.answered_at, c.ended_at, c.outcome, coalesce(c.answered_at, c.ended_at, @now::timestamptz) - c.queued_at AS wait
  FROM call c
  WHERE c.queued_at IS NOT NULL
    AND (CASE WHEN sqlc.narg('session')::uuid IS NULL THEN c.arrived_at >= date_trunc('day', @now::timestamptz, 'Asia/Shanghai') - interval '1 day'
           AND c.queued_at >= date_trunc('day', @now::timestamptz, 'Asia/Shanghai')
         ELSE c.session = sqlc.narg('session')::uuid END))
SELECT count(*) AS offered,
       count(answered_at) AS answered,
       count(*) FILTER (WHERE outcome LIKE 'abandoned%' AND wait > @short::interval) AS abandoned,
       count(*) FILTER (WHERE outcome LIKE 'abandoned%' AND wait <= @short::interval) AS short,
       count(*) FILTER (WHERE outcome IN ('closed_before_turn', 'out_of_scope')) AS flow_out,
       count(*) FILTER (WHERE answered_at IS NOT NULL AND wait <= @target::interval) AS answered_in_target,
       count(*) FILTER (WHERE answered_at IS NOT NULL AND ended_at IS NOT NULL) AS talked,
       coalesce(extract(epoch FROM avg(ended_at - answered_at) FILTER (WHERE answered_at IS NOT NULL)), 0)::float8 AS talk_avg,
       coalesce(extract(epoch FROM avg(wait) FILTER (WHERE answered_at IS NOT NULL)), 0)::float8 AS wait_avg,
       coalesce(extract(epoch FROM max(wait)), 0)::float8 AS wait_max
FROM w;

-- Tasks to call people back, oldest first.
-- name: Callbacks :many
SELECT b.id, b.call, c.num_tail, c.place, b.reason, b.created_at
FROM callback b JOIN call c ON c.id = b.call WHERE b.state = @state ORDER BY b.created_at, b.id LIMIT @max;

-- Who sits at a seat, and the call offered, engaged or in wrap-up there.
-- name: SeatCall :one
SELECT s.id AS seat, st.person, st.recorder, w.until AS wrapup_until, c.id AS call, c.state, c.num_tail, c.place, c.arrived_at, c.queued_at, c.answered_at,
       c.version, c.outcome, o.id AS offer, o.offered_at, o.expires_at
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id
  LEFT JOIN call c ON c.id = w.call LEFT JOIN offer o ON o.id = w.offer AND o.state = 'open'
WHERE s.id = @seat;

-- The seat of an offer, and whether it is still open.
-- name: OfferSeat :one
SELECT seat, state FROM offer WHERE id = @id;

-- The seat that holds a call now, and the version of the call.
-- name: CallSeat :one
SELECT coalesce(w.seat, c.seat, '')::text AS seat, c.version, c.state
FROM call c LEFT JOIN seat_work w ON w.call = c.id AND w.work IN ('offered', 'engaged') WHERE c.id = @id;

-- The line that citizens reach by a number.
-- name: LineOfNumber :one
SELECT id FROM line WHERE number = @number;

-- ------------------------------------------------------------------ hotline verify: the rows that break an invariant

-- I2: a call that has ended was said to have ended exactly once, one that goes on never.
-- name: BreachEnds :many
SELECT c.id::text FROM call c
WHERE c.arrived_at >= @since
  AND (SELECT count(*) FROM fact f WHERE f.subject = c.id::text AND f.kind = 'call.ended') <> (CASE WHEN c.state = 'ended' THEN 1 ELSE 0 END)
ORDER BY c.seq;

-- I3: a call has at most one open offer, and none once it has ended.
-- name: BreachOpenOffers :many
SELECT c.id::text FROM call c JOIN offer o ON o.call = c.id AND o.state = 'open'
GROUP BY c.id, c.state HAVING count(*) > (CASE WHEN c.state = 'ended' THEN 0 ELSE 1 END)
ORDER BY c.id;

-- I3: a second seat has accepted a call only after the first one's leg had left.
-- name: BreachAccepted :many
SELECT DISTINCT a.call::text FROM offer a JOIN offer b ON b.call = a.call AND b.id > a.id AND b.state = 'accepted'
WHERE a.state = 'accepted' AND a.offered_at >= @since
  AND NOT EXISTS (SELECT 1 FROM leg l WHERE l.call = a.call AND l.seat = a.seat AND l.left_at <= b.offered_at);

-- I4: a seat has at most one live call.
-- name: BreachSeatCalls :many
SELECT coalesce(o.seat, c.seat)::text FROM call c LEFT JOIN offer o ON o.id = c.offer
WHERE c.state IN ('offered', 'connecting', 'talking', 'reconnecting')
GROUP BY 1 HAVING count(*) > 1 ORDER BY 1;

-- I4: what a seat does and what its call says agree.
-- name: BreachSeatWork :many
SELECT w.seat FROM seat_work w LEFT JOIN call c ON c.id = w.call LEFT JOIN offer o ON o.id = c.offer
WHERE w.work = 'offered' AND (c.state NOT IN ('offered', 'connecting') OR o.seat IS DISTINCT FROM w.seat)
   OR w.work = 'engaged' AND (c.state NOT IN ('connecting', 'talking', 'reconnecting') OR o.seat IS DISTINCT FROM w.seat)
   OR w.work = 'wrap_up' AND c.state <> 'ended' AND c.seat = w.seat
ORDER BY w.seat;

-- I5: nobody was offered a seat for the first time while someone with an earlier place waited in the same line. Pairs are made
-- one after the other but stored side by side, so inversions within the slack are none.
-- name: BreachOrder :many
WITH first AS (
  SELECT c.id, c.line, c.priority, c.seq, c.queued_at, c.ended_at, (SELECT min(o.offered_at) FROM offer o WHERE o.call = c.id) AS offered_at
  FROM call c WHERE c.arrived_at >= @since AND c.queued_at IS NOT NULL)
SELECT (b.id || ' before ' || a.id)::text FROM first b JOIN first a ON a.line = b.line AND (a.priority, a.seq) < (b.priority, b.seq)
WHERE a.queued_at < b.offered_at - @slack::interval
  AND coalesce(least(a.offered_at, a.ended_at), 'infinity') > b.offered_at + @slack::interval
ORDER BY b.seq;

-- I6: no two calls have one place.
-- name: BreachPlaces :many
SELECT seq FROM call WHERE arrived_at >= @since GROUP BY seq HAVING count(*) > 1 ORDER BY seq;

-- Who waits in a line by the rows, and who is being brought to a seat: the index keeps them, claimed, until they talk.
-- name: WaitingCalls :many
SELECT id, priority, seq, state FROM call WHERE state IN ('queued', 'offered', 'connecting') AND line = @line ORDER BY priority, seq;

-- I1: the channels among these that no call has.
-- name: ChannelsWithoutCall :many
SELECT ch::text FROM unnest(@channels::text[]) ch WHERE NOT EXISTS (SELECT 1 FROM call c WHERE c.channel = ch) ORDER BY 1;

-- I14: every channel that a call which goes on has: the citizen's, and its seat's.
-- name: LiveChannels :many
SELECT c.id AS call, c.channel, coalesce(o.leg, '')::text AS seat_leg FROM call c LEFT JOIN offer o ON o.id = c.offer WHERE c.state <> 'ended' ORDER BY c.seq;
