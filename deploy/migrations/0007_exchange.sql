-- 0007: which run of the exchange knows the seats' telephones stands here, not in Redis, which may be lost.

ALTER TABLE controller ADD COLUMN exchange text NOT NULL DEFAULT '';  -- its entity id; '' = none ever did

---- create above / drop below ----

ALTER TABLE controller DROP COLUMN exchange;
