/** OpenSLO v1 in: text to objectives, or every mistake with its line. */
import { type MetricName, metrics } from '@vigil/semconv';
import type { z } from 'zod';
import type { EventSelection, Indicator, Objective } from '../domain/objective.ts';
import { type FileDocument, type FileProblem, readDocuments, schemaProblems } from './documents.ts';
import {
  type metricSchema,
  type OpenSloIndicator,
  type OpenSloSlo,
  REFUSED_KINDS,
  sliSchema,
  sloSchema,
} from './openslo-schema.ts';

export type OpenSloResult =
  | { readonly ok: true; readonly objectives: readonly Objective<MetricName>[] }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/** Each one costs some twenty questions to the store whenever it is looked at. */
export const MAX_OBJECTIVES = 50;

interface Parsed<Value> {
  readonly document: FileDocument;
  readonly value: Value;
}

/** Reads a file of one or more documents; what is not an objective or an indicator of one is refused by name. */
export function readOpenSlo(text: string): OpenSloResult {
  const { documents, problems: unreadable } = readDocuments(text);
  const problems = [...unreadable];
  const slos: Parsed<OpenSloSlo>[] = [];
  const slis = new Map<string, OpenSloIndicator>();
  for (const document of documents) {
    const kind = kindOf(document.value);
    if (kind === 'SLO') keep(document, sloSchema, problems, (value) => slos.push({ document, value }));
    else if (kind === 'SLI') keep(document, sliSchema, problems, ({ metadata, spec }) => slis.set(metadata.name, spec));
    else if (kind !== 'Service') problems.push({ line: document.lineOf(['kind']), message: describeKind(kind) });
  }
  const objectives = slos.flatMap((slo) => objectiveOf(slo, slis, problems) ?? []);
  problems.push(...repeated(slos));
  if (objectives.length > MAX_OBJECTIVES)
    problems.push({ line: 1, message: `the file has more than ${MAX_OBJECTIVES} objectives.` });
  if (documents.length === 0 && problems.length === 0)
    problems.push({ line: 1, message: 'the file holds no objective: it needs a document with kind: SLO.' });
  return problems.length > 0
    ? { ok: false, problems: problems.toSorted((a, b) => a.line - b.line) }
    : { ok: true, objectives };
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
}

function describeKind(kind: unknown): string {
  const instead = typeof kind === 'string' ? REFUSED_KINDS[kind] : undefined;
  return instead === undefined
    ? 'kind must be SLO, SLI or Service.'
    : `kind ${String(kind)} is not supported: ${instead}.`;
}

function keep<Schema extends z.ZodType>(
  document: FileDocument,
  schema: Schema,
  problems: FileProblem[],
  take: (value: z.output<Schema>) => void,
): void {
  const parsed = schema.safeParse(document.value);
  if (parsed.success) take(parsed.data);
  else problems.push(...schemaProblems(parsed.error, document));
}

function repeated(slos: readonly Parsed<OpenSloSlo>[]): FileProblem[] {
  const firsts = new Map<string, number>();
  return slos.flatMap(({ document, value: { metadata } }) => {
    const line = document.lineOf(['metadata', 'name']);
    const first = firsts.get(metadata.name);
    if (first === undefined) firsts.set(metadata.name, line);
    return first === undefined
      ? []
      : [{ line, message: `metadata.name: ${metadata.name} stands already in line ${first}.` }];
  });
}

function objectiveOf(
  { document, value: { metadata, spec } }: Parsed<OpenSloSlo>,
  slis: ReadonlyMap<string, OpenSloIndicator>,
  problems: FileProblem[],
): Objective<MetricName> | undefined {
  const complain = (path: readonly PropertyKey[], message: string): undefined => {
    problems.push({ line: document.lineOf(path), message });
  };
  const [{ target, targetPercent, op, value }] = spec.objectives;
  const given = spec.indicator?.spec ?? slis.get(spec.indicatorRef ?? '');
  if (given === undefined)
    return complain(['spec', 'indicatorRef'], `spec.indicatorRef: there is no SLI ${spec.indicatorRef} in this file.`);
  const isThreshold = given.thresholdMetric !== undefined;
  if (isThreshold && (op === undefined || value === undefined))
    return complain(['spec', 'objectives', 0], 'spec.objectives[0]: a thresholdMetric needs op: lte and value.');
  if (!isThreshold && (op !== undefined || value !== undefined))
    return complain(['spec', 'objectives', 0], 'spec.objectives[0]: op and value belong to a thresholdMetric.');
  const indicator = indicatorOf(given, value);
  if (typeof indicator === 'string')
    return complain(['spec', spec.indicator === undefined ? 'indicatorRef' : 'indicator'], indicator);
  return {
    id: metadata.name,
    name: metadata.displayName ?? metadata.name,
    description: spec.description,
    subject: spec.service,
    objective: target ?? Number(((targetPercent ?? 0) / 100).toPrecision(12)),
    windowDays: spec.timeWindow[0].duration,
    indicator,
  };
}

/** @returns what is wrong, when it is a text */
function indicatorOf(given: OpenSloIndicator, threshold: number | undefined): Indicator<MetricName> | string {
  if (given.thresholdMetric !== undefined) {
    const total = selectionOf(given.thresholdMetric);
    if (metrics[total.metric].kind !== 'histogram')
      return `thresholdMetric: ${total.metric} is a counter; write a ratioMetric instead.`;
    if (total.atMost !== undefined) return 'thresholdMetric: the threshold is the value of the objective, not atMost.';
    return { total, part: { ...total, atMost: threshold }, partIs: 'good' };
  }
  const { good, bad, total } = given.ratioMetric as NonNullable<OpenSloIndicator['ratioMetric']>;
  const [part, partIs] = good === undefined ? ([bad, 'bad'] as const) : ([good, 'good'] as const);
  // The schema sees to it that one of the two is there.
  return { total: selectionOf(total), part: selectionOf(part as z.output<typeof metricSchema>), partIs };
}

function selectionOf({ metricSource: { spec } }: z.output<typeof metricSchema>): EventSelection<MetricName> {
  const { metric, where, atMost } = spec;
  return atMost === undefined ? { metric, where } : { metric, where, atMost };
}
