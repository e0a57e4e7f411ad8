-- The person at a seat takes calls from now on; a reservation or occupation of the seat stays. A seat that is occupied is not
-- made ready, not even when the index has lost its occupation: it is ready when its work is over.
-- KEYS[1] open (hash seat -> since)   KEYS[2] ready (zset seat -> since)   KEYS[3] busy (zset seat -> until)
-- ARGV[1] seat   ARGV[2] since; 0: occupied
-- returns 1 if the seat can be reserved now, 0 if its work or reservation has to end first
if ARGV[2] == '0' then
  redis.call('HSETNX', KEYS[1], ARGV[1], '0')
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  return 0
end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
