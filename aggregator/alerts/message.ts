/** An alert in words and addresses, as every destination says it. */
import type { Alert } from '../domain/alert.ts';
import { printable } from '../domain/printable.ts';
import { durationInWords } from '../domain/words.ts';
import type { Status } from './outbox.ts';

export interface Message {
  readonly status: Status;
  /** One line, without a full stop. */
  readonly title: string;
  readonly description: string;
  /** Where people see more; absent when the service does not know its own address. */
  readonly dashboardUrl: string | undefined;
  /** When it began to fire, and when it was over; the end is absent while it fires. ISO 8601, UTC. */
  readonly startsAt: string;
  readonly endsAt: string | undefined;
}

/** @param publicUrl the service's own address, with or without its closing slash */
export function messageOf(alert: Alert, status: Status, publicUrl: string | undefined): Message {
  const [summary, description] = [alert.text.summary, alert.text.description].map(printable);
  const [firedMs, endedMs] = [alert.firedMs ?? alert.sinceMs, status === 'resolved' ? alert.endedMs : undefined];
  const lasted = durationInWords(((endedMs ?? firedMs) - firedMs) / 1000);
  return {
    status,
    title: summary,
    description: endedMs === undefined ? description : `It is over after ${lasted}. When it last fired: ${description}`,
    dashboardUrl: publicUrl === undefined ? undefined : publicUrl.replace(/\/$/, '') + alert.text.path,
    startsAt: new Date(firedMs).toISOString(),
    endsAt: endedMs === undefined ? undefined : new Date(endedMs).toISOString(),
  };
}

/** What tells one notification apart from every other, the same in every attempt. */
export function notificationId({ id }: Alert, status: Status): string {
  return `alert_${id}_${status}`;
}
