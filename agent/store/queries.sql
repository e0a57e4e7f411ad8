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
    person = sqlc.narg('person'), recorder = sqlc.narg('recorder'), deputy = sqlc.narg('deputy'), room = sqlc.narg('room'),
    supervisor = sqlc.narg('supervisor'), away = @away::text[], client = @client, phone = @phone, endpoint = @endpoint,
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
       coalesce(u.short_name, '')::text AS unit_name, coalesce(p.name, '')::text AS person_name, coalesce(r.name, '')::text AS recorder_name,
       coalesce(d.name, '')::text AS deputy_name, coalesce(o.name, '')::text AS room_name, coalesce(v.name, '')::text AS supervisor_name
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id
LEFT JOIN unit u ON u.code = s.unit LEFT JOIN person p ON p.id = st.person LEFT JOIN person r ON r.id = st.recorder
LEFT JOIN person d ON d.id = st.deputy LEFT JOIN person o ON o.id = st.room LEFT JOIN person v ON v.id = st.supervisor
WHERE @seat::text = '' OR s.id = @seat
ORDER BY s.id;

-- Where a person sits. At most one row: one person, one place.
-- name: SittingOf :one
SELECT seat::text AS seat, place::text AS place FROM seated WHERE person = @person::uuid ORDER BY seat LIMIT 1;

-- What the named people are now.
-- name: StandingsOf :many
SELECT person, unit::text AS unit, roles::text[] AS roles, seat::text AS seat, line::text AS line, place::text AS place, tx::bigint AS tx
FROM standing WHERE person = ANY(@people::uuid[]);

-- Those who sit somewhere, with what must be true of them: not barred, signed in, assigned to the place; and the roles for it. Who is at
-- a plain telephone needs no page, and so no login that goes on.
-- name: Sitters :many
SELECT st.seat, v.place::text AS place, v.person::uuid AS person, s.kind, (p.disabled_at IS NOT NULL)::boolean AS disabled,
       ARRAY(SELECT r.role FROM person_role r WHERE r.person = p.id)::text[] AS roles,
       (v.place = 'official' AND st.phone = 'sip' OR EXISTS (SELECT 1 FROM login l WHERE l.person = p.id AND l.expires > @at::timestamptz))::boolean AS signed_in,
       EXISTS (SELECT 1 FROM assignment_kept a WHERE a.person = p.id AND a.seat = st.seat AND a.place = chair(s.kind, v.place)) AS assigned
FROM seated v JOIN seat_state st ON st.seat = v.seat JOIN seat s ON s.id = v.seat JOIN person p ON p.id = v.person
ORDER BY st.seat, v.place;

-- Whether a person may sign in, where they sit already (empty: nowhere), and whether the place is assigned to them now.
-- name: PersonToSit :one
SELECT p.disabled_at,
       EXISTS (SELECT 1 FROM assignment_now a JOIN seat s ON s.id = a.seat
               WHERE a.person = p.id AND a.seat = @seat AND a.place = chair(s.kind, @place::text)) AS assigned,
       coalesce((SELECT d.seat FROM seated d WHERE d.person = p.id ORDER BY d.seat LIMIT 1), '')::text AS seat
FROM person p WHERE p.id = @id;

-- Holds a person who may sign in, so that two places that they take come one after the other; the references of other rows go on.
-- name: HoldPerson :exec
WITH held AS (SELECT 1 FROM person WHERE id = @id AND disabled_at IS NULL FOR NO KEY UPDATE)
SELECT must(count(*) = 1, 'HL002') FROM held;

-- Ends who sat at a place, and wherever else the person who takes it sat: one place, one person, one place.
-- name: EndSittings :exec
UPDATE sitting SET ended_at = greatest(@at::timestamptz, began_at)
WHERE ended_at IS NULL AND (seat = @seat AND place = @place OR person = sqlc.narg('person')::uuid);

-- Gives who sits beside another telephone, and tells which one they had.
-- name: ConnectBeside :one
WITH old AS (
  SELECT o.id, o.endpoint FROM sitting o WHERE o.seat = @seat AND o.place = @place AND o.person = @person AND o.ended_at IS NULL FOR UPDATE)
UPDATE sitting i SET client = @client, endpoint = @endpoint, device = 'browser', ha1 = @ha1 FROM old WHERE i.id = old.id
RETURNING old.endpoint;

-- The telephones of places beside that the exchange may know, and those of sittings that are over.
-- name: PhonesBeside :many
SELECT id, endpoint, ha1, (ended_at IS NOT NULL)::boolean AS over FROM sitting WHERE ha1 <> '' ORDER BY id;

-- Forgets a telephone that the exchange knows no more.
-- name: ForgetPhone :exec
UPDATE sitting SET ha1 = '' WHERE endpoint = @endpoint AND ended_at IS NOT NULL AND ha1 <> '';

-- Notes when people who sit beside had a page; servers tell it of their own sockets alone.
-- name: SawPages :exec
UPDATE sitting SET seen_at = @at::timestamptz
WHERE ended_at IS NULL AND place IN ('recorder', 'deputy') AND person = ANY(@people::uuid[]) AND coalesce(seen_at, began_at) < @at;

-- Who sits beside, and when they had a page last.
-- name: Attendances :many
SELECT i.seat, i.place, i.person, coalesce(i.seen_at, i.began_at)::timestamptz AS seen_at, (i.place = ANY (st.away))::boolean AS away
FROM sitting i JOIN seat_state st ON st.seat = i.seat
WHERE i.ended_at IS NULL AND i.place IN ('recorder', 'deputy');

-- Begins to sit at a place.
-- name: BeginSitting :exec
INSERT INTO sitting (seat, place, person, began_at) VALUES (@seat, @place, @person, @at);

-- Notes the page and the telephone of who sits at a place.
-- name: EquipSitting :exec
UPDATE sitting SET client = @client, endpoint = @endpoint, device = @device WHERE seat = @seat AND place = @place AND ended_at IS NULL;

-- Holds that the place is assigned to the person until the commit: who takes it back either sees the sitting or prevents it.
-- name: HoldAssignment :exec
WITH held AS (
  SELECT 1 FROM assignment WHERE id IN (
    SELECT a.id FROM assignment_now a JOIN seat s ON s.id = a.seat
    WHERE a.person = @person::uuid AND a.seat = @seat AND a.place = chair(s.kind, @place::text))
  FOR KEY SHARE)
SELECT must(count(*) > 0, 'HL002') FROM held;

-- The person has no other place. A statement of its own, behind HoldPerson, so that it sees what that had to wait for.
-- name: NoOtherSeat :exec
SELECT must(count(*) = 0, 'HL002') FROM seated WHERE person = @person::uuid AND seat <> @seat;

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

-- ------------------------------------------------------------------ assignments

-- What an assignment is compared with: the seat, the person and the session, each by the name that people use.
-- name: ToAssign :one
SELECT coalesce((SELECT s.kind FROM seat s WHERE s.id = @seat), '')::text AS kind,
       coalesce((SELECT p.id::text FROM person p WHERE p.login_name = @login_name), '')::text AS person,
       coalesce((SELECT array_agg(r.role ORDER BY r.role) FROM person_role r JOIN person p ON p.id = r.person WHERE p.login_name = @login_name), '{}')::text[] AS roles,
       coalesce((SELECT e.id::text FROM session e WHERE e.number = @session::int), '')::text AS session;

-- Assigns a place; one that is assigned to the person already stays.
-- name: PutAssignment :execrows
INSERT INTO assignment (id, session, seat, place, person, made_at)
VALUES (@id, sqlc.narg('session'), @seat, @place, @person, @made_at)
ON CONFLICT (person, seat, place, session) DO NOTHING;

-- Takes an assignment back, and tells whose it was.
-- name: DeleteAssignment :one
DELETE FROM assignment WHERE id = @id RETURNING seat, place, person;

-- Every assignment, and whether it holds now.
-- name: Assignments :many
SELECT a.id, coalesce(e.number, 0)::int AS session, a.seat, a.place, a.person, p.login_name, p.name, a.made_at,
       EXISTS (SELECT 1 FROM assignment_now n WHERE n.id = a.id) AS holds
FROM assignment a JOIN person p ON p.id = a.person LEFT JOIN session e ON e.id = a.session
ORDER BY a.seat, a.place, p.login_name, e.number;

-- The places that are assigned to a person now.
-- name: PlacesOf :many
SELECT DISTINCT a.seat, a.place FROM assignment_now a WHERE a.person = @person ORDER BY a.seat, a.place;

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

-- Counts an attempt before its password is looked at, so that parallel guesses cannot outrun the count: at its own source and, of an
-- unknown device, at the account. 0: barred there, and not counted. What is older than since is forgotten.
-- name: CountAttempt :one
WITH own AS (
  INSERT INTO sign_in_failure AS f (person, source, failures, at) VALUES (@person, @source, 1, @at)
  ON CONFLICT (person, source) DO UPDATE SET failures = CASE WHEN f.at > @since THEN f.failures ELSE 0 END + 1, at = excluded.at
    WHERE f.at <= @since OR f.failures < @own_limit::int
  RETURNING failures),
everybodys AS (
  INSERT INTO sign_in_failure AS f (person, source, failures, at) SELECT @person, '', 1, @at FROM own WHERE @stranger::bool
  ON CONFLICT (person, source) DO UPDATE SET failures = CASE WHEN f.at > @since THEN f.failures ELSE 0 END + 1, at = excluded.at
    WHERE f.at <= @since OR f.failures < @stranger_limit::int
  RETURNING failures)
SELECT coalesce((SELECT failures FROM own), 0)::int AS own, coalesce((SELECT failures FROM everybodys), 0)::int AS everybodys;

-- Forgives a person's failures at these sources.
-- name: ForgiveFailures :exec
DELETE FROM sign_in_failure WHERE person = @person AND source = ANY(@sources::text[]);

-- Forgives all failures of a person.
-- name: ForgiveAllFailures :exec
DELETE FROM sign_in_failure WHERE person = @person;

-- Clears away failures that bar nobody any more.
-- name: PurgeFailures :exec
DELETE FROM sign_in_failure WHERE at <= @since;

-- Stores another hash of the password.
-- name: SetHash :exec
UPDATE person SET password_hash = @password_hash WHERE id = @id;

-- Stores a stronger hash of the password that was checked, unless there is another one meanwhile.
-- name: StrengthenHash :exec
UPDATE person SET password_hash = @password_hash WHERE id = @id AND password_hash = @checked;

-- Bars a person, or lets them in again.
-- name: SetDisabled :execrows
UPDATE person SET disabled_at = sqlc.narg('disabled_at') WHERE id = @id;

-- ------------------------------------------------------------------ logins

-- Writes a login under the digest of its token, for a person who may sign in and whose password is still the one that was checked.
-- name: BeginLogin :execrows
INSERT INTO login (token, id, person, data, expires)
SELECT @token, @id::uuid, p.id, @data, @expires FROM person p WHERE p.id = @person::uuid AND p.password_hash = @checked AND p.disabled_at IS NULL
FOR SHARE;

-- Writes the data of a login anew that is still there.
-- name: TouchLogin :exec
UPDATE login SET data = @data, expires = @expires WHERE token = @token;

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

-- Those of the named logins that still count: not run out, and the person may sign in; and what their people are now.
-- name: AliveLogins :many
SELECT l.id::uuid AS id, s.person, s.unit::text AS unit, s.roles::text[] AS roles, s.seat::text AS seat, s.line::text AS line,
       s.place::text AS place, s.tx::bigint AS tx
FROM login l JOIN standing s ON s.person = l.person
WHERE l.id = ANY(@ids::uuid[]) AND l.expires > @at;

-- Keeps the named logins of people who sit at a seat until then: a page that waits for calls sends no requests, yet is not idle.
-- name: KeepLogins :exec
UPDATE login l SET expires = (@untils::timestamptz[])[array_position(@ids::uuid[], l.id)]
WHERE l.id = ANY(@ids::uuid[]) AND l.expires > @at
  AND EXISTS (SELECT 1 FROM seated d WHERE d.person = l.person);

-- ------------------------------------------------------------------ commands

-- Forgets the commands of more than a day ago, and says how many.
-- name: ForgetCommands :one
SELECT command_forget()::bigint;

-- ------------------------------------------------------------------ settings

-- Every version of every setting.
-- name: Settings :many
SELECT * FROM setting ORDER BY key, scope, version;

-- One version, which stays as it is until the end of the transaction.
-- name: LockSetting :one
SELECT * FROM setting WHERE key = @key AND scope = @scope AND version = @version FOR NO KEY UPDATE;

-- Adds a version, if there is such a line.
-- name: InsertSetting :execrows
INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, reason, proposed_at)
SELECT @key, @scope, @version::int, @value, @effective_from::timestamptz, sqlc.narg('in_force_from')::timestamptz, @author, @reason, @proposed_at::timestamptz
WHERE @key NOT LIKE 'line.%' OR EXISTS (SELECT FROM line l WHERE l.id = @scope);

-- What becomes of a version: approved, or withdrawn.
-- name: DecideSetting :exec
UPDATE setting SET in_force_from = sqlc.narg('in_force_from'), approver = sqlc.narg('approver'), approved_at = sqlc.narg('approved_at'),
       withdrawer = sqlc.narg('withdrawer'), withdrawn_at = sqlc.narg('withdrawn_at'), withdrawn_why = @withdrawn_why
WHERE key = @key AND scope = @scope AND version = @version;

-- Sets what a line goes by at once, for an installation: the rights of no person are asked.
-- name: TuneLine :one
WITH installation AS (SELECT set_config('hotline.settings', 'propose', true), set_config('hotline.actor', 'system', true))
INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at)
SELECT @key, @scope, coalesce((SELECT max(s.version) FROM setting s WHERE s.key = @key AND s.scope = @scope), 0) + 1, @value, now(), now(), 'system', now()
FROM installation RETURNING version;

-- The names of the lines, and of those who have written or decided versions.
-- name: SettingNames :many
SELECT ('line:' || l.id)::text AS who, l.name FROM line l
UNION ALL
SELECT 'person:' || p.id, p.name FROM person p
WHERE p.id IN (SELECT substr(x.actor, 8)::uuid FROM setting s, LATERAL (VALUES (s.author), (s.approver), (s.withdrawer)) AS x (actor)
  WHERE x.actor LIKE 'person:________-____-____-____-____________');
