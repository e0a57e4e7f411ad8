-- 0008: a channel's id is the exchange's only for one run of it: seconds and a counter that begins anew, so an exchange that was
-- restarted within a second, or whose clock was set back, gives it again.

ALTER TABLE call
  DROP CONSTRAINT call_channel_key,
  ADD CONSTRAINT call_channel_key UNIQUE (channel, entity);

---- create above / drop below ----

-- Who has a later one of two calls with the same id has no channel any more: that of the earlier one is kept.
ALTER TABLE call DISABLE TRIGGER USER;
UPDATE call c SET channel = c.id::text WHERE EXISTS (SELECT 1 FROM call e WHERE e.channel = c.channel AND e.seq < c.seq);
ALTER TABLE call ENABLE TRIGGER USER;
ALTER TABLE call
  DROP CONSTRAINT call_channel_key,
  ADD CONSTRAINT call_channel_key UNIQUE (channel);
