/** An aggregator on this machine, for an application that was told nothing of where its telemetry goes. */
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { homedir } from 'node:os';
import { isAnnouncerRunning, type LocalAggregator, localAggregatorFile } from '@vigil/semconv';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** What is known of it, or why what was found is not used. */
export type LocalSituation =
  | { readonly aggregator: LocalAggregator; readonly path: string }
  | { readonly refused: string; readonly path: string };

/**
 * Looks for an aggregator that this user has started on this machine. It is used only where no variable says anything of
 * OTLP: whoever sets one has decided.
 * @returns undefined where a variable decides, or no aggregator is there
 */
export function findLocalAggregator(
  env: Readonly<Record<string, string | undefined>> = process.env,
): LocalSituation | undefined {
  const decides = Object.keys(env).some((name) => name.startsWith('OTEL_EXPORTER_OTLP_') && env[name] !== '');
  if (decides) return undefined;
  const path = fileOf(env);
  if (path === undefined) return undefined;
  const found = read(path);
  if (found === undefined) return undefined;
  const { content, stats } = found;
  const refused = reasonToRefuse(stats, content);
  if (refused !== undefined) return { refused, path };
  const aggregator = content as LocalAggregator;
  return isAnnouncerRunning(aggregator) ? { aggregator, path } : undefined;
}

/** @returns undefined for a user without a home, as containers have them */
function fileOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  try {
    return localAggregatorFile(env, process.platform, homedir);
  } catch {
    return undefined;
  }
}

interface Found {
  readonly content: Partial<LocalAggregator>;
  readonly stats: Stats;
}

/** Of one open file: what is judged is what is read. @returns undefined where there is none that can be read */
function read(path: string): Found | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return { content: parse(readFileSync(file, 'utf8')), stats: fstatSync(file) };
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

function parse(text: string): Partial<LocalAggregator> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Whoever else can write the file could have this process's telemetry sent to himself. */
function reasonToRefuse({ uid, mode }: Stats, { url, ingestKey, pid }: Partial<LocalAggregator>): string | undefined {
  if (process.getuid !== undefined) {
    if (uid !== process.getuid()) return 'it belongs to another user';
    if ((mode & 0o022) !== 0) return 'others may write it';
  }
  const isWhole = typeof url === 'string' && typeof ingestKey === 'string' && Number.isInteger(pid);
  if (!isWhole || !URL.canParse(url)) return 'it was not written by an aggregator of this version';
  return LOOPBACK.has(new URL(url).hostname) ? undefined : 'its address is not of this machine';
}
