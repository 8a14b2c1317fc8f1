/** A server that misbehaves in every way, over real HTTP, and what readers are told. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createOwnMetrics } from '../../../../aggregator/metrics.ts';
import { OPEN_DOOR } from '../../../../aggregator/otlp/attributes.ts';
import { readAlertConditions } from '../../../../aggregator/reports/alert-conditions.ts';
import { BUILT_IN_POLICY } from '../../../../aggregator/reports/slo-status.ts';
import { StoreUnavailable } from '../../../../aggregator/store/port.ts';
import { createBatches } from '../../../../aggregator/store/prometheus/batches.ts';
import { createServer as createMetricsServer } from '../../../../aggregator/store/prometheus/server.ts';
import { openPrometheusStore } from '../../../../aggregator/store/prometheus/store.ts';
import { LOOK_EVERY_MS } from '../../../../aggregator/store/prometheus/watch.ts';

interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly query: string;
}

type Handler = (asked: Asked, response: ServerResponse) => void;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(handler: Handler): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const query = new URLSearchParams(body).get('query') ?? '';
    const one = { path: request.url ?? '', headers: request.headers, query };
    asked.push(one);
    handler(one, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`, asked };
}

const vector = (result: unknown[] = []) =>
  JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
const answer =
  (status: number, body: string): Handler =>
  (_, response) =>
    void response.writeHead(status).end(body);

function open(url: string, more: { timeoutMs?: number; maxConcurrent?: number } = {}) {
  const metrics = createOwnMetrics();
  const server = createMetricsServer({
    url,
    metrics,
    tenant: 'team-a',
    authorization: 'Bearer t',
    pauseMs: 2,
    ...more,
  });
  return { metrics, ask: createBatches({ server, ttlMs: 0, nowMs: Date.now }) };
}

describe('what readers are told', () => {
  const cases: readonly [string, Handler, RegExp, number][] = [
    ['wrong credentials', answer(401, 'no'), /credentials/, 1],
    ['no API there', answer(404, 'nothing'), /PROMETHEUS_URL/, 1],
    ['a query that is too much', answer(422, 'too many samples'), /refused a query/, 1],
    ['overload that stays', answer(503, 'later'), /does not answer/, 3],
    ['a partial answer', answer(200, '{"status":"success","isPartial":true,"data":{}}'), /does not answer/, 3],
    ['a page', answer(200, '<html>'), /cannot be read/, 1],
    ['a connection that breaks', (_, response) => void response.socket?.destroy(), /does not answer/, 3],
    [
      'a redirect',
      (_, response) => void response.writeHead(307, { Location: 'http://127.0.0.1:9/' }).end(),
      /answer/,
      3,
    ],
  ];
  test.each(cases)('%s', async (_name, handler, message, times) => {
    const { url, asked } = await serve(handler);
    const failure = await open(url)
      .ask({ expression: 'up' })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoreUnavailable);
    expect(failure).toMatchObject({ message: expect.stringMatching(message), cause: expect.any(Error) });
    // Neither what was asked, nor what the server said, nor where it is.
    expect((failure as Error).message).not.toMatch(/up\b|too many samples|127\.0\.0\.1/);
    expect(asked.length).toBe(times);
  });

  test('a server that is silent is given up in time', async () => {
    const { url } = await serve(() => {});
    const { ask, metrics } = open(url, { timeoutMs: 80 });
    await expect(ask({ expression: 'up' })).rejects.toThrow(/within 0.08 s/);
    const [queries] = metrics.families();
    expect(queries.samples.find(({ labels }) => labels[0][1] === 'timed_out')?.value).toBe(1);
  });

  test('behind a silent server nobody waits longer than once', async () => {
    const { url, asked } = await serve(() => {});
    const { ask } = open(url, { timeoutMs: 100, maxConcurrent: 1 });
    const waiting = Array.from({ length: 40 }, (_, i) => ask({ expression: `${'x'.repeat(7000)}${i}` }));
    const results = await Promise.allSettled(waiting);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    // Those whose turn came too late were not asked at all.
    expect(asked.length).toBeLessThan(20);
  });

  test('a short overload is not noticed, and headers come with every try', async () => {
    let tries = 0;
    const { url, asked } = await serve((one, response) =>
      answer(++tries < 3 ? 503 : 200, vector([{ metric: {}, value: [1, '7'] }]))(one, response),
    );
    const [sample] = await open(url).ask({ expression: 'up' });
    expect(sample.value).toBe(7);
    expect(asked.map(({ path, headers }) => [path, headers['x-scope-orgid'], headers.authorization])).toEqual(
      new Array(3).fill(['/base/api/v1/query', 'team-a', 'Bearer t']),
    );
  });
});

describe('batches', () => {
  const tagged: Handler = ({ query }, response) => {
    const tags = [...query.matchAll(/"vigil_question", "(\d+)"/g)].map(([, tag]) => tag);
    const rows = tags.map((tag) => ({ metric: { vigil_question: tag }, value: [1, tag] }));
    response.end(vector(tags.length === 0 ? [{ metric: {}, value: [1, '99'] }] : rows));
  };

  test('what is asked in one moment goes together, equal questions once, each gets its own answer', async () => {
    const { url, asked } = await serve(tagged);
    const { ask } = open(url);
    const answers = await Promise.all(['a', 'b', 'a', 'c'].map((expression) => ask({ expression })));
    expect(answers.map(([{ value }]) => value)).toEqual([0, 1, 0, 2]);
    expect(asked.length).toBe(1);
  });

  test('long questions are shared out, and never more than allowed are under way', async () => {
    let running = 0;
    let most = 0;
    const { url, asked } = await serve((one, response) => {
      most = Math.max(most, ++running);
      setTimeout(() => {
        running--;
        tagged(one, response);
      }, 5);
    });
    const { ask } = open(url, { maxConcurrent: 2 });
    await Promise.all(Array.from({ length: 10 }, (_, i) => ask({ expression: `${'x'.repeat(7000)}${i}` })));
    expect(asked.length).toBe(10);
    expect(most).toBe(2);
    expect(Math.max(...asked.map(({ query }) => query.length))).toBeLessThan(16_384);
  });

  test('a question that is refused does not take the others with it', async () => {
    const { url } = await serve((one, response) =>
      one.query.includes('heavy') ? answer(422, 'too many samples')(one, response) : tagged(one, response),
    );
    const { ask } = open(url);
    const [light, heavy] = await Promise.allSettled([ask({ expression: 'light' }), ask({ expression: 'heavy' })]);
    expect(light).toMatchObject({ status: 'fulfilled', value: [{ value: 99 }] });
    expect(heavy).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(/refused/) } });
  });

  test('answers are used again for their time, sealed ones for longer, failures never', async () => {
    let nowMs = 0;
    let failing = true;
    const { url, asked } = await serve((one, response) => answer(failing ? 401 : 200, vector())(one, response));
    const server = createMetricsServer({ url, metrics: createOwnMetrics() });
    const ask = createBatches({ server, ttlMs: 5000, nowMs: () => nowMs });
    await expect(ask({ expression: 'a' })).rejects.toThrow();
    failing = false;
    const both = async () => {
      await ask({ expression: 'a' });
      await ask({ expression: 's', isSealed: true });
    };
    await both();
    nowMs = 4999;
    await both();
    expect(asked.length).toBe(3);
    nowMs = 5001;
    await both();
    expect(asked.map(({ query }) => query)).toEqual(['a', 'a', 's', 'a']);
  });
});

const optionsOf = (url: string): Parameters<typeof openPrometheusStore>[0] => ({
  url,
  metrics: createOwnMetrics(),
  log: { warn() {}, info() {} },
  serviceLabel: 'job',
  door: OPEN_DOOR,
  retentionDays: 35,
  ttlMs: 0,
});

test('a store whose server is down opens, says so once, and tells readers', async () => {
  const { url } = await serve(answer(401, 'no'));
  const warnings: string[] = [];
  const { store, close } = await openPrometheusStore({
    ...optionsOf(url),
    log: { warn: (_, message) => void warnings.push(message), info() {} },
  });
  expect(store.state()).toMatchObject({ newestPointMs: undefined, services: [], retentionMs: 35 * 86_400_000 });
  expect(warnings).toEqual(['the Prometheus server does not answer']);
  const range = { fromMs: 0, toMs: 60_000 };
  await expect(store.counts({ metric: 'vigil.task.requests', range })).rejects.toThrow(StoreUnavailable);
  expect(await store.counts({ metric: 'vigil.task.requests', range, where: { 'vigil.task.name': [] } })).toEqual([]);
  close();
});

test('when each service last sent: those that are alive, and once those that were within a day', async () => {
  const asked: string[] = [];
  const at = (job: string, seconds: number) => ({ metric: { job }, value: [0, String(seconds)] });
  let alive = [at('shop', 1000), at('eu/shop', 1010)];
  const { url } = await serve(({ path, query }, response) => {
    if (path.includes('/label/')) response.end('{"status":"success","data":["shop","eu/shop","mail","quiet"]}');
    else {
      asked.push(query);
      response.end(vector(query.includes('[1d:5m]') ? [at('shop', 900), at('mail', 500)] : alive));
    }
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  closing.push(() => void vi.useRealTimers());
  const opened = await openPrometheusStore(optionsOf(url));
  closing.push(opened.close);
  const arrivals = () => Object.fromEntries(opened.store.state().arrivals);
  expect(arrivals()).toEqual({ shop: 1_010_000, mail: 500_000 });
  expect(opened.store.state()).toMatchObject({ newestPointMs: 1_010_000, services: ['mail', 'quiet', 'shop'] });
  alive = [at('mail', 1020)];
  vi.advanceTimersByTime(LOOK_EVERY_MS - 1);
  expect(asked).toHaveLength(2);
  vi.advanceTimersByTime(1);
  vi.useRealTimers();
  await vi.waitFor(() => expect(arrivals()).toEqual({ shop: 1_010_000, mail: 1_020_000 }), { timeout: 5000 });
  expect(asked.filter((query) => query.includes('[1d:5m]'))).toHaveLength(1);
});

test('one query that always fails freezes the alerts made from it, and no others', async () => {
  const now = { metric: { job: 'shop' }, value: [0, String(Date.now() / 1000)] };
  const { url } = await serve(({ path, query }, response) => {
    // The newest point is of now; nothing else happened.
    if (query.startsWith('max by (job) (timestamp(')) response.end(vector([now]));
    else if (query.includes('vigil_security_clients')) response.writeHead(422).end('too many samples');
    else if (path.includes('/label/')) response.end('{"status":"success","data":["shop"]}');
    else if (path.endsWith('query_range'))
      response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}');
    else response.end(vector());
  });
  const opened = await openPrometheusStore(optionsOf(url));
  closing.push(opened.close);
  const readings = await readAlertConditions(opened.store, BUILT_IN_POLICY, Date.now());
  const failed = readings.filter((reading) => 'error' in reading).map(({ name }) => name);
  expect(failed).toEqual(['HighThreatScore']);
  expect(readings.length).toBe(BUILT_IN_POLICY.objectives.length + 4);
});
