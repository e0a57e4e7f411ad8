-- 0004: facts that a reaction could not digest, set aside so that the rest goes on (F34).
CREATE TABLE fact_parked (
  consumer text NOT NULL,
  xid      xid8 NOT NULL,
  id       bigint NOT NULL,
  at       timestamptz NOT NULL,
  attempts int NOT NULL,
  error    text NOT NULL,
  PRIMARY KEY (consumer, xid, id)
);

---- create above / drop below ----

DROP TABLE fact_parked;
