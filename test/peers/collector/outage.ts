/** The aggregator killed and away for a while, the Collector killed meanwhile: nothing lost, nothing twice. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { KEY, type RunningAggregator, startAggregator } from '../../support/aggregator.ts';
import type { Checks } from './checks.ts';
import { mutationsOf, settled } from './counts.ts';
import { startApp, startCollector } from './processes.ts';
import { startDeltaSender } from './sender.ts';

const BEFORE_MS = 1500;
const AFTER_MS = 1500;

async function tasksOf(aggregator: RunningAggregator, service: string): Promise<number> {
  const path = `/monitoring/celery/idempotency/?service=${service}`;
  const body = await aggregator.json<{ statistics: { total_requests: number } }>(path);
  return body.statistics.total_requests;
}

export async function checkOutage({ check }: Checks, binary: string, downSeconds: number): Promise<void> {
  let aggregator = await startAggregator();
  const { directory, url } = aggregator;
  const env = { VIGIL_ENDPOINT: url, VIGIL_KEY: KEY };
  const collector = await startCollector(binary, { configurations: ['agent'], env });
  try {
    await check(
      `the aggregator killed and down for ${downSeconds} s, the Collector killed with its queue`,
      async () => {
        const byHttp = await startApp('by-http', { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl });
        const grpc = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.grpcUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
        const byGrpc = await startApp('by-grpc', grpc);
        const byDelta = startDeltaSender(collector.httpUrl, 'by-delta');
        await delay(BEFORE_MS);
        await aggregator.stop('SIGKILL');
        await delay((downSeconds * 1000) / 2);
        const waiting = await collector.metric('otelcol_exporter_queue_size', { exporter: 'otlp_http/next' });
        assert.ok(waiting > 0, 'nothing waits in the queue');
        await collector.stop('SIGKILL');
        await collector.restart();
        await delay((downSeconds * 1000) / 2);
        aggregator = await startAggregator({ directory, port: Number(new URL(url).port) });
        await delay(AFTER_MS);
        const [http, byGrpcMade, delta] = [await byHttp.end(), await byGrpc.end(), await byDelta.end()];
        await settled(() => mutationsOf(aggregator, 'by-http'), http, 'by HTTP');
        await settled(() => mutationsOf(aggregator, 'by-grpc'), byGrpcMade, 'by gRPC');
        await settled(() => tasksOf(aggregator, 'by-delta'), delta, 'by delta');
        assert.ok(delta > 20 && http > 100, `too little was sent: ${http}, ${delta}`);
      },
    );
  } finally {
    await collector.stop();
    await aggregator.stop();
  }
}
