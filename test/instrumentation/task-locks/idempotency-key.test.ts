/** The `Idempotency-Key` header against a real HTTP server. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { newInstrumentation } from './fixture.ts';

test('the answer tells what became of a key; other requests on the connection have none', async () => {
  const instrumentation = newInstrumentation();
  const telemetry = startMemoryTelemetry(instrumentation);
  instrumentation.enable();
  const server = createServer((request, response) => {
    response.writeHead(
      Number(request.headers['x-status']),
      request.headers['x-replay'] ? { 'Idempotent-Replayed': '1' } : {},
    );
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tenants/acme/orders`;
  const send = (key: string, status: number, more = {}, method = 'POST') =>
    fetch(url, { method, headers: { 'x-status': String(status), ...(key && { 'Idempotency-Key': key }), ...more } });
  await send('one', 201);
  await send('one', 201);
  await send('one', 201, { 'x-replay': '1' });
  await send('one', 409);
  await send('two', 422);
  await send('three', 500);
  await send('', 201);
  await send('four', 200, {}, 'GET');
  await send('x'.repeat(257), 201);
  // Refused while the first one runs, which is answered afterwards, and then told again.
  await send('five', 409);
  await send('five', 201);
  await send('five', 409);
  const requests = await telemetry.points('vigil.task.requests');
  expect(requests.map(({ attributes, value }) => `${Object.values(attributes).join(' ')} ${value}`)).toEqual([
    'POST /tenants/*/orders tenant executed 2',
    'POST /tenants/*/orders tenant replayed 1',
    'POST /tenants/*/orders tenant in_flight 3',
    'POST /tenants/*/orders tenant mismatch 1',
  ]);
  const keys = await telemetry.points('vigil.task.duplicated_keys');
  expect(keys.map(({ value }) => value)).toEqual([3]);
  server.closeAllConnections();
  server.close();
  await telemetry.stop();
});
