/** The import command as a user runs it, against a server that answers as Grafana does. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectGrafana } from '../../grafana/grafana-api.ts';
import { checkDashboards, differences, importDashboards } from '../../grafana/import-dashboards.ts';
import { environmentOfRun } from '../support/environment.ts';
import { type Failure, GRAFANA_TOKEN, type GrafanaStub, startGrafanaStub } from '../support/grafana-stub.ts';

const COMMAND = resolve(import.meta.dirname, '../../grafana/import.ts');
let stub: GrafanaStub;
beforeEach(async () => {
  stub = await startGrafanaStub();
});
afterEach(() => stub.close());

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

function run(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Result> {
  const given = { ...environmentOfRun(), GRAFANA_URL: stub.url, GRAFANA_API_KEY: GRAFANA_TOKEN, ...env };
  return new Promise((done) => {
    execFile(process.execPath, [COMMAND, ...args], { env: given, cwd: import.meta.dirname }, (error, out, stderr) =>
      done({ code: Number(error?.code ?? 0), out, error: stderr }),
    );
  });
}

const TITLES = ['Task Idempotency Health', 'GraphQL Mutation Performance', 'Security Overview'];
const each = (outcome: string) => TITLES.map((title) => `${title}: ${outcome}\n`).join('');

test('creates folder and dashboards, changes nothing the second time, mends what was changed, and checks', async () => {
  expect(await run(['--check'])).toMatchObject({ code: 1, out: TITLES.map((t) => `${t}:\n  is not there\n`).join('') });
  expect(await run()).toEqual({ code: 0, out: each('created'), error: '' });
  expect([...stub.folders]).toEqual([['vigil', { title: 'Vigil' }]]);
  stub.calls.length = 0;
  expect(await run()).toEqual({ code: 0, out: each('unchanged'), error: '' });
  expect(stub.calls.filter((call) => call.startsWith('POST'))).toEqual([]);
  expect(await run(['--check'])).toEqual({ code: 0, out: 'Nothing differs.\n', error: '' });

  const stored = stub.dashboards.get('vigil-security')!;
  stored.dashboard['title'] = 'Ours';
  const { code, out } = await run(['--check']);
  expect([code, out]).toEqual([1, 'Security Overview:\n  title: is "Ours", not "Security Overview"\n']);
  const refused = await run(['--no-overwrite']);
  expect(refused).toMatchObject({
    code: 2,
    error: expect.stringMatching(/412 \(The dashboard has been.*--no-overwrite/),
  });
  expect((await run()).out).toContain('Security Overview: updated\n');
  expect(stub.dashboards.get('vigil-security')?.dashboard).toMatchObject({ title: 'Security Overview', version: 2 });
});

test('another folder, and the address of the page', async () => {
  const env = { MONITORING_PUBLIC_URL: 'https://vigil.example.com/' };
  expect((await run(['--folder', 'Team Ops'], env)).code).toBe(0);
  expect([...stub.folders]).toEqual([['team-ops', { title: 'Team Ops' }]]);
  for (const { dashboard, folderUid } of stub.dashboards.values()) {
    expect(folderUid).toBe('team-ops');
    expect(JSON.stringify(dashboard['templating'])).toContain('"query":"https://vigil.example.com"');
  }
  expect((await run(['--check'], env)).out).toContain('is not in the folder Vigil');
});

describe('refuses before it asks', () => {
  test.each([
    [[], { GRAFANA_URL: '' }, /GRAFANA_URL is missing/],
    [[], { GRAFANA_URL: 'grafana:3000' }, /GRAFANA_URL must be an address such as/],
    [[], { GRAFANA_API_KEY: '' }, /GRAFANA_API_KEY is missing/],
    [['--timeout', 'soon'], {}, /--timeout takes/],
    [['--folder', '–'], {}, /--folder takes/],
    [['--chek'], {}, /--chek/],
  ])('%j %j', async (args, env, message) => {
    const { code, error } = await run(args, env as Record<string, string>);
    expect([code, stub.calls]).toEqual([2, []]);
    expect(error).toMatch(message);
    expect(error).not.toContain('    at ');
  });
});

const plan = { dashboards: [{ uid: 'a', title: 'A' }], folder: { uid: 'f', title: 'F' }, overwrite: true };

describe('says what went wrong and where', () => {
  const failures: readonly [Failure, RegExp][] = [
    [{ status: 401, message: 'Unauthorized' }, /GET http.*folders\/f: 401 \(Unauthorized\): the key is not accepted/],
    [{ status: 403 }, /403.*role Editor/],
    [{ status: 404, message: 'Page' }, /404.*is GRAFANA_URL the address/],
    [{ status: 412, of: /POST .*db/ }, /POST .*dashboards\/db: 412.*--no-overwrite/],
    [{ status: 422, of: /POST .*db/ }, /422.*invalid/],
    [{ status: 500 }, /500.*Grafana failed/],
    [{ status: 503, of: /POST .*folders/ }, /POST .*folders: 503.*try again/],
    [{ status: 'never' }, /no answer within 0.2 s/],
    [{ status: 'page' }, /no JSON/],
    [{ status: 'redirect' }, /302.*is GRAFANA_URL/],
  ];
  test.each(failures)('%j', async (failure, message) => {
    stub.failure = failure;
    // Only who never answers is not waited for: on a busy machine an answer takes its time.
    const timeoutMs = failure.status === 'never' ? 200 : 10_000;
    const grafana = connectGrafana({ url: stub.url, key: GRAFANA_TOKEN, timeoutMs });
    const error = await importDashboards(grafana, plan).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain(GRAFANA_TOKEN);
  });

  test('nobody listens', async () => {
    const { url } = stub;
    await stub.close();
    const grafana = connectGrafana({ url, key: GRAFANA_TOKEN, timeoutMs: 1000 });
    await expect(checkDashboards(grafana, plan)).rejects.toThrow(/cannot be reached.*ECONNREFUSED/);
    stub = await startGrafanaStub();
  });
});

test('differences name the path; what Grafana adds and numbers itself is none', () => {
  const wanted = { id: null, panels: [{ title: 'A', targets: [{ expr: 'x' }] }, { title: 'B' }] };
  expect(differences(wanted, { ...wanted, id: 4, version: 9, liveNow: true })).toEqual([]);
  const [first, second] = wanted.panels;
  const changed = { panels: [{ ...first, targets: [{ expr: 'y' }] }, second] };
  expect(differences(wanted, changed)).toEqual(['panels[0].targets[0].expr: is "y", not "x"']);
  expect(differences(wanted, { panels: [first] })).toEqual(['panels: has 1 entries, not 2']);
  expect(differences(wanted, undefined)).toEqual(['panels: has 0 entries, not 2']);
});
