-- Replaces the content of a line; answers given before are void.
-- KEYS[1..4] as in news.lua   KEYS[5] generation (of the line's content)
-- ARGV[1]... as in news.lua
-- returns 1
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('INCR', KEYS[5])
take_over(1)
return 1
