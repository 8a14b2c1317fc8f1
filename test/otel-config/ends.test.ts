import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { type AppEnd, type AppOptions, app, runApp } from './run-app.ts';

/** How an application ends, the signal it gets, and whether its last interval must arrive. */
const ends: readonly { way: string; signal?: 'SIGTERM' | 'SIGINT'; arrives: boolean }[] = [
  { way: 'natural end', arrives: true },
  { way: 'exit code', arrives: true },
  { way: 'process.exit after flush', arrives: true },
  { way: 'uncaught error', arrives: false },
  { way: 'await for ever', arrives: true },
  { way: 'no handler', signal: 'SIGTERM', arrives: true },
  { way: 'no handler', signal: 'SIGINT', arrives: true },
  { way: 'handler that closes', signal: 'SIGTERM', arrives: true },
  { way: 'handler that exits later', signal: 'SIGTERM', arrives: true },
  { way: 'handler that ignores once', signal: 'SIGTERM', arrives: true },
  { way: 'signal-exit', signal: 'SIGTERM', arrives: true },
];

let capture: OtlpCapture;
beforeAll(async () => {
  capture = await startOtlpCapture();
});
afterAll(() => capture.close());

/** What others see of the end. */
function visible({ code, signal, stdout, stderr }: AppEnd) {
  return { code, signal, stdout, stderr };
}

describe.concurrent('an application ends as it would without us', () => {
  test.each(ends)('$way $signal', async ({ way, signal, arrives }) => {
    const service = `${way} ${signal}`;
    const env = {
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    };
    const options: AppOptions = { args: [way], env, whenReady: (child) => void (signal && child.kill(signal)) };
    const [bare, ours] = await Promise.all([
      runApp(app('ends.ts'), { ...options, imports: [] }),
      runApp(app('ends.ts'), options),
    ]);
    expect(visible(ours)).toEqual(visible(bare));
    const points = capture.lastPoints(service, 'vigil.graphql.requests');
    expect(points.map(({ value }) => value)).toEqual(arrives ? [1] : []);
  });
});

describe.concurrent('a receiver that never answers', () => {
  const silent = { onRequest: () => new Promise<void>(() => {}) };

  test.each([{ way: 'natural end' }, { way: 'no handler', signal: 'SIGTERM' as const }])(
    'delays the end by no more than three seconds and a bit: $way',
    async ({ way, signal }) => {
      await using receiver = await startDisposable(silent);
      const ours = await runApp(app('ends.ts'), {
        args: [way],
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
        whenReady: (child) => void (signal && child.kill(signal)),
      });
      expect(ours).toMatchObject(signal ? { code: null, signal } : { code: 0, signal: null });
      expect(ours.elapsedMs).toBeGreaterThan(3000);
      // The exporter alone would try for 10 s.
      expect(ours.elapsedMs).toBeLessThan(9000);
      expect(ours.stderr.trim().split('\n')).toEqual([expect.stringContaining('not taken within 3000 ms')]);
    },
  );

  test('a second Ctrl-C ends at once', async () => {
    await using receiver = await startDisposable(silent);
    const ours = await runApp(app('ends.ts'), {
      args: ['no handler'],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
      whenReady(child) {
        child.kill('SIGINT');
        setTimeout(() => child.kill('SIGINT'), 300);
      },
    });
    // Had it waited to the end, it would say that the last telemetry was not taken.
    expect(ours).toMatchObject({ code: null, signal: 'SIGINT', stderr: '' });
  });
});

async function startDisposable(options: Parameters<typeof startOtlpCapture>[0]) {
  const receiver = await startOtlpCapture(options);
  return { url: receiver.url, [Symbol.asyncDispose]: () => receiver.close() };
}
