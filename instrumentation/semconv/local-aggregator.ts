/**
 * Where an aggregator tells the applications of the same user on the same machine that it is there. It is a convention
 * between packages that know nothing else of each other, so it stands with the names.
 */

/** What the file holds, as JSON. */
export interface LocalAggregator {
  /** Base address for OTLP over HTTP, on the loopback interface. */
  readonly url: string;
  /** May send, and nothing else. */
  readonly ingestKey: string;
  /** The process that listens: a file whose process is gone means nothing. */
  readonly pid: number;
}

/** Whether the process that wrote the file is still there, and the same user's. */
export function isAnnouncerRunning({ pid }: Pick<LocalAggregator, 'pid'>): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Path of the file, by the XDG base directory specification; on Windows in the user's local application data.
 * @param home tells the user's home directory; not asked where a variable decides
 */
export function localAggregatorFile(
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
  home: () => string,
): string {
  if (platform === 'win32') return `${env['LOCALAPPDATA'] || `${home()}\\AppData\\Local`}\\vigil\\aggregator.json`;
  const state = env['XDG_STATE_HOME'];
  // The specification: paths that are not absolute are to be ignored.
  return `${state?.startsWith('/') ? state : `${home()}/.local/state`}/vigil/aggregator.json`;
}
