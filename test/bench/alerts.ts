/** What a tick of the alerts costs: every built-in objective over its 30 days, judged anew while telemetry arrives. */
import { pino } from 'pino';
import { createAlerts } from '../../aggregator/alerts/service.ts';
import { createOwnMetrics } from '../../aggregator/metrics.ts';
import { readAlertConditions } from '../../aggregator/reports/alert-conditions.ts';
import { BUILT_IN_POLICY } from '../../aggregator/reports/slo-status.ts';
import { temporaryDirectory } from '../support/aggregator.ts';
import { fillStore, openAt, SERIES } from './filled-store.ts';
import type { Benchmark } from './main.ts';
import { pinLoad } from './processes.ts';
import { median, printTable, quantileOf, surroundings } from './report.ts';
import { createBodySource } from './telemetry.ts';

const DAYS = 30;
const FINE_DAYS = 8;
const ROUNDS = 120;
/** The default interval. */
const TICK_MS = 30_000;
const MINUTE_MS = 60_000;

export const benchmark: Benchmark = {
  about: 'time and processor time of an alert tick: 200 mutations, the built-in objectives, 30 days.',
  async run() {
    pinLoad();
    const coarseMinutes = (DAYS - FINE_DAYS) * 1440;
    const directory = fillStore({ minutes: DAYS * 1440, coarseMinutes });
    let nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    const { store, receiver, close } = openAt(directory, () => nowMs);
    const alerts = createAlerts({
      alertmanagerUrl: undefined,
      webhookUrl: undefined,
      webhookSecret: undefined,
      slackUrl: undefined,
      publicUrl: undefined,
      alertIntervalSeconds: TICK_MS / 1000,
      readConditions: (atMs) => readAlertConditions(store, BUILT_IN_POLICY, atMs),
      directory: temporaryDirectory(),
      ownMetrics: createOwnMetrics(),
      log: pino({ enabled: false }),
      nowMs: () => nowMs,
    });
    const source = createBodySource({ points: SERIES, cumulative: false, encoding: 'protobuf', kind: 'mutations' });
    const [times, cpu]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      nowMs += TICK_MS;
      const bytes = source.plain(0, { startMs: nowMs - TICK_MS, timeMs: nowMs, factor: 1 });
      receiver.take({ signal: 'metrics', bytes, encoding: 'protobuf', gzip: false });
      const [began, before] = [performance.now(), process.cpuUsage()];
      await alerts.tick();
      const { user, system } = process.cpuUsage(before);
      times.push(performance.now() - began);
      cpu.push((user + system) / 1000);
    }
    await alerts.close();
    close();
    console.log(surroundings([]));
    console.log(`${SERIES} series of 200 mutations, ${DAYS} days, ${BUILT_IN_POLICY.objectives.length} objectives\n`);
    printTable(
      ['a tick', 'first, ms', 'median, ms', 'p95, ms', 'longest, ms'],
      [row('time', times), row('processor', cpu)],
    );
  },
};

function row(name: string, [first = Number.NaN, ...rest]: readonly number[]): string[] {
  const shown = [first, median(rest), quantileOf(rest, 0.95), Math.max(...rest)];
  return [name, ...shown.map((ms) => ms.toFixed(2))];
}
