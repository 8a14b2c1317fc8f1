/** An aggregator on this machine, for an application that was told nothing of where its telemetry goes. */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { type LocalAggregator, localAggregatorFile } from '@vigil/semconv';

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
  const path = localAggregatorFile(env, process.platform, homedir());
  const found = read(path);
  if (found === undefined) return undefined;
  const refused = reasonToRefuse(path, found);
  if (refused !== undefined) return { refused, path };
  return isRunning(found.pid as number) ? { aggregator: found as LocalAggregator, path } : undefined;
}

function read(path: string): Partial<LocalAggregator> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    return error instanceof SyntaxError ? {} : undefined;
  }
}

/** Whoever else can write the file could have this process's telemetry sent to himself. */
function reasonToRefuse(path: string, { url, ingestKey, pid }: Partial<LocalAggregator>): string | undefined {
  if (process.getuid !== undefined) {
    const { uid, mode } = statSync(path);
    if (uid !== process.getuid()) return 'it belongs to another user';
    if ((mode & 0o022) !== 0) return 'others may write it';
  }
  const isWhole = typeof url === 'string' && typeof ingestKey === 'string' && Number.isInteger(pid);
  if (!isWhole || !URL.canParse(url)) return 'it was not written by an aggregator of this version';
  return LOOPBACK.has(new URL(url).hostname) ? undefined : 'its address is not of this machine';
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
