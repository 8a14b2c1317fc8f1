/** A server that answers as Grafana's API does, as far as an import asks, and that fails on request. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export const GRAFANA_TOKEN = 'glsa_a-token-of-a-test';

/** What every further call answers: a status with Grafana's words, or nothing at all. */
export interface Failure {
  readonly status: number | 'never' | 'page' | 'redirect';
  readonly message?: string;
  /** Calls that it concerns; all without. */
  readonly of?: RegExp;
}

export interface GrafanaStub {
  readonly url: string;
  readonly calls: string[];
  readonly folders: Map<string, { readonly title: string }>;
  /** What `/api/datasources` lists. */
  readonly sources: { readonly type: string }[];
  readonly dashboards: Map<string, { dashboard: Record<string, unknown>; folderUid: string }>;
  failure: Failure | undefined;
  close(): Promise<void>;
}

interface SaveBody {
  readonly dashboard: Record<string, unknown> & { readonly uid: string };
  readonly folderUid: string;
  readonly overwrite: boolean;
}

type Answer = readonly [status: number, body: object];

/** Serves under a path, as behind many a proxy. */
export async function startGrafanaStub(): Promise<GrafanaStub> {
  const server = createServer(async (request, response) => {
    const call = `${request.method} ${request.url}`;
    stub.calls.push(call);
    const { failure } = stub;
    if (failure !== undefined && (failure.of ?? /./).test(call)) {
      if (failure.status === 'never') return;
      if (failure.status === 'page') return void response.end('<html>');
      if (failure.status === 'redirect') return void response.writeHead(302, { Location: '/login' }).end();
      return void response.writeHead(failure.status).end(JSON.stringify({ message: failure.message ?? 'no' }));
    }
    const [status, body] = await answer(request);
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  const missing = (what: string): Answer => [404, { message: `${what} not found` }];

  async function answer(request: IncomingMessage): Promise<Answer> {
    if (request.headers.authorization !== `Bearer ${GRAFANA_TOKEN}`) return [401, { message: 'Unauthorized' }];
    if (request.url === '/grafana/api/datasources') return [200, stub.sources];
    if (request.url?.startsWith('/grafana/api/search?'))
      return [200, [...stub.dashboards.values()].map(({ dashboard }) => dashboard)];
    const [, kind, uid] =
      /^\/grafana\/api\/(folders|dashboards\/uid|dashboards\/db)\/?(.*)$/.exec(request.url ?? '') ?? [];
    if (request.method === 'GET' && kind === 'folders') {
      const folder = stub.folders.get(uid);
      return folder === undefined ? missing('folder') : [200, { uid, ...folder }];
    }
    if (request.method === 'GET' && kind === 'dashboards/uid') {
      const found = stub.dashboards.get(uid);
      if (found === undefined) return [404, { message: 'Dashboard not found' }];
      return [200, { dashboard: found.dashboard, meta: { folderUid: found.folderUid } }];
    }
    const body = (await json(request)) as SaveBody & { readonly uid: string; readonly title: string };
    if (kind === 'folders') {
      stub.folders.set(body.uid, { title: body.title });
      return [200, { uid: body.uid }];
    }
    return kind === 'dashboards/db' ? save(body) : [404, { message: 'Page' }];
  }

  function save({ dashboard, folderUid, overwrite }: SaveBody): Answer {
    if (!stub.folders.has(folderUid)) return [400, { message: 'folder not found' }];
    const before = stub.dashboards.get(dashboard.uid);
    if (before !== undefined && !overwrite) return [412, { message: 'The dashboard has been changed by someone else' }];
    const version = Number(before?.dashboard['version'] ?? 0) + 1;
    // Grafana numbers it, and adds what was left out.
    const kept = { ...dashboard, id: 7, version, liveNow: false };
    stub.dashboards.set(dashboard.uid, { dashboard: kept, folderUid });
    return [200, { uid: dashboard.uid, version, status: 'success' }];
  }

  const stub: GrafanaStub = {
    url: '',
    calls: [],
    folders: new Map(),
    sources: [],
    dashboards: new Map(),
    failure: undefined,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  await once(server, 'listening');
  return Object.assign(stub, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/grafana` });
}
