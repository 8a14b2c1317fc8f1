/** The registration observes locks by itself, in CommonJS and ES modules. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { mayBeSkipped, type RedisServer, startRedis } from '../support/redis-server.ts';
import { app, runApp } from './run-app.ts';

let capture: OtlpCapture;
let redis: RedisServer;
beforeAll(async () => {
  capture = await startOtlpCapture();
  if (!mayBeSkipped) redis = await startRedis();
});
afterAll(async () => {
  await Promise.all([capture.close(), redis?.stop()]);
});

test.skipIf(mayBeSkipped).each(['locks.cjs', 'locks.ts'])('%s', async (file) => {
  const env = {
    OTEL_SERVICE_NAME: file,
    OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    REDIS_URL: redis.url,
  };
  const { code, stderr } = await runApp(app(file), { env });
  expect([code, stderr]).toEqual([0, '']);
  const lines = (metric: string) =>
    capture.lastPoints(file, metric).map(({ attributes, count }) => `${Object.values(attributes).join(' ')} ${count}`);
  expect(lines('vigil.lock.acquire.duration')).toEqual([
    'redis acquired lock:close_jobs 1',
    'redis held lock:close_jobs 1',
  ]);
  expect(lines('vigil.lock.hold.duration')).toEqual(['redis released lock:close_jobs 1']);
});
