/** `npm run generate`: writes the dashboards, as Grafana reads them, to json/. A test holds that the committed files are these. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { buildDashboard } from './dashboard.ts';
import { idempotencyPlan } from './dashboards/idempotency.ts';
import { mutationsPlan } from './dashboards/mutations.ts';
import { securityPlan } from './dashboards/security.ts';

/** Every dashboard by the name of its file in json/. */
export function allDashboards(): ReadonlyMap<string, Dashboard> {
  return new Map(
    [mutationsPlan, idempotencyPlan, securityPlan].map((plan) => [`${plan.uid}.json`, buildDashboard(plan)]),
  );
}

export function dashboardText(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

if (import.meta.main)
  for (const [file, dashboard] of allDashboards())
    writeFileSync(join(import.meta.dirname, 'json', file), dashboardText(dashboard));
