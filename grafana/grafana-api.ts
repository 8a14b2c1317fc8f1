/** The few calls of Grafana's HTTP API that an import needs, and what to do when one of them is refused. */

export interface GrafanaOptions {
  /** Address of the Grafana server, with the path that it is served under, if any. */
  readonly url: string;
  /** Token of a service account; sent to that address alone, never shown. */
  readonly key: string;
  readonly timeoutMs: number;
}

export interface StoredDashboard {
  readonly dashboard: unknown;
  readonly folderUid: string;
}

export interface Grafana {
  /** @returns undefined when there is no such folder */
  folderTitle(uid: string): Promise<string | undefined>;
  createFolder(uid: string, title: string): Promise<void>;
  /** @returns undefined when there is no such dashboard */
  dashboard(uid: string): Promise<StoredDashboard | undefined>;
  saveDashboard(body: { dashboard: object; folderUid: string; overwrite: boolean; message: string }): Promise<void>;
}

/** A call that did not do what it should; the message says where, and what helps. */
export class GrafanaError extends Error {}

/** What helps, by status. */
const advice: Readonly<Record<number, string>> = {
  400: 'Grafana does not accept what was sent; is it version 11 or newer?',
  401: 'the key is not accepted: make a service account token and put it into GRAFANA_API_KEY',
  403: 'the key may not do this: the service account needs the role Editor, or may write folders and dashboards',
  404: 'there is nothing: is GRAFANA_URL the address of a Grafana, with its path?',
  409: 'somebody changed it at the same moment: run it again',
  412: 'a dashboard of this name or a newer version is there: run without --no-overwrite, or remove the other one',
  422: 'Grafana finds the request invalid; is it version 11 or newer?',
  429: 'Grafana is asked too often: wait a minute',
};
/** What Grafana says itself, at most. */
const MAX_MESSAGE_LENGTH = 300;

/** @throws GrafanaError, out of every call, when it is refused, fails, or takes longer than `timeoutMs` */
export function connectGrafana({ url, key, timeoutMs }: GrafanaOptions): Grafana {
  const base = url.replace(/\/+$/, '');
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> => {
    const place = `${method} ${base}${path}`;
    const answer = await fetch(base + path, {
      method,
      headers: { Authorization: `Bearer ${key}`, Accept: 'application/json', 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
      // A key must not follow to another address.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: unknown) => {
      throw new GrafanaError(`${place}: ${reasonOf(error, timeoutMs)}`);
    });
    const text = await answer.text().catch((error: unknown) => {
      throw new GrafanaError(`${place}: ${reasonOf(error, timeoutMs)}`);
    });
    if (method === 'GET' && answer.status === 404 && isNotFound(text)) return undefined;
    if (!answer.ok) throw new GrafanaError(`${place}: ${refusal(answer.status, text)}`);
    const parsed = parseJson(text);
    if (parsed === undefined) throw new GrafanaError(`${place}: the answer is no JSON; is GRAFANA_URL a Grafana?`);
    return parsed;
  };
  return {
    async folderTitle(uid) {
      const folder = (await call('GET', `/api/folders/${uid}`)) as { title?: string } | undefined;
      return folder && (folder.title ?? '');
    },
    async createFolder(uid, title) {
      await call('POST', '/api/folders', { uid, title });
    },
    async dashboard(uid) {
      const found = await call('GET', `/api/dashboards/uid/${uid}`);
      if (found === undefined) return undefined;
      const { dashboard, meta } = found as { dashboard?: unknown; meta?: { folderUid?: string } };
      return { dashboard, folderUid: meta?.folderUid ?? '' };
    },
    async saveDashboard(body) {
      await call('POST', '/api/dashboards/db', body);
    },
  };
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return `cannot be reached (${cause instanceof Error ? cause.message : cause})`;
}

function refusal(status: number, text: string): string {
  const said = messageOf(text);
  const help =
    advice[status] ??
    (status >= 500 ? 'Grafana failed: look into its log, and try again' : 'is GRAFANA_URL the address of a Grafana?');
  return `${status}${said === '' ? '' : ` (${said})`}: ${help}`;
}

/** Whether a 404 is Grafana's own about the thing asked for, not that of a server that is no Grafana. */
function isNotFound(text: string): boolean {
  return /not found/i.test(messageOf(text));
}

function messageOf(text: string): string {
  const body = parseJson(text) as { message?: unknown } | undefined;
  return typeof body?.message === 'string' ? body.message.slice(0, MAX_MESSAGE_LENGTH) : '';
}

/** @returns an object, or undefined */
function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
