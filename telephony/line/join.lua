-- Puts a caller into the line, or back at the old place: a claim on it ends. Joining twice is joining once.
-- KEYS[1] waiting (zset call -> place)   KEYS[2] claims (zset call -> until)   KEYS[3] places (hash call -> place)
-- ARGV[1] call   ARGV[2] place
-- returns 1
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
