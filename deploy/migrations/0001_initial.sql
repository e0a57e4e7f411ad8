-- 0001: the first real call. Every closed list is a CHECK; what must never be doubled is a unique index.

-- ------------------------------------------------------------------ facts (append-only log, reliability.md 2.2)
CREATE TABLE fact (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid     xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at      timestamptz NOT NULL,
  kind    text NOT NULL CHECK (kind ~ '^[a-z_]+\.[a-z_]+$'),
  subject text NOT NULL,
  topics  text[] NOT NULL,
  actor   text NOT NULL,
  epoch   bigint,
  data    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX fact_order ON fact (xid, id);
CREATE INDEX fact_subject ON fact (subject, id);

-- How far a reaction has read; written in the transaction of its effect, so each fact takes effect once.
CREATE TABLE fact_cursor (
  consumer text PRIMARY KEY,
  xid      xid8 NOT NULL,
  id       bigint NOT NULL
);

CREATE FUNCTION fact_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the fact log is append-only';
END $$;
CREATE TRIGGER fact_append_only BEFORE UPDATE OR DELETE ON fact FOR EACH ROW EXECUTE FUNCTION fact_is_append_only();
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON fact EXECUTE FUNCTION fact_is_append_only();

-- ------------------------------------------------------------------ agent: people, seats, sessions
CREATE TABLE unit (
  code       text PRIMARY KEY,
  short_name text NOT NULL UNIQUE,
  full_name  text NOT NULL UNIQUE,
  kind       text NOT NULL
);

CREATE TABLE person (
  id            uuid PRIMARY KEY,
  login_name    text NOT NULL UNIQUE CHECK (login_name ~ '^[a-z0-9][a-z0-9._-]{1,31}$'),
  name          text NOT NULL,
  unit          text REFERENCES unit,
  password_hash text NOT NULL,
  failures      int NOT NULL DEFAULT 0,
  locked_until  timestamptz,
  disabled_at   timestamptz,
  created_at    timestamptz NOT NULL
);

CREATE TABLE person_role (
  person uuid NOT NULL REFERENCES person,
  role   text NOT NULL CHECK (role IN ('official', 'recorder', 'operator', 'supervisor', 'office', 'unit',
           'system_admin', 'security_admin', 'audit_admin')),
  PRIMARY KEY (person, role)
);

-- Logins (登录): the store behind scs; the token is stored hashed.
CREATE TABLE login (
  token   text PRIMARY KEY,
  person  uuid REFERENCES person,
  data    bytea NOT NULL,
  expires timestamptz NOT NULL
);
CREATE INDEX login_expires ON login (expires);

-- The Thursday event (场次).
CREATE TABLE session (
  id        uuid PRIMARY KEY,
  number    int NOT NULL UNIQUE,
  unit      text NOT NULL REFERENCES unit,
  theme     text NOT NULL,
  opens_at  timestamptz NOT NULL,
  closes_at timestamptz NOT NULL CHECK (closes_at > opens_at),
  state     text NOT NULL CHECK (state IN ('draft', 'published', 'check_in', 'open', 'closing', 'draining', 'closed',
              'reported', 'postponed', 'cancelled')),
  version   bigint NOT NULL DEFAULT 1
);
-- At most one session takes calls at a time.
CREATE UNIQUE INDEX session_live ON session ((true)) WHERE state IN ('open', 'closing', 'draining');

-- Lines (队列) and their settings.
CREATE TABLE line (
  id             text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_-]{0,31}$'),
  name           text NOT NULL,
  number         text NOT NULL UNIQUE,          -- the number citizens dial
  ring_seconds   int NOT NULL DEFAULT 20 CHECK (ring_seconds BETWEEN 5 AND 120),
  wrapup_seconds int NOT NULL DEFAULT 120 CHECK (wrapup_seconds BETWEEN 0 AND 3600),
  grace_seconds  int NOT NULL DEFAULT 20 CHECK (grace_seconds BETWEEN 5 AND 120),
  notice         text NOT NULL DEFAULT 'hotline/recording-notice',   -- prompt played before the line
  version        bigint NOT NULL DEFAULT 1
);

CREATE TABLE seat (
  id    text PRIMARY KEY CHECK (id ~ '^[A-Z][0-9]{2,3}$'),   -- A01
  line  text NOT NULL REFERENCES line,
  kind  text NOT NULL CHECK (kind IN ('official', 'operator')),
  unit  text REFERENCES unit,
  label text NOT NULL
);

-- Presence, intent and device of a seat; written by agent only (peers.md 3.1). One row per seat.
CREATE TABLE seat_state (
  seat        text PRIMARY KEY REFERENCES seat,
  person      uuid REFERENCES person,              -- who has taken it; NULL = signed out
  recorder    uuid REFERENCES person,              -- who sits beside
  client      text NOT NULL DEFAULT '',            -- the page that holds the softphone
  phone       text NOT NULL DEFAULT 'browser' CHECK (phone IN ('browser', 'sip')),
  endpoint    text NOT NULL DEFAULT '',            -- PJSIP endpoint, random, fresh per sign-in
  contact     text NOT NULL DEFAULT '',            -- fixed address of a sip phone
  ha1         text NOT NULL DEFAULT '',            -- digest secret of the endpoint, dropped at sign-out
  intent      text NOT NULL DEFAULT 'busy' CHECK (intent IN ('ready', 'rest', 'busy')),
  rest_code   text NOT NULL DEFAULT '',
  rest_until  timestamptz,
  pending     text NOT NULL DEFAULT '' CHECK (pending IN ('', 'rest', 'busy', 'sign_out')),
  device      text NOT NULL DEFAULT 'unknown' CHECK (device IN ('ok', 'unregistered', 'media_failed', 'unknown')),
  since       timestamptz NOT NULL,                -- of the intent
  version     bigint NOT NULL DEFAULT 1,
  CHECK (person IS NOT NULL OR (intent = 'busy' AND pending = '' AND endpoint = ''))
);
-- One person holds at most one seat as official, and sits beside at most one.
CREATE UNIQUE INDEX seat_state_person ON seat_state (person) WHERE person IS NOT NULL;
CREATE UNIQUE INDEX seat_state_recorder ON seat_state (recorder) WHERE recorder IS NOT NULL;
CREATE UNIQUE INDEX seat_state_endpoint ON seat_state (endpoint) WHERE endpoint <> '';

-- ------------------------------------------------------------------ telephony: calls, offers, legs, callbacks
-- The lease of the active controller (R3). epoch is part of a unique key, so FOR KEY SHARE excludes a take-over only.
CREATE TABLE controller (
  id         int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  epoch      bigint NOT NULL,
  holder     text NOT NULL,
  renewed_at timestamptz NOT NULL,
  UNIQUE (id, epoch)
);
INSERT INTO controller (epoch, holder, renewed_at) VALUES (0, '', 'epoch');

-- Order of arrival; never a clock (reliability.md 1).
CREATE SEQUENCE call_seq;

CREATE TABLE call (
  id          uuid PRIMARY KEY,
  channel     text NOT NULL UNIQUE,               -- Asterisk's id of the citizen's leg
  entity      text NOT NULL DEFAULT '',           -- entity id / start-up time of the Asterisk it lives in
  line        text NOT NULL REFERENCES line,
  session     uuid REFERENCES session,
  dialled     text NOT NULL,
  num_enc     bytea,                              -- AES-256-GCM, AAD = id; NULL = anonymous
  num_idx     bytea,                              -- HMAC of the normalised number, for equality search
  num_tail    text NOT NULL DEFAULT '',           -- at most 3 + 4 digits, already masked: 138****5678
  place       text NOT NULL DEFAULT '',           -- by area code or mobile prefix; '' = unknown
  state       text NOT NULL CHECK (state IN ('arrived', 'screening', 'queued', 'offered', 'connecting', 'talking',
                'reconnecting', 'ended')),
  seq         bigint NOT NULL,                    -- place in order of arrival, kept for ever (I6)
  priority    int NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),   -- band: lower is served first
  arrived_at  timestamptz NOT NULL,
  queued_at   timestamptz,                        -- t_in of domain.md 4.2
  answered_at timestamptz,                        -- t_ans: both in the bridge
  ended_at    timestamptz,
  outcome     text CHECK (outcome IN ('answered_official', 'answered_operator', 'abandoned_in_queue', 'abandoned_short',
                'abandoned_ringing', 'closed_before_turn', 'out_of_scope', 'blocked', 'system_failure')),
  cause       text NOT NULL DEFAULT '',           -- who ended it: caller, seat, controller, unknown, ...
  seat        text REFERENCES seat,               -- of the accepted offer
  offer       uuid,                               -- the open offer
  epoch       bigint NOT NULL,
  version     bigint NOT NULL DEFAULT 1,
  CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
  CHECK ((state = 'ended') = (outcome IS NOT NULL))
);
CREATE INDEX call_open ON call (line, priority, seq) WHERE state <> 'ended';
CREATE INDEX call_number ON call (num_idx, arrived_at DESC) WHERE num_idx IS NOT NULL;
CREATE INDEX call_arrived ON call (arrived_at);

-- A lease of one seat for one call; id is the seat leg's channel id (R5).
CREATE TABLE offer (
  id          uuid PRIMARY KEY,
  call        uuid NOT NULL REFERENCES call,
  seat        text NOT NULL REFERENCES seat,
  person      uuid REFERENCES person,
  state       text NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'expired', 'caller_left', 'device_failed', 'rescinded')),
  reason      text NOT NULL DEFAULT '',
  offered_at  timestamptz NOT NULL,
  ringing_at  timestamptz,
  expires_at  timestamptz NOT NULL,
  closed_at   timestamptz,
  epoch       bigint NOT NULL,
  CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX offer_open_seat ON offer (seat) WHERE state = 'open';
CREATE UNIQUE INDEX offer_open_call ON offer (call) WHERE state = 'open';
CREATE INDEX offer_call ON offer (call, offered_at);

-- Participants: which channel was in which call, from when to when.
CREATE TABLE leg (
  channel   text PRIMARY KEY,
  call      uuid NOT NULL REFERENCES call,
  role      text NOT NULL CHECK (role IN ('caller', 'official')),
  seat      text REFERENCES seat,
  joined_at timestamptz,                          -- in the talk bridge
  left_at   timestamptz,
  cause     text NOT NULL DEFAULT ''
);
CREATE INDEX leg_call ON leg (call);

-- What a seat is doing for calls; written by the call controller only (peers.md 3.1: work). One row per seat.
CREATE TABLE seat_work (
  seat    text PRIMARY KEY REFERENCES seat,
  work    text NOT NULL DEFAULT 'idle' CHECK (work IN ('idle', 'offered', 'engaged', 'wrap_up')),
  offer   uuid,
  call    uuid REFERENCES call,
  until   timestamptz,                            -- of wrap-up
  since   timestamptz NOT NULL,
  misses  int NOT NULL DEFAULT 0,                 -- offers not answered in a row (A8)
  version bigint NOT NULL DEFAULT 1,
  CHECK ((work = 'offered') = (offer IS NOT NULL)),
  CHECK ((work = 'idle') = (call IS NULL)),
  CHECK ((work = 'wrap_up') = (until IS NOT NULL))
);
-- I4: a seat has at most one live call, a live call at most one seat.
CREATE UNIQUE INDEX seat_work_call ON seat_work (call) WHERE work IN ('offered', 'engaged');

-- What board, panel and matcher read: the four facts of a seat side by side. Nobody writes here.
CREATE VIEW seat_live AS
SELECT s.id AS seat, s.line, s.kind, s.unit, s.label,
       st.person, st.recorder, st.client, st.phone, st.endpoint, st.intent, st.rest_code, st.rest_until, st.pending,
       st.device, st.since AS intent_since, st.version,
       w.work, w.offer, w.call, w.until AS wrapup_until, w.since AS work_since, w.misses,
       (st.person IS NOT NULL AND st.intent = 'ready' AND st.pending = '' AND st.device = 'ok') AS open,
       (st.person IS NOT NULL AND st.intent = 'ready' AND st.pending = '' AND st.device = 'ok' AND w.work = 'idle') AS routable
FROM seat s JOIN seat_state st ON st.seat = s.id JOIN seat_work w ON w.seat = s.id;

-- Callers nobody reached (回拨). One open task per call.
CREATE TABLE callback (
  id         uuid PRIMARY KEY,
  call       uuid NOT NULL UNIQUE REFERENCES call,
  state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'given_up')),
  reason     text NOT NULL,                       -- the call's outcome
  created_at timestamptz NOT NULL,
  closed_at  timestamptz
);

-- ------------------------------------------------------------------ ticketing
-- Working-day calendar: only deviations from Monday-Friday, vendored data seeds it (domain.md 3).
CREATE TABLE ticket (
  id            uuid PRIMARY KEY,
  number        text UNIQUE,                      -- given at registration; never reused
  query_code    text NOT NULL,                    -- told to the citizen
  kind          text NOT NULL CHECK (kind IN ('call', 'missed', 'appeal')),  -- appeal: a further appeal of the call
  call          uuid NOT NULL REFERENCES call,
  session       uuid REFERENCES session,
  seat          text REFERENCES seat,
  official      uuid REFERENCES person,
  state         text NOT NULL CHECK (state IN ('draft', 'registered', 'closed')),
  class         text NOT NULL DEFAULT '' CHECK (class IN ('', 'consultation', 'other')),   -- 咨询 / 非咨询 (S-22)
  outcome       text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'answered', 'ticket', 'explained_policy', 'transfer_emergency',
                  'refer_legal', 'repeat_no_new_facts', 'secret_or_privacy', 'against_order', 'other_place_or_level',
                  'market_or_private', 'no_content', 'abusive')),
  title         text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
  content       text NOT NULL DEFAULT '' CHECK (length(content) <= 20000),
  answer        text NOT NULL DEFAULT '' CHECK (length(answer) <= 20000),
  contact_name  text NOT NULL DEFAULT '' CHECK (length(contact_name) <= 100),
  event_place   text NOT NULL DEFAULT '' CHECK (length(event_place) <= 200),
  confidential  boolean NOT NULL DEFAULT false,
  opened_at     timestamptz NOT NULL,
  registered_at timestamptz,
  closed_at     timestamptz,
  version       bigint NOT NULL DEFAULT 1,
  CHECK ((state = 'draft') = (registered_at IS NULL)),
  CHECK (state = 'draft' OR (number IS NOT NULL AND outcome <> '' AND title <> ''))
);
-- I7: exactly one ticket of the first kinds per call, under any retry.
CREATE UNIQUE INDEX ticket_call ON ticket (call) WHERE kind IN ('call', 'missed');
CREATE INDEX ticket_by_call ON ticket (call);
CREATE INDEX ticket_list ON ticket (opened_at DESC, id DESC);

-- The stored promise (时限): due instant with calendar and rule version (S-25, S-26); due_original never moves.
CREATE TABLE promise (
  ticket           uuid PRIMARY KEY REFERENCES ticket,
  working_days     int NOT NULL CHECK (working_days > 0),
  starts_on        date NOT NULL,
  due_at           timestamptz NOT NULL,          -- exclusive end: 24:00 of the last day
  due_original     timestamptz NOT NULL,
  calendar_version text NOT NULL,
  rule_version     text NOT NULL,
  provisional      boolean NOT NULL
);

-- History of a ticket: one row per change, without what the citizen said.
CREATE TABLE ticket_event (
  ticket  uuid NOT NULL REFERENCES ticket,
  version bigint NOT NULL,
  at      timestamptz NOT NULL,
  actor   text NOT NULL,
  what    text NOT NULL,                          -- opened, drafted, registered, closed, ...
  data    jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (ticket, version)
);

CREATE TABLE ticket_counter (year int PRIMARY KEY, last bigint NOT NULL);

-- Idempotency keys of HTTP commands: the answer that was given, kept a day.
CREATE TABLE command (
  key     text PRIMARY KEY,
  person  uuid NOT NULL,
  path    text NOT NULL,
  status  int NOT NULL,
  body    bytea NOT NULL,
  at      timestamptz NOT NULL
);

---- create above / drop below ----

DROP TABLE command, ticket_counter, ticket_event, promise, ticket, callback CASCADE;
DROP VIEW seat_live;
DROP TABLE seat_work, leg, offer, call, controller, seat_state, seat, line, session, login, person_role, person, unit CASCADE;
DROP SEQUENCE call_seq;
DROP TABLE fact, fact_cursor CASCADE;
DROP FUNCTION fact_is_append_only();
