/** Alertmanager's API v2: it is told the state of all alerts again and again, and knows itself what is new. */
import { alertKey, isInhibited } from '../domain/alert.ts';
import { messageOf } from './message.ts';
import type { Entry, Status } from './outbox.ts';
import type { Request } from './post.ts';

/** How often it is told what has not changed. @see Prometheus, `--rules.alert.resend-delay` */
export const RESEND_MS = 60_000;
/** So many resends may be missed before Alertmanager takes an alert for over. @see Prometheus' rule manager, `ValidUntil` */
const VALID_RESENDS = 4;

export interface AlertmanagerSettings {
  /** Base address; `/api/v2/alerts` is added. */
  readonly url: string;
  readonly publicUrl: string | undefined;
  readonly intervalMs: number;
}

function alertmanagerRequest(
  entries: readonly Entry[],
  { url, publicUrl, intervalMs }: AlertmanagerSettings,
  nowMs: number,
): Request {
  const validUntil = new Date(nowMs + VALID_RESENDS * Math.max(RESEND_MS, intervalMs)).toISOString();
  const body = entries.map(({ alert }) => {
    const message = messageOf(alert, statusOf(alert.phase), publicUrl);
    const { dashboardUrl, title, description } = message;
    return {
      labels: { alertname: alert.name, ...alert.labels },
      annotations: { summary: title, description, ...(dashboardUrl === undefined ? {} : { dashboard: dashboardUrl }) },
      startsAt: message.startsAt,
      endsAt: message.endsAt ?? validUntil,
      ...(dashboardUrl === undefined ? {} : { generatorURL: dashboardUrl }),
    };
  });
  return { url: `${url.replace(/\/$/, '')}/api/v2/alerts`, body: JSON.stringify(body), headers: {} };
}

/**
 * What one round is made of, in order. Alertmanager notifies at once of what began a while ago, as after its restart:
 * an inhibited alert that came together with its source would be notified before that is known, so it comes after it.
 */
export function alertmanagerRequests(
  entries: readonly Entry[],
  settings: AlertmanagerSettings,
  nowMs: number,
): readonly Request[] {
  const last = lastStretches(entries);
  const all = last.map(({ alert }) => alert);
  const { first = [], second = [] } = Object.groupBy(last, ({ alert }) =>
    alert.phase === 'firing' && isInhibited(alert, all) ? 'second' : 'first',
  );
  return [first, second].filter((part) => part.length > 0).map((part) => alertmanagerRequest(part, settings, nowMs));
}

export function statusOf(phase: Entry['alert']['phase']): Status {
  return phase === 'resolved' ? 'resolved' : 'firing';
}

/** Alerts that it is told of: all but the pending ones. */
export function tellable(entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ alert }) => alert.phase !== 'pending');
}

/** It knows one stretch of an alert alone: an earlier one, told beside the present one, would end that. */
function lastStretches(entries: readonly Entry[]): readonly Entry[] {
  const last = new Map<string, Entry>();
  for (const entry of entries) {
    const key = alertKey(entry.alert);
    const other = last.get(key);
    if (other === undefined || (entry.alert.firedMs ?? 0) >= (other.alert.firedMs ?? 0)) last.set(key, entry);
  }
  return [...last.values()];
}
