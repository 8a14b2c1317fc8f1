import diagnostics_channel from 'node:diagnostics_channel';
import { context, type Span, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openClientLedger,
  recordSecurityBlock,
  type SecurityBlock,
  SecurityBlockInstrumentation,
} from '../../../instrumentation/security-blocks/index.ts';
import { requests } from '../../../instrumentation/security-blocks/request.ts';
import { channels } from '../../../instrumentation/semconv/index.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';

let instrumentation: SecurityBlockInstrumentation;
let telemetry: MemoryTelemetry;
const told: unknown[] = [];
const tell = (message: unknown) => void told.push(message);

beforeEach(() => start());
afterEach(async () => {
  diagnostics_channel.unsubscribe(channels.graphqlBlocked, tell);
  await telemetry.stop();
});

function start(config?: ConstructorParameters<typeof SecurityBlockInstrumentation>[0]): void {
  instrumentation = new SecurityBlockInstrumentation(config);
  telemetry = startMemoryTelemetry(instrumentation);
  told.length = 0;
  diagnostics_channel.unsubscribe(channels.graphqlBlocked, tell);
  diagnostics_channel.subscribe(channels.graphqlBlocked, tell);
}

/** Counts by their attributes in one text. */
async function blocks(): Promise<Record<string, number>> {
  const points = await telemetry.points('vigil.security.blocks');
  return Object.fromEntries(points.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]));
}

const incoming = (url: string, address = '192.0.2.1', headers: Record<string, string> = {}) => ({
  url,
  method: 'POST',
  headers,
  socket: { remoteAddress: address },
});

const inRequest = (request: object, blocksOfIt: readonly SecurityBlock[]) =>
  requests.run(request as never, () => {
    for (const block of blocksOfIt) recordSecurityBlock(block);
  });

describe('recordSecurityBlock', () => {
  it('counts category, pattern, action and surface', async () => {
    recordSecurityBlock({ category: 'sqli', pattern: 'union', action: 'detected', surface: 'graphql' });
    recordSecurityBlock({ category: 'csrf' });
    expect(await blocks()).toEqual({ 'sqli union detected graphql': 1, 'csrf blocked http': 1 });
  });

  it('counts one of each category in a request, and every failed login', async () => {
    inRequest(incoming('/'), [
      { category: 'rate_limit', pattern: 'requests' },
      { category: 'rate_limit', pattern: 'banned' },
      { category: 'csrf' },
      { category: 'authentication', pattern: 'credentials' },
      { category: 'authentication', pattern: 'credentials' },
    ]);
    inRequest(incoming('/'), [{ category: 'rate_limit', pattern: 'requests' }]);
    expect(await blocks()).toEqual({
      'rate_limit requests blocked http': 2,
      'csrf blocked http': 1,
      'authentication credentials blocked http': 2,
    });
  });

  it.each([
    ['/graphql', 'graphql'],
    ['/api/graphql/?query={a}', 'graphql'],
    ['/graphql/admin', 'http'],
    ['/', 'http'],
  ])('takes the surface from the path %s', async (url, surface) => {
    inRequest(incoming(url), [{ category: 'csrf' }]);
    expect(await blocks()).toEqual({ [`csrf blocked ${surface}`]: 1 });
  });

  it('takes the path before a router rewrote it', async () => {
    inRequest({ ...incoming('/'), originalUrl: '/graphql' }, [{ category: 'csrf' }]);
    expect(await blocks()).toEqual({ 'csrf blocked graphql': 1 });
  });

  it.each([
    ['Node', incoming('/graphql')],
    ['Fastify', { ...incoming('/other'), raw: incoming('/graphql') }],
    ['Koa', { req: incoming('/graphql'), headers: {} }],
    ['Hono', { req: { raw: {} }, env: { incoming: incoming('/graphql') } }],
  ])('knows the request of %s', async (_name, request) => {
    recordSecurityBlock({ category: 'csrf', request });
    recordSecurityBlock({ category: 'csrf', request });
    expect(await blocks()).toEqual({ 'csrf blocked graphql': 1 });
    expect(telemetry.spans()[0]!.attributes['client.address']).toBe('192.0.2.1');
  });

  it('keeps patterns and parameter names that are none out of attributes', async () => {
    recordSecurityBlock({ category: 'sqli', pattern: "' OR 1=1 --", parameter: "x' OR 1=1 --" });
    expect(await blocks()).toEqual({ 'sqli _OTHER blocked http': 1 });
    expect(telemetry.spans()[0]!.attributes['vigil.security.parameter']).toBe('_OTHER');
  });

  it('does nothing without a running instrumentation', async () => {
    instrumentation.disable();
    expect(() => recordSecurityBlock({ category: 'csrf' })).not.toThrow();
    expect(await blocks()).toEqual({});
  });
});

it('refuses a category that is none, and says which there are', async () => {
  recordSecurityBlock({ category: 'xss' as never });
  recordSecurityBlock(undefined as never);
  expect(await blocks()).toEqual({});
  await expect(telemetry.stop()).rejects.toThrow('category must be one of sqli');
  start();
});

describe('clients', () => {
  it('are taken as delta, by the address that the trusted hop saw', async () => {
    await telemetry.stop();
    start({ trustedHops: 1 });
    const ledger = openClientLedger();
    const forwarded = { 'x-forwarded-for': '1.1.1.1, 203.0.113.9' };
    inRequest(incoming('/', '10.0.0.1', forwarded), [{ category: 'sqli', pattern: 'union' }]);
    recordSecurityBlock({ category: 'csrf', client: '::ffff:203.0.113.9' });
    recordSecurityBlock({ category: 'csrf', client: 'not an address' });
    const [first, second] = [ledger.take(), ledger.take()];
    ledger.close();
    expect(first.points).toEqual([
      {
        attributes: {
          'client.address': '203.0.113.9',
          'vigil.security.category': 'sqli',
          'vigil.security.pattern': 'union',
        },
        value: 1,
      },
      { attributes: { 'client.address': '203.0.113.9', 'vigil.security.category': 'csrf' }, value: 1 },
      { attributes: { 'client.address': '_other', 'vigil.security.category': 'csrf' }, value: 1 },
    ]);
    expect(second).toMatchObject({ startMs: first.endMs, points: [] });
  });

  it.each([
    ['network', '203.0.113.0/24'],
    ['pseudonym', expect.stringMatching(/^client-[a-p]{16}$/)],
  ] as const)('are kept as %s everywhere', async (clientAddresses, expected) => {
    await telemetry.stop();
    start({ clientAddresses });
    const ledger = openClientLedger();
    recordSecurityBlock({ category: 'csrf', client: '203.0.113.9' });
    expect(ledger.take().points[0]!.attributes['client.address']).toEqual(expected);
    ledger.close();
    expect(telemetry.spans()[0]!.attributes['client.address']).toEqual(expected);
  });
});

describe('spans', () => {
  it('stand in the active trace, with what the registry says', () => {
    const parent = trace.wrapSpanContext({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 });
    context.with(trace.setSpan(context.active(), parent as Span), () =>
      recordSecurityBlock({ category: 'sqli', pattern: 'comment', parameter: 'filter[name]', client: '192.0.2.1' }),
    );
    const [span] = telemetry.spans();
    expect(span!.name).toBe('security.block sqli');
    expect(span!.spanContext().traceId).toBe('a'.repeat(32));
    expect(span!.attributes).toEqual({
      'vigil.security.category': 'sqli',
      'vigil.security.pattern': 'comment',
      'vigil.security.action': 'blocked',
      'vigil.security.surface': 'http',
      'vigil.security.parameter': 'filter[name]',
      'client.address': '192.0.2.1',
    });
  });

  it('are bounded in a flood, and none of the counts is lost', async () => {
    await telemetry.stop();
    start({ maxSpansPerSecond: 3 });
    for (let i = 0; i < 5000; i++) recordSecurityBlock({ category: 'csrf' });
    expect(telemetry.spans().length).toBeGreaterThanOrEqual(30);
    expect(telemetry.spans().length).toBeLessThan(100);
    expect(await blocks()).toEqual({ 'csrf blocked http': 5000 });
  });
});

describe('a blocked GraphQL request', () => {
  it('is told once to whoever counts requests', () => {
    inRequest(incoming('/graphql'), [{ category: 'csrf' }, { category: 'rate_limit' }]);
    expect(told).toEqual([{}]);
  });

  it.each([
    ['is detected only', { category: 'sqli', action: 'detected' }, 'POST'],
    ['is a failed login', { category: 'authentication' }, 'POST'],
    ['is a preflight', { category: 'origin' }, 'OPTIONS'],
  ] as const)('is none where it %s', (_name, block, method) => {
    inRequest({ ...incoming('/graphql'), method }, [block]);
    expect(told).toEqual([]);
  });
});
