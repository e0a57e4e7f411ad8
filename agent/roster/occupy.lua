-- A reserved seat works from now on: it is not ready again before it is said to be idle, however long that takes.
-- KEYS[1] ready (zset seat -> since)   KEYS[2] busy (zset seat -> until)
-- ARGV[1] seat
-- returns 1
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], '+inf', ARGV[1])
return 1
