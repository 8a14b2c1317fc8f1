/** What the doctor has to say, and how it is told. */
import type { IdAt } from './catalogue.ts';

export type Level = 'ok' | 'info' | 'warning' | 'error';

/** Facts that a message rests on. Never a key, a password or a header. */
export type Evidence = Readonly<Record<string, string | number | boolean | null>>;

export interface Finding {
  /** Stable, `area.subject`; several findings may share it, such as one a library. */
  readonly id: string;
  /** `error`: telemetry is lost or wrong. `warning`: it can be. `info`: to know. `ok`: looked at, and good. */
  readonly level: Level;
  readonly message: string;
  /** What to do; null where there is nothing to do. */
  readonly mend: string | null;
  readonly evidence: Evidence;
}

/** The body of `--json`. Fields are added, never renamed or removed. */
export interface Report {
  readonly version: 1;
  /** The application's folder that was looked at. */
  readonly folder: string;
  /** The `service.name` that the application sends under; null where none was found. */
  readonly service: string | null;
  readonly findings: readonly Finding[];
  /** How many findings of each level there are. */
  readonly counts: Readonly<Record<Level, number>>;
}

export function ok(id: IdAt<'ok'>, message: string, evidence: Evidence = {}): Finding {
  return { id, level: 'ok', message, mend: null, evidence };
}

export function finding<Levels extends Exclude<Level, 'ok'>>(
  level: Levels,
  id: IdAt<Levels>,
  message: string,
  mend: string | null,
  evidence: Evidence = {},
): Finding {
  return { id, level, message, mend, evidence };
}

export function reportOf(folder: string, service: string | undefined, findings: readonly Finding[]): Report {
  const counts = { ok: 0, info: 0, warning: 0, error: 0 };
  for (const { level } of findings) counts[level]++;
  return { version: 1, folder, service: service ?? null, findings, counts };
}

/** As a body of JSON, which a terminal may show as well. */
export function renderJson(report: Report): string {
  // Its own lines are no part of what it tells.
  const lines = JSON.stringify(report, undefined, 2).split('\n');
  return `${lines.map(printable).join('\n')}\n`;
}

const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

/** Names of others stand in findings: a character that would move a terminal's cursor or turn its text around is told, not obeyed. */
function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** One line a finding, with a second one for what to do. */
export function renderText({ findings, counts }: Report): string {
  const lines = findings.flatMap(({ id, level, message, mend }) => [
    `${level.padEnd(7)} ${id}: ${printable(message)}`,
    ...(mend === null ? [] : [`        mend: ${printable(mend)}`]),
  ]);
  return `${[...lines, `${counts.error} errors, ${counts.warning} warnings, ${counts.info} notes, ${counts.ok} good`].join('\n')}\n`;
}

/**
 * As linters do: 0 without errors, 1 with one.
 * @param strict whether a warning is as bad
 */
export function exitCodeOf({ counts }: Report, strict: boolean): 0 | 1 {
  return counts.error > 0 || (strict && counts.warning > 0) ? 1 : 0;
}
