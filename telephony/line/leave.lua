-- Takes a caller out of the line, claimed or not.
-- KEYS[1] waiting (zset call -> place)   KEYS[2] claims (zset call -> until)   KEYS[3] places (hash call -> place)
-- ARGV[1] call
-- returns 1 if the caller was in the line, 0 if not
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[3], ARGV[1])
