/** Alerts are read of the store in groups, so that one answer that fails takes no other with it. */
import type { AlertCondition, AlertIdentity } from './alert.ts';

export const ALERT_GROUPS = ['objectives', 'mutations', 'tasks', 'security', 'telemetry'] as const;

/** Alerts that are made from the same answers of the store, and fail together. */
export interface AlertGroup {
  readonly group: (typeof ALERT_GROUPS)[number];
  /** Tells groups of the same kind apart: the objective, or the alert. */
  readonly name: string;
  readonly alerts: readonly AlertIdentity[];
}

/** A group, and how its alerts stand or why that cannot be told. */
export type AlertReading = AlertGroup &
  ({ readonly conditions: readonly AlertCondition[] } | { readonly error: unknown });
