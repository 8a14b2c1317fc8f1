/** Applications → agent → gateway → aggregator, by HTTP and by gRPC, and beside it remote write into a Prometheus. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { KEY, type RunningAggregator, startAggregator } from '../../support/aggregator.ts';
import type { Checks } from './checks.ts';
import { type Collector, startApp, startCollector, until } from './processes.ts';
import { startReceivingPrometheus } from './prometheus.ts';

const GATEWAY_KEY = 'gateway-key-0123456789';
const SEND_MS = 3000;

/** Mutations of one service in the last hour. */
export async function mutationsOf(aggregator: RunningAggregator, service: string): Promise<number> {
  const path = `/monitoring/graphql/mutations/?service=${service}`;
  const body = await aggregator.json<{ statistics: { total_mutations: number } }>(path);
  return body.statistics.total_mutations;
}

/** Waits until that many are counted, then a little longer: more of them would be a count twice. */
export async function settled(counted: () => Promise<number>, expected: number, what: string): Promise<void> {
  let last = -1;
  await until(
    `${what} counts ${expected}`,
    async () => {
      last = await counted();
      return last >= expected;
    },
    20_000,
  ).catch(() => undefined);
  assert.equal(last, expected, what);
  await delay(1500);
  assert.equal(await counted(), expected, `${what}, a little later`);
}

export async function checkCounts({ check }: Checks, binary: string): Promise<void> {
  const aggregator = await startAggregator();
  const prometheus = await startReceivingPrometheus();
  const collectors: Collector[] = [];
  const add = async (configurations: readonly string[], env: Readonly<Record<string, string>>): Promise<Collector> => {
    const collector = await startCollector(binary, { configurations, env });
    collectors.push(collector);
    return collector;
  };
  try {
    const gateway = await add(['agent', 'gateway', 'remote-write'], {
      VIGIL_ENDPOINT: aggregator.url,
      VIGIL_KEY: KEY,
      VIGIL_GATEWAY_KEY: GATEWAY_KEY,
      VIGIL_REMOTE_WRITE_URL: `${prometheus.url}/api/v1/write`,
    });
    const agent = await add(['agent'], { VIGIL_ENDPOINT: gateway.httpUrl, VIGIL_KEY: GATEWAY_KEY });
    await check('app → agent → gateway → aggregator and Prometheus: exact counts over HTTP and gRPC', async () => {
      const byHttp = await startApp('by-http', { OTEL_EXPORTER_OTLP_ENDPOINT: agent.httpUrl });
      const byGrpc = await startApp('by-grpc', {
        OTEL_EXPORTER_OTLP_ENDPOINT: gateway.grpcUrl,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${GATEWAY_KEY}`,
      });
      await delay(SEND_MS);
      const made = { 'by-http': await byHttp.end(), 'by-grpc': await byGrpc.end() };
      const services = Object.entries(made).map(async ([service, count]) => {
        assert.ok(count > 100, `${service} made ${count} mutations only`);
        const requests = `sum(vigil_graphql_requests_total{job="${service}"})`;
        const durations = `sum(histogram_count(vigil_mutation_duration_seconds{job="${service}"}))`;
        await Promise.all([
          settled(() => mutationsOf(aggregator, service), count, `the aggregator, ${service}`),
          settled(() => prometheus.number(requests), count, `Prometheus, ${service}`),
          settled(() => prometheus.number(durations), count, `Prometheus' native histograms, ${service}`),
        ]);
      });
      await Promise.all(services);
    });
    await check('a gateway refuses who does not know its key', async () => {
      const answer = await fetch(`${gateway.httpUrl}/v1/metrics`, {
        method: 'POST',
        body: '{}',
        headers: { 'Content-Type': 'application/json', Authorization: 'Bearer wrong' },
      });
      assert.equal(answer.status, 401);
    });
  } finally {
    for (const collector of collectors) await collector.stop();
    await prometheus.stop();
    await aggregator.stop();
  }
}
