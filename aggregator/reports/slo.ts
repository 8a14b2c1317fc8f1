import { z } from 'zod';
import { windowName } from '../domain/alert-labels.ts';
import { budgetRemaining, burnRate, SECONDS_PER_DAY } from '../domain/error-budget.ts';
import { addEvents, type EventCounts, NO_EVENTS } from '../domain/objective.ts';
import { SLO_STATES } from '../domain/slo-state.ts';
import { sloInWords } from '../domain/slo-words.ts';
import type { Store } from '../store/port.ts';
import { createEventReader } from './event-reader.ts';
import { rounded, roundedRatio } from './quantities.ts';
import { remembering } from './remembering-store.ts';
import { NotKnown, type Report, type Slo } from './report.ts';
import { type Series, seriesSchema, stepsOf } from './series.ts';
import {
  type AlertStatus,
  lookback,
  readSloStatus,
  readSloStatuses,
  type SloScope,
  type SloStatus,
  sloScope,
} from './slo-status.ts';

/** Rows of `spent_by`. */
const MAX_SPENDERS = 10;

const ratio = z.number().nullable();

export const objectiveSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  state: z.enum(SLO_STATES),
  summary: z.string().describe('The state in words.'),
  objective: z.number().describe('Ratio of good events aimed at.'),
  attained: ratio.describe('Ratio of good events; null without events.'),
  window_days: z.number(),
  events: z.object({ good: z.number(), total: z.number() }),
  interpolated: z
    .boolean()
    .describe('Whether the threshold lay inside a cell of a histogram, so that counts are estimates.'),
  budget_remaining: ratio.describe('Share of the error budget that is left: 1 all of it, below 0 overspent.'),
  burn_rates: z
    .record(z.string(), ratio)
    .describe('By length of the window that ends now; 1 spends exactly the whole budget; null where nothing happened.'),
  time_to_exhaustion_seconds: ratio.describe('At the burn rate of the last hour; null while nothing is spent.'),
  coverage: z.number().describe('Share of the window that data reaches back over.'),
  alerts: z.array(
    z.object({
      severity: z.enum(['page', 'ticket']),
      long_window: z.string(),
      short_window: z.string(),
      threshold: z.number().describe('Burn rate above which it fires.'),
      state: z.enum(['firing', 'inactive', 'no_data']),
      since: z
        .string()
        .nullable()
        .describe('Since when it fires, as it was sent; null while it does not, or when one service is asked about.'),
      frozen: z.boolean().describe('Whether nothing has happened lately, so that the state is that of then.'),
    }),
  ),
  spent_by: z.array(z.object({ name: z.string(), share: z.number().describe('Of the bad events.') })),
  maintenance: z
    .array(z.object({ from: z.string(), to: z.string(), reason: z.string() }))
    .describe('Periods of the window that are left out.'),
});

export const slosSchema = z.object({ objectives: z.array(objectiveSchema) });

export const sloDetailSchema = objectiveSchema.extend({
  series: z.object({
    budget_remaining: seriesSchema.describe(
      'What was left of the present window’s budget, burning down from 1; null before its first event.',
    ),
    burn_rate_1h: seriesSchema.describe('Burn rate over the hour that ends with the step.'),
  }),
});

export type ObjectiveBody = z.infer<typeof objectiveSchema>;

/** Every objective, worst budget first. */
export const reportSlos: Report<z.infer<typeof slosSchema>> = async (store, asked) => {
  const statuses = await readSloStatuses(remembering(store), sloScope(asked));
  return { objectives: statuses.map(objectiveBody) };
};

/** One objective, with how its budget and its burn rate went. @throws NotKnown */
export const reportSlo: Report<z.infer<typeof sloDetailSchema>> = async (store, asked) => {
  const scope = sloScope(asked);
  const slo = scope.policy.objectives.find(({ id }) => id === asked.id);
  if (slo === undefined) throw new NotKnown('There is no objective of this id.');
  const shared = remembering(store);
  const status = await readSloStatus(shared, slo, scope);
  return { ...objectiveBody(status), series: await readSeries(shared, slo, scope, status.counts) };
};

function shownOrNull(value: number | undefined): number | null {
  return value === undefined ? null : roundedRatio(value);
}

export function objectiveBody(status: SloStatus): ObjectiveBody {
  const { slo, state, counts, remaining, burnRates, secondsToExhaustion, spentBy } = status;
  return {
    id: slo.id,
    name: slo.name,
    description: slo.description,
    state,
    summary: sloInWords({ ...status, windowDays: slo.windowDays }),
    objective: slo.objective,
    attained: shownOrNull(status.attained),
    window_days: slo.windowDays,
    events: { good: rounded(counts.good), total: rounded(counts.total) },
    interpolated: !status.isExact,
    budget_remaining: shownOrNull(remaining),
    burn_rates: Object.fromEntries(Object.entries(burnRates).map(([name, burn]) => [name, shownOrNull(burn)])),
    time_to_exhaustion_seconds: secondsToExhaustion === undefined ? null : Math.round(secondsToExhaustion),
    coverage: roundedRatio(status.coverage),
    alerts: status.alerts.map(alertBody),
    spent_by: spentBy.slice(0, MAX_SPENDERS).map(({ name, share }) => ({ name, share: roundedRatio(share) })),
    maintenance: status.leftOut.map(({ fromMs, toMs, reason }) => ({
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      reason,
    })),
  };
}

function alertBody({ alert, state, isFrozen, firingSinceMs }: AlertStatus) {
  return {
    severity: alert.severity,
    long_window: windowName(alert.longSeconds),
    short_window: windowName(alert.shortSeconds),
    threshold: roundedRatio(alert.threshold),
    state,
    since: firingSinceMs === undefined ? null : new Date(firingSinceMs).toISOString(),
    frozen: isFrozen,
  };
}

/**
 * The budget burns down over the present window: each point says what would be left of it, had nothing bad happened
 * after the step. The last one is the budget of now. Before the first event of the window nothing was measured.
 */
async function readSeries(
  store: Store,
  slo: Slo,
  { untilMs, service, policy }: SloScope,
  whole: EventCounts,
): Promise<{ budget_remaining: Series; burn_rate_1h: Series }> {
  const reader = createEventReader(store, slo, policy, service);
  const window = lookback(untilMs, slo.windowDays * SECONDS_PER_DAY);
  const { range, stepSeconds } = stepsOf(window);
  const starts: number[] = [];
  for (let startMs = range.fromMs; startMs < window.toMs; startMs += stepSeconds * 1000) starts.push(startMs);
  const steps = await Promise.all(
    starts.map(async (startMs) => {
      const endMs = Math.min(startMs + stepSeconds * 1000, window.toMs);
      const [counts, lastHour] = await Promise.all([
        reader.count({ fromMs: Math.max(startMs, window.fromMs), toMs: endMs }),
        reader.count({ fromMs: endMs - 3_600_000, toMs: endMs }),
      ]);
      return { startMs, counts, burn: burnRate(lastHour, slo.objective) };
    }),
  );
  let soFar = NO_EVENTS;
  const budget = steps.map(({ startMs, counts }): [number, number | null] => {
    soFar = addEvents(soFar, counts);
    const spent = { good: whole.total - (soFar.total - soFar.good), total: whole.total };
    const remaining = soFar.total === 0 ? undefined : budgetRemaining(spent, slo.objective);
    return [startMs / 1000, shownOrNull(remaining)];
  });
  const burns = steps.map(({ startMs, burn }): [number, number | null] => [startMs / 1000, shownOrNull(burn)]);
  return {
    budget_remaining: { step_seconds: stepSeconds, points: budget },
    burn_rate_1h: { step_seconds: stepSeconds, points: burns },
  };
}
