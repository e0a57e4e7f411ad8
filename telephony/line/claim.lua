-- Takes the first caller for a seat until a time; those whose claim ran out are back at their places first. A request that
-- was answered before gets the same answer (R6), unless the line was rebuilt since.
-- KEYS[1] waiting (zset call -> place)   KEYS[2] claims (zset call -> until)   KEYS[3] places (hash call -> place)
-- KEYS[4] generation (of the line's content)   KEYS[5] answer to this request
-- ARGV[1] now   ARGV[2] until   ARGV[3] how long the answer is remembered, ms
-- returns the call, or false when nobody waits
local generation = redis.call('GET', KEYS[4]) or '0'
local answer = redis.call('HMGET', KEYS[5], 'generation', 'call')
if answer[1] == generation then
  return answer[2]
end
for _, call in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])) do
  redis.call('ZREM', KEYS[2], call)
  redis.call('ZADD', KEYS[1], redis.call('HGET', KEYS[3], call), call)
end
local first = redis.call('ZPOPMIN', KEYS[1])
if not first[1] then
  return false
end
redis.call('ZADD', KEYS[2], ARGV[2], first[1])
redis.call('HSET', KEYS[5], 'generation', generation, 'call', first[1])
redis.call('PEXPIRE', KEYS[5], ARGV[3])
return first[1]
