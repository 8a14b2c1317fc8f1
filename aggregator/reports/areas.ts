/** What Vigil watches, area by area: the overview and the list of all recommendations go through this list. */
import { z } from 'zod';
import type { Store } from '../store/port.ts';
import { idempotencySchema, reportIdempotency } from './idempotency.ts';
import { mutationsSchema, reportMutations } from './mutations.ts';
import { rounded } from './quantities.ts';
import type { RecommendationBody } from './recommendations.ts';
import { type Asked, type Report, type Window, type WindowUnit, windowUntil } from './report.ts';
import { reportSecurity, securitySchema } from './security.ts';

type Numbers = Readonly<Record<string, unknown>>;

interface AreaAnswer {
  readonly statistics: Numbers;
  readonly recommendations: readonly RecommendationBody[];
}

/** One area. Adding one is adding an entry to `areas`. */
export interface Area<Name extends string = string, Statistics extends z.ZodObject = z.ZodObject> {
  /** Its field in the overview. */
  readonly name: Name;
  readonly window: { readonly unit: WindowUnit; readonly length: number };
  readonly statistics: Statistics;
  readonly report: (store: Store, asked: Asked) => Promise<AreaAnswer>;
  /** Numbers of the statistics that are compared with the window before, as paths with dots. */
  readonly compared: readonly string[];
}

function area<const Name extends string, Statistics extends z.ZodObject>(row: {
  readonly name: Name;
  readonly window: Area['window'];
  readonly statistics: Statistics;
  readonly report: Report<{ statistics: z.infer<Statistics>; recommendations: RecommendationBody[] }>;
  readonly compared: readonly string[];
}): Area<Name, Statistics> {
  return row;
}

export const areas = [
  area({
    name: 'mutations',
    window: { unit: 'minutes', length: 60 },
    statistics: mutationsSchema.shape.statistics,
    report: reportMutations,
    compared: ['total_mutations', 'failed_mutations', 'success_rate', 'execution_time.p95', 'execution_time.p99'],
  }),
  area({
    name: 'idempotency',
    window: { unit: 'hours', length: 24 },
    statistics: idempotencySchema.shape.statistics,
    report: reportIdempotency,
    compared: ['total_requests', 'duplicate_hits', 'duplicate_rate', 'duplicates_prevented'],
  }),
  area({
    name: 'security',
    window: { unit: 'hours', length: 24 },
    statistics: securitySchema.omit({ recommendations: true }),
    report: async (store, asked) => {
      const { recommendations, ...statistics } = await reportSecurity(store, asked);
      return { statistics, recommendations };
    },
    compared: ['overall_threat_score', 'sqli_summary.total_attempts', 'graphql_summary.blocked_requests'],
  }),
];

export const changeSchema = z
  .record(z.string(), z.number().nullable())
  .describe('Change against the window before, in percent of what it was; null where there was nothing before.');

/** What was asked, for the window of an area as its own endpoint takes it, and for the equally long one before it. */
export function windowsOf(
  { window }: Pick<Area, 'window'>,
  asked: Asked,
): { readonly now: Asked; readonly before: Asked } {
  const { unit, length } = window;
  const { toMs } = asked.window.range;
  const now = windowUntil(toMs - 1, unit, length);
  const lengthMs = now.range.toMs - now.range.fromMs;
  const before: Window = { ...now, range: { fromMs: now.range.fromMs - lengthMs, toMs: now.range.fromMs } };
  return { now: { ...asked, window: now }, before: { ...asked, window: before } };
}

export function changesOf(
  { compared }: Pick<Area, 'compared'>,
  now: Numbers,
  before: Numbers,
): Record<string, number | null> {
  return Object.fromEntries(
    compared.map((path) => {
      const [value, was] = [numberAt(now, path), numberAt(before, path)];
      return [path, value === undefined || !was ? null : rounded((100 * (value - was)) / was)];
    }),
  );
}

function numberAt(numbers: Numbers, path: string): number | undefined {
  const found = path.split('.').reduce<unknown>((at, key) => (at as Numbers | undefined)?.[key], numbers);
  return typeof found === 'number' ? found : undefined;
}
