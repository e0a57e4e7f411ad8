-- 0003: what the presence machine must remember beside the four facts of a seat.

-- Whether the exchange sees the telephone, apart from what the page says of its sound: device is made of both.
ALTER TABLE seat_state ADD COLUMN registered boolean NOT NULL DEFAULT false;
-- How long a rest that waits for the end of a call shall last once it begins.
ALTER TABLE seat_state ADD COLUMN rest_minutes int NOT NULL DEFAULT 0 CHECK (rest_minutes BETWEEN 0 AND 480);

-- The name under which a login's sockets are cut; the token's digest is nobody's business.
ALTER TABLE login ADD COLUMN id uuid UNIQUE;
CREATE INDEX login_person ON login (person);

---- create above / drop below ----

DROP INDEX login_person;
ALTER TABLE login DROP COLUMN id;
ALTER TABLE seat_state DROP COLUMN rest_minutes;
ALTER TABLE seat_state DROP COLUMN registered;
