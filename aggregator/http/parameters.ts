import { z } from 'zod';
import { type Asked, SECONDS_PER_UNIT, type WindowUnit, windowUntil } from '../reports/report.ts';
import { ApiError } from './errors.ts';

export type Format = 'json' | 'prometheus';

const formatSchema = z.enum(['json', 'prometheus']);
const serviceSchema = z.string().regex(/^\P{Cc}{1,256}$/u);

/** What can be asked for, and what stands where nothing is. */
export interface WindowRule {
  readonly unit: WindowUnit;
  readonly defaultLength: number;
}

export interface QueryRules {
  /** Absent where no window can be asked for. */
  readonly window?: WindowRule;
  readonly formats: readonly Format[];
  /** Nothing older is kept. */
  readonly retentionMs: number;
}

/** Refuses parameters that are not among the allowed ones, and those that come twice. */
function single(query: URLSearchParams, allowed: readonly string[]): void {
  for (const name of query.keys()) {
    if (!allowed.includes(name))
      throw new ApiError('INVALID_PARAMETER', `Only these parameters are known here: ${allowed.join(', ')}.`);
    // The name is one of ours by now.
    if (query.getAll(name).length > 1) throw new ApiError('INVALID_PARAMETER', `${name} may be given only once.`);
  }
}

/** @throws ApiError */
export function parseReportQuery(
  query: URLSearchParams,
  rules: QueryRules,
  nowMs: number,
): { readonly asked: Asked; readonly format: Format } {
  single(query, [...(rules.window === undefined ? [] : ['window']), 'format', 'service']);
  const unit = rules.window?.unit ?? 'minutes';
  // An answer with windows of its own only takes their end from this one.
  const length = rules.window === undefined ? 1 : parseWindow(query.get('window'), rules.window, rules.retentionMs);
  const format = formatSchema.safeParse(query.get('format') ?? 'json');
  if (!format.success || !rules.formats.includes(format.data))
    throw new ApiError('INVALID_FORMAT', `format must be ${rules.formats.join(' or ')}.`);
  return { asked: { window: windowUntil(nowMs, unit, length), service: parseService(query) }, format: format.data };
}

/** @throws ApiError */
export function parseExpositionQuery(query: URLSearchParams): string | undefined {
  single(query, ['service']);
  return parseService(query);
}

/** The longest window that can be asked for: nothing older is kept. */
export function longestWindow(unit: WindowUnit, retentionMs: number): number {
  return Math.max(1, Math.floor(retentionMs / 1000 / SECONDS_PER_UNIT[unit]));
}

function parseWindow(text: string | null, { unit, defaultLength }: WindowRule, retentionMs: number): number {
  const longest = longestWindow(unit, retentionMs);
  if (text === null) return Math.min(defaultLength, longest);
  const length = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (length < 1 || length > longest)
    throw new ApiError('INVALID_WINDOW', `window must be a whole number of ${unit} from 1 to ${longest}.`);
  return length;
}

function parseService(query: URLSearchParams): string | undefined {
  const text = query.get('service');
  if (text === null) return undefined;
  const service = serviceSchema.safeParse(text);
  if (!service.success)
    throw new ApiError('INVALID_PARAMETER', 'service must be a service.name of 1 to 256 printable characters.');
  return service.data;
}
