/** Numbers as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** Stands where there is no value. */
export const NOTHING = '–';

type Maybe = number | null | undefined;

/** 12,345; from ten million on 12.3M. */
export function count(value: Maybe): string {
  if (value === null || value === undefined) return NOTHING;
  return Math.abs(value) >= 1e7 ? compact.format(value) : whole.format(value);
}

/** @param value percent, as bodies have it */
export function percent(value: Maybe): string {
  return value === null || value === undefined ? NOTHING : `${precise.format(value)} %`;
}

/** @param value a ratio, 0 to 1 where it is a share, any number where it is a rest */
export function ratio(value: Maybe): string {
  return value === null || value === undefined ? NOTHING : percent(value * 100);
}

/** @param value milliseconds */
export function milliseconds(value: Maybe): string {
  if (value === null || value === undefined) return NOTHING;
  if (value >= 10_000) return `${precise.format(Math.round(value / 100) / 10)} s`;
  return value >= 100 ? `${whole.format(value)} ms` : `${precise.format(value)} ms`;
}

/** Two digits after the point at most. */
export function decimal(value: Maybe): string {
  return value === null || value === undefined ? NOTHING : precise.format(value);
}

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** 1.2 days, 3 hours, 40 seconds: the largest unit that fits, one digit after the point below ten. */
export function duration(seconds: number): string {
  const [size, name] = UNITS.find(([size]) => seconds >= size) ?? UNITS[UNITS.length - 1];
  const value = seconds / size;
  const shown = value < 10 && size > 1 ? Math.round(value * 10) / 10 : Math.round(value);
  return `${shown} ${name}${shown === 1 ? '' : 's'}`;
}

/** How long ago something was. */
export function ago(seconds: number): string {
  return seconds < 5 ? 'just now' : `${duration(seconds)} ago`;
}

/** 2026-01-15 12:00 UTC. */
export function moment(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
