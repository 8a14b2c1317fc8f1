/** What is known and owed of alerts, kept over a restart in a file beside the store. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Entry } from './outbox.ts';

const status = z.enum(['firing', 'resolved']);
const byDestination = z.partialRecord(z.enum(['alertmanager', 'webhook', 'slack']), status);
const ms = z.number();

/** Version 1. A file of another version is damaged for this one. */
const stateSchema = z.object({
  version: z.literal(1),
  entries: z.array(
    z.object({
      alert: z.object({
        id: z.string(),
        name: z.string(),
        labels: z.record(z.string(), z.string()),
        phase: z.enum(['pending', 'firing', 'resolved']),
        sinceMs: ms,
        firedMs: ms.optional(),
        endedMs: ms.optional(),
        text: z.object({ summary: z.string(), description: z.string(), path: z.string() }),
      }),
      owed: byDestination,
      told: byDestination,
    }),
  ),
});

export interface StateFile {
  /** What the last run kept; nothing at the first start. */
  readonly entries: readonly Entry[];
  /** Where a damaged file was put; absent when it was none. */
  readonly damaged: string | undefined;
  /** Replaces the file as a whole: a process that is killed meanwhile leaves the old one. @throws when the disk does */
  save(entries: readonly Entry[]): void;
}

/** @throws when the file is there and cannot be read, or is damaged and cannot be moved away */
export function openStateFile(directory: string): StateFile {
  const path = join(directory, 'alerts.json');
  const { entries, damaged } = load(path);
  return {
    entries,
    damaged,
    save(now) {
      // A store elsewhere needs no directory here.
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const next = `${path}.next`;
      const file = openSync(next, 'w', 0o600);
      try {
        // All of it, or an error: a write alone may stop short on a disk that is nearly full.
        writeFileSync(file, JSON.stringify({ version: 1, entries: now }));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(next, path);
    },
  };
}

function load(path: string): { readonly entries: readonly Entry[]; readonly damaged: string | undefined } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { entries: [], damaged: undefined };
    throw error;
  }
  const parsed = stateSchema.safeParse(parse(text));
  if (parsed.success) return { entries: parsed.data.entries, damaged: undefined };
  renameSync(path, `${path}.damaged`);
  return { entries: [], damaged: `${path}.damaged` };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
