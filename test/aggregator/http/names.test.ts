/** Names are data: what an application calls a mutation, an error, a task or itself is neither lost nor taken for anything else. */
import { expect, test } from 'vitest';
import { createReadSide, NOW_MS } from '../../support/read-side.ts';

/** What every object of JavaScript has, or can be given, under a name. */
const NAMES = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'toJSON', 'prototype', 'null', '0'];

function sideWithNames() {
  const side = createReadSide();
  const atMs = NOW_MS - 60_000;
  for (const name of NAMES) {
    side.store.add({ name, seconds: 0.1, atMs, service: name });
    side.store.add({ name, seconds: 0.1, atMs, service: name, outcome: 'failure', errorType: name });
    const scope = { 'vigil.task.name': name, 'vigil.idempotency.scope': name };
    const counted = { service: name, shape: 'sum', values: [1] } as const;
    const attributes = { ...scope, 'vigil.idempotency.outcome': 'executed' };
    side.store.addPoints(
      [
        { ...counted, metric: 'vigil.task.requests', attributes },
        { ...counted, metric: 'vigil.task.duplicated_keys', attributes: scope },
      ],
      atMs,
    );
  }
  return side;
}

test.each<[string, number]>([
  // Each breakdown, and each list of rows beside them.
  ['/monitoring/graphql/mutations/', 2],
  ['/monitoring/graphql/mutations/breakdown/', 4],
  ['/monitoring/graphql/mutations/performance/', 1],
  ['/monitoring/celery/idempotency/', 2],
  ['/monitoring/celery/idempotency/breakdown/', 2],
  ['/monitoring/overview/', 8],
])('%s has every name %i times', async (path, times) => {
  const text = await (await sideWithNames().get(path)).text();
  for (const name of NAMES) expect([name, text.split(`"${name}"`).length - 1]).toEqual([name, times]);
});

test.each(NAMES)('%s has its own page, row, samples and answers', async (name) => {
  const { get } = sideWithNames();
  expect((await get(`/mutations/${name}/`)).status).toBe(200);
  for (const path of ['/mutations/', '/tasks/']) expect(await (await get(path)).text()).toContain(`>${name}<`);
  const exposition = await (await get('/monitoring/metrics/prometheus/')).text();
  expect(exposition).toContain(`graphql_mutation_errors_total{mutation="${name}",error_type="${name}"} 1\n`);
  expect(exposition).toContain(`celery_idempotency_requests_total{endpoint="${name}",scope="${name}"} 1\n`);
  const own = await (await get(`/monitoring/graphql/mutations/?service=${name}`)).json();
  expect(own).toMatchObject({ statistics: { total_mutations: 2, mutation_breakdown: { [name]: 2 } } });
});
