-- The person at a seat takes no calls any more; what the seat is busy with stays.
-- KEYS[1] open (hash seat -> since)   KEYS[2] ready (zset seat -> since)
-- ARGV[1] seat
-- returns 1 if the seat was open, 0 if not
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
