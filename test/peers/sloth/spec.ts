/** Objectives as specifications of Sloth, written from their definitions and not from our rules. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Rule } from '../../../aggregator/prometheus-rules/rules.ts';
import type { Slo } from '../../../aggregator/reports/report.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { built } from '../stores/servers.ts';

/** The name that its alerts get here, and the service that tells its series from ours. */
export const SLOTH = 'Sloth';

const DURATION = 'graphql_server_mutation_duration_seconds';

/** Counters of bad and of all events, each as an expression over `[window]`. */
export interface Queries {
  readonly bad: (window: string, apply?: 'rate' | 'increase') => string;
  readonly total: (window: string, apply?: 'rate' | 'increase') => string;
}

/** @throws for an objective on other events than the built-in ones */
export function queriesOf({ id, indicator }: Slo): Queries {
  const sum =
    (selector: string) =>
    (window: string, apply = 'rate') =>
      `sum(${apply}(${selector}[${window}]))`;
  const { metric, atMost } = indicator.part;
  if (metric === 'vigil.task.duplicated_keys')
    return {
      bad: sum('celery_idempotency_duplicate_hits_total'),
      total: sum('celery_idempotency_requests_total'),
    };
  if (metric !== 'vigil.mutation.duration') throw new Error(`${id}: no Sloth specification counts ${metric}`);
  if (atMost === undefined) return { bad: sum('graphql_mutation_failure_total'), total: sum('graphql_mutation_total') };
  const total = sum(`${DURATION}_count`);
  const good = sum(`${DURATION}_bucket{le="${atMost}"}`);
  return { bad: (window, apply) => `(${total(window, apply)} - ${good(window, apply)})`, total };
}

/** What Sloth makes of them: a file of rules. @throws with what Sloth says where it refuses */
export function generateBySloth(slos: readonly Slo[]): { readonly file: string; readonly rules: readonly Rule[] } {
  const directory = temporaryDirectory();
  const [input, file] = [join(directory, 'slos.yaml'), join(directory, 'rules.yaml')];
  writeFileSync(input, stringify(specification(slos), { lineWidth: 0 }));
  const { status, stderr, error } = spawnSync(
    built('sloth-0.16.0/sloth'),
    ['generate', '--no-log', `--input=${input}`, `--out=${file}`, '--default-slo-period=30d'],
    { encoding: 'utf8', timeout: 30_000 },
  );
  if (error !== undefined || status !== 0) throw error ?? new Error(`Sloth made no rules: ${stderr}`);
  const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] };
  return { file, rules: groups.flatMap(({ rules }) => rules) };
}

function specification(slos: readonly Slo[]) {
  return {
    version: 'prometheus/v1',
    service: SLOTH.toLowerCase(),
    slos: slos.map((slo) => {
      const { bad, total } = queriesOf(slo);
      const window = '{{.window}}';
      return {
        name: slo.id,
        objective: Number((slo.objective * 100).toPrecision(12)),
        sli: { events: { error_query: bad(window), total_query: total(window) } },
        alerting: { name: SLOTH },
      };
    }),
  };
}
