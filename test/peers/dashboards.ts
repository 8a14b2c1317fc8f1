/**
 * Every expression of every dashboard, against a real Prometheus and a real VictoriaMetrics that scraped a real aggregator
 * while the demo's application ran: each must answer what its panel can draw, and numbers must be those of the JSON
 * answers. `--sheets FOLDER` also draws what was answered.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAggregator } from '../support/aggregator.ts';
import { committed, contentOf, type Panel, type Target } from '../support/dashboards.ts';
import { happen } from './dashboards/application.ts';
import { equalities, panelEqualities, securityEqualities } from './dashboards/equalities.ts';
import {
  type MetricsServer,
  type Series,
  scrapeConfig,
  startPrometheus,
  startVictoriaMetrics,
} from './dashboards/servers.ts';
import { misfit } from './dashboards/shapes.ts';
import { type Answered, drawSheet } from './dashboards/sheet.ts';

const HAPPENS_SECONDS = 40;
const RANGE_SECONDS = 60;
const STEP_SECONDS = 2;
/** So that a rate at the end still sees what happened before. */
const RATE_INTERVAL = '20s';

let passed = 0;
let failed = 0;

function verdict(what: string, problem: string | undefined): void {
  if (problem === undefined) passed++;
  else {
    failed++;
    console.log(`FAIL ${what}: ${problem}`);
  }
}

/** With everything put in that Grafana puts in. */
function completed(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__range', `${RANGE_SECONDS}s`)
    .replaceAll(/"\$(job|instance)"/g, '".+"')
    .replaceAll('"$service"', '".*"');
}

function ask(server: MetricsServer, { expr, instant }: Target, nowSeconds: number): Promise<readonly Series[]> {
  const span = { from: nowSeconds - RANGE_SECONDS, to: nowSeconds, step: STEP_SECONDS };
  return instant ? server.instant(completed(expr), nowSeconds) : server.range(completed(expr), span);
}

async function judgePanel(server: MetricsServer, panel: Panel, now: number): Promise<void> {
  for (const target of panel.targets ?? []) {
    verdict(`${server.name}: ${panel.title} ${target.refId}`, misfit(panel, target, await ask(server, target, now)));
  }
}

type Bodies = (path: string) => Promise<Readonly<Record<string, never>>>;

function compare(what: string, found: number | undefined, expected: number, tolerance: number): void {
  const isEqual = found !== undefined && Math.abs(found - expected) <= tolerance * Math.abs(expected) + 1e-9;
  verdict(what, isEqual ? undefined : `is ${found}, and ${expected} in the JSON answer`);
}

async function judgeNumbers(server: MetricsServer, bodyOf: Bodies, now: number): Promise<void> {
  for (const { expression, path, number, tolerance } of [...equalities, ...securityEqualities]) {
    const [first] = await server.instant(expression, now);
    compare(`${server.name}: ${expression}`, first?.points[0][1], number(await bodyOf(path)), tolerance);
  }
  for (const { panel, path, number, tolerance } of panelEqualities) {
    const target = committed.flatMap(contentOf).find(({ title }) => title === panel)?.targets?.[0];
    const [first] = target === undefined ? [] : await ask(server, target, now);
    compare(`${server.name}: ${panel}`, first?.points[0][1], number(await bodyOf(path)), tolerance);
  }
}

/** The dots that lead to traces. */
async function judgeExemplars(prometheus: MetricsServer, now: number): Promise<void> {
  const targets = committed
    .flatMap(contentOf)
    .flatMap(({ targets = [] }) => targets.filter(({ exemplar }) => exemplar));
  for (const { expr } of targets) {
    const query = new URLSearchParams({ query: completed(expr), start: String(now - 600), end: String(now) });
    const answer = await fetch(`${prometheus.url}/api/v1/query_exemplars?${query}`);
    const traces = JSON.stringify(await answer.json()).match(/"trace_id":"[0-9a-f]{32}"/g) ?? [];
    verdict('exemplars', traces.length > 0 ? undefined : `no trace behind ${expr}`);
  }
}

/** Annotations must be answered, be it with nothing. */
async function judgeAnnotations(server: MetricsServer, now: number): Promise<void> {
  for (const { annotations } of committed)
    for (const { name, expr } of annotations.list)
      if (expr !== undefined)
        verdict(`${server.name}: ${name}`, await server.instant(completed(expr), now).then(() => undefined, String));
}

/** A sheet a dashboard, drawn from what the server answers. */
async function drawSheets(server: MetricsServer, folder: string, now: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const dashboard of committed) {
    const answers = new Map<Panel, readonly Answered[]>();
    for (const panel of contentOf(dashboard)) {
      const targets = panel.targets ?? [];
      const answered = targets.map(async (target) => ({ target, answer: await ask(server, target, now) }));
      answers.set(panel, await Promise.all(answered));
    }
    const file = join(folder, `${dashboard.uid}.svg`);
    writeFileSync(
      file,
      drawSheet(dashboard, (panel) => answers.get(panel) ?? []),
    );
    console.log(file);
  }
}

const { values: options } = parseArgs({ options: { sheets: { type: 'string' } } });
const aggregator = await startAggregator();
const servers: MetricsServer[] = [];
try {
  const config = scrapeConfig(new URL(aggregator.url).host);
  servers.push(await startPrometheus(config), await startVictoriaMetrics(config));
  await happen(aggregator, HAPPENS_SECONDS);
  // Two more scrapes, so that all has been seen.
  await delay(2500);
  const now = Date.now() / 1000;
  const bodies = new Map<string, Promise<Readonly<Record<string, never>>>>();
  const bodyOf: Bodies = (path) => {
    const body = bodies.get(path) ?? aggregator.json(path);
    bodies.set(path, body);
    return body;
  };
  for (const server of servers) {
    for (const panel of committed.flatMap(contentOf)) await judgePanel(server, panel, now);
    await judgeNumbers(server, bodyOf, now);
    await judgeAnnotations(server, now);
  }
  await judgeExemplars(servers[0], now);
  if (options.sheets !== undefined) await drawSheets(servers[0], options.sheets, now);
} finally {
  for (const server of servers) await server.stop();
  await aggregator.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
