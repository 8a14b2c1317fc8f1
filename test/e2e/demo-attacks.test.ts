/** The demo's application is attacked, and refuses by its own libraries: what of that arrives. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { attacks } from '../demo/attackers.ts';
import { startOtlpCapture } from '../support/otlp-capture.ts';

const root = resolve(import.meta.dirname, '../..');
const SERVICE = 'attacked';
/** As often as each attack comes here; the flood of one address is one. */
const TIMES = 3;

test('every attack is refused or seen, and counted by category, surface and client', async () => {
  const capture = await startOtlpCapture();
  const registration = pathToFileURL(resolve(root, 'otel-config/register.ts')).href;
  const app = fork(resolve(root, 'test/demo/app.ts'), {
    cwd: root,
    execArgv: ['--import', registration],
    env: {
      ...process.env,
      OTEL_SERVICE_NAME: SERVICE,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      // Delta points of all of it come in one export, at the end.
      OTEL_METRIC_EXPORT_INTERVAL: '60000',
      VIGIL_TRUSTED_HOPS: '1',
    },
  });
  try {
    const [port] = await once(app, 'message');
    for (const { act } of attacks)
      for (let i = 0; i < TIMES; i++)
        await act(async (client, init) => {
          const headers = { ...init.headers, 'X-Forwarded-For': `192.0.2.1, 203.0.113.${client}` };
          await (await fetch(`http://127.0.0.1:${port}/graphql`, { ...init, headers })).arrayBuffer();
        });
  } finally {
    app.kill('SIGTERM');
    await once(app, 'exit');
    await capture.close();
  }

  const blocks = capture.lastPoints(SERVICE, 'vigil.security.blocks').map(({ attributes, value }) => {
    const of = ['category', 'pattern', 'action', 'surface'].map((key) => attributes[`vigil.security.${key}`]);
    return [of.join(' '), value] as const;
  });
  const counts = Object.fromEntries(blocks);
  const { 'rate_limit requests blocked graphql': limited, ...others } = counts;
  expect(others).toEqual({
    'csrf header blocked graphql': TIMES,
    'origin request detected graphql': TIMES,
    'origin preflight blocked graphql': TIMES,
    'query_analysis depth blocked graphql': TIMES,
    'sqli union blocked graphql': TIMES,
    'sqli boolean_blind blocked graphql': TIMES,
    'sqli time_blind blocked graphql': TIMES,
    'sqli stacked_queries blocked graphql': TIMES,
  });
  // Of one flood of 45 an address may send 30 in its time; the others may find a new time begun.
  expect(limited).toBeGreaterThanOrEqual(45 - 30);

  const clients = capture.lastPoints(SERVICE, 'vigil.security.clients');
  expect(clients.reduce((sum, { value }) => sum + value, 0)).toBe(
    Object.values(counts).reduce((sum, value) => sum + value, 0),
  );
  for (const { attributes } of clients)
    expect(attributes['client.address']).toMatch(/^203\.0\.113\.(?:1[0-2]|2[0-3]|3[01]|4[01]|5[0-3])$|^_other$/);
  const blocked = capture
    .lastPoints(SERVICE, 'vigil.graphql.requests')
    .filter(({ attributes }) => attributes['vigil.graphql.outcome'] === 'blocked');
  expect(blocked.reduce((sum, { value }) => sum + value, 0)).toBe(6 * TIMES + (limited ?? 0));
});
