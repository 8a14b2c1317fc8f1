/** Whether a Prometheus scrapes the aggregator, with a key that may read, and has the rules. */
import { withoutSecrets } from '../export-failures.ts';
import { ask, objectOf } from './ask.ts';
import { type Finding, finding, ok } from './finding.ts';

interface Target {
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
}

interface Group {
  readonly name: string;
  readonly rules: readonly { readonly health: string; readonly lastError?: string }[];
}

const METRICS_PATH = /\/monitoring\/metrics\/prometheus\/?(?:\?|$)/;
/** Names of the groups in prometheus/rules.yaml begin so. */
const GROUPS = /^vigil-/;

/** @param url base address of its HTTP API */
export async function checkPrometheus(url: string): Promise<Finding[]> {
  const base = url.replace(/\/$/, '');
  const place = withoutSecrets(base);
  const [targets, rules] = await Promise.all([ask(`${base}/api/v1/targets?state=active`), ask(`${base}/api/v1/rules`)]);
  if ('failed' in targets || targets.status !== 200) {
    const reason = 'failed' in targets ? targets.failed : `status ${targets.status}`;
    const mend = 'PROMETHEUS_URL or --prometheus is the base address of its HTTP API.';
    return [
      finding('error', 'prometheus.reachable', `${place} does not tell its targets (${reason}).`, mend, {
        place,
        reason,
      }),
    ];
  }
  const { activeTargets = [] } = (objectOf(targets.text)?.['data'] ?? {}) as {
    readonly activeTargets?: readonly Target[];
  };
  const { groups = [] } = ('failed' in rules ? {} : (objectOf(rules.text)?.['data'] ?? {})) as {
    readonly groups?: readonly Group[];
  };
  return [...scrapeFindings(activeTargets, place), ruleFinding(groups, place)];
}

function scrapeFindings(targets: readonly Target[], place: string): Finding[] {
  const ours = targets.filter(({ scrapeUrl }) => METRICS_PATH.test(scrapeUrl));
  if (ours.length === 0) {
    const mend =
      'Add a job with metrics_path: /monitoring/metrics/prometheus/, as in prometheus/prometheus.yaml of @vigil/otel-config.';
    return [
      finding('error', 'prometheus.scraped', `${place} scrapes no aggregator.`, mend, {
        place,
        targets: targets.length,
      }),
    ];
  }
  return ours.map(({ scrapeUrl, health, lastError }) => {
    const target = withoutSecrets(scrapeUrl);
    const evidence = { place, target, health, last_error: lastError };
    if (health === 'up') return ok('prometheus.scraped', `${place} scrapes ${target}.`, evidence);
    if (health === 'unknown')
      return finding(
        'info',
        'prometheus.scraped',
        `${place} has not scraped ${target} yet.`,
        'Ask again after an interval.',
        evidence,
      );
    return finding(
      'error',
      'prometheus.scraped',
      `${place} cannot scrape ${target}: ${lastError}.`,
      mendOf(lastError),
      evidence,
    );
  });
}

function mendOf(lastError: string): string {
  if (/\b403\b/.test(lastError))
    return 'authorization: {credentials_file: …} must hold a key that reads, and nothing else; one of MONITORING_INGEST_KEY only sends.';
  if (/\b404\b/.test(lastError)) return 'The aggregator serves it where PROMETHEUS_METRICS_ENABLED is not false.';
  return 'Check the address in static_configs, and that the aggregator listens there (HOST).';
}

function ruleFinding(groups: readonly Group[], place: string): Finding {
  const id = 'prometheus.rules';
  const ours = groups.filter(({ name }) => GROUPS.test(name));
  const evidence = { place, groups: ours.length };
  if (ours.length === 0) {
    const mend =
      "Put prometheus/rules.yaml of @vigil/otel-config under rule_files, unless the aggregator's own alerts are enough.";
    return finding('warning', id, `${place} has none of the rules.`, mend, evidence);
  }
  const failing = ours.flatMap(({ rules }) => rules).filter(({ health }) => health === 'err');
  if (failing.length > 0) {
    const message = `${failing.length} rules of ${place} fail: ${failing[0]!.lastError ?? ''}.`;
    return finding('error', id, message, 'Take rules.yaml of the same version.', evidence);
  }
  return ok(id, `${place} runs the rules (${ours.length} groups).`, evidence);
}
