/** The aggregator over a stretch: its embedded store and its alert service, with a clock of ours that jumps by minutes. */
import { setImmediate } from 'node:timers/promises';
import { createAlerts } from '../../../aggregator/alerts/service.ts';
import { alertKey } from '../../../aggregator/domain/alert.ts';
import type { SloState } from '../../../aggregator/domain/slo-state.ts';
import { openLog } from '../../../aggregator/log.ts';
import { createOwnMetrics, type Sample } from '../../../aggregator/metrics.ts';
import { readAlertConditions } from '../../../aggregator/reports/alert-conditions.ts';
import { type ExpositionPart, exposeParts } from '../../../aggregator/reports/exposition.ts';
import { taskCounts } from '../../../aggregator/reports/idempotency-families.ts';
import { mutationCounts, mutationDurations } from '../../../aggregator/reports/mutation-families.ts';
import { remembering } from '../../../aggregator/reports/remembering-store.ts';
import { threatFamilies } from '../../../aggregator/reports/security-families.ts';
import { BUILT_IN_POLICY, readSloStatuses } from '../../../aggregator/reports/slo-status.ts';
import { openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';

const MINUTE_MS = 60_000;

/** How one objective stands at one evaluation. */
export interface Standing {
  readonly state: SloState;
  readonly remaining: number | undefined;
  readonly good: number;
  readonly total: number;
}

export interface Evaluation {
  /** Unix ms, on a whole minute. */
  readonly atMs: number;
  /** By id of the objective. */
  readonly standings: ReadonlyMap<string, Standing>;
  /** `alertKey`s of what fires. */
  readonly firing: ReadonlySet<string>;
}

/** One series of the exposition: a value for every evaluation, NaN where it was not shown. */
export interface ScrapedSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: Float64Array;
}

export interface Run {
  readonly evaluations: readonly Evaluation[];
  readonly series: readonly ScrapedSeries[];
}

const PARTS: readonly ExpositionPart[] = [mutationCounts, mutationDurations, taskCounts, threatFamilies];

/**
 * Takes one line a minute, as the OTLP door takes it, then evaluates everything that may alert and is scraped, at the
 * minute's end.
 * @param lines '' where nothing is sent
 */
export async function runEngine(lines: readonly string[], startMs: number): Promise<Run> {
  let nowMs = startMs;
  const directory = temporaryDirectory();
  const log = openLog('error');
  const metrics = createOwnMetrics();
  const opened = openEmbeddedStore({
    directory,
    retentionDays: 35,
    fsync: 'never',
    metrics,
    log,
    now: () => nowMs,
  });
  const { store, receiver } = opened;
  const standings = new Map<string, Standing>();
  let shared = store;
  const alerts = createAlerts({
    alertmanagerUrl: undefined,
    webhookUrl: undefined,
    webhookSecret: undefined,
    slackUrl: undefined,
    publicUrl: undefined,
    alertIntervalSeconds: 60,
    directory,
    ownMetrics: metrics,
    log,
    nowMs: () => nowMs,
    async readConditions(atMs) {
      shared = remembering(store);
      for (const status of await readSloStatuses(shared, { untilMs: atMs + MINUTE_MS, policy: BUILT_IN_POLICY }))
        standings.set(status.slo.id, { ...status, ...status.counts });
      return readAlertConditions(shared, BUILT_IN_POLICY, atMs);
    },
  });
  const evaluations: Evaluation[] = [];
  const scraped = new Map<string, ScrapedSeries>();
  for (const [minute, line] of lines.entries()) {
    nowMs = startMs + (minute + 1) * MINUTE_MS;
    if (line !== '') {
      const { message } = receiver.take({ signal: 'metrics', bytes: Buffer.from(line), encoding: 'json', gzip: false });
      if (message !== '') throw new Error(`minute ${minute}: ${message}`);
    }
    await alerts.tick();
    const firing = alerts.active().filter(({ phase }) => phase === 'firing');
    evaluations.push({ atMs: nowMs, standings: new Map(standings), firing: new Set(firing.map(alertKey)) });
    const age = store.state().newestPointMs;
    const families = await exposeParts(PARTS, shared, { nowMs });
    for (const { name, samples } of families)
      for (const sample of samples) keep(scraped, name, sample, minute, lines.length);
    if (age !== undefined)
      keep(scraped, 'aggregator_store_age_seconds', { labels: [], value: (nowMs - age) / 1000 }, minute, lines.length);
    await setImmediate();
  }
  await alerts.close();
  opened.close();
  return { evaluations, series: [...scraped.values()] };
}

function keep(
  scraped: Map<string, ScrapedSeries>,
  family: string,
  { suffix, labels, value }: Sample,
  minute: number,
  minutes: number,
): void {
  const name = `${family}${suffix ?? ''}`;
  const key = JSON.stringify([name, labels]);
  let series = scraped.get(key);
  if (series === undefined)
    scraped.set(
      key,
      (series = { name, labels: Object.fromEntries(labels), values: new Float64Array(minutes).fill(Number.NaN) }),
    );
  series.values[minute] = value;
}
