/** The life of an alert: it waits, fires, freezes while nothing can be judged, and ends. Pure: time comes in. */
import type { AlertLabels } from './alert-labels.ts';
import type { AlertState } from './burn-alerts.ts';

/** How something that may alert stands now. */
export interface AlertCondition {
  readonly name: string;
  /** Beside the name; both together tell alerts apart. */
  readonly labels: AlertLabels;
  /** `no_data` leaves an alert as it is: silence neither begins nor ends one. */
  readonly state: AlertState;
  /** How long it must have been firing before somebody is told. */
  readonly forSeconds: number;
  readonly text: AlertText;
}

export interface AlertText {
  /** What is wrong, in one line without a full stop. */
  readonly summary: string;
  /** Sentences with the numbers of now. */
  readonly description: string;
  /** The page that shows it, as a path of this service. */
  readonly path: string;
}

/** What tells an alert apart from every other one. */
export type AlertIdentity = Pick<AlertCondition, 'name' | 'labels'>;

/** One stretch of trouble, from its beginning to its end. */
export interface Alert {
  /** Of this stretch alone: the same alert that fires again has another one. */
  readonly id: string;
  readonly name: string;
  readonly labels: AlertLabels;
  readonly phase: 'pending' | 'firing' | 'resolved';
  /** When the condition began to hold, Unix ms. */
  readonly sinceMs: number;
  /** When it became firing, Unix ms; absent while it is pending. */
  readonly firedMs?: number;
  /** When it was over, Unix ms; absent before. */
  readonly endedMs?: number;
  /** Of the last moment in which it fired. */
  readonly text: AlertText;
}

/** What tells an alert apart from every other one, in any order of labels. */
export function alertKey({ name, labels }: AlertIdentity): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/**
 * The alerts of now from those of before. Pending ones whose condition ended are gone; those that had ended stay as
 * they are, for others to be told.
 * @param before alerts in any phase, at most one of each kind not resolved
 * @param conditions everything that may alert; what is missing among them and among the unread is over
 * @param nowMs Unix ms
 * @param unread what could not be judged: it stays exactly as it is
 */
export function advanceAlerts(
  before: readonly Alert[],
  conditions: readonly AlertCondition[],
  nowMs: number,
  unread: readonly AlertIdentity[] = [],
): readonly Alert[] {
  const ended = before.filter(({ phase }) => phase === 'resolved');
  const live = new Map(before.filter(({ phase }) => phase !== 'resolved').map((alert) => [alertKey(alert), alert]));
  const now = unread.flatMap((identity) => live.get(alertKey(identity)) ?? []);
  for (const identity of unread) live.delete(alertKey(identity));
  for (const condition of conditions) {
    const key = alertKey(condition);
    const next = nextOf(live.get(key) ?? beginning(condition, key, before, nowMs), condition, nowMs);
    live.delete(key);
    if (next !== undefined) now.push(next);
  }
  // An objective that was taken out of the configuration.
  const orphans = [...live.values()].flatMap((alert) => endOf(alert, nowMs) ?? []);
  return [...ended, ...now, ...orphans];
}

/** A new stretch, where the condition holds. */
function beginning(
  { name, labels, state, text }: AlertCondition,
  key: string,
  before: readonly Alert[],
  nowMs: number,
): Alert | undefined {
  if (state !== 'firing') return undefined;
  // A clock that was set back may come by the same instant twice.
  let number = nowMs;
  const idOf = (at: number) => `${at}-${shortHash(key)}`;
  while (before.some(({ id }) => id === idOf(number))) number++;
  return { id: idOf(number), name, labels, phase: 'pending', sinceMs: nowMs, text };
}

function nextOf(alert: Alert | undefined, condition: AlertCondition, nowMs: number): Alert | undefined {
  const { state, text, forSeconds } = condition;
  if (alert === undefined || (state === 'no_data' && alert.phase === 'firing')) return alert;
  if (state !== 'firing') return endOf(alert, nowMs);
  const isDue = alert.phase === 'firing' || nowMs - alert.sinceMs >= forSeconds * 1000;
  return isDue ? { ...alert, text, phase: 'firing', firedMs: alert.firedMs ?? nowMs } : { ...alert, text };
}

function endOf(alert: Alert, nowMs: number): Alert | undefined {
  // A clock that was set back must not end an alert before it began.
  return alert.phase === 'firing'
    ? { ...alert, phase: 'resolved', endedMs: Math.max(nowMs, alert.firedMs ?? nowMs) }
    : undefined;
}

/** FNV-1a over UTF-16 units: tells alerts that began in the same instant apart. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

interface Inhibition {
  readonly source: AlertLabels;
  readonly target: AlertLabels;
}

/** Among alerts of one objective. @see `inhibit_rules` of otel-config/alertmanager/alertmanager.yaml, which say the same */
const INHIBITIONS: readonly Inhibition[] = [
  { source: { severity: 'page' }, target: { severity: 'ticket' } },
  { source: { severity: 'page', long_window: '1h' }, target: { severity: 'page', long_window: '6h' } },
];

/** Whether a more urgent alert of the same objective fires, so that people need not hear of this one too. */
export function isInhibited(alert: Alert, all: readonly Alert[]): boolean {
  const { sloth_slo: slo } = alert.labels;
  if (slo === undefined) return false;
  const fits = ({ labels }: Alert, wanted: AlertLabels) =>
    Object.entries(wanted).every(([name, value]) => labels[name] === value);
  return INHIBITIONS.some(
    ({ source, target }) =>
      fits(alert, target) &&
      all.some((other) => other.phase === 'firing' && other.labels['sloth_slo'] === slo && fits(other, source)),
  );
}
