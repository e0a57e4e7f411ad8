-- ------------------------------------------------------------------ seats

-- A seat and its work as they are now, in one look.
-- name: SeatAndWork :one
SELECT s.line, s.kind, sqlc.embed(st), w.work, w.since AS work_since, w.until AS work_until, w.version AS work_version
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id
WHERE s.id = @seat;

-- Stores a seat on top of the version that the decision was made on. First of the two locks: telephony's offers wait for it, or it
-- for them.
-- name: SaveSeat :exec
WITH saved AS (
  UPDATE seat_state SET
    person = sqlc.narg('person'), recorder = sqlc.narg('recorder'), client = @client, phone = @phone, endpoint = @endpoint,
    contact = @contact, ha1 = @ha1, intent = @intent, rest_code = @rest_code, rest_until = sqlc.narg('rest_until'),
    rest_minutes = @rest_minutes, pending = @pending, device = @device, registered = @registered, since = @since, version = @version
  WHERE seat = @seat AND version = @before
  RETURNING 1)
SELECT must(count(*) = 1, 'HL002') FROM saved;

-- Holds what the seat does for calls as it was read until the commit, so that a wish either sees the end of the work or is seen by it.
-- name: HoldWork :exec
WITH held AS (SELECT 1 FROM seat_work WHERE seat = @seat AND version = @version FOR SHARE)
SELECT must(count(*) = 1, 'HL002') FROM held;

-- Every seat, for index and exchange.
-- name: Seats :many
SELECT s.line, s.kind, sqlc.embed(st), w.work, w.since AS work_since, w.until AS work_until
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id
ORDER BY s.id;

-- The seat whose telephone has that endpoint now.
-- name: SeatOfEndpoint :one
SELECT seat FROM seat_state WHERE endpoint = @endpoint AND endpoint <> '';

-- Seats as screens show them: one, or all of them when none is named.
-- name: SeatViews :many
SELECT s.line, s.kind, s.label, s.unit, sqlc.embed(st), w.work, w.since AS work_since, w.until AS work_until, w.call, w.offer, w.misses,
       coalesce(u.short_name, '')::text AS unit_name, coalesce(p.name, '')::text AS person_name, coalesce(r.name, '')::text AS recorder_name
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id
LEFT JOIN unit u ON u.code = s.unit LEFT JOIN person p ON p.id = st.person LEFT JOIN person r ON r.id = st.recorder
WHERE @seat::text = '' OR s.id = @seat
ORDER BY s.id;

-- Where a person sits. At most one row: one person, one place.
-- name: SittingOf :one
SELECT seat, (CASE WHEN person = @person::uuid THEN 'official' ELSE 'recorder' END)::text AS place
FROM seat_state WHERE person = @person::uuid OR recorder = @person::uuid
ORDER BY seat LIMIT 1;

-- The places of the named people, in one look.
-- name: SittingsOf :many
SELECT seat, person, recorder FROM seat_state WHERE person = ANY(@people::uuid[]) OR recorder = ANY(@people::uuid[]);

-- Whether a person may sign in, and where they sit already; empty: nowhere.
-- name: PersonToSit :one
SELECT p.disabled_at,
       coalesce((SELECT st.seat FROM seat_state st WHERE st.person = p.id OR st.recorder = p.id ORDER BY st.seat LIMIT 1), '')::text AS seat
FROM person p WHERE p.id = @id;

-- Holds a person who may sign in, so that two places that they take come one after the other; the references of other rows go on.
-- name: HoldPerson :exec
WITH held AS (SELECT 1 FROM person WHERE id = @id AND disabled_at IS NULL FOR NO KEY UPDATE)
SELECT must(count(*) = 1, 'HL002') FROM held;

-- The person has no other place. A statement of its own, behind HoldPerson, so that it sees what that had to wait for.
-- name: NoOtherSeat :exec
SELECT must(count(*) = 0, 'HL002') FROM seat_state WHERE (person = @person::uuid OR recorder = @person::uuid) AND seat <> @seat;

-- ------------------------------------------------------------------ sessions, units, lines

-- The session that takes calls or drains; the table allows one.
-- name: LiveSession :one
SELECT s.number, u.short_name AS unit_name, s.theme, s.opens_at, s.closes_at, s.state
FROM session s JOIN unit u ON u.code = s.unit
WHERE s.state IN ('open', 'closing', 'draining');

-- Ends whatever session is live.
-- name: CloseLiveSessions :execrows
UPDATE session SET state = 'closed', version = version + 1 WHERE state IN ('open', 'closing', 'draining');

-- Opens a session under the next number.
-- name: InsertOpenSession :one
INSERT INTO session (id, number, unit, theme, opens_at, closes_at, state)
SELECT @id, coalesce(max(number), 0) + 1, @unit, @theme, @opens_at, @closes_at, 'open' FROM session
RETURNING number;

-- Adds a unit or brings its names up to date.
-- name: PutUnit :exec
INSERT INTO unit (code, short_name, full_name, kind) VALUES (@code, @short_name, @full_name, @kind)
ON CONFLICT (code) DO UPDATE SET short_name = excluded.short_name, full_name = excluded.full_name, kind = excluded.kind;

-- Adds a line; its settings stay as they are when it is there already.
-- name: PutLine :exec
INSERT INTO line (id, name) VALUES (@id, @name) ON CONFLICT (id) DO NOTHING;

-- Lets citizens reach a line by a number, beside the other lines of that number. A line that is reached by a number already
-- keeps it.
-- name: PutLineNumber :exec
INSERT INTO line_number (number, line, rank, during)
SELECT @number, @line, @rank, @during WHERE NOT EXISTS (SELECT 1 FROM line_number n WHERE n.line = @line)
ON CONFLICT (number, line) DO NOTHING;

-- Changes the seconds of a line: ring, wrap-up, grace.
-- name: SetLineSeconds :exec
UPDATE line SET ring_seconds = @ring, wrapup_seconds = @wrapup, grace_seconds = @grace, version = version + 1 WHERE id = @id;

-- Adds a seat, or moves it to another line, unit or label.
-- name: PutSeat :exec
INSERT INTO seat (id, line, kind, unit, label) VALUES (@id, @line, @kind, sqlc.narg('unit'), @label)
ON CONFLICT (id) DO UPDATE SET line = excluded.line, kind = excluded.kind, unit = excluded.unit, label = excluded.label;

-- Gives a new seat its presence: signed out.
-- name: PutSeatState :exec
INSERT INTO seat_state (seat, since) VALUES (@seat, @at) ON CONFLICT (seat) DO NOTHING;

-- Gives a new seat its work: none. From then on only the call controller writes it.
-- name: PutSeatWork :exec
INSERT INTO seat_work (seat, since) VALUES (@seat, @at) ON CONFLICT (seat) DO NOTHING;

-- ------------------------------------------------------------------ people

-- Adds a person.
-- name: InsertPerson :exec
INSERT INTO person (id, login_name, name, unit, password_hash, created_at)
VALUES (@id, @login_name, @name, sqlc.narg('unit'), @password_hash, @created_at);

-- Gives a person a role.
-- name: InsertRole :exec
INSERT INTO person_role (person, role) VALUES (@person, @role);

-- Everybody, or one person when named by login name or id.
-- name: People :many
SELECT p.id, p.login_name, p.name, p.unit, coalesce(u.short_name, '')::text AS unit_name, p.disabled_at, p.created_at,
       coalesce((SELECT array_agg(r.role ORDER BY r.role) FROM person_role r WHERE r.person = p.id), '{}')::text[] AS roles
FROM person p LEFT JOIN unit u ON u.code = p.unit
WHERE (sqlc.narg('id')::uuid IS NULL OR p.id = sqlc.narg('id')::uuid)
  AND (@login_name::text = '' OR p.login_name = @login_name)
ORDER BY p.login_name;

-- What a sign-in is checked against.
-- name: Account :one
SELECT id, password_hash, disabled_at FROM person WHERE login_name = @login_name;

-- Counts an attempt before its password is looked at, so that parallel guesses cannot outrun the count; the last allowed one
-- locks the account at once. No row: it is locked. A lock that is over begins a new row of failures.
-- name: CountAttempt :one
UPDATE person SET
  failures = CASE WHEN locked_until IS NULL THEN failures ELSE 0 END + 1,
  locked_until = CASE WHEN CASE WHEN locked_until IS NULL THEN failures ELSE 0 END + 1 >= @max_failures::int THEN @lock_until::timestamptz END
WHERE id = @id AND (locked_until IS NULL OR locked_until <= @at::timestamptz)
RETURNING failures;

-- Forgives all failures, and takes a stronger hash when one is given.
-- name: ForgiveFailures :exec
UPDATE person SET failures = 0, locked_until = NULL,
  password_hash = CASE WHEN @password_hash::text = '' THEN password_hash ELSE @password_hash END
WHERE id = @id;

-- Bars a person, or lets them in again.
-- name: SetDisabled :execrows
UPDATE person SET disabled_at = sqlc.narg('disabled_at') WHERE id = @id;

-- ------------------------------------------------------------------ logins

-- Writes a login under the digest of its token.
-- name: SaveLogin :exec
INSERT INTO login (token, id, person, data, expires) VALUES (@token, @id, @person, @data, @expires)
ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires = excluded.expires;

-- A login that has not run out.
-- name: FindLogin :one
SELECT data FROM login WHERE token = @token AND expires > @at;

-- Ends one login.
-- name: DeleteLogin :exec
DELETE FROM login WHERE token = @token;

-- Ends every login of a person and names them.
-- name: DeleteLoginsOf :many
DELETE FROM login WHERE person = @person RETURNING id;

-- Clears away logins that have run out.
-- name: PurgeLogins :execrows
DELETE FROM login WHERE expires <= @at;

-- Those of the named logins that still count: not run out, and the person may sign in.
-- name: AliveLogins :many
SELECT l.id::uuid AS id FROM login l JOIN person p ON p.id = l.person
WHERE l.id = ANY(@ids::uuid[]) AND l.expires > @at AND p.disabled_at IS NULL;

-- Keeps the named logins of people who sit at a seat until then: a page that waits for calls sends no requests, yet is not idle.
-- name: KeepLogins :exec
UPDATE login l SET expires = (@untils::timestamptz[])[array_position(@ids::uuid[], l.id)]
WHERE l.id = ANY(@ids::uuid[]) AND l.expires > @at
  AND EXISTS (SELECT 1 FROM seat_state st WHERE st.person = l.person OR st.recorder = l.person);

-- ------------------------------------------------------------------ commands

-- The answer that was given to a command under that key.
-- name: Command :one
SELECT status, body FROM command WHERE key = @key AND path = @path;

-- Keeps the answer that was given to a command; the first one stays.
-- name: SaveCommand :exec
INSERT INTO command (key, person, path, status, body, at) VALUES (@key, @person, @path, @status, @body, @at) ON CONFLICT DO NOTHING;

-- Forgets the commands from before then.
-- name: ForgetCommands :execrows
DELETE FROM command WHERE at < @before;
