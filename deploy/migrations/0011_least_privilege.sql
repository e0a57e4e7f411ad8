-- 0011: what the server may do with each table, and what reports may read (RS3). The roles stand in roles.sql. Nobody else may
-- anything: a table that a later migration makes needs its grants there, or a reason why it has none.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO hotline_app, hotline_report;
REVOKE ALL ON FUNCTION must(boolean, text), fact_is_append_only(), call_keeps_its_place() FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE hotline_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- ------------------------------------------------------------------ the audit trail (reliability.md 8)
-- Who did, read or was refused what. Rows come unsealed, so that no writer waits for the head of a chain.
CREATE TABLE audit (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid       xid8 NOT NULL DEFAULT pg_current_xact_id(),
  stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),   -- by the database's clock, which no writer sets
  at        timestamptz NOT NULL,
  actor     text NOT NULL CHECK (actor <> ''),
  action    text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
  subject   text NOT NULL CHECK (subject <> ''),
  outcome   text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  address   text NOT NULL,
  reason    text NOT NULL,
  data      json NOT NULL                                     -- json, not jsonb: what is hashed is kept to the letter
);
CREATE INDEX audit_order ON audit (xid, id);
CREATE INDEX audit_subject ON audit (subject, id);

-- The chain over them, in order of (xid, id), made behind the commit by one sealer. There is no foreign key: the seal of a row that
-- somebody takes away is what tells of it.
CREATE TABLE audit_seal (
  n         bigint PRIMARY KEY CHECK (n > 0),
  id        bigint NOT NULL UNIQUE,
  xid       xid8 NOT NULL,
  digest    bytea NOT NULL CHECK (octet_length(digest) = 32),   -- of the row
  hash      bytea NOT NULL CHECK (octet_length(hash) = 32),     -- of the hash before, n and the digest
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_seal_no_truncate BEFORE TRUNCATE ON audit_seal EXECUTE FUNCTION audit_is_append_only();

GRANT SELECT, INSERT (at, actor, action, subject, outcome, address, reason, data) ON audit TO hotline_app;
GRANT SELECT, INSERT (n, id, xid, digest, hash) ON audit_seal TO hotline_app;

-- ------------------------------------------------------------------ the server
GRANT EXECUTE ON FUNCTION must(boolean, text) TO hotline_app;
GRANT SELECT ON schema_version, seat_live, line_entry, call_holder TO hotline_app;

-- Facts are appended; their place in the log is the database's to give.
GRANT SELECT, INSERT (at, kind, subject, topics, actor, epoch, data) ON fact TO hotline_app;
GRANT SELECT, INSERT, UPDATE ON fact_cursor TO hotline_app;
GRANT SELECT, INSERT ON fact_parked TO hotline_app;

GRANT SELECT, INSERT, UPDATE ON unit, person, session, line, seat, seat_state, seat_work TO hotline_app;
GRANT SELECT, INSERT ON person_role, line_number TO hotline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON login, sign_in_failure TO hotline_app;
GRANT SELECT, INSERT, UPDATE ON vault_key TO hotline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault_reseal TO hotline_app;
GRANT SELECT, INSERT, DELETE ON command TO hotline_app;

GRANT SELECT, UPDATE ON controller TO hotline_app;
GRANT USAGE ON SEQUENCE call_seq TO hotline_app;
GRANT SELECT, INSERT, UPDATE ON call, participant, segment, offer, callback TO hotline_app;
GRANT SELECT, INSERT ON call_line TO hotline_app;

GRANT SELECT, INSERT, UPDATE ON ticket, ticket_counter TO hotline_app;
GRANT SELECT, INSERT ON promise, ticket_event TO hotline_app;

-- ------------------------------------------------------------------ reports: no number, no name, nothing that a citizen said
GRANT SELECT ON unit, session, line, line_number, seat, call_line, promise TO hotline_report;
GRANT SELECT (id, line, session, phase, seq, priority, arrived_at, queued_at, answered_at, ended_at, outcome, cause, resumes)
  ON call TO hotline_report;
GRANT SELECT (id, call, seat, began_at, ended_at, why, wrapup_until) ON segment TO hotline_report;
GRANT SELECT (id, call, seat, kind, state, reason, offered_at, ringing_at, expires_at, closed_at) ON offer TO hotline_report;
GRANT SELECT (id, call, state, reason, created_at, closed_at) ON callback TO hotline_report;
GRANT SELECT (id, kind, call, session, seat, state, class, outcome, confidential, opened_at, registered_at, closed_at) ON ticket TO hotline_report;

---- create above / drop below ----

DROP TABLE audit, audit_seal;
DROP FUNCTION audit_is_append_only();
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM hotline_app, hotline_report;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM hotline_app, hotline_report;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM hotline_app, hotline_report;
REVOKE ALL ON SCHEMA public FROM hotline_app, hotline_report;
ALTER DEFAULT PRIVILEGES FOR ROLE hotline_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
GRANT EXECUTE ON FUNCTION must(boolean, text), fact_is_append_only(), call_keeps_its_place() TO PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
