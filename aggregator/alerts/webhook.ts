/** Any receiver of HTTP, told once of each change, signed as Standard Webhooks says, whose libraries verify it with a `whsec_` secret. */
import { createHmac } from 'node:crypto';
import type { Alert } from '../domain/alert.ts';
import { messageOf, notificationId } from './message.ts';
import type { Status } from './outbox.ts';
import type { Request } from './post.ts';

export interface WebhookSettings {
  readonly url: string;
  /** `whsec_` and base64, or any text, whose bytes then are the key. */
  readonly secret: string;
  readonly publicUrl: string | undefined;
}

const PREFIX = 'whsec_';

/**
 * The header `webhook-signature`: HMAC-SHA256 over id, time of the attempt and body, so that none of them can be
 * changed, and an old request cannot be sent again.
 * @see https://www.standardwebhooks.com
 */
export function signature(secret: string, id: string, unixSeconds: number, body: string): string {
  const key = secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(`${id}.${unixSeconds}.${body}`).digest('base64')}`;
}

export function webhookRequest(
  alert: Alert,
  status: Status,
  { url, secret, publicUrl }: WebhookSettings,
  nowMs: number,
): Request {
  const message = messageOf(alert, status, publicUrl);
  const body = JSON.stringify({
    type: `alert.${status}`,
    timestamp: message.endsAt ?? message.startsAt,
    data: {
      id: alert.id,
      status,
      name: alert.name,
      labels: alert.labels,
      summary: message.title,
      description: message.description,
      starts_at: message.startsAt,
      ends_at: message.endsAt ?? null,
      dashboard_url: message.dashboardUrl ?? null,
    },
  });
  const id = notificationId(alert, status);
  const unixSeconds = Math.floor(nowMs / 1000);
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(unixSeconds),
    'webhook-signature': signature(secret, id, unixSeconds, body),
  };
  return { url, body, headers };
}
