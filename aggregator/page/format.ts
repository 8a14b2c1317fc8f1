/** Numbers as people read them. */

const whole = format({ maximumFractionDigits: 0 });
const precise = format({ maximumFractionDigits: 2 });
const compact = format({ notation: 'compact', maximumFractionDigits: 1 });

/** Made when the first number is shown: to load the languages' data takes 20 ms, which no start has to wait for. */
function format(options: Intl.NumberFormatOptions): (value: number) => string {
  let made: Intl.NumberFormat | undefined;
  return (value) => {
    made ??= new Intl.NumberFormat('en', options);
    return made.format(value);
  };
}

/** Stands where there is no value. */
export const NOTHING = '–';

/** A hyphen is too short to be seen as a sign. */
function signed(text: string): string {
  return text.replace(/^-/, '−');
}

type Maybe = number | null | undefined;

/** 12,345; from ten million on 12.3M. */
export function count(value: Maybe): string {
  if (value === null || value === undefined) return NOTHING;
  return signed(Math.abs(value) >= 1e7 ? compact(value) : whole(value));
}

/** @param value percent, as bodies have it */
export function percent(value: Maybe): string {
  return value === null || value === undefined ? NOTHING : `${signed(precise(value))} %`;
}

/** @param value a ratio, 0 to 1 where it is a share, any number where it is a rest */
export function ratio(value: Maybe): string {
  return value === null || value === undefined ? NOTHING : percent(value * 100);
}

/** Three digits or whole milliseconds; from ten seconds on in seconds. @param value milliseconds */
export function milliseconds(value: Maybe): string {
  if (value === null || value === undefined) return NOTHING;
  if (value >= 10_000) return `${precise(Math.round(value / 100) / 10)} s`;
  if (value >= 100) return `${whole(value)} ms`;
  return `${precise(value >= 10 ? Math.round(value * 10) / 10 : value)} ms`;
}

/** Two digits after the point at most. */
export function decimal(value: Maybe): string {
  return value === null || value === undefined ? NOTHING : signed(precise(value));
}

/** Names one after another, the last with "and"; what is beyond a few is counted. */
export function list(names: readonly string[], most = 3): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** Identifiers as words: `blocked_share` is "blocked share", `csrf` "CSRF". */
export function words(identifier: string): string {
  return identifier
    .replaceAll('_', ' ')
    .replace(/\bcsrf\b/, 'CSRF')
    .replace(/\bsqli?(?: injection)?\b/, 'SQL injection');
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
