/** The same stretch as a file of `promtool test rules`: Prometheus' own rule engine, `ALERTS`, `for` and all. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';
import type { ScrapedSeries } from './engine.ts';

const TEST_WITHIN_MS = 150_000;

/** An expression that must have this value, without labels, at a minute of the test. */
export interface Assertion {
  readonly expr: string;
  readonly minute: number;
  readonly value: number;
}

export interface RuleTest {
  readonly name: string;
  /** A value for every minute. */
  readonly series: readonly ScrapedSeries[];
  readonly evaluationMinutes: number;
  readonly assertions: readonly Assertion[];
}

/** @returns what promtool found; '' when everything is as asserted */
export async function testRules(
  rulesFiles: readonly string[],
  { name, series, evaluationMinutes, assertions }: RuleTest,
): Promise<string> {
  const file = join(temporaryDirectory(), 'parity.test.yaml');
  const tests = [
    {
      name,
      interval: '1m',
      input_series: series.map((each) => ({ series: selectorOf(each), values: notationOf(each.values) })),
      promql_expr_test: assertions.map(({ expr, minute, value }) => ({
        expr,
        eval_time: `${minute}m`,
        exp_samples: [{ labels: '{}', value }],
      })),
    },
  ];
  const text = {
    rule_files: rulesFiles,
    group_eval_order: rulesFiles.flatMap(groupsOf),
    evaluation_interval: `${evaluationMinutes}m`,
    tests,
  };
  writeFileSync(file, stringify(text, { lineWidth: 0 }));
  const child = spawn('promtool', ['test', 'rules', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TEST_WITHIN_MS,
  });
  endWithUs(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
  const code = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  return code === 0 && said.includes('SUCCESS') ? '' : `${said}\nexit ${code}`;
}

/** Groups of a file in its order: promtool evaluates them in any, and what alerts read may then be of the evaluation before. */
function groupsOf(rulesFile: string): string[] {
  const { groups } = parse(readFileSync(rulesFile, 'utf8')) as { groups: { name: string }[] };
  return groups.map(({ name }) => name);
}

/** A part of the stretch, as a Prometheus sees it that is started then. */
export function sliceOf(series: readonly ScrapedSeries[], from: number, to: number): ScrapedSeries[] {
  return series.map((each) => ({ ...each, values: each.values.slice(from, to) }));
}

function selectorOf({ name, labels }: ScrapedSeries): string {
  const shown = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return `${name}{${shown}}`;
}

/** `3x9` is 3 and nine more of it, `_` is no sample. */
function notationOf(values: Float64Array): string {
  const out: string[] = [];
  for (let at = 0; at < values.length; ) {
    let end = at + 1;
    while (end < values.length && Object.is(values[end], values[at])) end++;
    const isAbsent = Number.isNaN(values[at]);
    const times = end - at - (isAbsent ? 0 : 1);
    out.push(`${isAbsent ? '_' : values[at]}${times > 0 && !(isAbsent && times === 1) ? `x${times}` : ''}`);
    at = end;
  }
  return out.join(' ');
}
