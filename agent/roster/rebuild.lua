-- Replaces what is known of a line's seats by what Postgres says. Reservations and answers of before are void.
-- KEYS[1] open (hash seat -> since)   KEYS[2] ready (zset seat -> since)   KEYS[3] busy (zset seat -> until)
-- KEYS[4] generation (of the roster's content)
-- ARGV    seat, since, seat, since, ... ; since 0: occupied
-- returns the number of seats
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('INCR', KEYS[4])
for i = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  if ARGV[i + 1] == '0' then
    redis.call('ZADD', KEYS[3], '+inf', ARGV[i])
  else
    redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i])
  end
end
return #ARGV / 2
