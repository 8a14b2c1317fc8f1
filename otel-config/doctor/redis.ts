/** Whether the Redis that holds locks answers, and whether it would drop them. */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ANSWER_MS } from './ask.ts';
import { type Finding, finding, ok } from './finding.ts';

/** @param url `redis://user:password@host:port`, `rediss://` for TLS */
export async function checkRedis(url: string): Promise<Finding[]> {
  const parsed = URL.parse(url);
  if (parsed === null || !/^rediss?:$/.test(parsed.protocol)) {
    const mend = 'REDIS_URL is such as redis://127.0.0.1:6379.';
    return [finding('error', 'redis.reachable', 'the address of Redis is no redis:// address.', mend)];
  }
  const place = `${parsed.hostname}:${parsed.port || 6379}`;
  const answer = await askMemory(parsed).catch((error: NodeJS.ErrnoException) => `-${error.code ?? error.message}`);
  if (answer.startsWith('-')) {
    const reason = answer.slice(1).split('\r\n', 1)[0]!;
    const isKey = /NOAUTH|WRONGPASS|NOPERM/.test(reason);
    const mend = isKey
      ? 'Put user and password into REDIS_URL.'
      : 'Start it, or mend REDIS_URL: without it locks and idempotency keys fail.';
    return [
      finding('error', 'redis.reachable', `Redis at ${place} does not answer: ${reason}.`, mend, { place, reason }),
    ];
  }
  return [ok('redis.reachable', `Redis answers at ${place}.`, { place }), evictionFinding(answer, place)];
}

/** Locks and idempotency keys have a time to live, so the `volatile-` policies drop them as well as `allkeys-` ones. */
function evictionFinding(info: string, place: string): Finding {
  const id = 'redis.eviction';
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown';
  const maxBytes = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0);
  const evidence = { place, maxmemory_policy: policy, maxmemory_bytes: maxBytes };
  if (policy === 'noeviction') return ok(id, 'Redis evicts nothing (noeviction).', evidence);
  const mend = 'Set maxmemory-policy noeviction, or give locks a Redis of their own.';
  if (maxBytes === 0)
    return finding(
      'info',
      id,
      `Redis has no maxmemory; with one, ${policy} would drop locks and idempotency keys.`,
      mend,
      evidence,
    );
  return finding(
    'error',
    id,
    `Redis drops keys when its memory is full (${policy}), locks and idempotency keys among them: work runs twice.`,
    mend,
    evidence,
  );
}

/** INFO memory has some 3,000 characters. */
const MAX_ANSWER = 65_536;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('a % in its user or password must be written %25');
  }
}

/** @returns the answer to INFO memory; what begins with `-` is an error of Redis */
async function askMemory(url: URL): Promise<string> {
  const [user, password] = [url.username, url.password].map(decoded);
  const port = Number(url.port || 6379);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket: Socket =
    url.protocol === 'rediss:' ? connectTls({ host, port, servername: host }) : connectPlain({ host, port });
  // Of the whole answer: who drips would hold us with a limit of silence alone.
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  if (password) socket.write(command('AUTH', ...(user ? [user] : []), password));
  socket.write(command('INFO', 'memory') + command('QUIT'));
  let text = '';
  try {
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.length > MAX_ANSWER) throw new Error('the answer is no answer of Redis');
    }
  } finally {
    clearTimeout(timer);
  }
  // The answer to AUTH comes first; what follows a refusal is refused, too.
  return password && text.startsWith('+') ? text.slice(text.indexOf('\r\n') + 2) : text;
}

/** In Redis' own protocol, RESP 2. */
function command(...parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;
}
