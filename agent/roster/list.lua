-- Lists the open seats; who is busy at this time counts as occupied.
-- KEYS[1] open (hash seat -> since)   KEYS[2] busy (zset seat -> until)
-- ARGV[1] now
-- returns seat, since, seat, since, ... ; since 0: occupied
local seats = redis.call('HGETALL', KEYS[1])
for i = 1, #seats, 2 do
  local till = redis.call('ZSCORE', KEYS[2], seats[i])
  if till and tonumber(till) > tonumber(ARGV[1]) then
    seats[i + 1] = '0'
  end
end
return seats
