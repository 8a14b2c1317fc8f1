/** Everything that may alert, and how it stands now: what is read of the store, judged by the domain. */
import type { AlertCondition } from '../domain/alert.ts';
import { BURN_ALERT_NAME, burnAlertLabels, windowName } from '../domain/alert-labels.ts';
import type { AlertState } from '../domain/burn-alerts.ts';
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
import type { Store } from '../store/port.ts';
import { readTasks, sumKeys } from './idempotency-facts.ts';
import { readMutations, sumOutcomes } from './mutation-facts.ts';
import { remembering } from './remembering-store.ts';
import { type Asked, type Policy, windowUntil } from './report.ts';
import { readThreat } from './security-facts.ts';
import { type AlertStatus, readSloStatuses, type SloStatus } from './slo-status.ts';

/**
 * All of them, over all services together, as in Prometheus' rules.
 * @param nowMs Unix ms
 * @throws what the store throws
 */
export async function readAlertConditions(
  store: Store,
  policy: Policy,
  nowMs: number,
): Promise<readonly AlertCondition[]> {
  const shared = remembering(store);
  const untilMs = windowUntil(nowMs, 'minutes', 1).range.toMs;
  const [statuses, failures, duplicates, threat] = await Promise.all([
    readSloStatuses(shared, { untilMs, policy }),
    readFailures(shared, nowMs),
    readDuplicates(shared, nowMs),
    readThreat(shared, untilMs),
  ]);
  return [
    ...statuses.flatMap((status) => status.alerts.map((alert) => burnCondition(status, alert))),
    failures,
    duplicates,
    threatCondition(threat?.score),
    silenceCondition(store.state().newestPointMs, nowMs),
  ];
}

function burnCondition(status: SloStatus, { alert, state, isFrozen }: AlertStatus): AlertCondition {
  const { slo, remaining, secondsToExhaustion, spentBy } = status;
  const [long, short] = [windowName(alert.longSeconds), windowName(alert.shortSeconds)];
  const words = sloInWords({ ...status, windowDays: slo.windowDays, remaining, secondsToExhaustion, spentBy });
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
