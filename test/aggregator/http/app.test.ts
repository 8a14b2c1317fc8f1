import { describe, expect, test } from 'vitest';
import { createGate } from '../../../aggregator/http/auth.ts';
import { endpoints } from '../../../aggregator/http/endpoints.ts';
import { MAX_WRONG_KEYS } from '../../../aggregator/http/guessing.ts';
import { StoreUnavailable } from '../../../aggregator/store/port.ts';
import { createReadSide, NOW_MS, READ_KEY, type ReadSide } from '../../support/read-side.ts';

const MUTATIONS = '/monitoring/graphql/mutations/';
/** Those that are asked about a window. */
const windowed = endpoints.flatMap(({ path, aliases, window }) =>
  window === undefined ? [] : [path, ...aliases].map((one) => ({ path: one, ...window })),
);
/** Minutes of the longest window: what the store keeps, 35 days. */
const RETENTION_MINUTES = 35 * 24 * 60;

interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly correlation_id: string };
}

async function expectError(answer: Response, status: number, code: string): Promise<ErrorBody['error']> {
  expect(answer.headers.get('content-type')).toBe('application/json');
  const { error } = (await answer.json()) as ErrorBody;
  expect([answer.status, error.code]).toEqual([status, code]);
  expect(error).toEqual({
    code,
    message: expect.stringMatching(/\.$/),
    correlation_id: answer.headers.get('x-correlation-id'),
    timestamp: new Date(NOW_MS).toISOString(),
  });
  return error;
}

describe.each(windowed)('$path', ({ path, unit, defaultLength }) => {
  const longest = unit === 'hours' ? RETENTION_MINUTES / 60 : RETENTION_MINUTES;

  test('answers with what every body carries, with and without its closing slash', async () => {
    const { get } = createReadSide();
    for (const asked of [path, path.slice(0, -1), `${path}?window=${defaultLength}&format=json&service=shop`]) {
      const answer = await get(asked);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(await answer.json()).toMatchObject({
        timestamp: new Date(NOW_MS).toISOString(),
        [`window_${unit}`]: defaultLength,
        correlation_id: answer.headers.get('x-correlation-id'),
      });
    }
  });

  test('HEAD is GET without a body', async () => {
    const { get } = createReadSide();
    const answer = await get(path, {}, 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-cache-status')).toBe('MISS');
    expect(await answer.text()).toBe('');
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is refused with what is allowed', async (method) => {
    const answer = await createReadSide().get(path, {}, method);
    await expectError(answer, 405, 'METHOD_NOT_ALLOWED');
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  test.each<[string, string]>([
    ['window=0', 'INVALID_WINDOW'],
    ['window=abc', 'INVALID_WINDOW'],
    ['window=99999999', 'INVALID_WINDOW'],
    ['window=99999999999999999999', 'INVALID_WINDOW'],
    ['window=', 'INVALID_WINDOW'],
    ['window=-1', 'INVALID_WINDOW'],
    ['window=1.5', 'INVALID_WINDOW'],
    ['window=%2B5', 'INVALID_WINDOW'],
    ['window=50401', 'INVALID_WINDOW'],
    ['format=xml', 'INVALID_FORMAT'],
    ['format=', 'INVALID_FORMAT'],
    ['format=JSON', 'INVALID_FORMAT'],
    ['Window=5', 'INVALID_PARAMETER'],
    ['evil=%3Cscript%3E', 'INVALID_PARAMETER'],
    ['window=5&window=5', 'INVALID_PARAMETER'],
    ['service=', 'INVALID_PARAMETER'],
    ['service=a%0Ab', 'INVALID_PARAMETER'],
    [`service=${'a'.repeat(257)}`, 'INVALID_PARAMETER'],
    ['format=prometheus&window=0', 'INVALID_WINDOW'],
  ])('%s is refused', async (query, code) => {
    const { message } = await expectError(await createReadSide().get(`${path}?${query}`), 400, code);
    for (const given of ['abc', '99999999', '50401', 'xml', 'evil', 'script', 'aaaa'])
      expect(message).not.toContain(given);
  });

  test('the retention is the longest window', async () => {
    const { get, store } = createReadSide();
    expect((await get(`${path}?window=${longest}`)).status).toBe(200);
    await expectError(await get(`${path}?window=${longest + 1}`), 400, 'INVALID_WINDOW');
    const half = Math.floor(defaultLength / 2);
    store.stateChange = { retentionMs: half * (unit === 'hours' ? 3_600_000 : 60_000) };
    expect(await (await get(path)).json()).toMatchObject({ [`window_${unit}`]: half });
    await expectError(await get(`${path}?window=${half + 1}`), 400, 'INVALID_WINDOW');
  });

  test('only fields of its schema leave the service', async () => {
    const { get, store } = createReadSide();
    store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS });
    const body = (await (await get(path)).json()) as Record<string, unknown>;
    const declared = endpoints.find((endpoint) => [endpoint.path, ...endpoint.aliases].includes(path))!.schema;
    const { timestamp, [`window_${unit}`]: window, correlation_id, ...own } = body;
    expect(declared.strict().safeParse(own).success).toBe(true);
  });
});

describe('keys', () => {
  const ask = (side: ReadSide, headers: Record<string, string>) => side.app.request(MUTATIONS, { headers });

  test('either header serves, whatever stands in the other', async () => {
    const side = createReadSide();
    for (const headers of [
      { 'X-Monitoring-API-Key': READ_KEY },
      { Authorization: `Bearer ${READ_KEY}` },
      { authorization: `bearer ${READ_KEY}` },
      { 'X-Monitoring-API-Key': READ_KEY, Authorization: 'Basic eDp5' },
      { 'X-Monitoring-API-Key': 'wrong', Authorization: `Bearer ${READ_KEY}` },
    ] as Record<string, string>[])
      expect((await ask(side, headers)).status).toBe(200);
  });

  test('no key and a wrong one are told the same, and nothing repeats or logs it', async () => {
    const side = createReadSide();
    const wrong = 'wr0ng-and-secret';
    const told = new Set<string>();
    for (const headers of [
      {},
      { 'X-Monitoring-API-Key': wrong },
      { 'X-Monitoring-API-Key': '' },
      { 'X-Monitoring-API-Key': `${READ_KEY}x` },
      { 'X-Monitoring-API-Key': READ_KEY.slice(0, -1) },
      { Authorization: wrong },
      { Authorization: `Bearer ${wrong}` },
      { Authorization: `Basic ${READ_KEY}` },
      { Authorization: 'Bearer' },
    ] as Record<string, string>[])
      told.add((await expectError(await ask(side, headers), 403, 'INVALID_API_KEY')).message);
    expect(told.size).toBe(1);
    expect(JSON.stringify([side.lines(), [...told]])).not.toMatch(/wr0ng|may-read/);
  });

  test('with several keys each reads; keys that send do not', async () => {
    const side = createReadSide({ gate: createGate(['old', 'new'], ['send']) });
    const status = async (key: string) => (await ask(side, { 'X-Monitoring-API-Key': key })).status;
    for (const _ of ['when first shown', 'when remembered'])
      expect(await Promise.all(['old', 'new', 'send', 'old,new'].map(status))).toEqual([200, 200, 403, 403]);
  });

  test('guessing has an end: after a hundred wrong keys in a minute the address waits', async () => {
    let monotonicMs = 0;
    const side = createReadSide({ monotonicMs: () => monotonicMs });
    for (let i = 0; i < MAX_WRONG_KEYS; i++) await ask(side, { 'X-Monitoring-API-Key': `guess${i}` });
    monotonicMs += 20_000;
    const answer = await ask(side, { 'X-Monitoring-API-Key': READ_KEY });
    await expectError(answer, 429, 'RATE_LIMITED');
    expect(answer.headers.get('retry-after')).toBe('40');
    monotonicMs += 40_000;
    expect((await ask(side, { 'X-Monitoring-API-Key': READ_KEY })).status).toBe(200);
  });

  test('requests without a key are no guesses', async () => {
    const side = createReadSide();
    for (let i = 0; i <= MAX_WRONG_KEYS; i++) await ask(side, {});
    expect((await ask(side, { 'X-Monitoring-API-Key': READ_KEY })).status).toBe(200);
  });
});

describe('errors', () => {
  test('an unknown path is 404, with and without a key', async () => {
    const { app, get } = createReadSide();
    for (const path of [
      '/nowhere',
      '/monitoring/',
      '/monitoring/graphql/mutations/x',
      '/v1/logs',
      '/%ff',
      '/a?b=<c>',
    ]) {
      await expectError(await get(path), 404, 'NOT_FOUND');
      await expectError(await app.request(path, { method: 'POST' }), 404, 'NOT_FOUND');
    }
  });

  test('a store that cannot answer is 503 with when to come back', async () => {
    const { get, store } = createReadSide();
    store.failure = new StoreUnavailable('The store does not answer.', 2.2, { cause: new Error('secret address') });
    const answer = await get(MUTATIONS);
    expect((await expectError(answer, 503, 'UNAVAILABLE')).message).toBe('The store does not answer.');
    expect(answer.headers.get('retry-after')).toBe('3');
  });

  test('a fault of ours is 500 without details; the log has them under the correlation id', async () => {
    const { get, store, lines } = createReadSide();
    store.failure = new Error('row 17 of /var/lib is broken');
    const answer = await get(MUTATIONS);
    const { correlation_id } = await expectError(answer.clone(), 500, 'INTERNAL');
    expect(await answer.text()).not.toMatch(/row 17|at .*\.ts/);
    const line = lines().find(({ level }) => level === 'error');
    expect(line).toMatchObject({ correlation_id, code: 'INTERNAL', err: { message: 'row 17 of /var/lib is broken' } });
  });

  test('problem details when they are preferred', async () => {
    const { get } = createReadSide();
    const answer = await get(`${MUTATIONS}?window=0`, { Accept: 'application/problem+json, application/json;q=0.9' });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'INVALID_WINDOW',
      status: 400,
      detail: 'window must be a whole number of minutes from 1 to 50400.',
      code: 'INVALID_WINDOW',
      correlation_id: answer.headers.get('x-correlation-id'),
      timestamp: new Date(NOW_MS).toISOString(),
    });
  });

  test('what cannot be given as asked is 406', async () => {
    const { get } = createReadSide();
    for (const [path, accept] of [
      [MUTATIONS, 'application/xml'],
      [MUTATIONS, 'text/html, application/json;q=0'],
      [`${MUTATIONS}?format=prometheus`, 'application/json'],
      ['/monitoring/metrics/prometheus/', 'image/png'],
    ])
      await expectError(await get(path, { Accept: accept }), 406, 'NOT_ACCEPTABLE');
    for (const accept of ['*/*', 'application/*', 'text/html,*/*;q=0.8', 'application/problem+json', ''])
      expect((await get(MUTATIONS, { Accept: accept })).status, accept).toBe(200);
  });
});

describe('headers', () => {
  test('every answer, errors too, has its id, its duration and what keeps it private', async () => {
    const { app, get } = createReadSide();
    for (const answer of [await get(MUTATIONS), await get('/nowhere'), await app.request('/healthz')]) {
      expect(answer.headers.get('x-correlation-id')).toMatch(/^[0-9a-f]{32}$/);
      expect(answer.headers.get('x-request-duration-ms')).toMatch(/^\d+\.\d\d$/);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });

  test('the id of the trace, else the one given, else a new one', async () => {
    const { get } = createReadSide();
    const id = async (headers: Record<string, string>) =>
      (await get(MUTATIONS, headers)).headers.get('x-correlation-id');
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    expect(await id({ traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'X-Correlation-ID': 'mine' })).toBe(trace);
    expect(await id({ traceparent: 'nonsense', 'X-Correlation-ID': 'mine' })).toBe('mine');
    expect(await id({ 'X-Correlation-ID': '"><script>' })).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('cache', () => {
  test('a hit has its own correlation id, and the time and the numbers of its computation', async () => {
    let [nowMs, monotonicMs] = [NOW_MS, 0];
    const { get, store } = createReadSide({ cacheTtlSeconds: 5, nowMs: () => nowMs, monotonicMs: () => monotonicMs });
    const ask = async (query = '') => {
      const answer = await get(MUTATIONS + query);
      const body = (await answer.json()) as { timestamp: string; correlation_id: string; statistics: object };
      expect(body.correlation_id).toBe(answer.headers.get('x-correlation-id'));
      return { status: answer.headers.get('x-cache-status'), ...body };
    };
    const first = await ask();
    store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS });
    [nowMs, monotonicMs] = [NOW_MS + 4999, 4999];
    const second = await ask();
    expect([first.status, second.status]).toEqual(['MISS', 'HIT']);
    expect(second.correlation_id).not.toBe(first.correlation_id);
    expect(second).toMatchObject({ timestamp: first.timestamp, statistics: { total_mutations: 0 } });
    expect(await ask('?window=61')).toMatchObject({ status: 'MISS', statistics: { total_mutations: 1 } });
    expect(await ask('?service=shop')).toMatchObject({ status: 'MISS' });
    expect(await ask('?window=60&format=json')).toMatchObject({ status: 'HIT' });
    [nowMs, monotonicMs] = [NOW_MS + 5000, 5000];
    expect(await ask()).toMatchObject({ status: 'MISS', statistics: { total_mutations: 1 } });
  });

  test('readers who ask at the same time share one computation', async () => {
    const { get, store } = createReadSide({ cacheTtlSeconds: 5 });
    let open = (): void => {};
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    const answers = Promise.all([get(MUTATIONS), get(MUTATIONS), get(MUTATIONS)]);
    await new Promise((resolve) => setImmediate(resolve));
    const askedByOne = store.asked;
    open();
    const bodies = await Promise.all(
      (await answers).map((answer) => answer.json() as Promise<{ correlation_id: string }>),
    );
    expect(store.asked).toBe(askedByOne);
    expect(new Set(bodies.map(({ correlation_id }) => correlation_id)).size).toBe(3);
  });

  test('with a time to live of 0 every answer is computed, and an error is never kept', async () => {
    const fresh = createReadSide({ cacheTtlSeconds: 0 });
    for (let i = 0; i < 2; i++) expect((await fresh.get(MUTATIONS)).headers.get('x-cache-status')).toBe('MISS');
    const kept = createReadSide({ cacheTtlSeconds: 5 });
    kept.store.failure = new Error('once');
    expect((await kept.get(MUTATIONS)).status).toBe(500);
    kept.store.failure = undefined;
    expect((await kept.get(MUTATIONS)).status).toBe(200);
  });
});

describe('health', () => {
  test('alive and ready without a key; a store that takes nothing still answers', async () => {
    const { app, store } = createReadSide();
    expect(await (await app.request('/healthz')).json()).toMatchObject({ status: 'alive' });
    expect(await (await app.request('/readyz/')).json()).toMatchObject({ status: 'ready', takes_data: true });
    store.stateChange = { refusing: 'the disk is full' };
    expect(await (await app.request('/readyz')).json()).toMatchObject({ status: 'ready', takes_data: false });
  });

  test('not ready while closing', async () => {
    const { app } = createReadSide({ isClosing: () => true });
    const answer = await app.request('/readyz');
    await expectError(answer, 503, 'UNAVAILABLE');
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await app.request('/healthz')).status).toBe(200);
  });
});
