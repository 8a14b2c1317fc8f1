/** What alerts are told apart by. Prometheus' rules and this service's own alerts have the same, so that one set of routes serves both. */
import type { BurnAlert } from './burn-alerts.ts';
import { SECONDS_PER_DAY } from './error-budget.ts';

export type AlertLabels = Readonly<Record<string, string>>;

/** Of the alerts about an error budget; `sloth_slo` says which. */
export const BURN_ALERT_NAME = 'SloBurnRate';

/** An objective under the labels that Sloth gives it. */
export function sloIdentity(id: string) {
  return { sloth_id: `vigil-${id}`, sloth_service: 'vigil', sloth_slo: id } as const;
}

/** Labels beside the name. */
export function burnAlertLabels(id: string, { severity, longSeconds, shortSeconds }: BurnAlert): AlertLabels {
  const windows = { long_window: windowName(longSeconds), short_window: windowName(shortSeconds) };
  return { ...sloIdentity(id), severity, ...windows };
}

/** A length of time as Prometheus writes it, in its largest whole unit: 1800 is `30m`, 86400 is `1d`. */
export function windowName(seconds: number): string {
  const units: readonly (readonly [length: number, unit: string])[] = [
    [SECONDS_PER_DAY, 'd'],
    [3600, 'h'],
    [60, 'm'],
  ];
  const fitting = units.find(([length]) => seconds >= length && seconds % length === 0);
  return fitting === undefined ? `${seconds}s` : `${seconds / fitting[0]}${fitting[1]}`;
}
