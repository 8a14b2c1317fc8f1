/** How alerts stand, group by group. What cannot be read stays as it is, and is told of once until it can be read again. */
import { ALERT_GROUPS, type AlertReading } from '../domain/alert-groups.ts';
import type { Log } from '../log.ts';
import type { OwnMetrics } from '../metrics.ts';
import type { Judgement } from './outbox.ts';

/** Stands for all groups, where not even they can be told. */
const EVERYTHING = 'everything';

/** @returns undefined where nothing at all could be judged; never rejects */
export function createReader(
  readConditions: (nowMs: number) => Promise<readonly AlertReading[]>,
  ownMetrics: OwnMetrics,
  log: Log,
): (nowMs: number) => Promise<Judgement | undefined> {
  const evaluations = ownMetrics.counter('aggregator_alert_evaluations_total', 'How often all alerts were judged.', {
    result: ['done', 'partial', 'failed'],
  });
  const failures = ownMetrics.counter(
    'aggregator_alert_group_failures_total',
    'How often the alerts of a group could not be judged and stayed as they were.',
    { group: ALERT_GROUPS },
  );
  const outages = createOutages(log);
  return async (nowMs) => {
    const readings = await readConditions(nowMs).catch((error: unknown) => outages.failed(EVERYTHING, error));
    if (readings === undefined) {
      evaluations.add({ result: 'failed' });
      return undefined;
    }
    outages.worked(EVERYTHING);
    const unread = readings.filter((reading) => 'error' in reading);
    for (const reading of readings) {
      const name = `${reading.group}: ${reading.name}`;
      if ('error' in reading) {
        failures.add({ group: reading.group });
        outages.failed(name, reading.error);
      } else outages.worked(name);
    }
    const isFailed = unread.length > 0 && unread.length === readings.length;
    evaluations.add({ result: isFailed ? 'failed' : unread.length > 0 ? 'partial' : 'done' });
    return {
      conditions: readings.flatMap((reading) => ('error' in reading ? [] : reading.conditions)),
      unread: unread.flatMap(({ alerts }) => alerts),
    };
  };
}

/** One line when an outage begins and one when it ends, however long it takes. */
function createOutages(log: Log) {
  const failing = new Set<string>();
  return {
    failed(what: string, error: unknown): undefined {
      if (!failing.has(what)) log.error({ what, err: error }, 'alerts could not be judged and stay as they are');
      failing.add(what);
    },
    worked(what: string): void {
      if (failing.delete(what)) log.info({ what }, 'alerts can be judged again');
    },
  };
}
