/** What each answer of the aggregator makes a Collector do, in the Collector's own metrics and log. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEY, startAggregator, temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody } from '../../support/otlp-json.ts';
import type { Checks } from './checks.ts';
import { type Collector, type CollectorOptions, startCollector, until } from './processes.ts';
import { startRefusingProxy } from './refusing-proxy.ts';
import { point, send } from './sender.ts';

const FAILED = 'otelcol_exporter_send_failed_metric_points';
const SENT = 'otelcol_exporter_sent_metric_points';
const REFUSALS = 2;

export async function checkStatuses({ check }: Checks, binary: string): Promise<void> {
  const aggregator = await startAggregator();
  const withCollector = async (options: CollectorOptions, use: (collector: Collector) => Promise<void>) => {
    const collector = await startCollector(binary, options);
    try {
      await use(collector);
    } finally {
      await collector.stop();
    }
  };
  const env = { VIGIL_ENDPOINT: aggregator.url, VIGIL_KEY: KEY };
  const agent: CollectorOptions = { configurations: ['agent'], env };
  const executed = async (service: string): Promise<number> => {
    const path = `/monitoring/celery/idempotency/?service=${service}`;
    const body = await aggregator.json<{ statistics: { total_requests: number } }>(path);
    return body.statistics.total_requests;
  };
  const dropped = (collector: Collector) =>
    until('the Collector drops what was refused', async () => (await collector.metric(FAILED)) > 0);
  try {
    await check('401: a wrong key drops the batch, and says so', async () => {
      await withCollector({ ...agent, env: { ...env, VIGIL_KEY: 'wrong' } }, async (collector) => {
        assert.equal((await send(collector.httpUrl, metricsBody([now('refused')])))?.status, 200);
        await dropped(collector);
        assert.match(collector.log(), /401/);
        assert.equal(await executed('refused'), 0);
      });
    });
    await check('413: a batch over 16 MiB drops, one of the shipped size does not', async () => {
      const large = temporaryDirectory();
      const overlay = join(large, 'overlay.yaml');
      const batch = '{ sizer: bytes, flush_timeout: 30s, min_size: 20000000, max_size: 60000000 }';
      writeFileSync(overlay, `exporters: { otlp_http/next: { sending_queue: { batch: ${batch} } } }\n`);
      await withCollector({ ...agent, configurations: ['agent', overlay] }, async (collector) => {
        await sendMuch(collector, 'much');
        await dropped(collector);
        assert.match(collector.log(), /413/);
        assert.equal(await executed('much'), 0);
      });
      await withCollector(agent, async (collector) => {
        await sendMuch(collector, 'much');
        await until('all of it has arrived', async () => (await executed('much')) === MUCH_POINTS);
        await until('all of it is sent', async () => (await collector.metric(SENT)) === MUCH_POINTS);
        assert.equal(await collector.metric(FAILED), 0);
      });
    });
    for (const status of [429, 503])
      await check(`${status}: a batch that is refused ${REFUSALS} times is sent again, and counts once`, async () => {
        const proxy = await startRefusingProxy(aggregator.url, status, REFUSALS);
        try {
          await withCollector({ ...agent, env: { ...env, VIGIL_ENDPOINT: proxy.url } }, async (collector) => {
            await send(collector.httpUrl, metricsBody([now(`after-${status}`)]));
            await until('it is counted', async () => (await executed(`after-${status}`)) > 0);
            assert.equal(await executed(`after-${status}`), 3);
            assert.equal(proxy.refused, REFUSALS);
            await until('it is sent', async () => (await collector.metric(SENT)) === 1);
            assert.equal(await collector.metric(FAILED), 0);
          });
        } finally {
          proxy.close();
        }
      });
    await check('partial success: what is good counts, the rest is told and not sent again', async () => {
      await withCollector(agent, async (collector) => {
        const ahead = point('ahead', { times: 5, timeMs: Date.now() + 3_600_000 });
        await send(collector.httpUrl, metricsBody([now('partly'), ahead]));
        await until('the good part is counted', async () => (await executed('partly')) === 3);
        await until('the rest is told', async () => /[Pp]artial success/.test(collector.log()));
        assert.match(collector.log(), /more than 10 minutes ahead/);
        assert.equal(await executed('ahead'), 0);
        // The Collector counts the whole request as sent; only its log tells of the rest.
        await until('it is sent', async () => (await collector.metric(SENT)) === 2);
        assert.equal(await collector.metric(FAILED), 0);
      });
    });
  } finally {
    await aggregator.stop();
  }
}

const now = (service: string) => point(service, { times: 3, timeMs: Date.now() });

const MUCH_POINTS = 24_000;
const BODIES = 6;

/** More than 16 MiB as the Collector sends it: points of instances whose names are long. */
async function sendMuch(collector: Collector, service: string): Promise<void> {
  const timeMs = Date.now();
  for (let body = 0; body < BODIES; body++) {
    const points = Array.from({ length: MUCH_POINTS / BODIES }, (_, i) => ({
      ...point(service, { times: 1, timeMs }),
      instance: `${service}-${body}-${i}-${'x'.repeat(900)}`,
    }));
    const answer = await send(collector.httpUrl, metricsBody(points));
    assert.equal(answer?.status, 200);
  }
}
