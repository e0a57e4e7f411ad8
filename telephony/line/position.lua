-- Tells how many are before a caller; who is claimed is still before those behind.
-- KEYS[1] places (hash call -> place)   KEYS[2] waiting (zset call -> place)   KEYS[3] claims (zset call -> until)
-- ARGV[1] call
-- returns the number, or false when the caller is not in the line
local place = redis.call('HGET', KEYS[1], ARGV[1])
if not place then
  return false
end
local ahead = redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. place)
for _, call in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  if tonumber(redis.call('HGET', KEYS[1], call)) < tonumber(place) then
    ahead = ahead + 1
  end
end
return ahead
