-- Takes over what has changed, then takes the first caller who may have an idle seat, and of those seats the preferred or the
-- one that is idle longest: the rule of telephony.Line. A request that was answered before gets the same answer and changes
-- nothing (R6), unless the line was rebuilt since.
-- KEYS[1..4] as in news.lua   KEYS[5] generation (of the line's content)   KEYS[6] answer to this request (JSON)
-- ARGV[1] now   ARGV[2] how long the answer is remembered, ms   ARGV[3] how long a caller waits for another seat, µs
-- ARGV[4]... as in news.lua
-- returns {call, seat}, or false when there is no pair
local generation = redis.call('GET', KEYS[5]) or '0'
local answer = cjson.decode(redis.call('GET', KEYS[6]) or '[]')
if answer[1] == generation then
  return answer[2] and {answer[2], answer[3]}
end

take_over(4)

local now, patience = tonumber(ARGV[1]), tonumber(ARGV[3])
local idle = redis.call('ZRANGE', KEYS[3], 0, -1)
local people, takes, open -- by seat, and how many take calls: read once a caller has skips

local function read_seats()
  local seats = redis.call('HGETALL', KEYS[4])
  people, takes, open = {}, {}, 0
  for i = 1, #seats, 2 do
    people[seats[i]] = seats[i + 1]:sub(6)
    if seats[i + 1]:sub(1, 5) == 'open:' then
      takes[seats[i]], open = true, open + 1
    end
  end
end

-- To whom a caller may be offered: to nobody who recused; to who missed or declined the caller not while another seat is open
-- that has done neither, unless it is busy for too long, and not at once.
local function rule_of(skips)
  if not people then
    read_seats()
  end
  local from, others = {}, open
  for _, skip in ipairs(skips) do
    if not skip.never then
      from[skip.seat] = from[skip.seat] or skip['until']
    end
  end
  for _, skip in ipairs(skips) do
    for seat, person in pairs(people) do
      if skip.never and person == skip.person then
        from[seat] = math.huge
      end
    end
  end
  for seat in pairs(from) do
    others = takes[seat] and others - 1 or others
  end
  return function(seat)
    return not from[seat] or now >= from[seat] + (others == 0 and 0 or patience)
  end
end

local function seat_for(caller)
  local may = caller.skips and rule_of(caller.skips)
  local first
  for _, seat in ipairs(idle) do
    if not may or may(seat) then
      if seat == caller.prefer or not caller.prefer then
        return seat
      end
      first = first or seat
    end
  end
  return first
end

-- Whether a caller keeps the only seat that is open, which has missed or declined the caller, until it asks again.
local function keeps(caller)
  if not caller.skips or open ~= 1 then
    return false
  end
  local only, waits = next(takes), false
  for _, skip in ipairs(caller.skips) do
    if skip.never and people[only] == skip.person then
      return false
    end
    waits = waits or not skip.never and skip.seat == only and now < skip['until']
  end
  return waits
end

local function next_pair()
  local rank, call = 0, idle[1] and redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  while call do
    local caller = cjson.decode(redis.call('HGET', KEYS[2], call))
    local seat = seat_for(caller)
    if seat then
      return {call, seat}
    end
    if keeps(caller) then
      return {}
    end
    rank = rank + 1
    call = redis.call('ZRANGE', KEYS[1], rank, rank)[1]
  end
  return {}
end

local call, seat = unpack(next_pair())
redis.call('SET', KEYS[6], cjson.encode({generation, call, seat}), 'PX', ARGV[2])
if not call then
  return false
end
redis.call('ZREM', KEYS[1], call)
redis.call('ZREM', KEYS[3], seat)
return {call, seat}
