/** The endpoints' answers for the service's own page: the same reports, held against the same schemas, past the cache. */
import type { z } from 'zod';
import { type Context, type WindowUnit, windowUntil } from '../reports/report.ts';
import type { Store } from '../store/port.ts';
import type { AnswerPath } from './client.ts';
import { type Endpoint, endpoints } from './endpoints.ts';

type Rows = (typeof endpoints)[number];

/** What an endpoint's report says, without what all answers have in common. */
export type ReportBody<Path extends AnswerPath> = z.output<Extract<Rows, { readonly path: Path }>['schema']>;

export interface Asking {
  readonly nowMs: number;
  /** Rounded up to the endpoint's unit. */
  readonly minutes: number;
  readonly service: string | undefined;
  /** The variable part of the path, where it has one. */
  readonly id?: string;
  readonly context?: Context;
}

const MINUTES_PER_UNIT: Readonly<Record<WindowUnit, number>> = { minutes: 1, hours: 60 };

const byPath = new Map<string, Endpoint>(endpoints.map((endpoint) => [endpoint.path, endpoint as Endpoint]));

/** @throws what the store throws */
export async function readAnswer<Path extends AnswerPath>(
  store: Store,
  path: Path,
  { nowMs, minutes, service, id, context }: Asking,
): Promise<ReportBody<Path>> {
  const endpoint = byPath.get(path) as Endpoint;
  const { unit } = endpoint.window ?? { unit: 'minutes' };
  const window = windowUntil(nowMs, unit, Math.ceil(minutes / MINUTES_PER_UNIT[unit]));
  return endpoint.schema.parse(await endpoint.report(store, { window, service, id, ...context })) as ReportBody<Path>;
}
