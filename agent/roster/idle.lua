-- A seat's work is over, or a reservation is given back: ready again if its person takes calls.
-- KEYS[1] open (hash seat -> since)   KEYS[2] ready (zset seat -> since)   KEYS[3] busy (zset seat -> until)
-- ARGV[1] seat   ARGV[2] since
-- returns 1 if the seat can be reserved now, 0 if its person takes no calls
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
