/** Everything that may alert, and how it stands now: what is read of the store, judged by the domain. */
import type { AlertCondition } from '../domain/alert.ts';
import type { AlertGroup, AlertReading } from '../domain/alert-groups.ts';
import { BURN_ALERT_NAME, burnAlertLabels, windowName } from '../domain/alert-labels.ts';
import { type AlertState, deriveBurnAlerts } from '../domain/burn-alerts.ts';
import {
  highDuplicateRate,
  highMutationFailureRate,
  highThreatScore,
  MIN_RATIO_EVENTS,
  type NamedAlert,
  telemetryStopped,
} from '../domain/named-alerts.ts';
import { sloInWords } from '../domain/slo-words.ts';
import { durationInWords, percentInWords } from '../domain/words.ts';
import { type Store, StoreUnavailable } from '../store/port.ts';
import { readTasks, sumKeys } from './idempotency-facts.ts';
import { readMutations, sumOutcomes } from './mutation-facts.ts';
import { remembering } from './remembering-store.ts';
import { type Asked, type Policy, type Slo, windowUntil } from './report.ts';
import { readThreat } from './security-facts.ts';
import { type AlertStatus, readSloStatus, type SloStatus } from './slo-status.ts';

interface ReadableGroup extends AlertGroup {
  /** @throws what the store throws */
  readonly read: () => Promise<readonly AlertCondition[]>;
}

/**
 * All of them, over all services together, as in Prometheus' rules. Each group is read on its own: one that the store
 * cannot answer for takes no other with it.
 * @param nowMs Unix ms
 */
export function readAlertConditions(store: Store, policy: Policy, nowMs: number): Promise<readonly AlertReading[]> {
  return Promise.all(
    groupsOf(remembering(store), policy, nowMs).map(async ({ read, ...group }): Promise<AlertReading> => {
      try {
        return { ...group, conditions: await read() };
      } catch (error) {
        return { ...group, error };
      }
    }),
  );
}

function groupsOf(store: Store, policy: Policy, nowMs: number): readonly ReadableGroup[] {
  const untilMs = windowUntil(nowMs, 'minutes', 1).range.toMs;
  const named = (
    group: AlertGroup['group'],
    alert: NamedAlert,
    read: () => Promise<AlertCondition>,
  ): ReadableGroup => ({
    group,
    name: alert.name,
    alerts: [{ name: alert.name, labels: { severity: alert.severity } }],
    read: async () => [await read()],
  });
  return [
    ...policy.objectives.map((slo) => objectiveGroup(slo, () => readSloStatus(store, slo, { untilMs, policy }))),
    named('mutations', highMutationFailureRate, () => readFailures(store, nowMs)),
    named('tasks', highDuplicateRate, () => readDuplicates(store, nowMs)),
    named('security', highThreatScore, async () => threatCondition((await readThreat(store, untilMs))?.score)),
    named('telemetry', telemetryStopped, async () => {
      const { newestPointMs, isUnknown } = store.state();
      // Where the store cannot be asked, silence is ours and not the senders'.
      if (isUnknown) throw new StoreUnavailable('How new the data is cannot be known: the store does not answer.', 10);
      return silenceCondition(newestPointMs, nowMs);
    }),
  ];
}

function objectiveGroup(slo: Slo, read: () => Promise<SloStatus>): ReadableGroup {
  return {
    group: 'objectives',
    name: slo.id,
    alerts: deriveBurnAlerts(slo).alerts.map((alert) => ({
      name: BURN_ALERT_NAME,
      labels: burnAlertLabels(slo.id, alert),
    })),
    async read() {
      const status = await read();
      return status.alerts.map((alert) => burnCondition(status, alert));
    },
  };
}

function burnCondition(status: SloStatus, { alert, state, isFrozen }: AlertStatus): AlertCondition {
  const { slo } = status;
  const [long, short] = [windowName(alert.longSeconds), windowName(alert.shortSeconds)];
  const words = sloInWords({ ...status, windowDays: slo.windowDays });
  const silence = isFrozen ? ' Nothing has happened lately: the alert stays as it was when something last did.' : '';
  return {
    name: BURN_ALERT_NAME,
    labels: burnAlertLabels(slo.id, alert),
    state,
    forSeconds: 0,
    text: {
      summary: `${slo.name}: the error budget burns more than ${Number(alert.threshold.toPrecision(6))} times too fast`,
      description: `${words}${silence} Over ${long} and over ${short}. ${slo.description}`,
      path: `/objectives/${encodeURIComponent(slo.id)}/`,
    },
  };
}

/** What a ratio is made from: events of one sort among all. */
interface Ratio {
  readonly part: number;
  readonly total: number;
}

async function readFailures(store: Store, nowMs: number): Promise<AlertCondition> {
  const mutations = await readMutations(store, askedFor(highMutationFailureRate, nowMs));
  const { failure, total } = sumOutcomes(mutations);
  const [worst] = mutations.toSorted((a, b) => b.failure - a.failure);
  const ratio = { part: failure, total };
  const culprit = failure === 0 ? '' : `, ${worst.name} most often`;
  const text = `${shareOf(ratio)} of the mutations of five minutes failed${culprit}.`;
  return ratioCondition(highMutationFailureRate, ratio, text, '/mutations/');
}

async function readDuplicates(store: Store, nowMs: number): Promise<AlertCondition> {
  const { requests, duplicateHits } = sumKeys(await readTasks(store, askedFor(highDuplicateRate, nowMs)));
  const ratio = { part: duplicateHits, total: requests };
  const text = `${shareOf(ratio)} of the keys admitted in an hour met a duplicate.`;
  return ratioCondition(highDuplicateRate, ratio, text, '/tasks/');
}

function askedFor({ windowSeconds }: NamedAlert, nowMs: number): Asked {
  return { window: windowUntil(nowMs, 'minutes', windowSeconds / 60) };
}

function shareOf({ part, total }: Ratio): string {
  return percentInWords(total === 0 ? 0 : part / total);
}

function ratioCondition(alert: NamedAlert, { part, total }: Ratio, description: string, path: string): AlertCondition {
  const state = total === 0 ? 'no_data' : stateOf(total >= MIN_RATIO_EVENTS && part / total > alert.limit);
  return condition(alert, state, description, path);
}

function threatCondition(score: number | undefined): AlertCondition {
  const value = (score ?? 0) / 100;
  const state = score === undefined ? 'no_data' : stateOf(value > highThreatScore.limit);
  const text = `It is ${Math.round(value * 100)} of 100; hostile requests of the last 24 hours make it.`;
  return condition(highThreatScore, state, text, '/security/');
}

function silenceCondition(newestPointMs: number | undefined, nowMs: number): AlertCondition {
  // A sender's clock may be ahead of ours.
  const ageSeconds = Math.max(0, nowMs - (newestPointMs ?? nowMs)) / 1000;
  const state = newestPointMs === undefined ? 'no_data' : stateOf(ageSeconds > telemetryStopped.limit);
  const text = `The newest data point is ${durationInWords(ageSeconds)} old. Objectives stay as they were meanwhile.`;
  return condition(telemetryStopped, state, text, '/');
}

function stateOf(fires: boolean): AlertState {
  return fires ? 'firing' : 'inactive';
}

function condition(
  { name, severity, forSeconds, summary }: NamedAlert,
  state: AlertState,
  description: string,
  path: string,
): AlertCondition {
  return { name, labels: { severity }, state, forSeconds, text: { summary, description, path } };
}
