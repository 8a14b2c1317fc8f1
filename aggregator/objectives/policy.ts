/** The objectives and the maintenance of a running service, from their files. Loaded only where there are some. */
import { readFileSync, statSync } from 'node:fs';
import type { MetricName } from '@vigil/semconv';
import { builtInObjectives } from '../domain/built-in-objectives.ts';
import { deriveBurnAlerts } from '../domain/burn-alerts.ts';
import type { MaintenancePeriod } from '../domain/maintenance.ts';
import type { Objective } from '../domain/objective.ts';
import type { FileProblem } from './documents.ts';
import { PolicyFileError, type PolicySource } from './policy-source.ts';
import { readMaintenance } from './read-maintenance.ts';
import { readOpenSlo } from './read-openslo.ts';

export interface PolicyFiles {
  readonly sloFile?: string;
  readonly maintenanceFile?: string;
}

/** How often it is looked whether the maintenance file has changed. */
const LOOK_AGAIN_MS = 10_000;

/**
 * Reads both files.
 * @param onProblem called when a changed maintenance file cannot be used; the periods read before then stay
 * @param nowMs a clock that never goes back
 * @throws PolicyFileError
 */
export function openPolicy(
  { sloFile, maintenanceFile }: PolicyFiles,
  onProblem: (message: string) => void,
  nowMs: () => number = () => performance.now(),
): PolicySource {
  const objectives = sloFile === undefined ? builtInObjectives : withBuiltIn(loadObjectives(sloFile));
  const warnings = objectives.flatMap((objective) => deriveBurnAlerts(objective).warnings);
  if (maintenanceFile === undefined) return { current: () => ({ objectives, maintenance: [] }), warnings };
  let version = versionOf(maintenanceFile);
  let maintenance = loadMaintenance(maintenanceFile, objectives);
  let lookedMs = nowMs();
  const refresh = (): void => {
    lookedMs = nowMs();
    const found = versionOf(maintenanceFile);
    if (found === version) return;
    version = found;
    try {
      maintenance = loadMaintenance(maintenanceFile, objectives);
    } catch (error) {
      if (!(error instanceof PolicyFileError)) throw error;
      onProblem(error.message);
    }
  };
  return {
    current() {
      if (nowMs() - lookedMs >= LOOK_AGAIN_MS) refresh();
      return { objectives, maintenance };
    },
    warnings,
  };
}

/** The objectives of a file. @throws PolicyFileError */
export function loadObjectives(file: string): readonly Objective<MetricName>[] {
  const result = readOpenSlo(readText(file));
  if (!result.ok) throw new PolicyFileError(describe(file, result.problems));
  return result.objectives;
}

/** The built-in objectives, each replaced by the one of the same name, and the others behind them. */
export function withBuiltIn(own: readonly Objective<MetricName>[]): readonly Objective<MetricName>[] {
  const ofId = (id: string) => own.find((objective) => objective.id === id);
  const isBuiltIn = (id: string) => builtInObjectives.some((objective) => objective.id === id);
  return [
    ...builtInObjectives.map((objective) => ofId(objective.id) ?? objective),
    ...own.filter(({ id }) => !isBuiltIn(id)),
  ];
}

function loadMaintenance(file: string, objectives: readonly Objective[]): readonly MaintenancePeriod[] {
  const ids = objectives.map(({ id }) => id);
  const result = readMaintenance(readText(file), ids);
  if (!result.ok) throw new PolicyFileError(describe(file, result.problems));
  return result.periods;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new PolicyFileError(
      `${file} cannot be read (${error instanceof Error ? error.message : 'no reason given'}).`,
    );
  }
}

/** Changes whenever the file does; '' when it is not there. */
function versionOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.mtimeMs} ${found.size} ${found.ino}`;
}

/** `file:line: message`, a line each, as compilers write it. */
function describe(file: string, problems: readonly FileProblem[]): string {
  return problems.map(({ line, message }) => `${file}:${line}: ${message}`).join('\n');
}
