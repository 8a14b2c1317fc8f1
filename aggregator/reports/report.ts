import type { MetricName } from '@vigil/semconv';
import type { MaintenancePeriod } from '../domain/maintenance.ts';
import type { Objective } from '../domain/objective.ts';
import type { MetricFamily } from '../metrics.ts';
import type { Store, TimeRange } from '../store/port.ts';
import type { ActiveAlert } from './active-alerts.ts';

/** Units in which a window is asked for. */
export type WindowUnit = 'minutes' | 'hours';

export const SECONDS_PER_UNIT: Readonly<Record<WindowUnit, number>> = { minutes: 60, hours: 3600 };

const MINUTE_MS = 60_000;

/** The time that an answer is about. */
export interface Window {
  readonly unit: WindowUnit;
  /** Whole number of units, at least 1. */
  readonly length: number;
  readonly seconds: number;
  readonly range: TimeRange;
}

/** An objective on metrics of the registry. */
export type Slo = Objective<MetricName>;

/** What data is judged against. */
export interface Policy {
  readonly objectives: readonly Slo[];
  readonly maintenance: readonly MaintenancePeriod[];
}

/** What a reader asked for. */
export interface Asked {
  readonly window: Window;
  /** One `service.name`; all services together when absent. */
  readonly service?: string;
  /** The variable part of the path, where it has one. */
  readonly id?: string;
  /** The built-in objectives without maintenance when absent. */
  readonly policy?: Policy;
  /** The service's own health; unknown when absent. */
  readonly ownFamilies?: () => readonly MetricFamily[];
  /** Alerts as they were sent, over all services; unknown when absent. */
  readonly alerts?: () => readonly ActiveAlert[];
}

/** There is nothing of the name that was asked for. */
export class NotKnown extends Error {
  override readonly name = 'NotKnown';
}

/** What a running service tells its reports beside what was asked. */
export type Context = Pick<Asked, 'policy' | 'ownFamilies' | 'alerts'>;

/** Makes one answer, without what all answers have in common (time, window, correlation id). */
export type Report<Body> = (store: Store, asked: Asked) => Promise<Body>;

/** The window that ends now, widened to the whole minutes that it touches: finer than minutes the store does not know. */
export function windowUntil(nowMs: number, unit: WindowUnit, length: number): Window {
  const seconds = length * SECONDS_PER_UNIT[unit];
  const fromMs = Math.floor((nowMs - seconds * 1000) / MINUTE_MS) * MINUTE_MS;
  // A point of this very instant belongs to the window, so its end is after now.
  const toMs = (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS;
  return { unit, length, seconds, range: { fromMs, toMs } };
}
