/** Every rule of Grafana's linter holds, and every rule can fail. */
import { describe, expect, test } from 'vitest';
import { committed, contentOf, type Dashboard } from '../support/dashboards.ts';
import { selectorsOf } from '../support/promql.ts';
import { type Complaint, lint, rules } from './lint-rules.ts';

/** What is broken on purpose, with its reason. */
const exceptions: readonly (Omit<Complaint, 'what'> & { readonly reason: string })[] = [];

test.each(committed)('$title keeps the rules', (dashboard) => {
  const excused = ({ rule, dashboard: title, panel }: Complaint) =>
    exceptions.some((each) => each.rule === rule && each.dashboard === title && each.panel === panel);
  expect(lint(dashboard).filter((complaint) => !excused(complaint))).toEqual([]);
});

/** For each rule a change that breaks it, as text of the dashboard. */
const breakages: Readonly<Record<string, (text: string) => string>> = {
  'template-datasource-rule': (text) => text.replace('"name": "datasource"', '"name": "source"'),
  'template-job-rule': (text) => text.replace('"allValue": ".+"', '"allValue": "x"'),
  'template-instance-rule': (text) => text.replace('"label": "Instance"', '"label": "Where"'),
  'template-label-promql-rule': (text) => text.replace('"query": "label_values(slo', '"query": "values_of(slo'),
  'template-on-time-change-reload': (text) => text.replace('"refresh": 2', '"refresh": 1'),
  'panel-datasource-rule': (text) => text.replaceAll('"uid": "$datasource"', '"uid": "prometheus"'),
  'panel-title-description-rule': (text) =>
    text.replace(/("type": "(?:stat|gauge)"[\s\S]*?"description": ")[^"]*/, '$1'),
  'panel-units-rule': (text) => text.replace('"unit": "short"', '"unit": "apples"'),
  'panel-no-targets-rule': (text) => text.replace('"targets": [', '"others": ['),
  'target-promql-rule': (text) => text.replaceAll('"expr": "', '"expr": "sum(('),
  'target-rate-interval-rule': (text) => text.replaceAll('$__rate_interval', '5m'),
  'target-job-rule': (text) => text.replaceAll('{job=~\\"$job\\",', '{'),
  'target-instance-rule': (text) => text.replaceAll('instance=~\\"$instance\\",service', 'service'),
  'target-counter-agg-rule': (text) => text.replaceAll('increase(', 'max_over_time('),
  'uneditable-dashboard': (text) => text.replace('"editable": false', '"editable": true'),
};

describe('broken on purpose', () => {
  test.each(Object.keys(rules))('%s complains', (rule) => {
    const found = committed.flatMap((dashboard) =>
      // Two-space text as committed, so that the breakages find their places.
      lint(JSON.parse(breakages[rule](JSON.stringify(dashboard, undefined, 2))) as Dashboard),
    );
    expect(found.map((complaint) => complaint.rule)).toContain(rule);
  });
});

test('the selectors of an expression are found, nested ones too', () => {
  expect(selectorsOf('sum by (a) (rate(x_total{job="j"}[5m])) / on (a) max(y)')).toEqual([
    { text: 'x_total{job="j"}', name: 'x_total', range: '5m', calledBy: 'rate' },
    { text: 'y', name: 'y', range: undefined, calledBy: undefined },
  ]);
});

test.each(committed)('$title: single values say how they are reduced', (dashboard) => {
  for (const { type, title, options } of contentOf(dashboard))
    if (['stat', 'gauge', 'bargauge', 'piechart'].includes(type))
      expect(options?.reduceOptions?.calcs, title).toEqual(['lastNotNull']);
});
