/** Whether a Grafana has the dashboards, and a data source that they can read. */
import { withoutSecrets } from '../export-failures.ts';
import { type Answer, ask } from './ask.ts';
import { type Finding, finding, ok } from './finding.ts';

/** @param key of a service account; undefined where Grafana can be read without one */
export async function checkGrafana(url: string, key: string | undefined): Promise<Finding[]> {
  const base = url.replace(/\/+$/, '');
  const place = withoutSecrets(base);
  const headers: Record<string, string> = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  const [dashboards, sources] = await Promise.all([
    ask(`${base}/api/search?type=dash-db&tag=vigil`, { headers }),
    ask(`${base}/api/datasources`, { headers }),
  ]);
  const found = listOf(dashboards);
  if (found === undefined) {
    const reason = 'failed' in dashboards ? dashboards.failed : `status ${dashboards.status}`;
    const isKey = reason === 'status 401' || reason === 'status 403';
    const mend = isKey
      ? 'Set GRAFANA_API_KEY to the token of a service account that may read.'
      : 'GRAFANA_URL or --grafana is the address of a Grafana, with its path.';
    return [
      finding('error', 'grafana.reachable', `Grafana at ${place} does not tell its dashboards (${reason}).`, mend, {
        place,
        reason,
      }),
    ];
  }
  return [dashboardFinding(found.length, place), sourceFinding(listOf(sources), place)];
}

function dashboardFinding(count: number, place: string): Finding {
  if (count > 0)
    return ok('grafana.dashboards', `Grafana at ${place} has ${count} of the dashboards.`, { place, count });
  const mend = 'Import them with npm run grafana:import, or provision grafana/provisioning.';
  return finding('warning', 'grafana.dashboards', `Grafana at ${place} has none of the dashboards.`, mend, {
    place,
    count,
  });
}

function sourceFinding(sources: readonly unknown[] | undefined, place: string): Finding {
  const id = 'grafana.data_source';
  if (sources === undefined) {
    const message = `Grafana at ${place} does not tell its data sources: the key may not read them.`;
    return finding('info', id, message, 'A service account with the role Admin may.', { place });
  }
  const isThere = sources.some((source) => (source as { type?: unknown }).type === 'prometheus');
  if (isThere) return ok(id, `Grafana at ${place} has a Prometheus data source.`, { place });
  const mend = 'Add the Prometheus that scrapes the aggregator as a data source.';
  return finding('error', id, `Grafana at ${place} has no Prometheus data source: every panel is empty.`, mend, {
    place,
  });
}

function listOf(answer: Answer): readonly unknown[] | undefined {
  if ('failed' in answer || answer.status !== 200) return undefined;
  try {
    const value: unknown = JSON.parse(answer.text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
