-- Takes the seat that is idle longest until a time; seats whose reservation ran out are ready again first. A request that was
-- answered before gets the same answer (R6), unless the roster was rebuilt since.
-- KEYS[1] open (hash seat -> since)   KEYS[2] ready (zset seat -> since)   KEYS[3] busy (zset seat -> until)
-- KEYS[4] generation (of the roster's content)   KEYS[5] answer to this request
-- ARGV[1] now   ARGV[2] until   ARGV[3] how long the answer is remembered, ms
-- returns the seat, or false when none is ready
local generation = redis.call('GET', KEYS[4]) or '0'
local answer = redis.call('HMGET', KEYS[5], 'generation', 'seat')
if answer[1] == generation then
  return answer[2]
end
for _, seat in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1])) do
  redis.call('ZREM', KEYS[3], seat)
  local since = redis.call('HGET', KEYS[1], seat)
  if since then
    redis.call('ZADD', KEYS[2], since, seat)
  end
end
local first = redis.call('ZPOPMIN', KEYS[2])
if not first[1] then
  return false
end
redis.call('ZADD', KEYS[3], ARGV[2], first[1])
redis.call('HSET', KEYS[5], 'generation', generation, 'seat', first[1])
redis.call('PEXPIRE', KEYS[5], ARGV[3])
return first[1]
