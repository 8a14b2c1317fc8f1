/** Brings dashboards into a Grafana, or says what differs there. Doing it twice does it once. */
import type { Grafana } from './grafana-api.ts';

export interface ImportedDashboard {
  readonly uid: string;
  readonly title: string;
}

export interface ImportPlan {
  readonly dashboards: readonly ImportedDashboard[];
  readonly folder: { readonly uid: string; readonly title: string };
  /** Whether what differs there is replaced. */
  readonly overwrite: boolean;
}

export type Outcome = 'created' | 'updated' | 'unchanged';

/** @throws GrafanaError at the first call that fails; what came before stays done */
export async function importDashboards(
  grafana: Grafana,
  { dashboards, folder, overwrite }: ImportPlan,
): Promise<ReadonlyMap<string, Outcome>> {
  if ((await grafana.folderTitle(folder.uid)) === undefined) await grafana.createFolder(folder.uid, folder.title);
  const outcomes = new Map<string, Outcome>();
  for (const dashboard of dashboards) {
    const stored = await grafana.dashboard(dashboard.uid);
    const isThere = stored?.folderUid === folder.uid && differences(dashboard, stored.dashboard).length === 0;
    if (!isThere)
      await grafana.saveDashboard({
        dashboard: { ...dashboard, id: null },
        folderUid: folder.uid,
        overwrite,
        message: 'Imported by Vigil',
      });
    outcomes.set(dashboard.title, isThere ? 'unchanged' : stored === undefined ? 'created' : 'updated');
  }
  return outcomes;
}

/** Differences told of one dashboard, at most. */
const MAX_DIFFERENCES = 20;

/** What an import would change, by the title of the dashboard; empty when nothing. Changes nothing itself. */
export async function checkDashboards(
  grafana: Grafana,
  { dashboards, folder }: ImportPlan,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const dashboard of dashboards) {
    const stored = await grafana.dashboard(dashboard.uid);
    const told = stored === undefined ? ['is not there'] : differences(dashboard, stored.dashboard);
    if (stored !== undefined && stored.folderUid !== folder.uid) told.unshift(`is not in the folder ${folder.title}`);
    const rest = told.length - MAX_DIFFERENCES;
    if (told.length > 0)
      found.set(dashboard.title, [...told.slice(0, MAX_DIFFERENCES), ...(rest > 0 ? [`and ${rest} more`] : [])]);
  }
  return found;
}

/** Grafana numbers these itself. */
const NUMBERED_THERE = new Set(['id', 'version']);

/**
 * Where `stored` is not what `wanted` asks for. What Grafana adds on its own, defaults for example, is no difference.
 * @returns a sentence each, with the path
 */
export function differences(wanted: unknown, stored: unknown, path = ''): string[] {
  if (Array.isArray(wanted)) {
    const others: readonly unknown[] = Array.isArray(stored) ? stored : [];
    if (others.length !== wanted.length) return [`${path}: has ${others.length} entries, not ${wanted.length}`];
    return wanted.flatMap((each, index) => differences(each, others[index], `${path}[${index}]`));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    const others = (typeof stored === 'object' && stored !== null ? stored : {}) as Readonly<Record<string, unknown>>;
    return Object.entries(wanted)
      .filter(([key, value]) => value !== undefined && !(path === '' && NUMBERED_THERE.has(key)))
      .flatMap(([key, value]) => differences(value, others[key], path === '' ? key : `${path}.${key}`));
  }
  return wanted === stored ? [] : [`${path}: is ${shown(stored)}, not ${shown(wanted)}`];
}

function shown(value: unknown): string {
  const text = value === undefined ? 'absent' : (JSON.stringify(value) ?? 'absent');
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
