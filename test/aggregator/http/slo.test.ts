import { describe, expect, test } from 'vitest';
import { endpoints } from '../../../aggregator/http/endpoints.ts';
import { mayBeSkipped, promtoolCheckMetrics } from '../../support/promtool.ts';
import { createReadSide, NOW_MS } from '../../support/read-side.ts';

const SLOS = '/monitoring/slo/';
const ONE = '/monitoring/slo/mutation-success/';

/** Endpoints with windows of their own. */
const windowless = endpoints.filter(({ window }) => window === undefined);
const pathOf = (path: string) => path.replace('{id}', 'mutation-success');

describe.each(windowless.map((endpoint) => [endpoint.path, endpoint] as const))(
  '%s',
  (_, { path, schema, exposition }) => {
    test('answers with what every body carries, and with declared fields only', async () => {
      const { get, store } = createReadSide();
      store.add({ name: 'A', seconds: 0.7, atMs: NOW_MS }, 50);
      for (const asked of [pathOf(path), pathOf(path).slice(0, -1), `${pathOf(path)}?format=json&service=shop`]) {
        const answer = await get(asked);
        expect(answer.status).toBe(200);
        const { timestamp, correlation_id, ...own } = (await answer.json()) as Record<string, unknown>;
        expect(timestamp).toBe(new Date(NOW_MS).toISOString());
        expect(correlation_id).toBe(answer.headers.get('x-correlation-id'));
        expect(schema.strict().parse(own)).toEqual(own);
      }
    });

    test('takes no window, and only the formats that it has', async () => {
      const { get } = createReadSide();
      const codeOf = async (query: string) => {
        const answer = await get(`${pathOf(path)}?${query}`);
        return answer.status === 200 ? 200 : ((await answer.json()) as { error: { code: string } }).error.code;
      };
      expect(await codeOf('window=60')).toBe('INVALID_PARAMETER');
      expect(await codeOf('format=xml')).toBe('INVALID_FORMAT');
      expect(await codeOf('format=prometheus')).toBe(exposition.length > 0 ? 200 : 'INVALID_FORMAT');
    });

    test('needs a key, and is read only', async () => {
      const { app, get } = createReadSide();
      expect((await app.request(pathOf(path))).status).toBe(403);
      expect((await get(pathOf(path), {}, 'POST')).headers.get('allow')).toBe('GET, HEAD');
    });
  },
);

test('an objective that is not there is 404, without repeating its name', async () => {
  const { get } = createReadSide();
  for (const id of ['nothing-of-ours', '%3Cscript%3E', 'A'.repeat(300)]) {
    const answer = await get(`/monitoring/slo/${id}/`);
    expect(answer.status).toBe(404);
    const text = await answer.text();
    expect(text).toContain('There is no objective of this id.');
    expect(text).not.toContain(id);
  }
});

test('answers are cached by objective', async () => {
  const { get } = createReadSide({ cacheTtlSeconds: 5 });
  const status = async (path: string) => (await get(path)).headers.get('x-cache-status');
  expect([await status(ONE), await status(ONE), await status('/monitoring/slo/task-duplicates/')]).toEqual([
    'MISS',
    'HIT',
    'MISS',
  ]);
});

test('the objectives are those of the configuration', async () => {
  const [first] = (await import('../../../aggregator/domain/built-in-objectives.ts')).builtInObjectives;
  const maintenance = [{ fromMs: NOW_MS - 3_600_000, toMs: NOW_MS, reason: 'moving' }];
  const { get } = createReadSide({ policy: () => ({ objectives: [{ ...first, id: 'own' }], maintenance }) });
  const { objectives } = (await (await get(SLOS)).json()) as { objectives: { id: string; maintenance: object[] }[] };
  expect(objectives.map(({ id, maintenance }) => [id, maintenance.length])).toEqual([['own', 1]]);
  expect((await get('/monitoring/slo/own/')).status).toBe(200);
  expect((await get(ONE)).status).toBe(404);
});

describe('the families', () => {
  const linesOf = async (get: ReturnType<typeof createReadSide>['get'], path = `${SLOS}?format=prometheus`) =>
    (await (await get(path)).text()).split('\n');

  test('goal and state always, numbers where there are some', async () => {
    const { get, store } = createReadSide();
    store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS }, 98);
    store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS, outcome: 'failure' }, 2);
    const lines = await linesOf(get);
    for (const line of [
      'slo_objective_ratio{slo="task-duplicates"} 0.99',
      'slo_attained_ratio{slo="mutation-success"} 0.98',
      'slo_error_budget_remaining_ratio{slo="mutation-success"} 0.6',
      'slo_burn_rate{slo="mutation-success",window="5m"} 0.4',
      'slo_state{slo="mutation-success",state="meeting"} 1',
      'slo_state{slo="mutation-success",state="no_data"} 0',
      'slo_state{slo="task-duplicates",state="no_data"} 1',
      'slo_alert_firing{slo="mutation-success",severity="page"} 0',
    ])
      expect(lines.map((each) => each.replace(/(\.\d{3})\d+/, '$1'))).toContain(line);
    expect(lines.filter((line) => line.startsWith('slo_attained_ratio{slo="task-duplicates"'))).toEqual([]);
  });

  test('a budget that is spent and goes on burning fires all the same', async () => {
    const { get, store } = createReadSide();
    store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS - 3 * 3_600_000 }, 10);
    for (let minutes = 59; minutes >= 0; minutes--)
      store.add({ name: 'A', seconds: 0.1, outcome: 'failure', atMs: NOW_MS - minutes * 60_000 }, 2);
    const lines = await linesOf(get);
    expect(lines).toContain('slo_state{slo="mutation-success",state="exhausted"} 1');
    expect(lines).toContain('slo_alert_firing{slo="mutation-success",severity="page"} 1');
    expect(lines).toContain('slo_alert_firing{slo="mutation-success",severity="ticket"} 0');
  });

  test.skipIf(mayBeSkipped)('promtool finds nothing to say (skipped where promtool is missing)', async () => {
    const { get, store } = createReadSide();
    store.add({ name: 'A', seconds: 0.7, atMs: NOW_MS }, 50);
    expect(promtoolCheckMetrics((await linesOf(get)).join('\n'))).toBe('');
  });
});
