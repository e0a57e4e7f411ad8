-- Takes over what has changed.
-- KEYS[1..4], ARGV[1]... as in news.lua
-- returns 1
take_over(1)
return 1
