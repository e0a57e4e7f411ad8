-- The person at a seat takes calls from now on; a reservation or occupation of the seat stays.
-- KEYS[1] open (hash seat -> since)   KEYS[2] ready (zset seat -> since)   KEYS[3] busy (zset seat -> until)
-- ARGV[1] seat   ARGV[2] since
-- returns 1 if the seat can be reserved now, 0 if its work or reservation has to end first
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  return 0
end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
