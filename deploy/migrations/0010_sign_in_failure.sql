-- 0010: failures of sign-in are counted by where they come from, so that a stranger's lock nobody out who signs in from elsewhere,
-- or from a device that the account knows (RS7, RS9).

CREATE TABLE sign_in_failure (
  person   uuid NOT NULL REFERENCES person ON DELETE CASCADE,
  source   text NOT NULL,  -- an address, device:<id> of one that the account knows, or '': all unknown devices together
  failures int NOT NULL,
  at       timestamptz NOT NULL,
  PRIMARY KEY (person, source)
);
CREATE INDEX sign_in_failure_at ON sign_in_failure (at);

ALTER TABLE person DROP COLUMN failures, DROP COLUMN locked_until;

---- create above / drop below ----

ALTER TABLE person ADD COLUMN failures int NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz;
DROP TABLE sign_in_failure;
