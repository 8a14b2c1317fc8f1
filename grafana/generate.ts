/**
 * `npm run generate`: writes the dashboards, as Grafana reads them, to json/, and the alert rules to provisioning/alerting/.
 * A test holds that the committed files are these.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { provisionedAlerts } from './alert-rules.ts';
import { buildDashboard } from './dashboard.ts';
import { idempotencyPlan } from './dashboards/idempotency.ts';
import { mutationsPlan } from './dashboards/mutations.ts';
import { securityPlan } from './dashboards/security.ts';

/** Every generated file by its path in this folder. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const dashboards = [mutationsPlan, idempotencyPlan, securityPlan].map(buildDashboard);
  const files = new Map<string, object>(dashboards.map((dashboard) => [`json/${dashboard.uid}.json`, dashboard]));
  files.set(
    'provisioning/alerting/vigil.json',
    provisionedAlerts((uid, title) => panelId(dashboards, uid, title)),
  );
  return new Map([...files].map(([file, content]) => [file, `${JSON.stringify(content, undefined, 2)}\n`]));
}

/** @throws Error when there is no such panel */
function panelId(dashboards: readonly Dashboard[], uid: string, title: string): number {
  const panel = dashboards.find((dashboard) => dashboard.uid === uid)?.panels?.find((each) => each.title === title);
  if (panel?.id === undefined) throw new Error(`dashboard ${uid} has no panel ${title}`);
  return panel.id;
}

if (import.meta.main) for (const [file, text] of generatedFiles()) writeFileSync(join(import.meta.dirname, file), text);
