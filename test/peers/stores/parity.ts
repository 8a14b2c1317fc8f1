/** Whether two answers say the same, but for what two stores may know differently. */
import { DURATION_BUCKET_EDGES_SECONDS } from '@vigil/semconv';

/** Share by which a value inside a cell of an exponential histogram may be off: the width of the cell. */
const CELL_WIDTH = 2 ** (1 / 16) - 1;
/** Bodies have two decimals. */
const ROUNDING = 0.011;

/** Numbers that are read off a histogram's cells: between their edges nobody knows more. */
const FROM_CELLS = /(?:^|[._])(?:p50|p95|p99|max)(?:$|_)|\.series\.points\./;
/** A time is compared as it stands, unlike a number in words. */
const TIME = /^\d{4}-\d\d-\d\dT/;
/** What every answer has of its own, and the times that it was made at. */
const OWN = /\.(?:correlation_id|timestamp|newest_point_at|last_arrival_at)$/;

export type Shape = 'explicit' | 'exponential';

/** @returns where they differ, and how; nothing where they say the same */
export function differences(one: unknown, other: unknown, shape: Shape, at = ''): string[] {
  if (OWN.test(at) && !at.includes('violations_by_hour')) return [];
  if (isObject(one) && isObject(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) => differences(one[key], other[key], shape, `${at}.${key}`));
  }
  if (one === other) return [];
  if (typeof one === 'number' && typeof other === 'number' && isFromCells(at))
    return isSameCell(one, other, shape, at) ? [] : [`${at} ${one} ${other}`];
  // Numbers in words are those that were compared as numbers.
  if (typeof one === 'string' && typeof other === 'string' && isSameText(one, other)) return [];
  return [`${at} ${JSON.stringify(one)} ${JSON.stringify(other)}`];
}

function isFromCells(at: string): boolean {
  return FROM_CELLS.test(at) || /recommendations\.\d+\.evidence\.value$/.test(at);
}

function isSameCell(one: number, other: number, shape: Shape, at: string): boolean {
  if (Math.abs(one - other) <= Math.max(one, other) * CELL_WIDTH + ROUNDING) return true;
  if (shape === 'exponential') return false;
  const unit = at.includes('complexity') ? 1 : 1000;
  const edges = [0, ...DURATION_BUCKET_EDGES_SECONDS, Infinity].map((edge) => edge * unit);
  return edges.some((lower, i) => {
    const upper = edges[i + 1] ?? -Infinity;
    return [one, other].every((value) => value >= lower - ROUNDING && value <= upper + ROUNDING);
  });
}

function isSameText(one: string, other: string): boolean {
  return !TIME.test(one) && withoutNumbers(one) === withoutNumbers(other);
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\d+(?:\.\d+)?/g, '#');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
