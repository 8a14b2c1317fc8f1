/** What is owed to those who are told of alerts. Pure: every change gives a new value, so that it can be kept whole. */
import { type Alert, type AlertCondition, type AlertIdentity, advanceAlerts, isInhibited } from '../domain/alert.ts';

/** Destinations that are told of each change once. */
const CHANNELS = ['webhook', 'slack'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Alertmanager is told the state of everything, over and over. */
export type Destination = 'alertmanager' | Channel;
export const DESTINATIONS: readonly Destination[] = ['alertmanager', ...CHANNELS];

export type Status = 'firing' | 'resolved';

/** An alert, and who knows what of it. */
export interface Entry {
  readonly alert: Alert;
  /** What a destination still has to be told, by destination; the newest alone. */
  readonly owed: Partial<Readonly<Record<Destination, Status>>>;
  /** What a channel was told last. */
  readonly told: Partial<Readonly<Record<Destination, Status>>>;
}

/** Alerts that are over and that somebody has not been told of yet. More than this, and the oldest are forgotten. */
const MAX_ENDED = 1000;
/**
 * How long Alertmanager is told that an alert is over, so that one which lost its memory hears of it.
 * @see `resolvedRetention` of Prometheus' rule manager
 */
const TOLD_RESOLVED_MS = 15 * 60_000;

/** How everything that may alert stands. */
export interface Judgement {
  readonly conditions: readonly AlertCondition[];
  /** What could not be judged, and stays as it is. */
  readonly unread: readonly AlertIdentity[];
}

/** Alerts with what is owed, after they were judged anew. */
export function advance(
  entries: readonly Entry[],
  { conditions, unread }: Judgement,
  destinations: readonly Destination[],
  nowMs: number,
): { readonly entries: readonly Entry[]; readonly forgotten: number } {
  const known = new Map(entries.map((entry) => [entry.alert.id, entry]));
  const alerts = advanceAlerts(
    entries.map(({ alert }) => alert),
    conditions,
    nowMs,
    unread,
  );
  const all = alerts.map((alert) => {
    const { owed = {}, told = {} } = known.get(alert.id) ?? {};
    const entry: Entry = { alert, owed: only(owed, destinations), told };
    return destinations.reduce((sum, destination) => owe(sum, destination, alerts), entry);
  });
  const kept = all.filter((entry) => isOfUse(entry, destinations, nowMs));
  const ended = kept.filter(({ alert }) => alert.phase === 'resolved');
  const forgotten = new Set(ended.slice(0, Math.max(0, ended.length - MAX_ENDED)));
  return { entries: kept.filter((entry) => !forgotten.has(entry)), forgotten: forgotten.size };
}

/** What is owed to a destination that is no longer configured is owed to nobody. */
function only(owed: Entry['owed'], destinations: readonly Destination[]): Entry['owed'] {
  return Object.fromEntries(destinations.flatMap((name) => (owed[name] === undefined ? [] : [[name, owed[name]]])));
}

/** Adds what a destination has to be told of an alert. */
function owe(entry: Entry, destination: Destination, all: readonly Alert[]): Entry {
  const { alert, owed, told } = entry;
  const last = owed[destination] ?? told[destination];
  const add = (status: Status): Entry => ({ ...entry, owed: { ...owed, [destination]: status } });
  // Alertmanager has rules of its own about what silences what.
  const isHidden = destination !== 'alertmanager' && isInhibited(alert, all);
  if (alert.phase === 'firing' && last === undefined && !isHidden) return add('firing');
  // Of what nobody had to hear of, nobody hears the end.
  if (alert.phase === 'resolved' && last === 'firing') return add('resolved');
  return entry;
}

function isOfUse({ alert, owed }: Entry, destinations: readonly Destination[], nowMs: number): boolean {
  if (alert.phase !== 'resolved' || Object.keys(owed).length > 0) return true;
  return destinations.includes('alertmanager') && nowMs - (alert.endedMs ?? 0) < TOLD_RESOLVED_MS;
}

/** The entries after a destination has taken what it was told, or refused it for good. */
export function settle(entries: readonly Entry[], destination: Destination, id: string, status: Status): Entry[] {
  return entries.map((entry) => {
    if (entry.alert.id !== id) return entry;
    const { [destination]: now, ...others } = entry.owed;
    // What became owed while this was on its way still is.
    const owed = now === status || now === undefined ? others : entry.owed;
    return { ...entry, owed, told: { ...entry.told, [destination]: status } };
  });
}

/** What a channel has to be told next: the oldest alert first. */
export function nextFor(entries: readonly Entry[], channel: Channel): { alert: Alert; status: Status } | undefined {
  const entry = entries.find(({ owed }) => owed[channel] !== undefined);
  const status = entry?.owed[channel];
  return entry === undefined || status === undefined ? undefined : { alert: entry.alert, status };
}
