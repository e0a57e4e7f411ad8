-- 0017: business settings as versions (design.md 4.10): what a line does and what is promised, since when, by whom, and who agreed.
-- A version is written once; what may still happen to it is one approval or one withdrawal. agent/setting says which settings there are.

CREATE TABLE setting (
  key            text NOT NULL CHECK (key ~ '^[a-z]+\.[a-z]+$'),
  scope          text NOT NULL DEFAULT '',         -- a line, a year; '' where there is one for all
  version        int NOT NULL CHECK (version > 0),
  value          text NOT NULL,
  effective_from timestamptz NOT NULL,             -- as it was asked for
  in_force_from  timestamptz,                      -- NULL while it waits for the second person, and when it was withdrawn
  author         text NOT NULL,                    -- person:<uuid>; system: an installation's or a migration's
  reason         text NOT NULL DEFAULT '',
  proposed_at    timestamptz NOT NULL,
  approver       text,
  approved_at    timestamptz,
  withdrawer     text,
  withdrawn_at   timestamptz,
  withdrawn_why  text NOT NULL DEFAULT '',         -- said by whoever is not the author
  PRIMARY KEY (key, scope, version),
  CONSTRAINT setting_two_people CHECK (approver <> author
    AND (in_force_from IS NULL OR approver IS NOT NULL OR author = 'system' OR key IN ('line.ring', 'line.wrapup', 'line.grace'))),
  CONSTRAINT setting_approved CHECK ((approver IS NULL) = (approved_at IS NULL)),
  CONSTRAINT setting_withdrawn CHECK ((withdrawer IS NULL) = (withdrawn_at IS NULL) AND (withdrawer IS NULL OR in_force_from IS NULL)
    AND CASE withdrawer WHEN author THEN true ELSE (withdrawer IS NULL) = (withdrawn_why = '') END),
  CONSTRAINT setting_in_time CHECK (in_force_from >= effective_from AND in_force_from >= coalesce(approved_at, in_force_from)),
  -- What the call path reads as a number is one, whoever wrote it.
  CONSTRAINT setting_value CHECK (CASE
    WHEN key = 'line.notice' THEN value ~ '^(hotline/[a-z0-9-]{1,60})?$'
    WHEN key LIKE 'calendar.%' THEN length(value) <= 20000
    WHEN value !~ '^[0-9]{1,5}$' THEN false
    WHEN key IN ('line.ring', 'line.grace') THEN value::int BETWEEN 5 AND 120
    WHEN key = 'line.wrapup' THEN value::int BETWEEN 0 AND 3600
    WHEN key LIKE 'promise.%' THEN value::int BETWEEN 1 AND 60
    ELSE false END)
);
CREATE INDEX setting_in_force ON setting (key, scope, in_force_from DESC, version DESC) WHERE in_force_from IS NOT NULL;
-- One change waits at a time.
CREATE UNIQUE INDEX setting_waits ON setting (key, scope) WHERE in_force_from IS NULL AND withdrawn_at IS NULL;

CREATE FUNCTION setting_is_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'UPDATE' THEN
    RAISE EXCEPTION 'versions of settings are never removed';
  END IF;
  IF (OLD.key, OLD.scope, OLD.version, OLD.value, OLD.effective_from, OLD.author, OLD.reason, OLD.proposed_at)
     IS DISTINCT FROM (NEW.key, NEW.scope, NEW.version, NEW.value, NEW.effective_from, NEW.author, NEW.reason, NEW.proposed_at)
     OR OLD.withdrawn_at IS NOT NULL THEN
    RAISE EXCEPTION 'versions of settings are written once';
  END IF;
  IF NEW.withdrawn_at IS NOT NULL THEN -- before anything follows it
    IF OLD.in_force_from <= NEW.withdrawn_at OR (OLD.approver, OLD.approved_at) IS DISTINCT FROM (NEW.approver, NEW.approved_at) THEN
      RAISE EXCEPTION 'a version that is in force is not withdrawn';
    END IF;
  ELSIF OLD.in_force_from IS NOT NULL OR NEW.in_force_from IS NULL THEN
    RAISE EXCEPTION 'a version is approved once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER setting_written_once BEFORE UPDATE OR DELETE ON setting FOR EACH ROW EXECUTE FUNCTION setting_is_written_once();
CREATE TRIGGER setting_no_truncate BEFORE TRUNCATE ON setting EXECUTE FUNCTION setting_is_written_once();

-- What the lines' columns said is version 1.
INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at)
SELECT v.key, l.id, 1, v.value, now(), now(), 'system', now()
FROM line l, LATERAL (VALUES ('line.ring', l.ring_seconds::text), ('line.wrapup', l.wrapup_seconds::text), ('line.grace', l.grace_seconds::text),
  ('line.notice', CASE WHEN l.notice ~ '^(hotline/[a-z0-9-]{1,60})?$' THEN l.notice ELSE 'hotline/recording-notice' END)) AS v (key, value);
ALTER TABLE line DROP COLUMN ring_seconds, DROP COLUMN wrapup_seconds, DROP COLUMN grace_seconds, DROP COLUMN notice;

-- The rules of each line as they are now, for the call path. What was never set is as agent/setting says.
CREATE VIEW line_rule WITH (security_invoker = true) AS
SELECT l.id AS line,
  coalesce((SELECT s.value::int FROM setting s WHERE s.key = 'line.ring' AND s.scope = l.id AND s.in_force_from <= now()
            ORDER BY s.in_force_from DESC, s.version DESC LIMIT 1), 20)::int AS ring_seconds,
  coalesce((SELECT s.value::int FROM setting s WHERE s.key = 'line.wrapup' AND s.scope = l.id AND s.in_force_from <= now()
            ORDER BY s.in_force_from DESC, s.version DESC LIMIT 1), 120)::int AS wrapup_seconds,
  coalesce((SELECT s.value::int FROM setting s WHERE s.key = 'line.grace' AND s.scope = l.id AND s.in_force_from <= now()
            ORDER BY s.in_force_from DESC, s.version DESC LIMIT 1), 20)::int AS grace_seconds,
  coalesce((SELECT s.value FROM setting s WHERE s.key = 'line.notice' AND s.scope = l.id AND s.in_force_from <= now()
            ORDER BY s.in_force_from DESC, s.version DESC LIMIT 1), 'hotline/recording-notice')::text AS notice
FROM line l;

-- ------------------------------------------------------------------ who sees and writes
ALTER TABLE setting ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON setting TO hotline_owner USING (true);
COMMENT ON POLICY owner ON setting IS 'migrations and the functions above, nobody logs in as it';
CREATE POLICY reads ON setting FOR SELECT TO hotline_app USING (true);
COMMENT ON POLICY reads ON setting IS 'seconds, days and holidays: no citizen, and what is promised is counted with them for everybody';
-- hotline.settings says what the actor may: propose, agree, or both. Nobody proposes and agrees in one act, and nobody acts for another;
-- an installation is the actor 'system'.
CREATE POLICY proposes ON setting FOR INSERT TO hotline_app
  WITH CHECK ((SELECT reach('settings')) LIKE '%propose%' AND author = (SELECT reach('actor')) AND approver IS NULL AND withdrawer IS NULL);
CREATE POLICY decides ON setting FOR UPDATE TO hotline_app USING ((SELECT reach('settings')) <> '')
  WITH CHECK (coalesce(withdrawer, approver) = (SELECT reach('actor')) AND (withdrawer IS NOT NULL OR (SELECT reach('settings')) LIKE '%agree%'));
CREATE POLICY controller ON setting FOR SELECT TO hotline_controller USING (true);
COMMENT ON POLICY controller ON setting IS 'the rules of its lines';
CREATE POLICY reactions ON setting FOR SELECT TO hotline_reactions USING (true);
COMMENT ON POLICY reactions ON setting IS 'what is promised, and the working days, are kept in memory by it for the whole server';

GRANT SELECT, INSERT, UPDATE (in_force_from, approver, approved_at, withdrawer, withdrawn_at, withdrawn_why) ON setting TO hotline_app;
GRANT SELECT ON setting TO hotline_controller, hotline_reactions;
GRANT SELECT ON line_rule TO hotline_app, hotline_controller, hotline_reactions;

---- create above / drop below ----

ALTER TABLE line
  ADD COLUMN ring_seconds   int NOT NULL DEFAULT 20 CHECK (ring_seconds BETWEEN 5 AND 120),
  ADD COLUMN wrapup_seconds int NOT NULL DEFAULT 120 CHECK (wrapup_seconds BETWEEN 0 AND 3600),
  ADD COLUMN grace_seconds  int NOT NULL DEFAULT 20 CHECK (grace_seconds BETWEEN 5 AND 120),
  ADD COLUMN notice         text NOT NULL DEFAULT 'hotline/recording-notice';
UPDATE line l SET ring_seconds = r.ring_seconds, wrapup_seconds = r.wrapup_seconds, grace_seconds = r.grace_seconds, notice = r.notice
FROM line_rule r WHERE r.line = l.id;
DROP VIEW line_rule;
DROP TABLE setting;
DROP FUNCTION setting_is_written_once();
