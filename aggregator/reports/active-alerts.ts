/** Alerts of now, as they were sent, in answers. */
import { z } from 'zod';
import type { Alert } from '../domain/alert.ts';
import { alertKey } from '../domain/alert.ts';
import { BURN_ALERT_NAME, burnAlertLabels } from '../domain/alert-labels.ts';
import type { BurnAlert } from '../domain/burn-alerts.ts';
import type { Asked } from './report.ts';

/** An alert that is not over. */
export type ActiveAlert = Alert & { readonly phase: 'pending' | 'firing' };

export const activeAlertSchema = z.object({
  name: z.string(),
  severity: z.enum(['page', 'ticket']),
  objective: z.string().nullable().describe('Id of the objective whose budget burns; null for other alerts.'),
  state: z.enum(['pending', 'firing']).describe('A pending one has not held for long enough to tell anybody.'),
  since: z.string().describe('When it began.'),
  summary: z.string(),
  description: z.string(),
  link: z.string().describe('The page that shows more.'),
});

type ActiveAlertBody = z.infer<typeof activeAlertSchema>;

/** Those that fire first, pages before tickets, the oldest first. */
export function activeAlertBodies(alerts: readonly ActiveAlert[]): ActiveAlertBody[] {
  const rank = ({ state, severity }: ActiveAlertBody) => (state === 'firing' ? 0 : 2) + (severity === 'page' ? 0 : 1);
  return alerts.map(activeAlertBody).sort((a, b) => rank(a) - rank(b) || (a.since < b.since ? -1 : 1));
}

function activeAlertBody({ name, labels, phase, sinceMs, firedMs, text }: ActiveAlert): ActiveAlertBody {
  return {
    name,
    severity: labels['severity'] === 'page' ? 'page' : 'ticket',
    objective: labels['sloth_slo'] ?? null,
    state: phase,
    since: new Date(firedMs ?? sinceMs).toISOString(),
    summary: text.summary,
    description: text.description,
    link: text.path,
  };
}

/** Alerts as they were sent, where all services are asked about: of one they say nothing. */
export function sentAlerts({ alerts, service }: Pick<Asked, 'alerts' | 'service'>): readonly ActiveAlert[] {
  return service === undefined ? (alerts?.() ?? []) : [];
}

/** Since when an objective's alert fires as it was sent, Unix ms; undefined while it does not. */
export function firingSinceMs(alerts: readonly ActiveAlert[], id: string, alert: BurnAlert): number | undefined {
  const key = alertKey({ name: BURN_ALERT_NAME, labels: burnAlertLabels(id, alert) });
  return alerts.find((active) => active.phase === 'firing' && alertKey(active) === key)?.firedMs;
}
