/** An application that ends itself on a signal loses the last interval, unless it flushes before. Read from its sources. */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Finding, finding, ok } from './finding.ts';

const MAX_FILES = 2000;
const MAX_BYTES = 512 * 1024;
const SOURCE = /\.[cm]?[jt]sx?$/;
const NOT_OWN = /^(?:node_modules|\.|dist|build|coverage|test)/;

/** By what the text says, not by what runs: files that listen to SIGTERM or SIGINT, call `process.exit`, and flush nothing. */
export function checkEnding(folder: string): Finding[] {
  const found = sourcesOf(folder).flatMap((file) => {
    const line = hastyExit(textOf(file));
    return line === undefined ? [] : [`${relative(folder, file)}:${line}`];
  });
  if (found.length === 0) return [ok('ending.flush', 'no file ends the process on a signal without a flush.')];
  return found.map((place) =>
    finding(
      'warning',
      'ending.flush',
      `${place} ends the process on a signal without a flush: the last interval is lost.`,
      "Before process.exit(): await flush(), from '@vigil/otel-config'.",
      { place },
    ),
  );
}

/** @returns the line of the first `process.exit(`; undefined where there is nothing to say */
export function hastyExit(text: string): number | undefined {
  if (!/['"`]SIG(?:TERM|INT)['"`]/.test(text) || /\b(?:flush|shutdown|forceFlush)\(/.test(text)) return undefined;
  const lines = text.split('\n');
  const index = lines.findIndex((line) => /^(?!\s*(?:\/\/|\*)).*\bprocess\.exit\(/.test(line));
  return index === -1 ? undefined : index + 1;
}

function sourcesOf(folder: string): string[] {
  const found: string[] = [];
  const waiting = [folder];
  while (waiting.length > 0 && found.length < MAX_FILES) {
    const place = waiting.shift()!;
    for (const entry of entriesOf(place)) {
      if (NOT_OWN.test(entry.name)) continue;
      const path = join(place, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isFile() && SOURCE.test(entry.name)) found.push(path);
    }
  }
  return found;
}

/** What the user may not read, such as the folder of a database, is no source of the application. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return statSync(file).size <= MAX_BYTES ? readFileSync(file, 'utf8') : '';
  } catch {
    return '';
  }
}
