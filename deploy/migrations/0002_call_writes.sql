-- 0002: what the call controller's pipelined writes need (telephony/store).

-- A pipeline cannot branch: a guard that does not hold raises, and takes the whole transaction with it. The code says which
-- guard: HL001 not the master, HL002 stale, HL003 seat taken, HL004 not in wrap-up.
CREATE FUNCTION must(ok boolean, code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF ok IS NOT TRUE THEN
    RAISE EXCEPTION 'guard % does not hold', code USING ERRCODE = code;
  END IF;
END $$;

-- The channel of the seat: the offer's own id, or a fresh one when the seat is rung again after a lost leg (A11).
ALTER TABLE offer ADD COLUMN leg text NOT NULL DEFAULT '';

-- A call to a number that no line of ours has is a call all the same: it has a row, and no line.
ALTER TABLE call ALTER COLUMN line DROP NOT NULL;

-- I6: a call's place in order of arrival, and what it is, never change.
CREATE FUNCTION call_keeps_its_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'call %: channel, line, place in order and time of arrival never change', OLD.id;
END $$;
CREATE TRIGGER call_keeps_its_place BEFORE UPDATE ON call FOR EACH ROW
  WHEN (OLD.seq <> NEW.seq OR OLD.channel <> NEW.channel OR OLD.arrived_at <> NEW.arrived_at OR OLD.line IS DISTINCT FROM NEW.line)
  EXECUTE FUNCTION call_keeps_its_place();

CREATE INDEX callback_open ON callback (created_at) WHERE state = 'open';

---- create above / drop below ----

DROP INDEX callback_open;
DROP TRIGGER call_keeps_its_place ON call;
DROP FUNCTION call_keeps_its_place();
ALTER TABLE call ALTER COLUMN line SET NOT NULL;
ALTER TABLE offer DROP COLUMN leg;
DROP FUNCTION must(boolean, text);
