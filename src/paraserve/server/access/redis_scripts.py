"""What runs inside the Redis of `limits_store`, each script as one step that no other process interrupts."""

BEGIN = """
-- Counts a request of a name, and charges audio. Adds nothing where a limit is reached.
-- KEYS: the leases of uploads, live sessions and jobs, and the bucket of audio.
-- ARGV: lease, number of its kind, limit of that kind, limit of all, length of a lease in ms, seconds of audio that a
-- minute gives, audio to charge in ms. An empty lease charges only. Limits of 0 are none.
-- Returns what is in progress of each kind, audio in ms that is used up beyond a minute's (-1: none), and 1 if the
-- request was counted.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counts = {}
for i = 1, 3 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  counts[i] = redis.call('ZCARD', KEYS[i])
end
local debt = -1
local per_minute = tonumber(ARGV[6])
if per_minute > 0 then
  local bucket = redis.call('HMGET', KEYS[4], 'used', 'at')
  local used = tonumber(bucket[1] or 0)
  used = math.max(0, used - (now - tonumber(bucket[2] or now)) * per_minute / 60)
  local charge = tonumber(ARGV[7])
  if charge > 0 then
    used = used + charge
    redis.call('HSET', KEYS[4], 'used', tostring(used), 'at', now)
    redis.call('PEXPIRE', KEYS[4], math.ceil(used * 60 / per_minute) + 1000)
  end
  if used >= per_minute * 1000 then debt = math.floor(used - per_minute * 1000) end
end
local kind = tonumber(ARGV[2])
local of_kind, of_all = tonumber(ARGV[3]), tonumber(ARGV[4])
local is_full = of_kind > 0 and counts[kind] >= of_kind
  or of_all > 0 and counts[1] + counts[2] + counts[3] >= of_all
local is_counted = 0
if ARGV[1] ~= '' and not is_full and debt < 0 then
  is_counted = 1
  redis.call('ZADD', KEYS[kind], now + ARGV[5], ARGV[1])
  redis.call('PEXPIRE', KEYS[kind], ARGV[5])
end
return {counts[1], counts[2], counts[3], debt, is_counted}
"""

RENEW = """
-- Renews leases. KEYS: their set. ARGV: length of a lease in ms, the leases.
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], until_ms, ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
"""
