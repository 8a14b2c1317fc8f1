import { readFileSync } from 'node:fs';
import { metrics } from '@vigil/semconv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInObjectives } from '../../../aggregator/domain/built-in-objectives.ts';
import {
  P95_TARGET_SECONDS,
  P99_TARGET_SECONDS,
  SUCCESS_TARGET_RATIO,
} from '../../../aggregator/domain/mutation-rules.ts';
import type { EventSelection, Objective } from '../../../aggregator/domain/objective.ts';
import { builtInSource } from '../../../aggregator/objectives/generate.ts';
import { readOpenSlo } from '../../../aggregator/objectives/read-openslo.ts';
import { writeOpenSlo } from '../../../aggregator/objectives/write-openslo.ts';

const built = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
const file = built('otel-config/openslo/objectives.yaml');

function problemsOf(text: string): string[] {
  const result = readOpenSlo(text);
  return result.ok ? [] : result.problems.map(({ line, message }) => `${line}: ${message}`);
}

/** The built-in file with a change, and the lines of what is said about it. */
function changed(from: string | RegExp, to: string): string[] {
  const text = file.replace(from, to);
  expect(text).not.toBe(file);
  return problemsOf(text);
}

describe('the built-in objectives', () => {
  test('the file reads as what the service has: run npm run generate', () => {
    expect(readOpenSlo(file)).toEqual({ ok: true, objectives: builtInObjectives });
    expect(builtInSource()).toBe(built('aggregator/domain/built-in-objectives.ts'));
  });

  test('they are the lines of the recommendations and of the performance endpoint', () => {
    const of = (id: string): Objective => builtInObjectives.find((objective) => objective.id === id)!;
    expect(of('mutation-latency-p95')).toMatchObject({ objective: 0.95, windowDays: 30 });
    expect(of('mutation-latency-p95').indicator.part.atMost).toBe(P95_TARGET_SECONDS);
    expect(of('mutation-latency-p99')).toMatchObject({ objective: 0.99, windowDays: 30 });
    expect(of('mutation-latency-p99').indicator.part.atMost).toBe(P99_TARGET_SECONDS);
    expect(of('mutation-success').objective).toBe(SUCCESS_TARGET_RATIO);
    expect(of('task-duplicates').objective).toBe(0.99);
    expect(builtInObjectives).toHaveLength(4);
  });
});

const ratioText = fc.integer({ min: 1, max: 99_999 }).map((n) => n / 100_000);
const line = fc.stringMatching(/^[A-Za-z0-9:#'"äß{}[\],&*!|>%@`-][A-Za-z0-9 :#'"äß-]{0,40}[a-z]$/);
const selection: fc.Arbitrary<EventSelection> = fc.constantFrom<EventSelection[]>(
  { metric: 'vigil.mutation.duration', where: {} },
  { metric: 'vigil.mutation.duration', where: { 'vigil.mutation.outcome': ['success', 'failure'] } },
  { metric: 'vigil.mutation.duration', where: { 'vigil.mutation.name': ['yes', 'null', '12', "it's"] } },
  { metric: 'vigil.task.requests', where: { 'vigil.idempotency.scope': ['user', 'room'] } },
  { metric: 'vigil.lock.acquire.duration', where: { 'service.name': ['shop'] }, atMost: 0.25 },
);
const objective: fc.Arbitrary<Objective> = fc.record({
  id: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/),
  name: line,
  description: fc.oneof(fc.constant(''), line, fc.constant('Two\nlines.')),
  subject: line,
  objective: ratioText,
  windowDays: fc.integer({ min: 1, max: 366 }),
  indicator: fc.oneof(
    fc.record({ total: selection, part: selection, partIs: fc.constantFrom('good', 'bad') }),
    fc
      .tuple(
        selection.filter(({ metric }) => metric === 'vigil.mutation.duration'),
        fc.constantFrom(0.1, 0.5, 2),
      )
      .map(([total, atMost]) => ({ total, part: { ...total, atMost }, partIs: 'good' as const })),
  ),
});

test('what is written is read as the same objectives', () => {
  fc.assert(
    fc.property(fc.uniqueArray(objective, { minLength: 1, maxLength: 4, selector: ({ id }) => id }), (objectives) => {
      expect(readOpenSlo(writeOpenSlo(objectives))).toEqual({ ok: true, objectives });
    }),
    { numRuns: 60 },
  );
});

describe('mistakes come with their line', () => {
  const lineOf = (text: string) => file.slice(0, file.indexOf(text)).split('\n').length;

  test.each<[string, string, RegExp]>([
    ['target: 0.95', 'target: 1', /^37: spec\.objectives\[0\]\.target: must be below 1/],
    ['target: 0.95', 'target: high', /^37: .*target/],
    ['target: 0.95', 'displayName: none', /^35: spec\.objectives\[0\]: must have either target or targetPercent/],
    ['op: lte', 'op: gt', /^35: .*only lte is supported/],
    ['value: 0.5', 'valu: 0.5', /: spec\.objectives\[0\]\.valu is not known here/],
    ['budgetingMethod: Occurrences', 'budgetingMethod: Timeslices', /^33: .*must be Occurrences/],
    ['isRolling: true', 'isRolling: false', /^32: .*only rolling windows/],
    ['duration: 30d', 'duration: 1M', /^31: .*not supported: months, quarters and years differ/],
    ['duration: 30d', 'duration: 5m', /^31: .*must be whole days/],
    ['isRolling: true', 'calendar: { startTime: 2026-01-01 00:00:00, timeZone: UTC }', /calendar: not supported/],
    ['type: Vigil', 'type: Prometheus', /must be Vigil/],
    ['metric: vigil.mutation.duration', 'metric: vigil.mutations', /must be the name of one of the metrics/],
    ['[success, partial, failure]', '[success, ok]', /must be of success, partial, failure, aborted/],
    ['vigil.mutation.outcome:', 'vigil.lock.outcome:', /has no such attribute/],
    ['apiVersion: openslo/v1', 'apiVersion: openslo/v2alpha', /^1\d: apiVersion: must be openslo\/v1/],
    ['kind: SLO', 'kind: AlertPolicy', /kind AlertPolicy is not supported: alerts are derived/],
    ['kind: SLO', 'kind: Thing', /kind must be SLO, SLI or Service/],
    ['name: mutation-latency-p95', 'name: Mutation Latency', /must be 1 to 63 lower-case/],
    ['service: graphql', 'serv: graphql', /spec\.service/],
    ['name: mutation-latency-p99', 'name: mutation-latency-p95', /stands already in line 14\./],
    ['    - op: lte\n      value: 0.5\n', '    -\n', /needs op: lte and value/],
    [
      '  service: graphql',
      '  alertPolicies: [page]\n  service: graphql',
      /alertPolicies: not supported: alerts are derived/,
    ],
    ['description: 95 %', 'description: [95 %', /^\d+: not YAML: /],
    ['---', `a: ${'&a [x]\n'}b: ${'*a '.repeat(3)}\n---`, /./],
  ])('%s → %s', (from, to, expected) => {
    const problems = changed(from, to);
    expect(problems.join('\n')).toMatch(expected);
    for (const problem of problems) expect(problem).toMatch(/^\d+: .+\.$|^\d+: not YAML/);
  });

  test('every mistake of a file is told, in the order of its lines', () => {
    const text = file.replace('target: 0.95', 'target: 2').replace('target: 0.99', 'target: -1').replace('30d', '1Y');
    const lines = problemsOf(text).map((problem) => Number(problem.split(':')[0]));
    expect(lines).toHaveLength(3);
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
    expect(lines[0]).toBe(lineOf('duration: 30d'));
  });

  test('counters have no thresholds, and ratios no operator', () => {
    expect(
      changed(
        'metric: vigil.mutation.duration\n            where:\n              vigil.mutation.outcome: [success, partial, failure]',
        'metric: vigil.task.requests',
      )[0],
    ).toMatch(/is a counter; write a ratioMetric/);
    expect(changed('    - target: 0.95', '    - op: lte\n      value: 1\n      target: 0.95').join()).toMatch(
      /belong to a thresholdMetric/,
    );
    expect(
      changed(
        'metric: vigil.task.duplicated_keys',
        'metric: vigil.task.duplicated_keys\n              atMost: 3',
      ).join(),
    ).toMatch(/counts events, not values/);
  });

  test('an empty file, no YAML map and a bomb of aliases are refused', () => {
    expect(problemsOf('')).toEqual(['1: the file holds no objective: it needs a document with kind: SLO.']);
    expect(problemsOf('# nothing\n')).toHaveLength(1);
    expect(problemsOf('hello')).toEqual(['1: kind must be SLO, SLI or Service.']);
    const bomb = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`).join('\n');
    expect(problemsOf(`a0: &a0 [x]\n${bomb}\n`)[0]).toMatch(/alias/i);
    expect(problemsOf('x'.repeat(1_000_001))).toHaveLength(1);
  });
});

test('an indicator may stand on its own, for several objectives; a service may be there', () => {
  const [slo] = file.split('---\n').slice(1);
  const indicator =
    /indicator:\n {4}metadata:\n {6}name: mutation-duration\n {4}spec:\n([\s\S]*?)\n {2}timeWindow/.exec(slo)!;
  const shared = slo.replace(indicator[0], 'indicatorRef: durations\n  timeWindow');
  const sli = `apiVersion: openslo/v1\nkind: SLI\nmetadata: { name: durations }\nspec:\n${indicator[1].replaceAll(/^ {6}/gm, '  ')}\n`;
  const service = 'apiVersion: openslo/v1\nkind: Service\nmetadata: { name: graphql }\nspec: {}\n';
  const result = readOpenSlo([shared, sli, service].join('---\n'));
  expect(result).toEqual({ ok: true, objectives: builtInObjectives.slice(0, 1) });
  expect(problemsOf(shared)[0]).toMatch(/^\d+: spec\.indicatorRef: there is no SLI durations in this file\.$/);
});

test('percent, weeks and hours are read as ratios and days', () => {
  const text = file.replace('target: 0.95', 'targetPercent: 99.9').replace('30d', '4w').replace('30d', '720h');
  const result = readOpenSlo(text);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  expect(result.objectives.map(({ objective, windowDays }) => [objective, windowDays]).slice(0, 2)).toEqual([
    [0.999, 28],
    [0.99, 30],
  ]);
});

test('every metric of the registry can be an indicator', () => {
  for (const metric of Object.keys(metrics)) {
    const text = file.replace(/metric: vigil\.task\.requests\n +where:\n.*\n/, `metric: ${metric}\n`);
    expect(readOpenSlo(text).ok, metric).toBe(true);
  }
});
