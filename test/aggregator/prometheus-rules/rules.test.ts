import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { builtInObjectives } from '../../../aggregator/domain/built-in-objectives.ts';
import { NoSuchFamily, type Rule, rulesFile } from '../../../aggregator/prometheus-rules/rules.ts';
import { mayBeSkipped } from '../../support/promtool.ts';

const folder = resolve(import.meta.dirname, '../../../otel-config/prometheus');
const committed = readFileSync(`${folder}/rules.yaml`, 'utf8');
const rules = (parse(committed) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return status === 0 ? '' : stdout + stderr;
}

test('the committed rules are those of the built-in objectives: run npm run generate', () => {
  expect(rulesFile(builtInObjectives)).toBe(committed);
});

test('series have the names that dashboards made for Sloth look for', () => {
  const names = rules.flatMap(({ record }) => record ?? []);
  for (const window of ['5m', '30m', '1h', '2h', '6h', '1d', '3d', '30d'])
    expect(names.filter((name) => name === `slo:sli_error:ratio_rate${window}`)).toHaveLength(builtInObjectives.length);
  for (const name of ['slo:objective:ratio', 'slo:error_budget:ratio', 'slo:time_period:days', 'sloth_slo_info'])
    expect(names).toContain(name);
  for (const { record, labels } of rules)
    if (record !== undefined)
      expect(Object.keys(labels ?? {})).toEqual(expect.arrayContaining(['sloth_id', 'sloth_slo']));
});

test('every alert of an objective has both windows, and text for people', () => {
  const alerts = rules.filter(({ alert }) => alert === 'SloBurnRate');
  expect(alerts).toHaveLength(4 * builtInObjectives.length);
  for (const { annotations, labels } of rules.filter(({ alert }) => alert !== undefined)) {
    expect(labels?.['severity']).toMatch(/^(page|ticket)$/);
    expect(annotations?.['summary']).toMatch(/\w/);
    expect(annotations?.['description']).toMatch(/\.$/);
  }
});

describe('what the families do not tell apart is refused by name', () => {
  const [slo] = builtInObjectives;
  const withIndicator = (indicator: object) => [{ ...slo, indicator: { ...slo.indicator, ...indicator } }];
  test.each([
    ['a threshold between edges', { part: { ...slo.indicator.part, atMost: 0.6 } }],
    ['a service', { total: { ...slo.indicator.total, where: { 'service.name': ['shop'] } } }],
    ['a metric without a family', { total: { metric: 'vigil.graphql.requests', where: {} } }],
  ])('%s', (_, indicator) => {
    expect(() => rulesFile(withIndicator(indicator))).toThrow(NoSuchFamily);
    expect(() => rulesFile(withIndicator(indicator))).toThrow(/^mutation-latency-p95: no Prometheus family/);
  });
});

describe.skipIf(mayBeSkipped)('promtool (skipped where it is missing)', () => {
  test('finds nothing to say about the rules', () => expect(run('promtool', 'check', 'rules', 'rules.yaml')).toBe(''));
  // That each alert fires, stays silent and resolves takes promtool a quarter of a minute: .ci/run has it as a stage.
  test('amtool takes the routes', () =>
    expect(run('amtool', 'check-config', '../alertmanager/alertmanager.yaml')).toBe(''));
});
