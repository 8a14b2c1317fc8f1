/** How objectives stand: what is read of the store, judged by the domain. Shared by every answer that shows objectives. */
import { builtInObjectives } from '../domain/built-in-objectives.ts';
import { type AlertState, type BurnAlert, deriveBurnAlerts, judgeBurnAlert } from '../domain/burn-alerts.ts';
import {
  attainedRatio,
  budgetRemaining,
  burnRate,
  SECONDS_PER_DAY,
  secondsToExhaustion,
} from '../domain/error-budget.ts';
import { type MaintenancePeriod, periodsOf, type Span } from '../domain/maintenance.ts';
import type { EventCounts } from '../domain/objective.ts';
import { type SloState, type Spender, sloState, spenders } from '../domain/slo-state.ts';
import type { Store } from '../store/port.ts';
import { firingSinceMs, sentAlerts } from './active-alerts.ts';
import { COARSE_GRAIN_MS, createEventReader, type EventReader, firstEventMs, lastEventMs } from './event-reader.ts';
import { isRemembering } from './remembering-store.ts';
import type { Asked, Policy, Slo } from './report.ts';

const MINUTE_MS = 60_000;

export const BUILT_IN_POLICY: Policy = { objectives: builtInObjectives, maintenance: [] };

/** Windows over which burn rates are told, by the name that answers give them. */
export const BURN_WINDOWS: Readonly<Record<string, number>> = {
  '5m': 300,
  '30m': 1800,
  '1h': 3600,
  '2h': 7200,
  '6h': 21_600,
  '1d': 86_400,
  '3d': 259_200,
  '30d': 2_592_000,
};

export interface AlertStatus {
  readonly alert: BurnAlert;
  readonly state: AlertState;
  /** Whether nothing has happened lately, so that it stays as it was when something last did. */
  readonly isFrozen: boolean;
  /** Since when it fires as it was sent, Unix ms; undefined while it does not, or while that is not known. */
  readonly firingSinceMs: number | undefined;
}

export interface SloStatus {
  readonly slo: Slo;
  readonly state: SloState;
  /** Events of the objective's window. */
  readonly counts: EventCounts;
  readonly attained: number | undefined;
  /** Signed share of the error budget. */
  readonly remaining: number | undefined;
  /** By name of the window. */
  readonly burnRates: Readonly<Record<string, number | undefined>>;
  readonly secondsToExhaustion: number | undefined;
  /** Share of the window that data reaches back over, in [0, 1]. */
  readonly coverage: number;
  readonly alerts: readonly AlertStatus[];
  readonly spentBy: readonly Spender[];
  /** Periods of the window that are left out. */
  readonly leftOut: readonly MaintenancePeriod[];
  /** Whether the threshold is an edge of every histogram; else counts are interpolated. */
  readonly isExact: boolean;
}

/** When, and for whom. */
export interface SloScope {
  /** End of all windows, Unix ms, on a whole minute. */
  readonly untilMs: number;
  readonly service?: string;
  readonly policy: Policy;
  /** Alerts as they were sent; without them everything is judged by what the store holds alone. */
  readonly alerts?: Asked['alerts'];
}

/** What all answers about objectives are asked with. */
export function sloScope({ window, service, policy = BUILT_IN_POLICY, alerts }: Asked): SloScope {
  return { untilMs: window.range.toMs, service, policy, alerts };
}

/** The last so many seconds, widened by the minute that has only begun: finer than minutes the store does not know. */
export function lookback(untilMs: number, seconds: number): Span {
  return { fromMs: untilMs - seconds * 1000 - MINUTE_MS, toMs: untilMs };
}

/**
 * Where the windows that end now begin: the reader takes all spans apart there. What is so old that its edges are exact
 * to ten minutes only is cut on these.
 */
export function cutsOf(store: Store, { untilMs, policy }: SloScope): number[] {
  const days = policy.objectives.map(({ windowDays }) => windowDays * SECONDS_PER_DAY);
  const fineSinceMs = untilMs - store.state().minuteRetentionMs + COARSE_GRAIN_MS;
  return [...Object.values(BURN_WINDOWS), ...days].map((seconds) => {
    const { fromMs } = lookback(untilMs, seconds);
    return fromMs > fineSinceMs ? fromMs : Math.floor(fromMs / COARSE_GRAIN_MS) * COARSE_GRAIN_MS;
  });
}

export async function readSloStatus(store: Store, slo: Slo, scope: SloScope): Promise<SloStatus> {
  const { untilMs, policy, service } = scope;
  const cuts = cutsOf(store, scope);
  const reader = createEventReader(store, slo, policy, service, cuts);
  const window = lookback(untilMs, slo.windowDays * SECONDS_PER_DAY);
  const names = { ...BURN_WINDOWS, [`${slo.windowDays}d`]: slo.windowDays * SECONDS_PER_DAY };
  const [counts, byName, coveredSinceMs, burns] = await Promise.all([
    reader.count(window),
    reader.countByName(window),
    readCoveredSince(store, slo, { service, cuts, window }),
    Promise.all(
      Object.entries(names).map(async ([name, seconds]) => {
        const burn = burnRate(await reader.count(lookback(untilMs, seconds)), slo.objective);
        return [name, burn] as const;
      }),
    ),
  ]);
  const burnRates = Object.fromEntries(burns);
  const judgedSinceMs = judgeableSince(store, window, coveredSinceMs);
  const sent = sentAlerts(scope);
  const judged = await readAlerts(reader, slo, { window, judgedSinceMs });
  const alerts = judged.map((each) => held({ ...each, firingSinceMs: firingSinceMs(sent, slo.id, each.alert) }));
  const remaining = budgetRemaining(counts, slo.objective);
  return {
    slo,
    state: sloState(
      counts,
      slo.objective,
      alerts.map(({ alert, state }) => ({ severity: alert.severity, state })),
    ),
    counts,
    attained: attainedRatio(counts),
    remaining,
    burnRates,
    secondsToExhaustion: secondsToExhaustion(remaining, burnRates['1h'], slo.windowDays),
    coverage: coverageOf(coveredSinceMs, window),
    alerts,
    spentBy: spenders(byName),
    leftOut: periodsOf(policy.maintenance, slo.id).filter(
      ({ fromMs, toMs }) => fromMs < window.toMs && toMs > window.fromMs,
    ),
    isExact: reader.isExact(),
  };
}

/** What was judged over a store that remembers, for as long as it does. */
const judged = new WeakMap<Store, { readonly scope: SloScope; readonly statuses: Promise<readonly SloStatus[]> }[]>();

/**
 * All of them, worst budget first; those without data last. Over a store that remembers, equal scopes share one
 * judgement: the objectives and the recommendations of a page are made from the same.
 */
export function readSloStatuses(store: Store, scope: SloScope): Promise<readonly SloStatus[]> {
  if (!isRemembering(store)) return judgeAll(store, scope);
  const known = judged.get(store) ?? [];
  const same = known.find((each) => isSameScope(each.scope, scope));
  if (same !== undefined) return same.statuses;
  const statuses = judgeAll(store, scope);
  judged.set(store, [...known, { scope, statuses }]);
  return statuses;
}

function isSameScope(a: SloScope, b: SloScope): boolean {
  return a.untilMs === b.untilMs && a.service === b.service && a.policy === b.policy && a.alerts === b.alerts;
}

async function judgeAll(store: Store, scope: SloScope): Promise<readonly SloStatus[]> {
  const statuses = await Promise.all(scope.policy.objectives.map((slo) => readSloStatus(store, slo, scope)));
  return statuses.toSorted(
    (a, b) => (a.remaining ?? Infinity) - (b.remaining ?? Infinity) || (a.slo.id < b.slo.id ? -1 : 1),
  );
}

/** Since when there is data: from the window's beginning when there was some before it. */
async function readCoveredSince(
  store: Store,
  slo: Slo,
  { service, cuts, window }: { readonly service?: string; readonly cuts: readonly number[]; readonly window: Span },
): Promise<number | undefined> {
  // Maintenance is no reason to take a store for younger, or older, than it is.
  const policy = { ...BUILT_IN_POLICY, maintenance: [] };
  const reader = createEventReader(store, slo, policy, service, cuts);
  const keptSinceMs = Math.max(window.fromMs, window.toMs - store.state().retentionMs);
  const lifetime = await reader.lifetimeTotal();
  if (lifetime === 0) return undefined;
  const { total } = await reader.count(window);
  // Half an event more cannot be the rounding of an estimate.
  if (lifetime > total + 0.5) return keptSinceMs;
  // The spans of the search are shared with nobody: cut they would only be more questions.
  return firstEventMs(createEventReader(store, slo, policy, service), { fromMs: keptSinceMs, toMs: window.toMs });
}

function coverageOf(coveredSinceMs: number | undefined, { fromMs, toMs }: Span): number {
  if (coveredSinceMs === undefined) return 0;
  // The window was widened by a minute, which is not asked for.
  return Math.min(1, (toMs - coveredSinceMs) / (toMs - fromMs - MINUTE_MS));
}

/**
 * Since when windows can be judged: data must reach back over all of them, by the minute. With edges that are exact to ten
 * minutes only, what froze long ago would end, or begin, without anything having happened.
 */
function judgeableSince(store: Store, window: Span, coveredSinceMs: number | undefined): number {
  return Math.max(coveredSinceMs ?? Infinity, window.toMs - store.state().minuteRetentionMs);
}

/** What fires goes on while it cannot be judged: for the objective as for those who were told. */
function held(status: AlertStatus): AlertStatus {
  const isHeld = status.state === 'no_data' && status.firingSinceMs !== undefined;
  return isHeld ? { ...status, state: 'firing', isFrozen: true } : status;
}

async function readAlerts(
  reader: EventReader,
  slo: Slo,
  { window, judgedSinceMs }: { readonly window: Span; readonly judgedSinceMs: number },
): Promise<readonly Omit<AlertStatus, 'firingSinceMs'>[]> {
  const { alerts } = deriveBurnAlerts(slo);
  const shortest = lookback(window.toMs, Math.min(...alerts.map(({ shortSeconds }) => shortSeconds)));
  const isQuiet = alerts.length > 0 && (await reader.count(shortest)).total === 0;
  const lastMs = isQuiet ? await lastEventMs(reader, window) : undefined;
  return Promise.all(
    alerts.map(async (alert) => {
      // Silent since then; up to there the short window still held an event.
      const frozenMs = (lastMs ?? Infinity) + alert.shortSeconds * 1000 + MINUTE_MS;
      const isFrozen = frozenMs < window.toMs;
      const atMs = isFrozen ? frozenMs : window.toMs;
      const [long, short] = await Promise.all([
        reader.count(lookback(atMs, alert.longSeconds)),
        reader.count(lookback(atMs, alert.shortSeconds)),
      ]);
      // All of the window: of the minute that has only begun nothing is there yet.
      const isCovered = judgedSinceMs <= lookback(atMs, alert.longSeconds).fromMs;
      return { alert, state: judgeBurnAlert(alert, slo.objective, { long, short, isCovered }), isFrozen };
    }),
  );
}
