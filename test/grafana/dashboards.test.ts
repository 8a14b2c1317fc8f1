import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { RISK_LEVELS, riskOf } from '../../aggregator/domain/clients.ts';
import { THREAT_LEVELS, threatLevel } from '../../aggregator/domain/threat.ts';
import { alertRules } from '../../grafana/alert-rules.ts';
import { families } from '../../grafana/families.ts';
import { generatedFiles } from '../../grafana/generate.ts';
import { GRID_COLUMNS, place } from '../../grafana/layout.ts';
import { reputationSteps } from '../../grafana/thresholds.ts';
import { committed, contentOf } from '../support/dashboards.ts';
import { selectorsOf, syntaxError, withIntervals } from '../support/promql.ts';
import { createReadSide } from '../support/read-side.ts';

const folder = resolve(import.meta.dirname, '../../grafana');

test('what is committed is what the code makes', () => {
  const made = generatedFiles();
  const files = globSync('{json,provisioning}/**/*.json', { cwd: folder });
  expect(files.sort()).toEqual([...made.keys()].sort());
  for (const [file, text] of made) expect(readFileSync(join(folder, file), 'utf8'), file).toBe(text);
});

test('alert rules ask what can be parsed, look at a panel that is there, and have uids of their own', () => {
  const uids = alertRules.map(({ uid }) => uid);
  expect(new Set(uids).size).toBe(uids.length);
  for (const { expression, look, uid } of alertRules) {
    expect(syntaxError(expression), uid).toBeUndefined();
    expect(committed.find((dashboard) => dashboard.uid === look[0])?.panels.map(({ title }) => title)).toContain(
      look[1],
    );
  }
});

test('the provisioned data source and folder are those of the rules and of the import', () => {
  const read = (file: string) => parse(readFileSync(join(folder, 'provisioning', file), 'utf8'));
  const [source] = read('datasources/vigil.yaml').datasources;
  expect(source).toMatchObject({ uid: 'vigil-prometheus', type: 'prometheus' });
  expect(source.jsonData.exemplarTraceIdDestinations[0].name).toBe('trace_id');
  const [provider] = read('dashboards/vigil.yaml').providers;
  expect(provider).toMatchObject({ folder: 'Vigil', folderUid: 'vigil', type: 'file' });
  const [group] = read('alerting/vigil.json').groups;
  expect(group.folder).toBe('Vigil');
  for (const { data } of group.rules) expect(data[0].datasourceUid).toBe('vigil-prometheus');
});

test('a budget that is spent wakes nobody, and what is not scraped does not end', () => {
  const [group] = parse(readFileSync(join(folder, 'provisioning/alerting/vigil.json'), 'utf8')).groups;
  const rules: { labels: { severity: string }; noDataState: string; data: [{ model: { expr: string } }] }[] =
    group.rules;
  const pages = rules.filter(({ labels }) => labels.severity === 'page').map(({ data }) => data[0].model.expr);
  expect(pages).toContain('max by (slo) (slo_alert_firing{severity="page"})');
  expect(pages.join()).not.toContain('exhausted');
  expect(new Set(rules.map(({ noDataState }) => noDataState))).toEqual(new Set(['KeepLast', 'Alerting']));
});

/** Names of the alerts in a file of Prometheus' rules. */
function rulesOf(text: string): string[] {
  const { groups } = parse(text) as { groups: { rules: { alert?: string }[] }[] };
  return [...new Set(groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? [])))];
}

interface Area {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const overlap = (a: Area, b: Area) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

function expectToFit(areas: readonly Area[]): void {
  for (const [index, area] of areas.entries()) {
    expect(area.x).toBeGreaterThanOrEqual(0);
    expect(area.x + area.w).toBeLessThanOrEqual(GRID_COLUMNS);
    for (const other of areas.slice(index + 1)) expect(overlap(area, other)).toBe(false);
  }
}

test.each(committed)('$title: classic schema, unique ids, panels on the grid that do not overlap', (dashboard) => {
  expect(dashboard.schemaVersion).toBe(42);
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { targets = [], title } of dashboard.panels)
    expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
  const titles = contentOf(dashboard).map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
  expectToFit(dashboard.panels.map(({ gridPos }) => gridPos));
});

test('uids and titles of the dashboards, which bookmarks go by', () => {
  expect(committed.map(({ uid, title }) => [uid, title])).toEqual([
    ['vigil-idempotency', 'Task Idempotency Health'],
    ['vigil-mutations', 'GraphQL Mutation Performance'],
    ['vigil-security', 'Security Overview'],
  ]);
});

test('any panels are placed without overlap, and one that is too wide is refused', () => {
  const size = fc.record({ width: fc.integer({ min: 1, max: GRID_COLUMNS }), height: fc.integer({ min: 1, max: 12 }) });
  const builder = {} as never;
  fc.assert(
    fc.property(fc.array(fc.array(size, { maxLength: 8 }), { maxLength: 5 }), (sections) => {
      const placed = place(sections.map((panels) => ({ title: 's', panels: panels.map((p) => ({ ...p, builder })) })));
      expect(placed.map(({ id }) => id)).toEqual(placed.map((_, index) => index + 1));
      expectToFit(placed.map(({ position }) => position));
    }),
  );
  expect(() => place([{ title: 's', panels: [{ width: 25, height: 1, builder }] }])).toThrow(/wider than 24/);
});

test('the families that are asked for are those that are listed, and all are served', async () => {
  const text = await (await createReadSide().get('/monitoring/metrics/prometheus/')).text();
  const served = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  expect(families.filter((family) => !served.has(family))).toEqual([]);
  const asked = new Set(
    committed.flatMap((dashboard) =>
      contentOf(dashboard).flatMap(({ targets = [] }) =>
        targets.flatMap(({ expr }) => selectorsOf(withIntervals(expr)).map(({ name }) => name)),
      ),
    ),
  );
  const familyOf = (name: string) =>
    families.find((family) => family === name) ?? name.replace(/_(bucket|sum|count)$/, '');
  expect([...new Set([...asked, 'slo_state', 'slo_alert_firing'].map(familyOf))].sort()).toEqual([...families].sort());
});

test.each(committed)('$title leads to the others, to the page, and shows alerts', ({ links, annotations }) => {
  expect(links.some(({ tags }) => tags?.includes('vigil'))).toBe(true);
  expect(links.some(({ url }) => url === '$page/')).toBe(true);
  const expressions = annotations.list.map(({ expr = '' }) => expr).join(' ');
  // Alerts of ours have no label but those that the rules give them.
  const names = rulesOf(readFileSync(resolve(folder, '../otel-config/prometheus/rules.yaml'), 'utf8'));
  const [, ours] = /ALERTS\{alertstate="firing",alertname=~"([^"]+)"\}/.exec(expressions) ?? [];
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) expect(name).toMatch(new RegExp(`^(?:${ours})$`));
  expect(expressions).toContain('slo_state');
});

test('the words and lines of the threat score are those of the aggregator', () => {
  const panel = committed.flatMap(contentOf).find(({ title }) => title === 'Threat level');
  const mappings = panel?.fieldConfig?.defaults.mappings ?? [];
  const word = (score: number) =>
    mappings.find(({ options: { from, to } }) => from <= score && score <= to)?.options.result.text;
  for (const score of [0, 19.99, 20, 39.99, 40, 59.99, 60, 74.99, 75, 99.99])
    expect(word(score), String(score)).toBe(threatLevel(score));
  expect(mappings.map(({ options }) => options.result.text).toReversed()).toEqual(THREAT_LEVELS.slice(0, -1));
});

test('the lines of a reputation are those between the aggregator’s risks', () => {
  const lines = reputationSteps.map(({ from }) => from ?? 0);
  const risks = lines.map((line) => riskOf(line));
  expect(risks).toEqual(RISK_LEVELS.toReversed());
  for (const [index, line] of lines.entries()) if (index > 0) expect(riskOf(line - 0.01)).toBe(risks[index - 1]);
});
