-- Replaces the content of a line by what Postgres says. Claims and answers of before are void.
-- KEYS[1] waiting (zset call -> place)   KEYS[2] claims (zset call -> until)   KEYS[3] places (hash call -> place)
-- KEYS[4] generation (of the line's content)
-- ARGV    call, place, call, place, ...
-- returns the number of callers
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('INCR', KEYS[4])
for i = 1, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
end
return #ARGV / 2
