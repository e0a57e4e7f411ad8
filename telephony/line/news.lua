-- What has changed in a line: stands before each script that takes it over.
-- KEYS[1] waiting (zset call -> place)   KEYS[2] callers (hash call -> JSON: place, prefer, skips), those taken too
-- KEYS[3] idle (zset seat -> since)      KEYS[4] seats (hash seat -> open: or shut: and the person there)
-- ARGV[from]... four for each change: call or seat, its id, its score or '' for not in the set, its value or '' for gone
local function take_over(from)
  for i = from, #ARGV, 4 do
    local set = ARGV[i] == 'call' and 1 or 3
    local id, score, value = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    if score == '' then
      redis.call('ZREM', KEYS[set], id)
    else
      redis.call('ZADD', KEYS[set], score, id)
    end
    if value == '' then
      redis.call('HDEL', KEYS[set + 1], id)
    else
      redis.call('HSET', KEYS[set + 1], id, value)
    end
  end
end
