/** MONITORING_MAINTENANCE_FILE: a YAML list of periods that objectives leave out, each with its reason. */
import { z } from 'zod';
import type { MaintenancePeriod } from '../domain/maintenance.ts';
import { type FileProblem, readDocuments, schemaProblems } from './documents.ts';

/** Every period is cut out of every window of every objective. */
const MAX_PERIODS = 100;
/** What takes longer is not maintenance. */
const MAX_PERIOD_DAYS = 31;

const time = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time with its zone, such as 2026-01-31T22:00:00Z' })
  .transform((text) => Date.parse(text));

const periodSchema = z
  .strictObject({
    from: time,
    to: time,
    reason: z.string().trim().min(1).max(200),
    objectives: z.array(z.string()).min(1).optional(),
  })
  .refine(({ from, to }) => from < to, { error: 'must be after from', path: ['to'] })
  .refine(({ from, to }) => to - from <= MAX_PERIOD_DAYS * 86_400_000, {
    error: `must be at most ${MAX_PERIOD_DAYS} days after from`,
    path: ['to'],
  });

const fileSchema = z.array(periodSchema).max(MAX_PERIODS);

export type MaintenanceResult =
  | { readonly ok: true; readonly periods: readonly MaintenancePeriod[] }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/**
 * Reads the file; an empty one holds no period.
 * @param ids objectives that there are: a period may name only those
 */
export function readMaintenance(text: string, ids: readonly string[]): MaintenanceResult {
  const { documents, problems } = readDocuments(text);
  if (problems.length > 0) return { ok: false, problems };
  if (documents.length === 0) return { ok: true, periods: [] };
  if (documents.length > 1) {
    const line = documents[1].lineOf([]);
    return { ok: false, problems: [{ line, message: 'the file must hold one document: a list of periods.' }] };
  }
  const [document] = documents;
  const parsed = fileSchema.safeParse(document.value);
  if (!parsed.success) return { ok: false, problems: schemaProblems(parsed.error, document) };
  const unknown = parsed.data.flatMap(({ objectives = [] }, i) =>
    objectives.flatMap((id, j): FileProblem[] => {
      const path = [i, 'objectives', j];
      const message = `[${i}].objectives[${j}]: there is no objective ${id}; there are ${ids.join(', ')}.`;
      return ids.includes(id) ? [] : [{ line: document.lineOf(path), message }];
    }),
  );
  if (unknown.length > 0) return { ok: false, problems: unknown };
  const periods = parsed.data.map(({ from, to, ...rest }) => ({ fromMs: from, toMs: to, ...rest }));
  return { ok: true, periods };
}
