/**
 * The steps of `record.ts` in Lua: Redis runs a script whole, before anybody else's command. A record is a hash of one key,
 * so that a cluster knows its node. Fields: t token, u lease until (ms), f fingerprint, n fence, d token of the first duplicate,
 * k taken over, r result. The clock is the server's own.
 */
import { createHash } from 'node:crypto';
import { FENCE_KEPT_MS } from './record.ts';

export interface Script {
  readonly text: string;
  /** By which the server knows it. */
  readonly sha: string;
}

const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local function first()
  redis.call('HSETNX', KEYS[1], 'd', ARGV[1])
  return redis.call('HGET', KEYS[1], 'd') == ARGV[1] and 1 or 0
end
`;

/** token, lease, keep, fingerprint -> state, whether it is the first duplicate, fence, result */
const claim = script(`${CLOCK}
local t, u, f, n, r = unpack(redis.call('HMGET', KEYS[1], 't', 'u', 'f', 'n', 'r'))
if t == ARGV[1] and not r then return {'new', 0, n, ''} end
if t then
  local state = nil
  if f ~= ARGV[4] then state = 'mismatch' elseif r then state = 'done' elseif tonumber(u) > now then state = 'running' end
  if state then return {state, first(), '0', state == 'done' and r or ''} end
end
local isFirst = t and first() or 0
local fence = whole(math.max((tonumber(n) or 0) + 1, time[1] * 1000000 + time[2]))
redis.call('HSET', KEYS[1], 't', ARGV[1], 'u', whole(now + ARGV[2]), 'f', ARGV[4], 'n', fence)
if t then redis.call('HSET', KEYS[1], 'k', '1') end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {t and 'stale' or 'new', isFirst, fence, ''}
`);

/** token, lease, keep, fingerprint, fence -> 1 or 0 */
const renew = script(`${CLOCK}
local t, r = unpack(redis.call('HMGET', KEYS[1], 't', 'r'))
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 't', ARGV[1], 'f', ARGV[4], 'n', ARGV[5])
elseif t ~= ARGV[1] or r then
  return 0
end
redis.call('HSET', KEYS[1], 'u', whole(now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`);

/** token, lease, keep, fingerprint, fence, result -> how it went, whether it is the first duplicate */
const complete = script(`${CLOCK}
local t, k = unpack(redis.call('HMGET', KEYS[1], 't', 'k'))
if not t then
  local n = math.max(tonumber(redis.call('HGET', KEYS[1], 'n')) or 0, tonumber(ARGV[5]))
  redis.call('HSET', KEYS[1], 't', ARGV[1], 'f', ARGV[4], 'n', whole(n))
elseif t ~= ARGV[1] then
  if k then return {'taken_over', 0} end
  return {'conflict', first()}
end
redis.call('HSET', KEYS[1], 'u', '0', 'r', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'stored', 0}
`);

/** Nobody holds the key, and all that is known of it is its fence. */
const FREE = `
local function free()
  redis.call('HDEL', KEYS[1], 't', 'u', 'f', 'd', 'k', 'r')
  redis.call('PEXPIRE', KEYS[1], math.min(ARGV[3], ${FENCE_KEPT_MS}))
end
`;

/** token, lease, keep -> 1 */
const abandon = script(`${FREE}
if redis.call('HGET', KEYS[1], 't') == ARGV[1] then free() end
return 1
`);

/** token, lease, keep -> how it ended */
const release = script(`${CLOCK}${FREE}
local t, u = unpack(redis.call('HMGET', KEYS[1], 't', 'u'))
if not t then return 'expired' end
if t ~= ARGV[1] then return 'lost' end
free()
return tonumber(u) > now and 'released' or 'expired'
`);

export const scripts = { claim, renew, complete, abandon, release };

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
