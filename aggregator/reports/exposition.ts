/** The Prometheus families that users are promised, in parts: each endpoint shows its own, the scrape all of them. */
import type { MetricFamily } from '../metrics.ts';
import type { Store } from '../store/port.ts';
import { lockCounts, taskCounts, taskHealth } from './idempotency-families.ts';
import { mutationCounts, mutationDurations, mutationErrors } from './mutation-families.ts';
import type { Asked, Policy } from './report.ts';
import { attackerFamilies, graphqlViolations, sqliCounts, threatFamilies } from './security-families.ts';
import { sloFamilies } from './slo-families.ts';

export interface ExpositionScope {
  /** One `service.name`; all services together when absent. */
  readonly service?: string;
  readonly nowMs: number;
  /** Whether clients' addresses, as they are kept, may be shown; they may when absent. */
  readonly exposeAttackers?: boolean;
  /** The built-in objectives without maintenance when absent. */
  readonly policy?: Policy;
  /** Alerts as they were sent; unknown when absent. */
  readonly alerts?: Asked['alerts'];
}

export type ExpositionPart = (store: Store, scope: ExpositionScope) => Promise<readonly MetricFamily[]>;

/** Families of the whole service, in the order in which a scrape shows them. */
export const allParts: readonly ExpositionPart[] = [
  mutationCounts,
  mutationErrors,
  mutationDurations,
  taskCounts,
  taskHealth,
  lockCounts,
  sqliCounts,
  graphqlViolations,
  threatFamilies,
  attackerFamilies,
  sloFamilies,
  storeFamilies,
];

/** The families of several parts, one after the other. */
export async function exposeParts(
  parts: readonly ExpositionPart[],
  store: Store,
  scope: ExpositionScope,
): Promise<readonly MetricFamily[]> {
  return (await Promise.all(parts.map((part) => part(store, scope)))).flat();
}

async function storeFamilies(store: Store, { nowMs }: ExpositionScope): Promise<readonly MetricFamily[]> {
  const { newestPointMs } = store.state();
  return [
    {
      name: 'aggregator_store_age_seconds',
      type: 'gauge',
      help: 'Age of the newest data point; absent before the first.',
      // A sender's clock may be ahead of ours.
      samples: newestPointMs === undefined ? [] : [{ labels: [], value: Math.max(0, nowMs - newestPointMs) / 1000 }],
    },
  ];
}
